"""Reads from a picture of a face its canonical keypoints, their expression, and the head's pose, size and place.

The trunk is ConvNeXt V2 (Woo et al. 2023); the heads are LivePortrait's.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from talker.render.liveportrait.config import LivePortraitConfig

NORM_FLOOR = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of an image."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=NORM_FLOOR)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,H,W] -> [B,C,H,W]."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResponseNorm(nn.Module):
    """Global response normalisation: channels that respond much in the whole picture gain, the others lose."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,H,W,C] -> [B,H,W,C]."""
        response = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)  # [B,1,1,C]
        share = response / (response.mean(dim=-1, keepdim=True) + NORM_FLOOR)
        return x + self.gamma * (x * share) + self.beta


class Block(nn.Module):
    """A wide convolution per channel, then a hidden layer per pixel, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=NORM_FLOOR)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,H,W] -> [B,C,H,W]."""
        hidden = self.pwconv1(self.norm(self.dwconv(x).permute(0, 2, 3, 1)))  # [B,H,W,4C]
        added = self.pwconv2(self.grn(nn.functional.gelu(hidden)))  # [B,H,W,C]
        return x + added.permute(0, 3, 1, 2)


class Detector(nn.Module):
    """The trunk with one linear head per thing that is read."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        widths = config.extractor_widths
        stem = nn.Sequential(nn.Conv2d(3, widths[0], kernel_size=4, stride=4), ChannelNorm(widths[0]))
        halvings = [
            nn.Sequential(ChannelNorm(narrow), nn.Conv2d(narrow, wide, kernel_size=2, stride=2))
            for narrow, wide in pairwise(widths)
        ]
        self.downsample_layers = nn.ModuleList([stem, *halvings])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for depth, width in zip(config.extractor_depths, widths, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=NORM_FLOOR)
        self.fc_kp = nn.Linear(widths[-1], 3 * config.keypoints)
        self.fc_exp = nn.Linear(widths[-1], 3 * config.keypoints)
        self.fc_pitch = nn.Linear(widths[-1], config.pose_bins)
        self.fc_yaw = nn.Linear(widths[-1], config.pose_bins)
        self.fc_roll = nn.Linear(widths[-1], config.pose_bins)
        self.fc_scale = nn.Linear(widths[-1], 1)
        self.fc_t = nn.Linear(widths[-1], 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[B,3,H,W] -> what the heads read from, [B,C]."""
        x = image
        for smaller, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(smaller(x))  # [B, widths[i], H / (4 · 2**i), W / (4 · 2**i)]
        return self.norm(x.mean(dim=(2, 3)))


class MotionExtractor(nn.Module):
    """A picture of a face -> the numbers that `keypoints.Motion` is made of."""

    HEADS = ("kp", "exp", "pitch", "yaw", "roll", "scale", "t")

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        self.detector = Detector(config)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """image: [B,3,256,256], 0..1.

        Returns by head: kp, exp [B, 3·K]; pitch, yaw, roll [B, pose_bins] logits; scale [B,1]; t [B,3].
        """
        seen = self.detector(image)  # [B,C]
        return {head: getattr(self.detector, f"fc_{head}")(seen) for head in self.HEADS}
