"""The lower lip's rim: a smiling lip is seen to end above the mesh's edge, and what lies between is lip, not mouth.

Drawn as part of the mouth's inside, it was a line of lower teeth or of dark with a hard edge, right below teeth whose
tips touch the lip in the photograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter

from talker.render.patch import Window
from talker.types import AnyArray, BoolArray, FloatArray


@dataclass(frozen=True)
class LowerRimParams:
    """What between the lips of a picture is lower lip: lengths in cm of the face model."""

    most_cm: float = 0.3  # above the mesh's edge
    lip_cm: float = 0.2  # below the edge its colour is measured
    redder: float = 0.1  # than teeth, red against green, a lip must be to be told from them,
    redness_share: float = 0.35  # and so much of the way from teeth to lip is a pixel of it,
    least_light: float = 0.5  # but none that is darker than this share of the lip
    along_cm: float = 2.0  # over which its height is a percentile: a lip's edge is even, not notched by teeth,
    percentile: float = 20.0
    blur_cm: float = 0.3


@dataclass(frozen=True)
class LowerRim:
    """What a picture shows of it, in a `window` of the picture.

    height: [w] px above the mesh's edge. lip: [h,w] the pixels of the opening in the mesh that are lip.
    """

    window: Window
    height: FloatArray
    lip: BoolArray

    @classmethod
    def find(
        cls,
        picture: FloatArray,
        window: Window,
        hole: BoolArray,
        tooth: FloatArray,
        unit: float,
        params: LowerRimParams,
    ) -> LowerRim:
        """The rim in a `picture` [h,w,3] of the `window` whose mesh has a `hole` [h,w] between the lips.

        tooth: [3] colour of its teeth. unit: px per cm.
        """
        above, columns = _above_edge(hole), np.flatnonzero(hole.any(axis=0))
        below: BoolArray = (above < 0) & (above >= -max(2.0, params.lip_cm * unit))
        lip = np.where(below[..., None], picture, 0.0).sum(axis=0) / np.maximum(below.sum(axis=0), 1)[:, None]  # [w,3]
        lip[columns] = gaussian_filter1d(lip[columns], params.lip_cm * unit, axis=0, mode="nearest")
        lips, teeth = _red_to_green(lip), _red_to_green(tooth)
        like = _red_to_green(picture) > teeth + params.redness_share * (lips - teeth)
        like &= (picture.mean(axis=2) > params.least_light * lip.mean(axis=1)) & (lips > teeth + params.redder)
        inside = hole & (above >= 0)
        run = inside & (np.cumsum((inside & ~like)[::-1], axis=0)[::-1] == 0)  # from the edge up, without a gap
        found = np.minimum(run.sum(axis=0)[columns], params.most_cm * unit)
        found = percentile_filter(found, params.percentile, max(round(params.along_cm * unit), 1), mode="nearest")
        height = np.zeros(hole.shape[1], np.float32)
        height[columns] = gaussian_filter1d(found, params.blur_cm * unit, mode="nearest")
        return cls(window, height, inside & (above < np.round(height)))

    def in_hole(self, hole: BoolArray, places: FloatArray, known: BoolArray) -> tuple[BoolArray, FloatArray]:
        """[h,w] what of the `hole` [h,w] of a drawn mesh is lip, and which place in the picture [h,w,2] px it shows.

        places: [h,w,2] px of the picture that the drawn skin shows, where it is `known` [h,w].
        """
        above, across = _above_edge(hole), np.arange(hole.shape[1])
        edge = np.minimum(np.where(above == -1, np.arange(len(hole))[:, None], 0).max(axis=0), len(hole) - 1)
        start = places[edge, across]  # [w,2] the first pixels of the lip below the hole
        height = np.interp(start[:, 0] - self.window.left, np.arange(len(self.height)), self.height, 0.0, 0.0)
        lip: BoolArray = hole & (above >= 0) & (above < np.round(height)) & known[edge, across]
        where = np.empty((*hole.shape, 2), np.float32)
        where[..., 0], where[..., 1] = start[:, 0], start[:, 1] - above - 1
        return lip, where


def _above_edge(hole: BoolArray) -> AnyArray:
    """[h,w] px from the lowest pixel of the `hole` [h,w] in each column up to a pixel; below the picture if none."""
    rows = np.arange(len(hole))[:, None]
    lowest = np.where(hole.any(axis=0), len(hole) - 1 - hole[::-1].argmax(axis=0), -len(hole) - 1)
    return np.asarray(lowest - rows)


def _red_to_green(colour: FloatArray) -> FloatArray:
    """[...] of a `colour` [...,3]."""
    return np.asarray(colour[..., 0] / np.maximum(colour[..., 1], 1.0))
