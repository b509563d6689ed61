"""The mouth: lips at the picture's own resolution, and what lies behind them, drawn with a depth buffer.

The upper teeth belong to the skull, lower teeth, gums and tongue to the jaw. What the picture itself shows of the
mouth's inside is carried by the part it lies on; the rest takes the model's colours, lit by the white of the eyes.
"""

from __future__ import annotations

import cv2
import numpy as np

from talker.face.camera import FACE_WIDTH_CM
from talker.face.landmarks import INNER_LIPS, OUTER_LIPS
from talker.render.geometry import MASK_VERTICES, HeadGeometry
from talker.render.light import redness, tinted
from talker.render.mouth_inside import MouthInside
from talker.render.patch import Window, blend, feather, sample, spread
from talker.render.smooth_fill import smooth_fill
from talker.render.teeth import find_teeth
from talker.types import BoolArray, ByteArray, FloatArray

LIKENESS_CM = 0.3  # mean motion of the lips after which the picture's own mouth inside is no guide any more
RIM_MARGIN_CM = 0.1  # lips are taken from this far outside the measured inner line
RIM_SHADE = 0.2  # the lips' wet inside is this much darker
EDGE_CM, EDGE_PX = 0.06, 0.8  # over which the lips' edge is smoothed, and at least
EDGE_STEEPNESS = 2.0  # makes the smoothed edge one pixel wide
CORNER_CM = 0.45  # this near to a corner of the mouth, skin closes it
CORNER_SHADE = np.array([0.42, 0.3, 0.3], np.float32)  # its colour against the lips'
SLIT_CM = 0.2  # a mouth that is open no further than this is a dark line
MOUTH_CORNERS = (78, 308)
SHUT_LINE = 0.35  # how dark the line between shut lips is
MARGIN = 0.06  # of the face's width around the lips, over which they blend into the rest
REACH_CM = 3.0  # skin around the lips that is drawn at full resolution


class Mouth:
    """Draws one portrait's lips and mouth."""

    def __init__(
        self,
        geometry: HeadGeometry,
        image: ByteArray,
        landmarks: FloatArray,
        white: FloatArray,
        face_width: float,
        origin: FloatArray,
        drawn: bool = False,
    ) -> None:
        """white: [3] colour of a white surface. face_width: px. origin: [2] px of the frames' sources in `image`.

        drawn: the picture is a drawing, whose mouth gets plain colours.
        """
        self._geometry, self._image, self._origin = geometry, image, origin
        model = geometry.model
        outline = geometry.landmark_points(geometry.rest_points, OUTER_LIPS)
        centre, reach = outline.mean(0), REACH_CM * geometry.fit.scale + np.ptp(outline[:, 0]) / 2
        near = np.linalg.norm(geometry.rest_points - centre, axis=1) < reach
        near[MASK_VERTICES:] = False
        self._skin = model.triangles[near[model.triangles].all(axis=1)]
        inner = landmarks[list(INNER_LIPS), :2]
        teeth = find_teeth(image, inner, white, geometry.fit.scale, face_width)
        lips = self._lip_colour()
        flat = lips if drawn else None
        self._inside = MouthInside(geometry, landmarks, white, redness(image, geometry), teeth, flat)
        self._edge = max(EDGE_PX, EDGE_CM * geometry.fit.scale)  # px
        self._shown = self._shown_inside()
        self._lip_window, self._lips = self._closed_lips(inner)
        self._corner_colour = lips * CORNER_SHADE  # [3] of what closes the mouth at its corners

    def draw(
        self,
        frame: ByteArray,
        camera: FloatArray,
        points: FloatArray,
        ratio: FloatArray,
        drift: FloatArray,
        source: ByteArray,
    ) -> None:
        """Draw lips and mouth into `frame` [H,W,3], in place.

        camera: [V,3] cm. points: [V,2] px after the head's turn. ratio: [V] new to old shading. drift: [V,2] px by
        which the head's turn moves the vertices. source: [h,w,3] the part of the picture to sample skin from.
        """
        geometry = self._geometry
        outline = geometry.landmark_points(points, OUTER_LIPS)
        margin = MARGIN * geometry.fit.scale * FACE_WIDTH_CM
        window = Window.around(outline, margin, frame.shape)
        depth = camera[:, 2]
        skin = window.rasterise(points, depth, self._skin)
        likeness = self._likeness(points - drift)
        attributes = np.concatenate([geometry.rest_points, ratio[:, None]], axis=1)  # [V,3]
        drawn = skin.interpolate(self._skin, attributes)
        away = window.distance(outline)
        inside_lips = away == 0
        hole = inside_lips & ~skin.covered
        picture = frame[window.slices].astype(np.float32)
        lips = self._lip_colours(source, drawn[..., :2], likeness) * tinted(drawn[..., 2])
        patch = np.where(skin.covered[..., None], lips, picture)
        if hole.any():
            box = window.within(hole, margin=int(3 * self._edge) + 1)
            part = window.local(box)
            patch[part] = self._draw_opening(box, camera, points, hole[part], patch[part], drift, likeness)
        weight = np.clip(2.0 * (1.0 - away / margin), 0.0, 1.0)
        frame[window.slices] = np.clip(blend(picture, patch, weight) + 0.5, 0, 255).astype(np.uint8)

    def _draw_opening(
        self,
        window: Window,
        camera: FloatArray,
        points: FloatArray,
        hole: BoolArray,
        lips: FloatArray,
        drift: FloatArray,
        likeness: float,
    ) -> FloatArray:
        """[h,w,3] the edges of the `lips` [h,w,3] around the `hole` [h,w] between them, and what lies behind."""
        inner = self._geometry.landmark_points(points, INNER_LIPS)
        patch, opening = _part(lips, hole, window.polygon(inner), self._edge, likeness)
        if opening.any():
            box = window.within(opening > 0)
            part = window.local(box)
            inside = self._draw_inside(box, camera, points, hole[part], drift, likeness)
            shut = np.maximum(self._near_corners(box, inner), self._thinness(hole[part]))
            inside = blend(inside, self._corner_colour, (1.0 - likeness) * shut)
            patch[part] = blend(patch[part], inside, opening[part])
        return patch

    def _draw_inside(
        self,
        window: Window,
        camera: FloatArray,
        points: FloatArray,
        hole: BoolArray,
        drift: FloatArray,
        likeness: float,
    ) -> FloatArray:
        """[h,w,3] what lies behind the lips, as far as `likeness` goes the picture's own."""
        colour, where, known = self._inside.draw(window, camera, points, hole, drift)
        if self._shown is None:
            return colour
        seen = cv2.remap(self._shown, where, None, cv2.INTER_LINEAR)
        return blend(colour, sample(self._image, where), seen * known * likeness)

    def _near_corners(self, window: Window, inner: FloatArray) -> FloatArray:
        """[h,w] 1 at the corners of the mouth, falling to 0 away from them; inner: the landmarks INNER_LIPS."""
        pixels, reach = window.pixels(), CORNER_CM * self._geometry.fit.scale
        ends = (inner[INNER_LIPS.index(corner)] for corner in MOUTH_CORNERS)
        near = [np.exp(-(((pixels - end) / reach) ** 2).sum(axis=2)) for end in ends]
        return np.maximum(*near)

    def _thinness(self, hole: BoolArray) -> FloatArray:
        """[1,w] 1 where the `hole` [h,w] between the lips is a slit too thin to look into, 0 where it is open."""
        height = cv2.GaussianBlur(hole.sum(axis=0, dtype=np.float32)[None], (0, 0), 1.0)
        return np.exp(-((height / (SLIT_CM * self._geometry.fit.scale)) ** 2))

    def _lip_colour(self) -> FloatArray:
        """[3] the lips' own."""
        geometry = self._geometry
        box = Window.around(geometry.landmark_points(geometry.rest_points, OUTER_LIPS), 0, self._image.shape)
        outline, inner = (geometry.landmark_points(geometry.rest_points, lips) for lips in (OUTER_LIPS, INNER_LIPS))
        lips = box.polygon(outline) & ~box.polygon(inner)
        colours = self._image[box.slices][lips].astype(np.float32)
        return np.median(colours, axis=0) if len(colours) else np.zeros(3, np.float32)

    def _lip_colours(self, source: ByteArray, where: FloatArray, likeness: float) -> FloatArray:
        """[h,w,3] lips and the skin around them, that lie at `where` [h,w,2] px in the picture."""
        own = sample(source, where - self._origin)
        box = self._lip_window
        local = where - box.corner
        inside = (local >= 1).all(axis=2) & (local < [box.width - 2, box.height - 2]).all(axis=2)
        lips = sample(self._lips, local)
        return blend(own, lips[..., :3], np.where(inside, (1.0 - likeness) * lips[..., 3], 0.0))

    def _likeness(self, points: FloatArray) -> float:
        """1 where the lips lie as in the picture, falling to 0 as they leave it: then its inside tells nothing."""
        lips = self._geometry.landmark_points(points - self._geometry.rest_points, INNER_LIPS)
        moved = np.linalg.norm(lips, axis=1).mean() / (LIKENESS_CM * self._geometry.fit.scale)
        return float(np.exp(-(moved**2)))

    def _closed_lips(self, inner: FloatArray) -> tuple[Window, FloatArray]:
        """The picture around the mouth, with lips in place of what is seen between them, and where [h,w,3 + 1].

        inner: [N,2] px. Where lips roll or part, their rims come to light, which the picture hides, or shows teeth at.
        """
        margin = RIM_MARGIN_CM * self._geometry.fit.scale
        window = Window.around(inner, 8 * margin + 4, self._image.shape)
        away = window.distance(inner)
        picture = self._image[window.slices].astype(np.float32)
        lips = smooth_fill(picture, away > margin)
        depth = cv2.distanceTransform((away <= margin).astype(np.uint8), cv2.DIST_L2, 3) / (2 * margin)
        lips *= (1.0 - RIM_SHADE * np.clip(depth, 0.0, 1.0))[..., None]
        near = np.clip(2.0 - away / margin, 0.0, 1.0)
        return window, np.concatenate([lips, near[..., None]], axis=2)

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
        return shown


def _part(
    lips: FloatArray, hole: BoolArray, between: BoolArray, radius: float, likeness: float
) -> tuple[FloatArray, FloatArray]:
    """`lips` [h,w,3] continued into the `hole` [h,w] in the mesh, and how far each pixel [h,w] of it stands open.

    The mesh's edge is ragged where lips roll: it is smoothed over `radius` px, and no part of it opens that isn't
    `between` [h,w] the lips' landmarks, unless the picture's own mouth is shown (`likeness` 1). A slit that is thinner
    than the radius does not open, but is a dark line.
    """
    near, share = spread(lips, ~hole, radius)
    seen = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), EDGE_PX)
    inside = np.clip(2.0 * cv2.GaussianBlur(between.astype(np.float32), (0, 0), EDGE_PX), 0.0, 1.0)
    opening = np.clip(0.5 + (0.5 - share) * EDGE_STEEPNESS * radius, 0.0, 1.0) * inside
    line = seen * inside * (1.0 - opening)
    lips = np.where((hole & (share > 1e-2))[..., None], near, lips) * tinted(1.0 - SHUT_LINE * (1.0 - likeness) * line)
    return lips, opening + (np.where(hole, 1.0, seen) - opening) * likeness
