"""The parts of the face's square that the generator works on: all of it, or mouth and eyes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from talker.types import FloatArray

FADE = 0.06  # of the square's side: over which a refinement eases in at a part's edge


@dataclass(frozen=True)
class Region:
    """A rectangle of the square, in sixteenths of its side."""

    name: str
    top: int
    left: int
    height: int
    width: int

    def slices(self, side: int) -> tuple[slice, slice]:
        """Its rows and columns in a square of `side` px, which must be a multiple of 16."""
        unit = side // 16
        return (
            slice(self.top * unit, (self.top + self.height) * unit),
            slice(self.left * unit, (self.left + self.width) * unit),
        )

    def fade(self, height: int, width: int) -> FloatArray:
        """[height,width] 1 inside, easing to 0 at its edge; height and width are the region's own in px."""
        reach = FADE * 16 * height / self.height
        y, x = (np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / reach for n in (height, width))
        edge = np.clip(np.minimum(y[:, None], x[None]), 0.0, 1.0)
        return (edge * edge * (3 - 2 * edge)).astype(np.float32)


WHOLE = Region("face", 0, 0, 16, 16)
MOUTH = Region("mouth", 8, 3, 8, 10)
EYES = Region("eyes", 1, 1, 6, 14)
MODES = {"face": (WHOLE,), "fast": (EYES, MOUTH), "mouth": (MOUTH,)}


def covered(mode: str, side: int) -> tuple[slice, slice]:
    """Rows and columns of a square of `side` px in which the parts of a mode lie."""
    rows, columns = zip(*(region.slices(side) for region in MODES[mode]), strict=True)
    return _around(rows), _around(columns)


def _around(parts: Sequence[slice]) -> slice:
    return slice(min(part.start for part in parts), max(part.stop for part in parts))
