"""The mouth: lips at the picture's own resolution, and what lies behind them, drawn with a depth buffer.

The upper teeth belong to the skull, lower teeth, gums and tongue to the jaw. What the picture itself shows of the
mouth's inside is carried by the part it lies on; the rest takes the model's colours, lit by the white of the eyes.
"""

from __future__ import annotations

import cv2
import numpy as np

from talker.face.camera import FACE_WIDTH_CM
from talker.face.landmarks import INNER_LIPS, OUTER_LIPS
from talker.face.model import vertex_normals
from talker.render.geometry import MASK_VERTICES, HeadGeometry
from talker.render.patch import Window, blend, feather, sample, soft_edge
from talker.render.teeth import find_teeth
from talker.types import BoolArray, ByteArray, FloatArray

INSIDE = ("mouth_socket", "gums", "tongue", "upper_teeth", "lower_teeth")
# colours relative to a white surface in the same light
COLOURS = {
    "mouth_socket": (0.22, 0.07, 0.06),
    "gums": (0.66, 0.37, 0.35),
    "tongue": (0.60, 0.33, 0.32),
    "upper_teeth": (0.95, 0.90, 0.82),
    "lower_teeth": (0.90, 0.85, 0.77),
}
LIP_SHADOW = 0.72  # brightness right behind the lips
LIP_SHADOW_CM = 0.35  # the lips shade what lies behind them over this distance
TEETH_FADE_CM = 3.2  # behind the front teeth the light of the others has fallen to 1/e
LOWER_TEETH_CM = 0.1  # the lower row is set this much deeper than the face model has it
CAVITY_CM = 9.0  # depth behind the front teeth after which light has fallen to 1/e
SOFTNESS_CM = 0.02  # wet surfaces have no sharp edges between the model's facets
LIKENESS_CM = 0.3  # mean motion of the lips after which the picture's own mouth inside is no guide any more
INCISORS_SHOW_CM = 0.15  # below the upper lip of a resting, parted mouth
RIM_MARGIN_CM = 0.04  # lip colour is taken this far outside the measured inner line
UPPER_LIP_MIDDLE = (13,)
MARGIN = 0.06  # of the face's width around the lips, over which they blend into the rest
REACH_CM = 3.0  # skin around the lips that is drawn at full resolution


class Mouth:
    """Draws one portrait's lips and mouth."""

    def __init__(
        self, geometry: HeadGeometry, image: ByteArray, landmarks: FloatArray, white: FloatArray, face_width: float
    ) -> None:
        self._geometry, self._image = geometry, image
        model = geometry.model
        self._inside = model.part_triangles(*INSIDE)
        lips = geometry.landmark_points(geometry.rest_points, OUTER_LIPS)
        centre, reach = lips.mean(0), REACH_CM * geometry.fit.scale + np.ptp(lips[:, 0]) / 2
        near = np.linalg.norm(geometry.rest_points - centre, axis=1) < reach
        near[MASK_VERTICES:] = False
        self._skin = model.triangles[near[model.triangles].all(axis=1)]
        self._colour = self._vertex_colours(white)
        self._front = float(geometry.rest_camera[slice(*model.parts["upper_teeth"]), 2].max())
        inner = landmarks[list(INNER_LIPS), :2]
        self._teeth = find_teeth(image, inner, white, geometry.fit.scale, face_width)
        if self._teeth is not None:
            white = self._teeth.brightest / np.array(COLOURS["upper_teeth"]) / 0.95
            self._colour = self._vertex_colours(white)
        self._shown = self._shown_inside()
        self._tooth_light = np.ones(len(model.neutral), np.float32)
        for part in ("upper_teeth", "lower_teeth"):  # the cheeks shade the back teeth
            row = slice(*model.parts[part])
            behind = model.neutral[row, 2].max() - model.neutral[row, 2]  # cm
            self._tooth_light[row] = np.exp(-((behind / TEETH_FADE_CM) ** 2))
        self._jaw = slice(*model.parts["lower_teeth"])
        self._dark = np.array(COLOURS["mouth_socket"], np.float32) * white * 0.9
        self._skull = slice(*model.parts["upper_teeth"])
        self._tooth_shift = self._shift_teeth()  # [2] px
        self._rims = self._rim_shifts()  # [V,2] px

    def draw(
        self, frame: ByteArray, camera: FloatArray, points: FloatArray, ratio: FloatArray, drift: FloatArray
    ) -> None:
        """Draw lips and mouth into `frame` [H,W,3], in place.

        camera: [V,3] cm. points: [V,2] px after the head's turn. ratio: [V] new to old shading. drift: [V,2] px by
        which the head's turn moves the vertices.
        """
        geometry = self._geometry
        outline = geometry.landmark_points(points, OUTER_LIPS)
        margin = MARGIN * geometry.fit.scale * FACE_WIDTH_CM
        window = Window.around(outline, margin, frame.shape)
        depth = camera[:, 2]
        skin = window.rasterise(points, depth, self._skin)
        likeness = self._likeness(points - drift)
        source = geometry.rest_points + self._rims * (1.0 - likeness)
        attributes = np.concatenate([source, ratio[:, None]], axis=1)  # [V,3]
        drawn = skin.interpolate(self._skin, attributes)
        away = window.distance(outline)
        inside_lips = away == 0
        hole = inside_lips & ~skin.covered
        picture = frame[window.slices].astype(np.float32)
        lips = sample(self._image, drawn[..., :2]) * drawn[..., 2:]
        patch = np.where(skin.covered[..., None], lips, picture)
        if hole.any():
            patch = blend(
                self._draw_inside(window, camera, points, hole, drift, likeness),
                patch,
                _lip_opacity(skin.covered, hole),
            )
        weight = np.clip(2.0 * (1.0 - away / margin), 0.0, 1.0)
        frame[window.slices] = np.clip(blend(picture, patch, weight) + 0.5, 0, 255).astype(np.uint8)

    def _draw_inside(
        self,
        window: Window,
        camera: FloatArray,
        points: FloatArray,
        hole: BoolArray,
        drift: FloatArray,
        likeness: float,
    ) -> FloatArray:
        """[h,w,3] teeth, tongue, gums and cavity."""
        geometry = self._geometry
        points = points.copy()
        points[self._skull] += self._tooth_shift
        points[self._jaw] += LOWER_TEETH_CM * geometry.fit.scale * geometry.down(points)
        inside = window.rasterise(points, camera[:, 2], self._inside, cull=False)
        normals = vertex_normals(camera, self._inside)
        facing = 0.7 + 0.3 * np.abs(normals[:, 2])
        deep = self._tooth_light * np.exp(-np.maximum(self._front - camera[:, 2], 0.0) / CAVITY_CM)
        attributes = np.concatenate([self._colour * (facing * deep)[:, None], geometry.rest_points], axis=1)  # [V,5]
        drawn = inside.interpolate(self._inside, attributes)
        shadow = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5) / (LIP_SHADOW_CM * geometry.fit.scale)
        colour = drawn[..., :3] * (LIP_SHADOW + (1 - LIP_SHADOW) * np.clip(shadow, 0, 1))[..., None]
        colour = cv2.GaussianBlur(colour, (0, 0), max(0.6, SOFTNESS_CM * geometry.fit.scale))
        colour = np.where(inside.covered[..., None], colour, self._dark)
        if self._shown is not None:
            where = drawn[..., 3:5]
            seen = cv2.remap(self._shown, where, None, cv2.INTER_LINEAR)
            colour = blend(colour, sample(self._image, where), seen * inside.covered * likeness)
        return self._lay_teeth(window, colour, drift[self._skull].mean(0))

    def _likeness(self, points: FloatArray) -> float:
        """1 where the lips lie as in the picture, falling to 0 as they leave it: then its inside tells nothing."""
        lips = self._geometry.landmark_points(points - self._geometry.rest_points, INNER_LIPS)
        moved = np.linalg.norm(lips, axis=1).mean() / (LIKENESS_CM * self._geometry.fit.scale)
        return float(np.exp(-(moved**2)))

    def _lay_teeth(self, window: Window, colour: FloatArray, turn: FloatArray) -> FloatArray:
        """Lay the picture's own upper teeth, moved by `turn` [2] px with the skull, over `colour` [h,w,3]."""
        teeth = self._teeth
        if teeth is None:
            return colour
        where = (window.pixels() - turn - teeth.window.corner).astype(np.float32)
        own = cv2.remap(teeth.colour, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return blend(colour, own, cv2.remap(teeth.opacity, where, None, cv2.INTER_LINEAR))

    def _shift_teeth(self) -> FloatArray:
        """[2] px that bring the model's upper teeth to the picture's own, or to just below the resting upper lip."""
        geometry = self._geometry
        edge = geometry.rest_points[self._skull]
        front = edge[np.argsort(geometry.rest_camera[self._skull, 2])[-60:]]
        lowest = front[front[:, 1] >= np.percentile(front[:, 1], 80)].mean(0)
        down = geometry.down(geometry.rest_points)
        lip = geometry.landmark_points(geometry.shut_points, UPPER_LIP_MIDDLE)[0]
        wanted = (lip - lowest) @ down + INCISORS_SHOW_CM * geometry.fit.scale
        if self._teeth is not None:  # the picture's row may go on behind the lower lip
            wanted = max(wanted, (self._teeth.edge - lowest) @ down)
        return (wanted * down).astype(np.float32)

    def _rim_shifts(self) -> FloatArray:
        """[V,2] px from where a lip's inner rim lies in the picture, which may be on teeth, onto the lip."""
        geometry = self._geometry
        points = geometry.rest_points
        inner = geometry.landmark_points(points, INNER_LIPS)
        shifts = np.zeros_like(points)
        margin = RIM_MARGIN_CM * geometry.fit.scale
        upper, lower = inner[:11], inner[[0, *range(19, 10, -1), 10]]
        for lip, weight, sign in ((upper, geometry.traits.upper_lip, -1.0), (lower, geometry.traits.lower_lip, 1.0)):
            order = np.argsort(lip[:, 0])
            line = np.interp(points[:, 0], lip[order, 0], lip[order, 1]) + sign * margin
            left, right = lip[:, 0].min(), lip[:, 0].max()
            within = np.minimum(points[:, 0] - left, right - points[:, 0]) / (0.15 * (right - left))
            mine = (weight > 0.3) & (sign * (points[:, 1] - line) < 0)
            shifts[mine, 1] = ((line - points[:, 1]) * np.clip(within, 0.0, 1.0))[mine]
        return shifts

    def _vertex_colours(self, white: FloatArray) -> FloatArray:
        """[V,3] colours 0..255 of the mouth's parts in the picture's light."""
        colour = np.zeros((len(self._geometry.model.neutral), 3), np.float32)
        for part, tint in COLOURS.items():
            colour[slice(*self._geometry.model.parts[part])] = np.array(tint) * white
        return colour

    def _shown_inside(self) -> FloatArray | None:
        """[H,W] 0..1 where the picture itself shows the inside of the mouth; None when it is shut."""
        geometry = self._geometry
        inner = geometry.landmark_points(geometry.rest_points, INNER_LIPS)
        box = Window.around(inner, 4, self._image.shape)
        skin = box.rasterise(geometry.rest_points, geometry.rest_camera[:, 2], self._skin)
        hole = box.polygon(geometry.landmark_points(geometry.rest_points, OUTER_LIPS)) & ~skin.covered
        if hole.sum() < (0.1 * geometry.fit.scale) ** 2 * 8:
            return None
        shown = np.zeros(self._image.shape[:2], np.float32)
        shown[box.slices] = feather(hole, 1.5)
        if self._teeth is not None:  # they are laid over it with a motion of their own
            shown[cv2.dilate(self._teeth.shown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = 0.0
        return shown


def _lip_opacity(covered: BoolArray, hole: BoolArray) -> FloatArray:
    """[h,w] 1 on skin and outside the lips, easing to 0 at the hole's edge."""
    return np.where(hole, 0.0, np.where(covered, soft_edge(~hole), 1.0)).astype(np.float32)
