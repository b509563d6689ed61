"""The style-based generator: what the geometry can't know is added to its frame as residual flow and residual texture.

One network of every size. A frame's square (`talker.render.aligned`) goes down a pyramid; on the way up each level
looks again at the portrait's own features, where the geometry's flow and the levels below say that they lie, and adds
to the flow, to a texture and to the mask that lets it through. Convolutions are modulated by the frame's style
(expression, gaze, head) and the person's code, as in StyleGAN2 (Karras et al., "Analyzing and Improving the Image
Quality of StyleGAN", 2020), without noise. All heads start at zero: an untrained generator leaves the frame as it is.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from talker.render.aligned import MAP_STRIDE, MAPS, STYLE
from talker.render.regions import MODES, Region

CHECKPOINT = "generator"
SLOPE = 0.2  # of leaky ReLU
FLOW_PX = 4.0  # a head's 1 is this many pixels of the square
PICTURE = 6  # channels of the frame: its colours and its masks
LARGE_FILE = 4_000_000  # weights beyond this number are stored in half precision


@dataclass(frozen=True)
class GeneratorConfig:
    """size: side of the square (px). widths: channels from half its resolution downwards; source: of the portrait's
    own features at these levels. style: numbers that modulate. blocks: convolutions at the bottom. mode: the parts of
    the square that it works on, a row of `MODES`.
    """

    size: int
    widths: tuple[int, ...]
    source: tuple[int, ...]
    style: int = 64
    blocks: int = 2
    mode: str = "fast"

    @classmethod
    def tiny(cls) -> GeneratorConfig:
        """For tests."""
        return cls(64, (4, 6, 8), (3, 4, 5), style=8, blocks=1, mode="face")


SIZES = {
    "small": GeneratorConfig(192, (24, 48, 80), (8, 16, 32), mode="mouth"),  # two CPU cores
    "base": GeneratorConfig(256, (48, 96, 192, 320), (24, 48, 96, 128), style=256, blocks=3, mode="face"),  # a GPU
}


class Refinement(NamedTuple):
    """flow: [B,2,h,w] px of the square, where each pixel comes from, relative to it. texture: [B,3,h,w] in 0..1 units,
    to be added.
    """

    flow: Tensor
    texture: Tensor


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by the style, and whose outputs keep their variance.

    Scaling inputs and outputs equals modulating and demodulating the weights, and leaves the weights constant.
    """

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / (inputs * 9) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = nn.Linear(style, inputs)
        nn.init.normal_(self.scale.weight, std=0.1 / style**0.5)
        nn.init.ones_(self.scale.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[B,outputs,h,w] of x [B,inputs,h,w] and style [B,S]."""
        scale = self.scale(style)  # [B,inputs]
        power = self.weight.square().sum(dim=(2, 3))  # [outputs,inputs]
        norm = torch.rsqrt(scale.square() @ power.T + 1e-6)  # [B,outputs]
        y = functional.conv2d(x * scale[..., None, None], self.weight, padding=1)
        y = y * norm[..., None, None] + self.bias[:, None, None]
        return functional.leaky_relu(y, SLOPE)


class OutputHead(nn.Module):
    """Residual flow, texture and mask of one level, zero at first; `finer` times finer than the level itself."""

    def __init__(self, inputs: int, finer: int = 1) -> None:
        super().__init__()
        self.finer = finer
        self.conv = nn.Conv2d(inputs, 6 * finer * finer, 3, padding=1)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B,6,h·finer,w·finer]."""
        return functional.pixel_shuffle(self.conv(x), self.finer)


class Level(nn.Module):
    """One step up the pyramid."""

    def __init__(self, below: int, width: int, source: int, style: int, *, finest: bool) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(below, width, 1)
        self.look = ModulatedConv(width + source, width, style)
        self.refine = ModulatedConv(width, width, style)
        self.head = OutputHead(width, 2 if finest else 1)

    def forward(self, x: Tensor, skip: Tensor, seen: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B,width,h,w], and what is added [B,6,...] to flow, texture and mask, of x [B,below,h/2,w/2], this
        level's own features and what is seen of the portrait.
        """
        x = functional.interpolate(self.lateral(x), scale_factor=2.0, mode="nearest") + skip
        x = self.look(torch.cat([x, seen], dim=1), style)
        x = x + self.refine(x, style)
        return x, self.head(x)


class Generator(nn.Module):
    """Any part of the square may be given, as long as its sides are multiples of 2 to the number of widths, in px."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths, source, style = config.widths, config.source, config.style
        self.source_stem = nn.Conv2d(3 * 4, source[0], 3, padding=1)
        self.source_down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(source))
        self.style = nn.Sequential(
            nn.Linear(STYLE + source[-1], style),
            nn.LeakyReLU(SLOPE),
            nn.Linear(style, style),
            nn.LeakyReLU(SLOPE),
        )
        self.stem = nn.Conv2d(PICTURE * 4, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.place = nn.Conv2d(MAPS - 2, widths[1], 3, padding=1)
        self.bottom = nn.ModuleList(ModulatedConv(widths[-1], widths[-1], style) for _ in range(config.blocks))
        self.up = nn.ModuleList(
            Level(widths[level + 1], widths[level], source[level], style, finest=level == 0)
            for level in reversed(range(len(widths) - 1))
        )

    def encode(self, source: Tensor) -> list[Tensor]:
        """The portrait's features at each level of the pyramid but the last, then its code [B,C]; source [B,3,S,S]."""
        x = functional.leaky_relu(self.source_stem(functional.pixel_unshuffle(source - 0.5, 2)), SLOPE)
        features = [x]  # [B,C,S/2,S/2]
        for down in self.source_down:
            x = functional.leaky_relu(down(x), SLOPE)
            features.append(x)
        return [*features[:-1], features[-1].mean(dim=(2, 3))]

    def forward(self, picture: Tensor, maps: Tensor, style: Tensor, features: list[Tensor]) -> Refinement:
        """How to refine a part of the square.

        picture: [B,6,h,w] colours and masks, 0..1. maps: [B,6,h/4,w/4] as `GeneratorInput` has them, but the last two
        channels absolute (`absolute`). style: [B,STYLE]. features: from `encode`.
        """
        code = self.style(torch.cat([style, features[-1]], dim=1))  # [B,style]
        where = maps[:, -2:]  # [B,2,h/4,w/4] 0..1 in the portrait's square
        x = functional.leaky_relu(self.stem(functional.pixel_unshuffle(picture - 0.5, 2)), SLOPE)
        skips = []
        for depth, down in enumerate(self.down):
            skips.append(x)
            x = down(x)
            if 2 ** (depth + 2) == MAP_STRIDE:
                x = x + self.place(maps[:, :-2])
            x = functional.leaky_relu(x, SLOPE)
        for block in self.bottom:
            x = x + block(x, code)
        found: Tensor | None = None  # [B,6,...] flow, texture and mask so far
        for level, (step, skip) in enumerate(zip(self.up, reversed(skips), strict=True)):
            here = _resized(where, skip)
            if found is not None:
                found = _resized(found, skip)
                here = here + found[:, :2] * (FLOW_PX / self.config.size)
            grid = (2.0 * here - 1.0).permute(0, 2, 3, 1)
            seen = functional.grid_sample(
                features[len(skips) - 1 - level], grid, padding_mode="border", align_corners=False
            )
            x, added = step(x, skip, seen, code)
            found = added if found is None else _resized(found, added) + added
        assert found is not None
        found = found.float()
        return Refinement(found[:, :2] * FLOW_PX, found[:, 2:5] * torch.sigmoid(found[:, 5:]))

    def refine(self, picture: Tensor, maps: Tensor, style: Tensor, features: list[Tensor]) -> Refinement:
        """How to refine a whole square, part by part as the configuration has them; arguments as in `forward`."""
        flow, texture = torch.zeros_like(picture[:, :2]), torch.zeros_like(picture[:, :3])
        for region in MODES[self.config.mode]:
            rows, columns = region.slices(picture.shape[-1])
            map_rows, map_columns = region.slices(maps.shape[-1])
            part = picture[..., rows, columns]
            found = self(part, maps[..., map_rows, map_columns], style, features)
            fade = _fade(region, int(part.shape[-2]), int(part.shape[-1]), picture.device)
            flow[..., rows, columns] += found.flow * fade
            texture[..., rows, columns] += found.texture * fade
        return Refinement(flow, texture)


@functools.cache
def _fade(region: Region, height: int, width: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # so that training may use what drawing has left here
        return torch.from_numpy(region.fade(height, width)).to(device)


def refined(picture: Tensor, refinement: Refinement) -> Tensor:
    """[B,3,h,w] `picture` [B,3,h,w] moved by the flow, with the texture added.

    For training: sampled linearly, and so a little softer than films are. The fine detail that the network adds against
    that is what drawn lips lack (docs/generator.md has the figures of one that was taught with cubic sampling).
    """
    height, width = picture.shape[-2:]
    shift = torch.stack([refinement.flow[:, 0] / width, refinement.flow[:, 1] / height], dim=-1)  # [B,h,w,2] of a side
    grid = 2.0 * (places(height, width, picture.device) + shift) - 1.0
    moved = functional.grid_sample(picture, grid, padding_mode="border", align_corners=False)
    return moved + refinement.texture


def absolute(maps: Tensor) -> Tensor:
    """`GeneratorInput.maps` [B,6,h,w] of a whole square, the last two channels as places (0..1) in the portrait's."""
    height, width = maps.shape[-2:]
    here = places(height, width, maps.device).permute(2, 0, 1)
    return torch.cat([maps[:, :-2], maps[:, -2:] + here], dim=1)


def places(height: int, width: int, device: torch.device) -> Tensor:
    """[height,width,2] x and y (0..1) of each pixel's centre."""
    down, right = ((torch.arange(side, device=device, dtype=torch.float32) + 0.5) / side for side in (height, width))
    return torch.stack(torch.meshgrid(right, down, indexing="xy"), dim=-1)


def save_generator(generator: Generator, folder: Path) -> None:
    """Write config.json and model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(generator.config), indent=2) + "\n")
    state = {name: value.contiguous() for name, value in generator.state_dict().items()}
    if sum(value.numel() for value in state.values()) > LARGE_FILE:
        state = {name: value.half() for name, value in state.items()}
    save_file(state, folder / "model.safetensors")


def load_generator(folder: Path) -> Generator:
    """Read what `save_generator` wrote."""
    values = json.loads((folder / "config.json").read_text())
    generator = Generator(GeneratorConfig(**values | {name: tuple(values[name]) for name in ("widths", "source")}))
    state = load_file(folder / "model.safetensors")
    generator.load_state_dict({name: value.float() for name, value in state.items()})
    return generator.eval()


def _resized(values: Tensor, like: Tensor) -> Tensor:
    if values.shape[-2:] == like.shape[-2:]:
        return values
    return functional.interpolate(values, size=like.shape[-2:], mode="bilinear", align_corners=False)
