"""Draws the face from the warped features: spatially adaptive normalisation (Park et al. 2019) at three resolutions."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

from talker.render.liveportrait.config import LivePortraitConfig

LEAK = 0.2


class AdaptiveNorm(nn.Module):
    """Instance normalisation whose scale and shift are painted, place by place, from the features."""

    def __init__(self, channels: int, config: LivePortraitConfig) -> None:
        super().__init__()
        hidden = config.seed_width
        self.mlp_shared = nn.Sequential(nn.Conv2d(config.features, hidden, kernel_size=3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """x: [B,C,H,W]; features: [B,F,h,w], enlarged as needed. Returns [B,C,H,W]."""
        hidden = self.mlp_shared(functional.interpolate(features, size=x.shape[2:]))
        return functional.instance_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


class DecoderBlock(nn.Module):
    """Two adaptive normalisations and convolutions, added to what came in."""

    def __init__(self, inputs: int, outputs: int, config: LivePortraitConfig) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.norm_0 = AdaptiveNorm(inputs, config)
        self.conv_0 = spectral_norm(nn.Conv2d(inputs, middle, kernel_size=3, padding=1))
        self.norm_1 = AdaptiveNorm(middle, config)
        self.conv_1 = spectral_norm(nn.Conv2d(middle, outputs, kernel_size=3, padding=1))
        self._changes_width = inputs != outputs
        if self._changes_width:
            self.norm_s = AdaptiveNorm(inputs, config)
            self.conv_s = spectral_norm(nn.Conv2d(inputs, outputs, kernel_size=1, bias=False))

    def forward(self, x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """x: [B,inputs,H,W]; features: [B,F,h,w]. Returns [B,outputs,H,W]."""
        added = self.conv_0(functional.leaky_relu(self.norm_0(x, features), LEAK))
        added = self.conv_1(functional.leaky_relu(self.norm_1(added, features), LEAK))
        kept = self.conv_s(self.norm_s(x, features)) if self._changes_width else x
        return kept + added


class Decoder(nn.Module):
    """Warped features -> the picture."""

    def __init__(self, config: LivePortraitConfig) -> None:
        super().__init__()
        wide = 2 * config.features
        self.fc = nn.Conv2d(config.features, wide, kernel_size=3, padding=1)
        self._middle = [f"G_middle_{index}" for index in range(config.decoder_blocks)]
        for name in self._middle:
            self.add_module(name, DecoderBlock(wide, wide, config))
        self.up_0 = DecoderBlock(wide, config.features, config)
        self.up_1 = DecoderBlock(config.features, config.width, config)
        self.conv_img = nn.Sequential(nn.Conv2d(config.width, 3 * 2 * 2, kernel_size=3, padding=1), nn.PixelShuffle(2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[B,F,64,64] -> [B,3,512,512], 0..1."""
        x = self.fc(features)  # [B,2F,64,64]
        for name in self._middle:
            x = self.get_submodule(name)(x, features)
        x = self.up_0(functional.interpolate(x, scale_factor=2), features)  # [B,F,128,128]
        x = self.up_1(functional.interpolate(x, scale_factor=2), features)  # [B,width,256,256]
        return torch.sigmoid(self.conv_img(functional.leaky_relu(x, LEAK)))
