"""Places in a picture and in a cut-out of it at another size: the one place that deals with half pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talker.types import FloatArray


@dataclass(frozen=True)
class Affine:
    """Leads from px of a picture to px of a part of it that is shown larger or smaller.

    The centre of the first pixel lies at 0,0, so a picture begins at -0.5 whatever its size.
    origin: [2] px, the pixel at which the part begins. scale: [2] px of the part per px of the picture.
    """

    origin: FloatArray
    scale: FloatArray

    @classmethod
    def resize(
        cls, before: tuple[int, int], after: tuple[int, int], origin: FloatArray | None = None, dtype: type = np.float64
    ) -> Affine:
        """From a part of `before` (width, height) px, beginning at `origin`, to the same at the size `after`."""
        scale: FloatArray = np.array([after[0] / before[0], after[1] / before[1]], dtype)
        return cls(np.zeros(2, np.float32) if origin is None else origin, scale)

    def points(self, points: FloatArray) -> FloatArray:
        """[...,2] px of the part of `points` [...,2] px of the picture."""
        moved: FloatArray = (points - self.origin + np.float32(0.5)) * self.scale - np.float32(0.5)
        return moved
