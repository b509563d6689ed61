"""Moves the feature volume from where the source's keypoints are to where the driving ones are.

Every keypoint proposes to shift the whole volume by its own displacement; a small hourglass decides, place by place,
which proposals to mix (Wang et al. 2021, "One-Shot Free-View Neural Talking-Head Synthesis").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from talker.render.liveportrait.config import LivePortraitConfig
from talker.render.liveportrait.layers import NormedConvolution

KEYPOINT_VARIANCE = 0.01  # of the Gaussian blob that marks a keypoint, in grid units squared
HALF, DOUBLE = (1, 2, 2), (1, 2, 2)  # the depth is kept


@dataclass(frozen=True)
class Warped:
    """What the warping gives.

    features: [B,F,h,w], moved, flattened and darkened where the source shows nothing.
    deformation: [B,D,h,w,3] where in the source volume (x, y, z in -1..1) each place comes from.
    occlusion: [B,1,h,w] 1 where the source shows it, 0 where it has to be made up.
    """

    features: torch.Tensor
    deformation: torch.Tensor
    occlusion: torch.Tensor


class HourglassEncoder(nn.Module):
    """Halves height and width once per step of `widths`, and keeps every step."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList(NormedConvolution(3, narrow, wide) for narrow, wide in pairwise(widths))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """[B,C,D,H,W] -> the input and every step after it."""
        steps = [x]
        for block in self.down_blocks:
            steps.append(functional.avg_pool3d(block(steps[-1]), HALF))
        return steps


class HourglassDecoder(nn.Module):
    """Doubles height and width again, with the encoder's step of the same size beside it."""

    def __init__(self, config: LivePortraitConfig, widths: list[int]) -> None:
        super().__init__()
        outputs = [config.motion_width, *widths[1:-1]]  # of each block, from the finest to the coarsest
        inputs = [2 * width for width in widths[1:-1]] + [widths[-1]]
        self.up_blocks = nn.ModuleList(
            NormedConvolution(3, wide, narrow) for wide, narrow in zip(inputs[::-1], outputs[::-1], strict=True)
        )
        self.width = config.motion_width + widths[0]
        self.conv = nn.Conv3d(self.width, self.width, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm3d(self.width)

    def forward(self, steps: list[torch.Tensor]) -> torch.Tensor:
        """The encoder's steps -> [B,width,D,H,W]."""
        x = steps[-1]
        for block, skipped in zip(self.up_blocks, steps[-2::-1], strict=True):
            x = torch.cat([block(functional.interpolate(x, scale_factor=DOUBLE)), skipped], dim=1)
        return functional.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """Encoder and decoder of the dense motion."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        inputs = (config.keypoints + 1) * (config.compressed + 1)
        levels = range(1, config.motion_levels + 1)
        widths = [inputs, *(min(config.motion_limit, config.motion_width * 2**level) for level in levels)]
        self.encoder = HourglassEncoder(widths)
        self.decoder = HourglassDecoder(config, widths)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,D,H,W] -> [B,width,D,H,W]."""
        return self.decoder(self.encoder(x))


class DenseMotion(nn.Module):
    """Keypoints -> where each place of the volume comes from, and how much of it the source shows."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        self.compress = nn.Conv3d(config.volume_channels, config.compressed, kernel_size=1)
        self.norm = nn.BatchNorm3d(config.compressed)
        self.hourglass = Hourglass(config)
        width = self.hourglass.decoder.width
        self.mask = nn.Conv3d(width, config.keypoints + 1, kernel_size=7, padding=3)
        self.occlusion = nn.Conv2d(width * config.volume_depth, 1, kernel_size=7, padding=3)

    def forward(
        self, volume: torch.Tensor, driving: torch.Tensor, source: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """volume: [B,C,D,H,W]. driving, source: keypoints [B,K,3].

        Returns the deformation [B,D,H,W,3] and the occlusion [B,1,H,W].
        """
        small = functional.relu(self.norm(self.compress(volume)))  # [B,c,D,H,W]
        grid = _coordinates(small.shape[2:], driving)  # [D,H,W,3]
        proposals = _proposals(grid, driving, source)  # [B,K+1,D,H,W,3]
        moved = _moved(small, proposals)  # [B,K+1,c,D,H,W]
        marks = _blobs(grid, driving) - _blobs(grid, source)  # [B,K,D,H,W]
        marks = functional.pad(marks, (0, 0, 0, 0, 0, 0, 1, 0))[:, :, None]  # none for the background: [B,K+1,1,D,H,W]
        hidden = self.hourglass(torch.cat([marks, moved], dim=2).flatten(1, 2))  # [B,width,D,H,W]
        choice = self.mask(hidden).softmax(dim=1)  # [B,K+1,D,H,W]
        deformation = (proposals * choice[..., None]).sum(dim=1)  # [B,D,H,W,3]
        return deformation, torch.sigmoid(self.occlusion(hidden.flatten(1, 2)))


class WarpingModule(nn.Module):
    """Feature volume and keypoints -> the features that the decoder draws from."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotion(config)
        self.third = NormedConvolution(2, config.volume_channels * config.volume_depth, config.features, leak=0.01)
        self.fourth = nn.Conv2d(config.features, config.features, kernel_size=1)

    def forward(self, volume: torch.Tensor, driving: torch.Tensor, source: torch.Tensor) -> Warped:
        """volume: [B,C,D,H,W]. driving, source: keypoints [B,K,3]."""
        deformation, occlusion = self.dense_motion_network(volume, driving, source)
        moved = functional.grid_sample(volume, deformation, align_corners=False)  # [B,C,D,H,W]
        features = self.fourth(self.third(moved.flatten(1, 2)))  # [B, C·D, H, W] -> [B,F,H,W]
        return Warped(features * occlusion, deformation, occlusion)


def _coordinates(size: torch.Size, like: torch.Tensor) -> torch.Tensor:
    """[D,H,W,3] x, y, z of every place of a volume of `size` (D, H, W), -1 to 1, in the precision of `like`."""
    ends = [torch.linspace(-1, 1, steps, dtype=like.dtype, device=like.device) for steps in size]
    depth, height, width = torch.meshgrid(*ends, indexing="ij")
    return torch.stack([width, height, depth], dim=-1)


def _proposals(grid: torch.Tensor, driving: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """[B,K+1,D,H,W,3]: stay, or go where one keypoint came from."""
    stay = torch.zeros_like(source[:, :1])  # [B,1,3]
    shifts = torch.cat([stay, source - driving], dim=1)  # [B,K+1,3]
    return grid + shifts[:, :, None, None, None]


def _moved(volume: torch.Tensor, proposals: torch.Tensor) -> torch.Tensor:
    """[B,K+1,C,D,H,W] the volume [B,C,D,H,W] as each proposal would move it."""
    batch, count = proposals.shape[:2]
    copies = volume[:, None].expand(-1, count, -1, -1, -1, -1).flatten(0, 1)  # [B·(K+1),C,D,H,W]
    return functional.grid_sample(copies, proposals.flatten(0, 1), align_corners=False).unflatten(0, (batch, count))


def _blobs(grid: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
    """[B,K,D,H,W] a Gaussian around each keypoint."""
    distance = grid - keypoints[:, :, None, None, None]  # [B,K,D,H,W,3]
    return torch.exp(-0.5 * distance.square().sum(dim=-1) / KEYPOINT_VARIANCE)
