"""Where the implicit keypoints lie, how one face's motion is given to another, and the correction at the crop's edge.

All in LivePortrait's own frame: the square that it sees spans -1..1, x right and y down; rotations multiply row
vectors from the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from talker.render.liveportrait.config import LivePortraitConfig

BIN_DEGREES, FIRST_BIN_DEGREES = 3.0, -97.5  # the angles that the pose heads choose from


@dataclass(frozen=True)
class Motion:
    """What the motion extractor read from a batch of pictures.

    canonical: [B,K,3] the person's keypoints without pose and expression. expression: [B,K,3] what moves them.
    rotation: [B,3,3]. scale: [B,1,1]. shift: [B,1,3], without depth.
    """

    canonical: torch.Tensor
    expression: torch.Tensor
    rotation: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor

    @classmethod
    def from_heads(cls, heads: dict[str, torch.Tensor]) -> Motion:
        """The same in usable form, from the outputs of `MotionExtractor`."""
        pitch, yaw, roll = (torch.deg2rad(_degrees(heads[name])) for name in ("pitch", "yaw", "roll"))
        in_picture = heads["t"].new_tensor([1.0, 1.0, 0.0])
        return cls(
            heads["kp"].unflatten(1, (-1, 3)),
            heads["exp"].unflatten(1, (-1, 3)),
            _rotation(pitch, yaw, roll),
            heads["scale"][:, None],
            (heads["t"] * in_picture)[:, None],
        )

    def points(self) -> torch.Tensor:
        """[B,K,3] where the keypoints lie."""
        return self.scale * (self.canonical @ self.rotation + self.expression) + self.shift

    def moved(self, before: Motion, after: Motion) -> Motion:
        """This face with the change from `before` to `after` added to its own motion; [1,...] stands for any batch."""
        return Motion(
            self.canonical,
            self.expression + after.expression - before.expression,
            after.rotation @ before.rotation.mT @ self.rotation,
            self.scale * after.scale / before.scale,
            self.shift + after.shift - before.shift,
        )


class Stitching(nn.Module):
    """Corrects driving keypoints so that neck and shoulders stay where they are in the source."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        widths = (2 * 3 * config.keypoints, *config.stitching_widths)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.mlp = nn.Sequential(*layers, nn.Linear(widths[-1], 3 * config.keypoints + 2))

    def forward(self, source: torch.Tensor, driving: torch.Tensor) -> torch.Tensor:
        """source, driving: [B,K,3]. Returns the driving keypoints, corrected [B,K,3]."""
        correction = self.mlp(torch.cat([source.flatten(1), driving.flatten(1)], dim=1))  # [B, 3K + 2]
        each = correction[:, :-2].unflatten(1, (-1, 3))
        together = nn.functional.pad(correction[:, None, -2:], (0, 1))  # [B,1,3], no depth
        return driving + each + together


def _degrees(logits: torch.Tensor) -> torch.Tensor:
    """[B] the angle that `logits` [B,bins] expect."""
    bins = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)
    return logits.softmax(dim=1) @ bins * BIN_DEGREES + FIRST_BIN_DEGREES


def _rotation(pitch: torch.Tensor, yaw: torch.Tensor, roll: torch.Tensor) -> torch.Tensor:
    """[B,3,3] for row vectors: about x by `pitch`, then about y by `yaw`, then about z by `roll` [B] rad."""
    turns = []
    for angle, axis in ((pitch, 0), (yaw, 1), (roll, 2)):
        across = torch.zeros(3, 3, device=angle.device, dtype=angle.dtype)
        following, last = (axis + 1) % 3, (axis + 2) % 3
        across[following, last], across[last, following] = 1.0, -1.0
        turns.append(torch.linalg.matrix_exp(angle[:, None, None] * across))
    return turns[0] @ turns[1] @ turns[2]
