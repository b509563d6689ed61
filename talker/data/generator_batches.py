"""Batches for the generator's training: round trips on the training's device, mirrored and lit there."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from talker.data.round_trips import RoundTrips
from talker.errors import DataError
from talker.render.aligned import MAP_STRIDE, MIRRORED_SIGN, MIRRORED_STYLE
from talker.render.generator import absolute

BACK, NEIGHBOUR, ALONE = range(3)  # what a trip's pictures show, in order
LARGEST_SHIFT = 8.0  # levels: beyond it the fit is bad or something lies before the face
HELD_OUT = 16  # one photograph in so many is for choosing weights
OPEN_MOUTH = 0.004  # of the square, between the lips: in such a mouth teeth can be seen
FORGOTTEN = 0.2  # of the styles: what can be seen must do without them
SHAKEN = 0.05  # standard deviation of what is added to a style
EXPOSURE, CAST = 0.12, 0.04  # light and colour of a trip are changed by up to these shares
LIPS_COUNT, EYES_COUNT, SKIN_COUNT, BASE = 4.0, 3.0, 1.0, 0.1  # how much a pixel counts


@dataclass(frozen=True)
class Batch:
    """B squares: picture [B,6,S,S], truth [B,3,S,S], photograph [B,3,S,S], maps [B,6,S/4,S/4], style [B,STYLE], source
    [B,3,S,S].

    truth: what should be there; of frames without one (`ALONE`) the photograph. photograph: untouched, as adversaries
    know photographs.
    """

    picture: Tensor
    truth: Tensor
    photograph: Tensor
    maps: Tensor
    style: Tensor
    source: Tensor

    def rows(self, rows: slice) -> Batch:
        """Some of the squares."""
        return Batch(*(part[rows] for part in self.parts()))

    def parts(self) -> tuple[Tensor, ...]:
        """Its tensors in order."""
        return tuple(getattr(self, part.name) for part in dataclasses.fields(self))

    @classmethod
    def joined(cls, batches: Iterable[Batch]) -> Batch:
        """One after the other."""
        columns = zip(*(batch.parts() for batch in batches), strict=True)
        return cls(*(torch.cat(column) for column in columns))

    def mirrored(self) -> Batch:
        """The mirrored faces."""
        x, face, place, y = self.maps.flip(-1).split([1, 3, 1, 1], dim=1)
        maps = torch.cat([-x, face, 1.0 - place, y], dim=1)  # places are 0..1 from the left
        order, sign = _mirrored_style(self.style.device)
        style = self.style[:, order] * sign
        pictures = {name: getattr(self, name).flip(-1) for name in ("picture", "truth", "photograph", "source")}
        return Batch(maps=maps, style=style, **pictures)

    def mixed(self, other: Batch, chosen: Tensor) -> Batch:
        """The squares of `other` where `chosen` [B] says so, and these elsewhere."""
        pairs = zip(self.parts(), other.parts(), strict=True)
        return Batch(*(torch.where(chosen.view(-1, *[1] * (one.dim() - 1)), two, one) for one, two in pairs))

    def lit(self, gain: Tensor) -> Batch:
        """The faces with each colour multiplied by `gain` [B,3,1,1]."""
        picture = torch.cat([self.picture[:, :3] * gain, self.picture[:, 3:]], dim=1)
        lit = {name: getattr(self, name) * gain for name in ("truth", "photograph", "source")}
        return dataclasses.replace(self, picture=picture, **lit)


@functools.cache
def _mirrored_style(device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(MIRRORED_STYLE).to(device), torch.from_numpy(MIRRORED_SIGN).to(device)


class TripSet:
    """Round trips on one device, as bytes: N trips of P photographs.

    Every photograph is there as it is, and once for each of its trips, laid over what was drawn on the way back.
    """

    def __init__(self, trips: Iterable[RoundTrips], device: torch.device) -> None:
        """DataError when there are none."""
        kept = [(trip, np.flatnonzero(trip.shifts < LARGEST_SHIFT)) for trip in trips]
        kept = [(trip, rows) for trip, rows in kept if len(rows)]
        if not kept:
            raise DataError("There are no round trips to learn from; make them with: python -m talker prepare faces.")

        def column(name: str) -> Tensor:
            return torch.from_numpy(np.concatenate([getattr(trip, name)[rows] for trip, rows in kept])).to(device)

        self.photographs = torch.from_numpy(np.stack([trip.truth for trip, _ in kept])).to(device)  # [P,S,S,3]
        counts = [len(rows) for _, rows in kept]
        self.photograph = torch.from_numpy(np.repeat(np.arange(len(kept)), counts)).to(device)  # [N]
        self.truths = column("truths")  # [N,S,S,3]
        self.sources = column("sources")  # [N,S,S,3]
        self.pictures, self.masks = column("pictures"), column("masks")  # [N,3,S,S,3]
        self.maps, self.styles = column("maps"), column("styles")  # [N,3,S/4,S/4,6], [N,3,STYLE]
        self.photographed = torch.nonzero(column("photographed"))[:, 0]  # [M] trips between two photographs
        # [O] trips to a mouth that stands open, on the way back or alone
        self.opened = {place: _open_mouths(self.masks[:, place]) for place in (BACK, ALONE)}

    def __len__(self) -> int:
        return len(self.photograph)

    def choose(
        self, count: int, photographed: float, opened: float, generator: torch.Generator, place: int = BACK
    ) -> Tensor:
        """[count] trips by chance: a share of them, where there are any, between two photographs of one person, of the
        others a share whose mouths stand open at `place`: `BACK` or `ALONE`.
        """
        device = self.photograph.device
        rows = torch.randint(len(self), (count,), generator=generator, device=device)
        for some, share in ((self.opened[place], opened), (self.photographed, photographed)):
            if len(some):
                chosen = some[torch.randint(len(some), (count,), generator=generator, device=device)]
                wanted = torch.rand(count, generator=generator, device=device) < share
                rows = torch.where(wanted, chosen, rows)
        return rows

    def take(self, rows: Tensor, place: int) -> Batch:
        """Trips `rows` [B], each at `place`: `BACK`, `NEIGHBOUR` or `ALONE`."""
        photograph = _colours(self.photographs[self.photograph[rows]])
        truth = photograph if place == ALONE else _colours(self.truths[rows])
        picture = torch.cat([_colours(self.pictures[rows, place]), _colours(self.masks[rows, place])], dim=1)
        maps = absolute(self.maps[rows, place].permute(0, 3, 1, 2).float())
        source = photograph if place == ALONE else _colours(self.sources[rows])
        return Batch(picture, truth, photograph, maps, self.styles[rows, place], source)


def load_trips(paths: Iterable[Path], side: int, device: torch.device, threads: int = 2) -> TripSet:
    """Read what `draw_round_trips` wrote, reduced to squares of `side` px."""
    with ThreadPoolExecutor(threads) as pool:
        return TripSet(pool.map(lambda path: RoundTrips.load(path).at_side(side), paths), device)


def held_out(path: Path) -> bool:
    """Whether a photograph's trips are for choosing weights; depends on its name alone."""
    return int(hashlib.sha256(path.stem.encode()).hexdigest(), 16) % HELD_OUT == 0


def augmented(batches: list[Batch], generator: torch.Generator) -> list[Batch]:
    """Some batches of the same size: row for row mirrored or not, lit, and with a style that is shaken or forgotten
    in the same way.
    """
    first = batches[0]
    count, device = len(first.style), first.style.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    mirrored, forgotten = uniform(count) < 0.5, uniform(count, 1) < FORGOTTEN
    noise = SHAKEN * torch.randn(first.style.shape, generator=generator, device=device)
    gain = (1 + EXPOSURE * (2 * uniform(count, 1, 1, 1) - 1)) * (1 + CAST * (2 * uniform(count, 3, 1, 1) - 1))
    result = []
    for batch in batches:
        batch = dataclasses.replace(batch, style=torch.where(forgotten, 0.0, batch.style + noise))
        result.append(batch.mixed(batch.mirrored(), mirrored).lit(gain))
    return result


def importance(batch: Batch) -> Tensor:
    """[B,1,S,S] how much each pixel counts: lips and eyes and what lies around them most."""
    coarse = functional.avg_pool2d(batch.picture[:, 4:6], MAP_STRIDE)  # [B,2,S/4,S/4] lips, eyes
    around = functional.max_pool2d(coarse, 5, stride=1, padding=2)
    weight = BASE + SKIN_COUNT * batch.maps[:, 3:4] + LIPS_COUNT * around[:, :1] + EYES_COUNT * around[:, 1:]
    return functional.interpolate(weight, scale_factor=float(MAP_STRIDE), mode="bilinear", align_corners=False)


def _open_mouths(masks: Tensor) -> Tensor:
    """[O] rows of `masks` [N,S,S,3] with so much between the lips that teeth can be seen."""
    share = (masks[..., 0] > 127).flatten(1).count_nonzero(dim=1) / masks[0, ..., 0].numel()
    return torch.nonzero(share > OPEN_MOUTH)[:, 0]


def _colours(pictures: Tensor) -> Tensor:
    """[B,3,S,S] 0..1 of [B,S,S,3] bytes."""
    return pictures.permute(0, 3, 1, 2).float() / 255.0
