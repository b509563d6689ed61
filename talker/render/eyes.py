"""The eyes: lids at the picture's own resolution over an eyeball that stays where it is.

Once per portrait an eyeball plate is made: the white, continued smoothly under the lids and the iris, and the iris
as a disc of its own, completed where a lid hides it. Gaze moves the disc; lids open and close over the plate.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.render.geometry import EYE_LIDS, MASK_VERTICES, HeadGeometry
from talker.render.patch import Window, blend, feather, sample, soft_edge
from talker.render.smooth_fill import smooth_fill
from talker.types import BoolArray, ByteArray, FloatArray

CORNERS = {"Right": (33, 133), "Left": (263, 362)}
IRIS = {"Right": (468, 469, 470, 471, 472), "Left": (473, 474, 475, 476, 477)}
REACH_CM = 2.2  # skin around the eye that is drawn at full resolution
RIM_MARGIN_CM = 0.03  # the lash line lies this far outside the measured lid line
CLEAN_WHITE = 0.62  # of the white's brightness: darker pixels are lashes or shadow
LIMBUS = 1.12  # the iris' dark rim and its blur reach this far beyond the measured radius


@dataclass(frozen=True)
class Plate:
    """The eyeball behind the lids, in picture pixels of `window`.

    white: [h,w,3] without iris. iris: [h,w,3] complete disc. opacity: [h,w] of the disc.
    """

    window: Window
    white: FloatArray
    iris: FloatArray
    opacity: FloatArray


class Eye:
    """Draws one eye of one portrait; `side` is the person's own."""

    def __init__(self, geometry: HeadGeometry, image: ByteArray, landmarks: FloatArray, side: str) -> None:
        self._geometry, self._image, self._side = geometry, image, side
        upper, lower = EYE_LIDS[side]
        corner_a, corner_b = CORNERS[side]
        self._outline = (corner_a, *upper, corner_b, *reversed(lower))
        model = geometry.model
        centre = geometry.landmark_points(geometry.rest_points, self._outline).mean(0)
        near = np.linalg.norm(geometry.rest_points - centre, axis=1) < REACH_CM * geometry.fit.scale
        near[MASK_VERTICES:] = False
        self._near = near
        self._skin = model.triangles[near[model.triangles].all(axis=1)]
        self._ball = slice(*model.parts["iris_left" if side == "Left" else "iris_right"])
        iris = landmarks[list(IRIS[side]), :2]
        self._iris_centre = iris[0]
        self._iris_radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
        self._rest_height = self._height(geometry.landmark_points(geometry.rest_points, self._outline))
        self._rims = self._rim_shifts()
        self._plate = self._make_plate()

    @property
    def white(self) -> FloatArray:
        """Brightest colour [3] of the eye's white in the picture."""
        hole, window = self._hole(self._geometry.rest_points, self._geometry.rest_camera)
        colours = self._image[window.slices][hole].astype(np.float32)
        if len(colours) < 8:
            return np.full(3, 200.0, np.float32)
        brightness = colours.mean(axis=1)
        return colours[brightness >= np.percentile(brightness, 85)].mean(0)

    def draw(
        self, frame: ByteArray, camera: FloatArray, points: FloatArray, ratio: FloatArray, drift: FloatArray
    ) -> None:
        """Draw lids and eyeball into `frame` [H,W,3], in place.

        camera: [V,3] cm. points: [V,2] px after the head's turn. ratio: [V] new to old shading. drift: [V,2] px by
        which the head's turn moves the vertices.
        """
        geometry = self._geometry
        outline = geometry.landmark_points(points, self._outline)
        margin = 0.45 * geometry.fit.scale
        window = Window.around(outline, margin * 1.5, frame.shape)
        skin = window.rasterise(points, camera[:, 2], self._skin)
        source = geometry.rest_points + self._rims * self._shut(outline)
        drawn = skin.interpolate(self._skin, np.concatenate([source, ratio[:, None]], axis=1))  # [h,w,3]
        area = self._grown(window.polygon(outline), margin * 0.5)
        hole = area & ~skin.covered
        picture = frame[window.slices].astype(np.float32)
        lids = sample(self._image, drawn[..., :2]) * drawn[..., 2:]
        patch = np.where(skin.covered[..., None], lids, picture)
        if hole.any():
            turn = drift[self._ball].mean(0)  # [2] px by which the head's turn moves this eye
            gaze = (points[self._ball] - geometry.rest_points[self._ball]).mean(0) - turn
            patch = blend(self._ball_colours(window, turn, gaze), patch, soft_edge(~hole))
        weight = feather(self._grown(area, margin), margin)
        frame[window.slices] = np.clip(blend(picture, patch, weight) + 0.5, 0, 255).astype(np.uint8)

    def _height(self, outline: FloatArray) -> float:
        """Mean opening (px) of the lids whose landmarks are `outline`."""
        upper, lower = outline[1:8], outline[:8:-1]
        return float(np.linalg.norm(upper - lower, axis=1).mean())

    def _shut(self, outline: FloatArray) -> float:
        """0 while the lids are as far open as in the picture, 1 when they are shut."""
        return float(np.clip(1.5 * (1.0 - self._height(outline) / max(self._rest_height, 1.0)), 0.0, 1.0))

    def _rim_shifts(self) -> FloatArray:
        """[V,2] px from where a lid's inner rim lies in the picture, which is on the eyeball, to its lash line.

        A closing lid turns its rim outwards; it must show lid there, not the eyeball that it lay upon.
        """
        geometry = self._geometry
        points = geometry.rest_points
        outline = geometry.landmark_points(points, self._outline)
        shifts = np.zeros_like(points)
        margin = RIM_MARGIN_CM * geometry.fit.scale
        for lid, sign in ((outline[[0, *range(1, 8), 8]], -1.0), (outline[[0, *range(15, 8, -1), 8]], 1.0)):
            order = np.argsort(lid[:, 0])
            line = np.interp(points[:, 0], lid[order, 0], lid[order, 1]) + sign * margin
            beyond = sign * (points[:, 1] - line)  # < 0 on the eyeball's side of the lash line
            is_upper = geometry.traits.lids[self._side] > 0.35
            mine = (is_upper if sign < 0 else ~is_upper) & (beyond < 0) & self._near
            shifts[mine, 1] = (line - points[:, 1])[mine]
        return shifts

    def _ball_colours(self, window: Window, turn: FloatArray, gaze: FloatArray) -> FloatArray:
        """[h,w,3] the eyeball as the window sees it."""
        where = window.pixels() - turn - self._plate.window.corner
        colour = _lookup(self._plate.white, where)
        iris_where = where - gaze
        return blend(colour, _lookup(self._plate.iris, iris_where), _lookup(self._plate.opacity, iris_where))

    def _hole(self, points: FloatArray, camera: FloatArray) -> tuple[BoolArray, Window]:
        """[h,w] pixels of the opening between the lids, and their window."""
        outline = self._geometry.landmark_points(points, self._outline)
        window = Window.around(outline, 1.2 * self._geometry.fit.scale, self._image.shape)
        skin = window.rasterise(points, camera[:, 2], self._skin)
        area = self._grown(window.polygon(outline), 0.2 * self._geometry.fit.scale)
        return area & ~skin.covered, window

    def _make_plate(self) -> Plate:
        hole, window = self._hole(self._geometry.rest_points, self._geometry.rest_camera)
        picture = self._image[window.slices].astype(np.float32)
        away = np.linalg.norm(window.pixels() - self._iris_centre, axis=2) / max(self._iris_radius, 1.0)
        seen = hole if hole.any() else away < 0.5
        outside = seen & (away > LIMBUS)
        light = picture.mean(axis=2)
        # lashes and their shadow lie on the edge of the opening: the white under the lids is continued from inside
        clean = outside & (light > CLEAN_WHITE * self.white.mean())
        white = smooth_fill(picture, clean) if clean.sum() > 4 else np.broadcast_to(self.white, picture.shape)
        white = np.where(outside[..., None], picture, white)
        return Plate(window, white, _complete_disc(picture, seen, away), np.clip((LIMBUS + 0.1 - away) / 0.2, 0, 1))

    @staticmethod
    def _grown(mask: BoolArray, radius: float) -> BoolArray:
        size = int(max(radius, 1)) * 2 + 1
        return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0


def _complete_disc(picture: FloatArray, seen: BoolArray, away: FloatArray) -> FloatArray:
    """[h,w,3] the iris with what the lids hide completed: each ring takes the mean colour of its visible part."""
    rings = np.clip((away * 12).astype(int), 0, 40)
    visible = seen & (away < LIMBUS + 0.2)
    result = picture.copy()
    counts = np.bincount(rings[visible], minlength=41).astype(np.float32)
    for channel in range(3):
        sums = np.bincount(rings[visible], picture[..., channel][visible], minlength=41)
        known = counts > 0
        if not known.any():
            return picture
        profile = np.interp(np.arange(41), np.flatnonzero(known), sums[known] / counts[known])
        completed = np.interp(away * 12 - 0.5, np.arange(41), profile)
        result[..., channel] = np.where(seen, picture[..., channel], completed)
    return result


def _lookup(values: FloatArray, where: FloatArray) -> FloatArray:
    """`values` [h,w(,C)] at `where` [h',w',2] px, continued at the border."""
    return cv2.remap(values.astype(np.float32), where.astype(np.float32), None, cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
