"""Shut upper lids: smooth skin and one soft lash line, instead of what a picture of an open eye has in their place.

An open eye hides its lid: stretched over the ball, the picture would show lashes, make-up and the shadow of the brow
bone as streaks. The skin is continued smoothly from around the eye instead, with the grain of the cheek.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.landmarks import BROW_OF
from talker.render.patch import Window, blend, sample
from talker.render.smooth_fill import smooth_fill
from talker.render.source import SourceFrame
from talker.types import ByteArray, FloatArray


@dataclass(frozen=True)
class LidParams:
    """How a shut upper lid is painted: lengths in cm of the face model, shades and shares 0..1."""

    around_cm: float = 1.6  # the skin that a lid's colour is taken from
    lashes_cm: float = 0.5  # above the upper lid's line at least lie lashes, make-up and the crease
    below_cm: float = 0.4  # the same under the lower lid
    brow_cm: float = 0.2  # hair around the brow's landmarks
    # of the skin's median brightness: below is hair, between is shadow or make-up, which counts in part
    darkest: tuple[float, float] = (0.6, 1.0)
    hair_cm: float = 0.2  # dark streaks up to this wide are lashes
    smooth_cm: float = 0.1  # blur of the skin that is continued over the lid
    # of the way from the lid's line to the brow: below the first is no bare skin, above the second all is
    hidden: tuple[float, float] = (0.4, 0.85)
    grain_from_cm: float = 1.6  # so far below the eye lies a patch of the cheek,
    grain_reach_cm: float = 0.5  # of this size, whose grain the lid takes
    grain_cm: float = 0.06  # coarser structure is no grain
    most_grain: float = 5.0  # of 255
    lash_cm: tuple[float, float] = (0.05, 0.085)  # softness of the lash line above and below the lid's edge
    lash_shade: float = 0.85  # opacity of the line's middle
    lash_percentile: int = 12  # of the brightness along the open lid's line
    corner_share: float = 0.12  # of the eye's width over which the lash line begins and ends
    crease_cm: tuple[float, float] = (0.38, 0.07)  # height of the crease above the open lid's line, and its softness
    crease_shade: float = 0.07  # how much darker its bottom is


CURVE_STEPS = 65  # along a lid, from corner to corner


@dataclass(frozen=True)
class Slit:
    """Where each pixel [h,w] lies between the lids, in px.

    upper: below the upper lid's edge. lower: above the lower lid's. along: 0..1 from the outer corner to the inner.
    """

    upper: FloatArray
    lower: FloatArray
    along: FloatArray

    @classmethod
    def between(cls, outline: FloatArray, pixels: FloatArray) -> Slit:
        """outline: [16,2] px: outer corner, upper lid, inner corner, lower lid. pixels: [h,w,2] px."""
        across = outline[8] - outline[0]
        width = max(float(np.linalg.norm(across)), 1.0)
        across = across / width
        down = np.array([-across[1], across[0]], np.float32) * (1.0 if across[0] > 0 else -1.0)
        x, y = pixels[..., 0] - outline[0, 0], pixels[..., 1] - outline[0, 1]
        along, height = x * across[0] + y * across[1], x * down[0] + y * down[1]
        local = (outline - outline[0]) @ np.stack([across, down], axis=1)
        upper, lower = (_curve(local[list(lid)], along) for lid in (range(9), (0, *range(15, 7, -1))))
        return cls(height - upper, lower - height, (along / width).astype(np.float32))

    @property
    def open(self) -> FloatArray:
        """[h,w] 1 between the lids, 0 on them, with an edge of a pixel."""
        inside = (self.along > 0) & (self.along < 1)
        return np.clip(self.upper + 0.5, 0, 1) * np.clip(self.lower + 0.5, 0, 1) * inside


class Lid:
    """The upper lid of one eye of one portrait; `side` is the person's own.

    window: around it. picture: [h,w,3] the picture there. hairless: [h,w,3] the same without single dark hairs.
    bare: [h,w,3] the skin alone: without lashes, brow and make-up.
    """

    def __init__(self, source: SourceFrame, outline: FloatArray, side: str, params: LidParams) -> None:
        """outline: [16,2] px of the open eye in the picture, as in `Slit`."""
        self._params, geometry, image = params, source.geometry, source.image
        self._unit = unit = source.unit
        self.window = window = Window.around(outline, self._params.around_cm * unit, image.shape)
        slit = Slit.between(outline, window.pixels())
        self.picture = picture = image[window.slices].astype(np.float32)
        brow = geometry.landmark_points(geometry.rest_points, BROW_OF[side])
        # px from the lid's line up to the brow, in the eye's middle
        self._down = geometry.down(geometry.rest_points)
        self._brow_height = max(
            float(np.median(-Slit.between(outline, brow).upper)) - self._params.brow_cm * unit,
            self._params.lashes_cm * unit,
        )
        hidden = self._hidden(slit)
        self.hairless = bare = _without_hairs(picture, self._params.hair_cm * unit)
        known = self._bare_skin(bare, slit, window.distance(cv2.convexHull(brow.astype(np.float32))[:, 0]))
        skin = cv2.GaussianBlur(smooth_fill(bare, known), (0, 0), self._params.smooth_cm * unit)
        self.bare = skin + self._grain(image, outline)
        skin = blend(smooth_fill(picture, known), self.bare, hidden)
        height = -slit.upper / unit - self._params.crease_cm[0]
        middle = np.clip(4.0 * slit.along * (1.0 - slit.along), 0, 1)
        self._skin = skin * (
            1.0 - (self._params.crease_shade * middle * np.exp(-((height / self._params.crease_cm[1]) ** 2)))[..., None]
        )
        self._lash = self._lash_colour(picture, slit)
        self._upper = outline[:9]
        self.share = self._hidden(Slit.between(outline, geometry.rest_points))

    def area(self, outline: FloatArray, turn: FloatArray, closing: float) -> FloatArray:
        """[N,2] px around what the eye shows with the lids at `outline` [16,2], shut as far as `closing` 0..1."""
        if closing == 0:
            return outline
        top = self._upper + turn - closing * self._params.hidden[1] * self._brow_height * self._down
        return cv2.convexHull(np.concatenate([outline, top]).astype(np.float32))[:, 0]

    def paint(self, lids: FloatArray, window: Window, slit: Slit, turn: FloatArray, share: FloatArray) -> FloatArray:
        """`lids` [h,w,3] with the shut lid's skin over them as far as `share` [h,w] goes.

        turn: [2] px by which the head's turn has moved the eye.
        """
        skin = sample(self._skin, window.pixels() - turn - self.window.corner)
        return blend(lids, skin, share * np.clip(0.5 - slit.upper, 0.0, 1.0))

    def draw_lashes(self, patch: FloatArray, slit: Slit, strength: float) -> FloatArray:
        """`patch` [h,w,3] with the lash line of a lid that is shut as far as `strength` 0..1."""
        soft = np.where(slit.upper < 0, *(max(size * self._unit, 0.6) for size in self._params.lash_cm))
        ends = np.clip(np.minimum(slit.along + 0.04, 1.0 - slit.along) / self._params.corner_share, 0.0, 1.0)
        opacity = strength * self._params.lash_shade * ends * (1.0 - 0.5 * np.clip(slit.along, 0, 1) ** 2)
        return blend(patch, self._lash, opacity * np.exp(-((slit.upper / soft) ** 2)))

    def _hidden(self, places: Slit) -> FloatArray:
        """1 on what lids and lashes cover in the picture, 0 away from the eye."""
        height = -places.upper / self._brow_height
        sides = 0.5 + np.minimum(places.along, 1.0 - places.along) / (2 * self._params.corner_share)
        return np.clip(
            (self._params.hidden[1] - height) / (self._params.hidden[1] - self._params.hidden[0]), 0, 1
        ) * np.clip(sides, 0, 1)

    def _bare_skin(self, picture: FloatArray, slit: Slit, from_brow: FloatArray) -> FloatArray:
        """[h,w] how far each pixel of `picture` [h,w,3] shows skin in the light, as that of a shut lid is."""
        unit = self._unit
        outside = (slit.along < -0.15) | (slit.along > 1.15)
        bare = (-slit.upper > self._params.lashes_cm * unit) | (-slit.lower > self._params.below_cm * unit) | outside
        bare &= from_brow > self._params.brow_cm * unit
        light = picture.mean(axis=2)
        share = light / max(float(np.median(light[bare] if bare.any() else light)), 1.0)  # a black picture has no light
        return bare * np.clip(
            (share - self._params.darkest[0]) / (self._params.darkest[1] - self._params.darkest[0]), 0.0, 1.0
        )

    def _grain(self, image: ByteArray, outline: FloatArray) -> FloatArray:
        """[h,w,3] the fine structure of a patch of the cheek below, over the lid's window."""
        centre = outline.mean(axis=0) + self._params.grain_from_cm * self._unit * self._down
        reach = self._params.grain_reach_cm * self._unit
        away = (self.window.pixels() - centre + reach) % (4 * reach)  # the patch is mirrored to and fro
        where = centre + np.abs(away - 2 * reach) - reach
        cheek = sample(image, where)
        grain = cheek - cv2.GaussianBlur(cheek, (0, 0), max(self._params.grain_cm * self._unit, 0.8))
        return np.clip(grain, -self._params.most_grain, self._params.most_grain)

    def _lash_colour(self, picture: FloatArray, slit: Slit) -> FloatArray:
        """[3] the dark of the open lid's edge in `picture` [h,w,3]."""
        line = (np.abs(slit.upper) < max(0.08 * self._unit, 1.0)) & (slit.along > 0.1) & (slit.along < 0.9)
        colours = picture[line]
        light = colours.mean(axis=1)
        return colours[light <= np.percentile(light, self._params.lash_percentile)].mean(axis=0)


def _without_hairs(picture: FloatArray, width: float) -> FloatArray:
    """`picture` [h,w,3] with dark streaks narrower than `width` px in the colour of what lies beside them."""
    size = max(round(width), 2) | 1
    return cv2.morphologyEx(picture, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _curve(lid: FloatArray, along: FloatArray) -> FloatArray:
    """[h,w] height of the smooth line through `lid` [9,2] at `along` [h,w], continued level at its ends."""
    order = np.argsort(lid[:, 0])
    steps = np.linspace(lid[order[0], 0], lid[order[-1], 0], CURVE_STEPS)
    line = np.interp(steps, lid[order, 0], lid[order, 1]).astype(np.float32)
    smooth = cv2.GaussianBlur(line[None], (0, 0), CURVE_STEPS / 22, borderType=cv2.BORDER_REPLICATE)[0]
    return np.interp(along, steps, smooth).astype(np.float32)
