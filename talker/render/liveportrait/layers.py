"""The convolution that the published networks are built of; its parts bear the names that the weights have."""

from __future__ import annotations

import torch
from torch import nn

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class NormedConvolution(nn.Module):
    """A 3-wide convolution over `axes` dimensions that keeps the size, batch normalisation and a rectifier."""

    def __init__(self, axes: int, inputs: int, outputs: int, *, leak: float = 0.0) -> None:
        super().__init__()
        self.conv = CONVOLUTIONS[axes](inputs, outputs, kernel_size=3, padding=1)
        self.norm = NORMS[axes](outputs)
        self._leak = leak

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, inputs, ...] -> [B, outputs, ...]."""
        return nn.functional.leaky_relu(self.norm(self.conv(x)), self._leak)
