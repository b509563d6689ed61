"""What a face looks like, as a volume of features that can be moved in three dimensions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from talker.render.liveportrait.config import LivePortraitConfig
from talker.render.liveportrait.layers import NormedConvolution


class VolumeBlock(nn.Module):
    """Two convolutions in three dimensions, each normalised before it, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv1 = nn.Conv3d(channels, channels, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,D,H,W] -> [B,C,D,H,W]."""
        hidden = self.conv1(functional.relu(self.norm1(x)))
        return x + self.conv2(functional.relu(self.norm2(hidden)))


class AppearanceExtractor(nn.Module):
    """A picture of a face -> its feature volume."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        self._volume = (config.volume_channels, config.volume_depth)
        self.first = NormedConvolution(2, 3, config.width)
        widths = (config.width, 2 * config.width, config.features)
        self.down_blocks = nn.ModuleList(NormedConvolution(2, narrow, wide) for narrow, wide in pairwise(widths))
        self.second = nn.Conv2d(config.features, config.volume_channels * config.volume_depth, kernel_size=1)
        self.resblocks_3d = nn.ModuleDict(
            {f"3dr{index}": VolumeBlock(config.volume_channels) for index in range(config.volume_blocks)}
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[B,3,256,256], 0..1 -> [B,C,D,64,64]."""
        x = self.first(image)  # [B, width, 256, 256]
        for block in self.down_blocks:
            x = functional.avg_pool2d(block(x), 2)
        volume = self.second(x).unflatten(1, self._volume)  # [B, C·D, 64, 64] -> [B,C,D,64,64]
        for block in self.resblocks_3d.values():
            volume = block(volume)
        return volume
