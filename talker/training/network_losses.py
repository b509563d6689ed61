"""What the sequence model is asked for, by name: the face, its lips, their movement, closures and silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.face.landmarks import LIPS
from talker.face.model import load_face_model
from talker.motion.lips import LipGeometry
from talker.weights import store

LIP_UNIT_CM = 0.3  # a distance of lip landmarks that counts as 1
OPENING_UNIT = 0.03  # an opening in face widths that counts as 1


@dataclass(frozen=True)
class LipLandmarks:
    """What a unit of each channel does: landmarks [C,2L] cm of the lips, and their opening [C] in face widths."""

    effects: Tensor
    opening: Tensor

    @classmethod
    def of(cls, channels: tuple[str, ...]) -> LipLandmarks:
        """Measured on the project's own face model."""
        model = load_face_model(store.checkpoint("face-model"))
        rows = [BLENDSHAPE_INDEX[name] for name in channels]
        moved = np.stack([model.landmarks(model.expression_basis[row])[list(LIPS), :2].ravel() for row in rows])
        opening = LipGeometry.load().opening[rows]
        return cls(torch.as_tensor(moved, dtype=torch.float32), torch.as_tensor(opening, dtype=torch.float32))

    def to(self, device: torch.device) -> LipLandmarks:
        """The same on a device."""
        return LipLandmarks(self.effects.to(device), self.opening.to(device))


@dataclass(frozen=True)
class Batch:
    """Windows of clips.

    heard [B,T,384], prior [B,T,C+2], emotion [B,1,D], style [B,3]: what the network is told. target [B,T,C]. closed
    [B,T]: 1 where p, b, m sound. silent [B,T]: 1 where nothing does. weight [B,T]: 0 beyond a clip's end.
    """

    heard: Tensor
    prior: Tensor
    emotion: Tensor
    style: Tensor
    target: Tensor
    closed: Tensor
    silent: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})


def losses(values: Tensor, closing: Tensor, batch: Batch, lips: LipLandmarks, spread: Tensor) -> dict[str, Tensor]:
    """Each loss of blendshapes [B,T,C] and closure logits [B,T] by name; perfect is 0 but for the gate.

    spread: [C] of the targets, so that small channels count as much as large ones.
    """
    weight = batch.weight
    error = values - batch.target  # [B,T,C]
    steps = weight[:, 1:] * weight[:, :-1]
    moves = error[:, 1:] - error[:, :-1]
    opening = values @ lips.opening / OPENING_UNIT  # [B,T]
    gate = functional.binary_cross_entropy_with_logits(closing, batch.closed, reduction="none")
    return {
        "coefficients": _mean(((error / spread) ** 2).mean(-1), weight),
        "lips": _mean(((error @ lips.effects / LIP_UNIT_CM) ** 2).mean(-1), weight),
        "velocity": _mean(((moves / spread) ** 2).mean(-1), steps),
        "closure": _mean(functional.relu(opening) ** 2, weight * batch.closed),
        "gate": _mean(gate, weight),
        "silence": _mean(opening**2, weight * batch.silent),
    }


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of [B,T]; 0 where nothing counts."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)
