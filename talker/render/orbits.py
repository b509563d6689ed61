"""The skin beneath a brow that lifts or lowers: lashes stay on the lid, hair on the brow, and what lies between
stretches or is pushed together, where the face model would fold it over the lid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from talker.curves import smoothstep
from talker.face.landmarks import EYE_LIDS, LID_CORNERS, LOWER_BROWS
from talker.types import FloatArray


@dataclass(frozen=True)
class OrbitParams:
    """Where skin unfolds. Shares are of the way from the lid's edge up to the brow's.

    folds: by which a brow has to lower before skin would fold over the lid. lashes: below, lashes keep their height.
    stretched: below the first all goes with the lid, above the second with the brow.
    bare: over the first two bare skin begins, over the others it ends.
    eye_margin: of the eye's width, beyond its corners, over which all this ends.
    lifted: by which a brow has to lift to count fully. lowered: by which a lid comes down until a blink counts fully.
    shadow: of the bare skin's brightness, by which hair and shadow are darker, and skin between hairs is brighter.
    hair_cm: what lies so near to one is none either: skin between lashes. blur_cm: of the bare skin's colours, since
    small spots of light would be stretched to streaks. shade_cm: of its shade, of which a part stays dark: deep eyes
    belong to a face (with all of it lit, a recogniser takes one of six for somebody else).
    least_light: of the forehead's and the cheek's brightness, which lies `around_cm` above the brow and below the lid's
    edge: no lifted brow leaves its skin darker (of 21 filmed people who lift theirs, 17 have it lighter).
    """

    folds: float = 0.15
    lashes: float = 0.15
    stretched: tuple[float, float] = (0.3, 0.8)
    bare: tuple[float, float, float, float] = (0.2, 0.4, 0.65, 0.9)
    eye_margin: float = 0.35
    lifted: float = 0.3
    lowered: float = 0.3
    shadow: float = 0.15
    hair_cm: float = 0.3
    blur_cm: float = 0.25
    shade_cm: float = 0.3
    stays_dark: float = 0.65
    least_light: float = 0.65
    around_cm: tuple[float, float] = (1.1, 2.0)


DEFAULT_ORBITS = OrbitParams()


class Placed(Protocol):
    """What places landmarks on a drawn mesh, `HeadGeometry`."""

    def landmark_points(self, points: FloatArray, landmarks: tuple[int, ...]) -> FloatArray:
        """[N,2] px."""


class Orbit:
    """The skin between one eye and its brow; `side` is the person's own."""

    def __init__(
        self, placed: Placed, rest: FloatArray, side: str, down: FloatArray, lids: FloatArray, params: OrbitParams
    ) -> None:
        """rest: [V,2] px the skin's vertices in the picture. down: [2] unit vector from the brows to the chin.

        lids: [V] how far each goes with the upper lid's edge when that shuts.
        """
        self.params, self._placed, self._down = params, placed, down
        self._across = np.array([down[1], -down[0]], np.float32)
        corners = LID_CORNERS[side]
        self._lid = (corners[0], *EYE_LIDS[side][0], corners[1])
        self._brow = LOWER_BROWS[:5] if side == "Right" else LOWER_BROWS[5:]
        lid, brow = (placed.landmark_points(rest, line) for line in (self._lid, self._brow))
        self._order = np.argsort(lid @ self._across), np.argsort(brow @ self._across)
        self._columns = np.sort(lid @ self._across), np.sort(brow @ self._across)
        self._edges = lid @ down, brow @ down
        share, inside, way = self.places(rest)
        self._rows = np.flatnonzero((inside > 0) & (share > 0) & (share < 1))
        self._place, self._way, self._rest = (values[self._rows] for values in (rest @ self._across, way, rest @ down))
        low, high = params.stretched
        self._share = share[self._rows]
        self._goes = smoothstep(np.clip((self._share - low) / (high - low), 0, 1))
        self._fade = inside[self._rows]
        self._with_lid = lids[self._rows]

    def places(self, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of `points` [...,2] px in the picture: the share of the way up, 0..1 by the eye's width, the way in px."""
        place = points @ self._across
        edge, brow = (
            np.interp(place, columns, heights[order])
            for columns, heights, order in zip(self._columns, self._edges, self._order, strict=True)
        )
        left, right = self._columns[0][[0, -1]]
        inside = np.minimum(place - left, right - place) / (self.params.eye_margin * (right - left)) + 1.0
        way = np.maximum(edge - brow, 1.0)
        return (edge - points @ self._down) / way, smoothstep(np.clip(inside, 0, 1)), way

    def around(self, unit: float) -> tuple[FloatArray, FloatArray]:
        """[N,2] px of the picture, on the forehead above the brow and on the cheek below the eye; `unit`: px per cm."""
        above, below = self.params.around_cm
        ways = unit * np.array([above, -below])
        lines = zip(reversed(self._columns), reversed(self._edges), reversed(self._order), ways, strict=True)
        forehead, cheek = (
            columns[:, None] * self._across + (heights[order] - way)[:, None] * self._down
            for columns, heights, order, way in lines
        )
        return forehead, cheek

    def lift(self, points: FloatArray) -> float:
        """0..1 how far the brow has lifted on the mesh `points` [V,2] px."""
        _, by_brow = self._moved(points)
        return float(np.clip(-by_brow.mean() / (self.params.lifted * self._way.mean()), 0, 1))

    def laid_out(self, points: FloatArray) -> FloatArray:
        """[V,2] px with the skin between lid and brow stretched where bare skin is, or pushed together where the brow
        lowers; as they were where it stays.
        """
        by_lid, by_brow = self._moved(points)
        lifted = np.clip(-by_brow / (self.params.lifted * self._way), 0, 1)
        lowered = np.clip(by_brow / (self.params.folds * self._way), 0, 1)
        if not (lifted.any() or lowered.any()):
            return points
        closing = np.clip(by_lid / (self.params.lowered * self._way), 0, 1)
        lashes = self.params.lashes * np.clip(2.0 * (1.0 - (by_brow - by_lid) / self._way), 0, 1)
        goes = np.where(by_brow < 0, self._goes, np.clip((self._share - lashes) / (1.0 - lashes), 0, 1))
        with_lid = 1.0 - goes + closing * (self._with_lid - (1.0 - goes))
        shift = by_lid * with_lid + by_brow * goes - (points[self._rows] @ self._down - self._rest)
        shift *= self._fade * (lifted * (1.0 - closing) + lowered)
        moved = points.copy()
        moved[self._rows] += (shift[:, None] * self._down).astype(np.float32)
        return moved

    def _moved(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[N] px, how far lid and brow beside each vertex of the orbit went down."""
        lid, brow = (
            np.interp(self._place, columns, (self._placed.landmark_points(points, line) @ self._down - heights)[order])
            for line, columns, heights, order in zip(
                (self._lid, self._brow), self._columns, self._edges, self._order, strict=True
            )
        )
        return lid, brow
