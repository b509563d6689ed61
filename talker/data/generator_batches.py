"""Batches of pairs for the generator: neighbouring frames, parts of their square, mirrored, lit and shaken."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from talker.data.generator_pairs import Pairs
from talker.render.aligned import MAP_STRIDE, MIRRORED_SIGN, MIRRORED_STYLE
from talker.render.generator import Generator, Refinement, absolute, refined
from talker.render.regions import Region

KINDS = {"talking": 0.6, "grid": 0.2, "portraits": 0.2}  # how often each kind of data is taken
FORGOTTEN = 0.3  # of the styles: what can be seen must do without them
SHAKEN = 0.05  # standard deviation of what is added to a style
SHIFT = 3  # cells of the maps by which a part of the square is moved about
EXPOSURE = 0.12  # light and colour of a pair are changed by up to this share
LIPS_COUNT, EYES_COUNT, SKIN_COUNT, BASE = 4.0, 2.0, 1.0, 0.1  # how much a pixel counts


@dataclass
class Batch:
    """Parts of B squares: picture [B,6,h,w], truth [B,3,h,w], maps [B,6,h/4,w/4], style [B,STYLE], source [B,3,S,S]."""

    picture: Tensor
    truth: Tensor
    maps: Tensor
    style: Tensor
    source: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(*(getattr(self, part.name).to(device) for part in dataclasses.fields(self)))

    def dressed(self, colours: Tensor) -> Tensor:
        """`colours` [B,3,h,w] with this batch's masks, as the adversaries see pictures [B,6,h,w]."""
        return torch.cat([colours, self.picture[:, 3:]], dim=1)

    def mirrored(self) -> Batch:
        """The mirrored faces."""
        maps = self.maps.flip(-1) * torch.tensor([-1.0, 1, 1, 1, -1, 1])[:, None, None]
        maps[:, 4] += 1.0  # places are 0..1 from the left
        style = self.style[:, MIRRORED_STYLE] * torch.from_numpy(MIRRORED_SIGN)
        return Batch(self.picture.flip(-1), self.truth.flip(-1), maps, style, self.source.flip(-1))

    def lit(self, gain: Tensor) -> Batch:
        """The faces with each colour multiplied by `gain` [B,3,1,1]."""
        picture = torch.cat([self.picture[:, :3] * gain, self.picture[:, 3:]], dim=1)
        return dataclasses.replace(self, picture=picture, truth=self.truth * gain, source=self.source * gain)


class Sampler:
    """Draws batches of neighbouring frames from films and portraits."""

    def __init__(
        self,
        groups: Mapping[str, Sequence[Pairs]],
        size: int,
        regions: Sequence[tuple[Region, float]],
        seed: int,
    ) -> None:
        """size: frames of a batch, an even number. regions: how often each part of the square is taken."""
        self._groups = {kind: list(pairs) for kind, pairs in groups.items() if pairs}
        shares = np.array([KINDS.get(kind, 1.0) for kind in self._groups])
        self._shares = shares / shares.sum()
        self._size, self._regions, self._random = size, regions, np.random.default_rng(seed)

    def batch(self) -> tuple[Batch, Region]:
        """A batch, and the part of the square that it shows; rows come in twos, which follow one another in a film."""
        random = self._random
        regions, shares = zip(*self._regions, strict=True)
        region: Region = regions[random.choice(len(regions), p=np.array(shares) / sum(shares))]
        kinds = list(self._groups)
        parts: list[Batch] = []
        while sum(len(part.style) for part in parts) < self._size:
            pairs = self._groups[kinds[random.choice(len(kinds), p=self._shares)]]
            parts += self._two(pairs, region)
        columns = [torch.cat([getattr(part, name.name) for part in parts]) for name in dataclasses.fields(Batch)]
        return Batch(*(column[: self._size] for column in columns)), region

    def _two(self, pairs: Sequence[Pairs], region: Region) -> list[Batch]:
        """Two frames that follow one another in a film, or two photographs."""
        first = pairs[int(self._random.integers(len(pairs)))]
        if len(first) > 1:
            row = int(self._random.integers(len(first) - 1))
            return [self._changed(first, [row, row + 1], region)]
        second = pairs[int(self._random.integers(len(pairs)))]
        return [self._changed(one, [0], region) for one in (first, second)]

    def _changed(self, pairs: Pairs, rows: list[int], region: Region) -> Batch:
        """Some frames, moved about, mirrored or not, in another light."""
        random = self._random
        down, right = random.integers(-SHIFT, SHIFT + 1, 2)
        part = take(pairs, rows, region, (int(down), int(right)))
        part.style = self._shaken(part.style)
        if random.random() < 0.5:
            part = part.mirrored()
        gain = (1 + EXPOSURE * random.uniform(-1, 1)) * (1 + 0.3 * EXPOSURE * random.uniform(-1, 1, (1, 3, 1, 1)))
        return part.lit(torch.from_numpy(gain.astype(np.float32)))

    def _shaken(self, style: Tensor) -> Tensor:
        """The style [B,STYLE] with noise, or nothing of it."""
        if self._random.random() < FORGOTTEN:
            return torch.zeros_like(style)
        return style + SHAKEN * torch.from_numpy(self._random.standard_normal(style.shape).astype(np.float32))


def take(pairs: Pairs, rows: list[int], region: Region, shift: tuple[int, int] = (0, 0)) -> Batch:
    """Some frames' part of the square, moved by `shift` cells of the maps (down, right) as far as the square goes."""
    side = pairs.source.shape[0]
    cells = side // MAP_STRIDE
    coarse = tuple(_moved(part, by, cells) for part, by in zip(region.slices(cells), shift, strict=True))
    there = tuple(slice(part.start * MAP_STRIDE, part.stop * MAP_STRIDE) for part in coarse)
    inputs = np.concatenate([pairs.pictures[rows][:, *there], pairs.masks[rows][:, *there]], axis=-1)
    maps = absolute(torch.from_numpy(pairs.maps[rows].astype(np.float32)).permute(0, 3, 1, 2))
    return Batch(
        _tensor(inputs),
        _tensor(pairs.truths[rows][:, *there]),
        maps[:, :, *coarse],
        torch.from_numpy(pairs.styles[rows]),
        _tensor(pairs.source[None]).expand(len(rows), -1, -1, -1),
    )


def _moved(part: slice, by: int, end: int) -> slice:
    by = min(max(by, -part.start), end - part.stop)
    return slice(part.start + by, part.stop + by)


def run_on(generator: Generator, batch: Batch, fade: Tensor) -> tuple[Tensor, Refinement]:
    """What the generator makes of a batch [B,3,h,w], and how."""
    refinement = generator(batch.picture, batch.maps, batch.style, generator.encode(batch.source))
    return refined(batch.picture[:, :3], refinement, fade), refinement


def importance(batch: Batch, fade: Tensor) -> Tensor:
    """[B,1,h,w] how much each pixel counts: lips and what lies around them most."""
    coarse = nn.functional.avg_pool2d(batch.picture[:, 4:6], MAP_STRIDE)  # [B,2,h/4,w/4] lips, eyes
    around = nn.functional.max_pool2d(coarse, 5, stride=1, padding=2)
    weight = BASE + SKIN_COUNT * batch.maps[:, 3:4] + LIPS_COUNT * around[:, :1] + EYES_COUNT * around[:, 1:]
    return (
        nn.functional.interpolate(weight, scale_factor=float(MAP_STRIDE), mode="bilinear", align_corners=False) * fade
    )


def _tensor(pictures: np.ndarray) -> Tensor:
    """[B,C,h,w] 0..1 of [B,h,w,C] uint8."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255.0
