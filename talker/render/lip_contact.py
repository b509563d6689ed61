"""Where one lip lies on the other: the step between them is eased, and what they shade of each other is dark.

A picture that shows shut lips has their shade. One that shows a smile has none: between its lips lie lit teeth, so that
lips that are drawn shut from it would meet in a pale seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.landmarks import INNER_LIPS, MOUTH_CORNERS
from talker.face.raster import Fragments
from talker.render.patch import blend
from talker.render.source import SourceFrame
from talker.types import BoolArray, FloatArray


@dataclass(frozen=True)
class LipContactParams:
    """Lengths are shares of the width of the picture's mouth; shades are of log brightness.

    shade and reach are what 46 people of the London set (none of the report split) lack: between the lips of their
    neutral photographs runs a line .33 deep (median), .17 when they are drawn neutral from smiles, and .36 with this.
    """

    blur_px: float = 0.8  # how soft the line is where lips meet,
    blur_share: float = 1.6  # and its opacity on the line itself
    shade: tuple[float, float, float] = (0.36, 0.62, 0.56)  # on the line: red comes through lips
    reach: float = 0.02  # over which it falls by e, on either lip
    parted: float = 0.04  # a picture whose lips lie so far apart shows nothing of it
    eased: float = 0.03  # along the lips, to where they part


LEAST = 0.01  # of the shade: less is not drawn
UPPER_RIM, LOWER_RIM = INNER_LIPS[1:10], INNER_LIPS[11:]  # without the corners; the lower one runs back


class LipContact:
    """What one portrait's lips do to each other where they meet."""

    def __init__(self, source: SourceFrame, lower: FloatArray, params: LipContactParams) -> None:
        """lower: [F'] 1 for a triangle of the skin on the lower lip, -1 on the upper one, else 0."""
        self._params, self._lower = params, lower
        right, left = source.landmarks[list(MOUTH_CORNERS), :2]
        self._width = max(float(np.linalg.norm(left - right)), 1.0)  # px, in the picture
        apart = source.landmarks[list(LOWER_RIM[::-1]), :2] - source.landmarks[list(UPPER_RIM), :2]
        gap = float(np.linalg.norm(apart, axis=1).mean()) / self._width
        self._missing = min(gap / params.parted, 1.0)  # share of the shade that the picture does not show

    def draw(self, patch: FloatArray, skin: Fragments, lips: BoolArray, moved: float) -> None:
        """Change `patch` [h,w,3], the drawn `skin`, in place.

        lips: [h,w] pixels of the lips. moved: 0..1 how far the lips have left the picture's.
        """
        lower = self._lower[skin.triangle]
        lower[~(skin.covered & lips)] = 0
        steps = (lower[1:] * lower[:-1]) < 0
        rows, columns = np.flatnonzero(steps.any(axis=1)), np.flatnonzero(steps.any(axis=0))
        if not len(rows):
            return
        params = self._params
        margin = 2 + round(3 * params.reach * self._width)
        part = (
            slice(max(rows[0] - margin, 0), rows[-1] + margin + 2),
            slice(max(columns[0] - margin, 0), columns[-1] + margin + 1),
        )
        edge = np.zeros(lower.shape, np.float32)
        edge[1:] = steps
        edge[:-1] = np.maximum(edge[:-1], steps)
        edge = edge[part]
        share = np.clip(params.blur_share * cv2.GaussianBlur(edge, (0, 0), params.blur_px), 0.0, 1.0)
        patch[part] = blend(patch[part], cv2.GaussianBlur(patch[part], (0, 0), params.blur_px), share)
        if (missing := self._missing * moved) > LEAST:
            shade = np.array(params.shade, np.float32) * missing
            patch[part] *= np.exp(-self._near(edge, lips[part])[..., None] * shade)

    def _near(self, edge: FloatArray, lips: BoolArray) -> FloatArray:
        """[h,w] 1 on the line `edge` [h,w] along which lips meet, falling to 0 away from it."""
        away = cv2.distanceTransform((edge == 0).astype(np.uint8), cv2.DIST_L2, 5)  # px
        ease = max(self._params.eased * self._width, 1.0)
        met = cv2.GaussianBlur(edge.max(axis=0)[None], (0, 0), ease)  # [1,w]
        inside = cv2.GaussianBlur(lips.astype(np.float32), (0, 0), ease / 2)
        near: FloatArray = np.exp(-away / (self._params.reach * self._width)) * met * inside
        return near
