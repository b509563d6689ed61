"""Bare skin beneath lifted brows, which a picture hardly shows where brows are low or lashes long.

Stretched as it is, the picture would show lashes, make-up and the shadow of the brow as dark streaks. Its hair stays
where it grows (`talker.render.orbits`); what unfolds between takes the colours of the skin around, and a part of the
light that a low brow keeps from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np

from talker.curves import smoothstep
from talker.render.eyes import Eye
from talker.render.orbits import Orbit
from talker.render.patch import blend, lay
from talker.render.sampling import within_border
from talker.render.source import SourceFrame
from talker.types import ByteArray, FloatArray


class OrbitSkin:
    """The bare skin of one orbit in the picture, where lashes, hair or shadow hide it."""

    def __init__(self, orbit: Orbit, eye: Eye, source: SourceFrame) -> None:
        self.orbit, self._eye, self._region, self._unit = orbit, eye, source.region, source.unit
        forehead, cheek = (_colour(source.image, points) for points in orbit.around(source.unit))
        self._around = np.minimum(forehead, cheek)  # hair over the forehead is no skin in the light

    @cached_property
    def _patch(self) -> tuple[tuple[slice, slice], FloatArray, FloatArray]:
        """Where it lies in the region, its colours [h,w,3], and how much of them shows with a lifted brow [h,w]."""
        lid = self._eye.lid
        share, inside, _ = self.orbit.places(lid.window.pixels())
        begins, whole, falls, ends = self.orbit.params.bare
        shown = inside * smoothstep(np.clip((share - begins) / (whole - begins), 0, 1))
        shown *= smoothstep(np.clip((ends - share) / (ends - falls), 0, 1))
        params, unit = self.orbit.params, self._unit
        blur = params.blur_cm * unit
        bare = cv2.GaussianBlur(lid.bare, (0, 0), blur)
        light, grey = bare.mean(axis=2), lid.picture.mean(axis=2)
        least = params.shadow * np.maximum(light, 1.0)
        lit = np.clip((lid.hairless.mean(axis=2) - light) / least + 1.0, 0, 1)
        share = cv2.GaussianBlur(lit, (0, 0), blur)
        seen = cv2.GaussianBlur(lid.hairless * lit[..., None], (0, 0), blur) / np.maximum(share, 1e-3)[..., None]
        skin = blend(bare, seen, np.clip(2.0 * share, 0, 1))
        shade = cv2.GaussianBlur(lid.hairless, (0, 0), params.shade_cm * unit) / np.maximum(skin, 1.0)
        skin *= 1.0 - params.stays_dark * (1.0 - np.clip(shade, 0.4, 1.0))
        skin = self._with_least_light(skin)
        hair = np.clip(np.maximum(light - grey, np.abs(skin.mean(axis=2) - grey)) / least, 0, 1)
        size = max(round(params.hair_cm * unit), 1) | 1
        hair = cv2.dilate(hair, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        shown *= cv2.GaussianBlur(hair, (0, 0), size / 4)
        return self._region.local(lid.window), skin, shown.astype(np.float32)

    def _with_least_light(self, skin: FloatArray) -> FloatArray:
        """`skin` [h,w,3], where it is too dark for what a lifted brow uncovers with the colour around added."""
        light = max(float(self._around.mean()), 1.0)
        lacking = self.orbit.params.least_light - skin.mean(axis=2, keepdims=True) / light
        return skin + np.maximum(lacking, 0.0) * self._around

    def lay_over(self, picture: ByteArray, lift: float) -> None:
        """Show it in the region's `picture`, `bordered`, in place, as far as the brow has lifted, 0..1."""
        where, bare, shown = self._patch
        lay(within_border(picture)[where][..., :3], bare, lift * shown)


def _colour(picture: ByteArray, points: FloatArray) -> FloatArray:
    """[3] the median colour of the picture [H,W,3] at `points` [N,2] px, or at its border for those outside."""
    columns, rows = np.round(points).astype(int).T
    colours = picture[rows.clip(0, len(picture) - 1), columns.clip(0, picture.shape[1] - 1)]
    return np.median(colours, axis=0).astype(np.float32)


def with_bare_orbits(picture: ByteArray, points: FloatArray, skins: Sequence[OrbitSkin]) -> ByteArray:
    """The region's picture, `bordered`, for a mesh `points` [V,2] px; the same array where no brow lifts."""
    lifts = [skin.orbit.lift(points) for skin in skins]
    if not any(lifts):
        return picture
    result = picture.copy()
    for skin, lift in zip(skins, lifts, strict=True):
        skin.lay_over(result, lift)
    return result
