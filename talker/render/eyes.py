"""The eyes: lids at the picture's own resolution over an eyeball that stays where it is.

Once per portrait an eyeball plate is made: the white, continued smoothly under the lids and the iris, and the iris
as a disc of its own, completed where a lid hides it. Gaze moves the disc; lids open and close over the plate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import cv2
import numpy as np
from numba import njit

from talker.face.landmarks import EYE_LIDS, IRIS_OF, LID_CORNERS
from talker.render.lids import Lid, LidParams, Slit
from talker.render.patch import (
    Window,
    blend,
    continued,
    feather,
    lay,
    linearly,
    mirrored,
    sample,
    soft_edge,
    textured,
    within,
)
from talker.render.sampling import BORDER
from talker.render.source import MeshFrame, SourceFrame
from talker.types import AnyArray, BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class EyeParams:
    """How the eyeball is made and drawn: lengths in cm of the face model, shades and shares 0..1."""

    reach_cm: float = 2.2  # skin around the eye that is drawn at full resolution
    shutting: tuple[float, float] = (0.1, 0.5)  # from here on, and over this, a closing lid shows its own skin
    edge_blur_cm: float = 0.04  # the lids' colours go on this far into the opening
    slit_cm: float = 0.3  # lids this close shade the ball,
    slit_shade: float = 0.6  # in the end by this much
    rim_margin_cm: float = 0.06  # the lash line lies this far outside the measured lid line
    clean_white: float = 0.62  # of the white's brightness: darker pixels are lashes or shadow
    white_saturation: float = 0.75  # of what is measured: skin and lashes beside the small white colour it
    white_edge: float = 0.8  # brightness of the white where the ball turns away,
    ball_radius_cm: float = 1.5  # so far from the iris
    shadow_steps: int = 9  # in which the upper lid's shadow is measured,
    shadow_step_cm: float = 0.05  # each so far below the last
    least_shadow: tuple[float, float] = (0.55, 0.95)  # every lid's: brightness at its edge, and at the last step
    white_blur_cm: float = 0.08  # over which the picture's own white passes to the ball's
    own_ball_cm: float = 0.12  # after this much gaze or widening the eyeball is drawn from its plate
    rings_per_radius: int = 12
    limbus: float = 1.12  # the iris' dark rim and its blur reach this far beyond the measured radius


@dataclass(frozen=True)
class Plate:
    """The eyeball behind the lids, in picture pixels of `window`, without the upper lid's shadow.

    white: [h,w,3] without iris. iris: [h,w,3] complete disc. opacity: [h,w,1] of the disc.
    shadow: [n] brightness under the upper lid by distance from it, in steps of `EyeParams.shadow_step_cm`.
    """

    window: Window
    white: FloatArray
    iris: FloatArray
    opacity: FloatArray
    shadow: FloatArray


class Eye:
    """Draws one eye of one portrait; `side` is the person's own."""

    def __init__(self, source: SourceFrame, side: str, params: EyeParams, lid: LidParams) -> None:
        self._params, self._geometry, self._image, self._side = params, source.geometry, source.image, side
        self._tint, self._region = source.light.tint, source.region
        upper, lower = EYE_LIDS[side]
        corner_a, corner_b = LID_CORNERS[side]
        self._outline = (corner_a, *upper, corner_b, *reversed(lower))
        rest = source.landmark_points(*self._outline)  # [16,2] px
        self._near = source.geometry.near(rest.mean(0), params.reach_cm * source.unit)
        self._skin = source.skin_near(rest.mean(0), params.reach_cm * source.unit)
        self._ball = slice(*source.geometry.model.parts[f"iris_{side.lower()}"])
        iris = source.landmarks[list(IRIS_OF[side]), :2]
        self._iris_centre = iris[0]
        self._iris_radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
        self._rest_height = self._height(rest)
        self._rest, self._make_lid = rest, partial(Lid, source, rest, side, lid)
        self._rims = self._rim_shifts(rest)

    # what only some frames need is made when the first of them comes: a video's frames are drawn once each

    @cached_property
    def lid(self) -> Lid:
        """The shut lid."""
        return self._make_lid()

    @cached_property
    def _hole(self) -> tuple[BoolArray, Window]:
        return self._rest_hole(self._rest)

    @cached_property
    def white(self) -> FloatArray:
        """[3] colour of the eye's white in the picture."""
        hole, window = self._hole
        return _brightest(self._image[window.slices][hole])

    @cached_property
    def _plate(self) -> Plate:
        return self._make_plate(self._rest, *self._hole)

    def draw(self, frame: ByteArray, mesh: MeshFrame) -> None:
        """Draw lids and eyeball into `frame` [H,W,3], in place."""
        geometry = self._geometry
        outline = geometry.landmark_points(mesh.points, self._outline)
        margin = 0.45 * geometry.fit.scale
        height = self._height(outline)
        shut = self._shut(height)
        closing = float(np.clip((shut - self._params.shutting[0]) / self._params.shutting[1], 0.0, 1.0))
        turn = mesh.drift[self._ball].mean(0)  # [2] px by which the head's turn moves this eye
        area = self.lid.area(outline, turn, closing) if closing > 0 else outline
        window = Window.around(area, margin * 1.5, frame.shape)
        skin = window.rasterise(mesh.points, mesh.camera, self._skin)
        vertices = self._skin.vertices
        values = np.empty((len(vertices), 3), np.float32)
        values[:, :2] = geometry.rest_points[vertices] + self._rims[vertices] * shut + (BORDER - self._region.corner)
        values[:, 2] = mesh.ratio[vertices]
        away = window.distance(area)
        near = away if closing == 0 else window.distance(outline)
        hole = (near <= margin * 0.5) & ~skin.covered
        picture = frame[window.slices]
        patch = textured(skin, self._skin, values, mesh.source, self._tint, picture)
        opening = 1.0 - soft_edge(~hole)
        slit = None
        if shut > 0:
            slit = Slit.between(outline, window.pixels())
            sharp = min(1.0, shut / self._params.shutting[0])  # the mesh's own edge is ragged where it rolls in
            opening += (slit.open - opening) * sharp
            patch = continued(patch, hole, self._params.edge_blur_cm * geometry.fit.scale)
            if closing > 0:
                share = skin.interpolate(self._skin.triangles, self.lid.share[vertices, None])[..., 0]
                patch = self.lid.paint(patch, window, slit, turn, closing * np.where(hole, 1.0, share))
        if opening.any():
            gaze = self._iris(mesh.points) - self._iris(geometry.rest_points) - turn
            box = window.within(opening > 0)
            part = window.local(box)
            ball = self._ball_colours(box, turn, gaze, outline, self._own_share(height, gaze))
            patch[part] = blend(patch[part], ball * np.float32(1.0 - closing * self._slit_shade(height)), opening[part])
        if slit is not None and closing > 0:
            patch = self.lid.draw_lashes(patch, slit, closing)
        lay(picture, patch, np.clip(1.5 - away / margin, 0.0, 1.0))

    def _iris(self, points: FloatArray) -> FloatArray:
        """[2] px, the middle of the iris on the mesh `points` [V,2]; the ball's own middle hardly moves as it turns."""
        return self._geometry.landmark_points(points, (IRIS_OF[self._side][0],))[0]

    def _height(self, outline: FloatArray) -> float:
        """Mean opening (px) of the lids whose landmarks are `outline`."""
        upper, lower = outline[1:8], outline[:8:-1]
        return float(np.linalg.norm(upper - lower, axis=1).mean())

    def _slit_shade(self, height: float) -> float:
        """How much darker the eyeball is between lids that all but meet, `height` px apart."""
        return self._params.slit_shade * max(0.0, 1.0 - height / (self._params.slit_cm * self._geometry.fit.scale))

    def _shut(self, height: float) -> float:
        """0 while the lids are as far open, `height` px, as in the picture, 1 when they are shut."""
        return min(max(1.5 * (1.0 - height / max(self._rest_height, 1.0)), 0.0), 1.0)

    def _rim_shifts(self, outline: FloatArray) -> FloatArray:
        """[V,2] px from where a lid's inner rim lies in the picture, on the eyeball, to the skin beside it.

        The rim comes to light when the eye is shut. outline: [16,2] px of the lids in the picture.
        """
        geometry = self._geometry
        near = np.flatnonzero(self._near)
        points = geometry.rest_points[near]
        margin = self._params.rim_margin_cm * geometry.fit.scale
        is_upper = geometry.traits.lids[self._side][near] > 0.35
        upper, lower = (_line(outline[list(lid)], points[:, 0]) for lid in (range(9), (0, *range(15, 7, -1))))
        above, below = np.minimum(upper - margin - points[:, 1], 0), np.maximum(lower + margin - points[:, 1], 0)
        shifts = np.zeros_like(geometry.rest_points)
        inside = (points[:, 0] > outline[:, 0].min()) & (points[:, 0] < outline[:, 0].max())
        between = ~is_upper & (points[:, 1] < upper)  # skin above the eye has nothing to hide
        shifts[near, 1] = np.where(is_upper, above, below) * (inside & ~between)
        return shifts

    def _ball_colours(
        self, window: Window, turn: FloatArray, gaze: FloatArray, outline: FloatArray, own: float
    ) -> FloatArray:
        """[h,w,3] the eyeball as the window sees it, as far as `own` 0..1 goes as in the picture."""
        if own == 1.0:
            return sample(self._image, window.pixels() - turn)
        plate = self._plate
        ball = np.empty((window.height, window.width, 3), np.float32)
        columns = np.arange(window.left, window.left + window.width, dtype=np.float32)
        lid = _line(outline[:9], columns) - window.top  # px below the window's upper edge
        step = self._params.shadow_step_cm * self._geometry.fit.scale
        _draw_ball(
            self._image, (window.corner - turn).astype(np.float32), plate.white, plate.iris, plate.opacity,
            plate.window.corner, gaze.astype(np.float32), lid.astype(np.float32), plate.shadow, step, own, ball,
        )  # fmt: skip
        return ball

    def _own_share(self, height: float, gaze: FloatArray) -> float:
        """1 while lids and gaze show no more of the eyeball than the picture does, falling to 0 as they do."""
        unit = self._params.own_ball_cm * self._geometry.fit.scale
        wider = max(height - self._rest_height, 0.0) / unit
        return math.exp(-(wider**2) - (gaze[0] ** 2 + gaze[1] ** 2) / unit**2)

    def _shadow(self, window: Window, outline: FloatArray, profile: FloatArray) -> FloatArray:
        """[h,w] brightness 0..1 below the upper lid, whose landmarks are the first nine of `outline`."""
        pixels = window.pixels()
        below = pixels[..., 1] - _line(outline[:9], pixels[0, :, 0])  # px, of a line that has one height in each column
        steps = below / (self._params.shadow_step_cm * self._geometry.fit.scale)
        return np.interp(steps, np.arange(len(profile)), profile).astype(np.float32)

    def _rest_hole(self, outline: FloatArray) -> tuple[BoolArray, Window]:
        """[h,w] pixels of the opening between the lids at `outline` [16,2] px in the picture, and their window."""
        geometry = self._geometry
        window = Window.around(outline, 1.2 * geometry.fit.scale, self._image.shape)
        skin = window.rasterise(geometry.rest_points, geometry.rest_camera, self._skin)
        area = window.distance(outline) <= 0.2 * geometry.fit.scale
        return area & ~skin.covered, window

    def _white_ball(self, picture: FloatArray, clean: BoolArray, window: Window) -> FloatArray:
        """[h,w,3] the white: the colour of its `clean` [h,w] bright part on a ball that turns away at its sides."""
        colour = self.white
        if clean.sum() > 8:
            seen = picture[clean]
            colour = np.median(seen[seen.mean(axis=1) >= np.median(seen.mean(axis=1))], axis=0)
        grey = colour.mean()
        colour = grey + self._params.white_saturation * (colour - grey)
        away = np.linalg.norm(window.pixels() - self._iris_centre, axis=2) / (
            self._params.ball_radius_cm * self._geometry.fit.scale
        )
        ball = (colour * (1.0 - (1.0 - self._params.white_edge) * np.clip(away, 0.0, 1.0)[..., None] ** 2)).astype(
            np.float32
        )
        near = cv2.GaussianBlur(clean.astype(np.float32), (0, 0), self._params.white_blur_cm * self._geometry.fit.scale)
        return blend(ball, picture, clean * np.clip(2.0 * near - 1.0, 0.0, 1.0))

    def _make_plate(self, outline: FloatArray, hole: BoolArray, window: Window) -> Plate:
        """outline: [16,2] px of the lids in the picture. hole: [h,w] the opening between them."""
        picture = self._image[window.slices].astype(np.float32)
        away = np.linalg.norm(window.pixels() - self._iris_centre, axis=2) / max(self._iris_radius, 1.0)
        light = picture.mean(axis=2)
        # lashes and their shadow lie on the edge of the opening: what lies under the lids is continued from inside
        depth = self._shadow(
            window, outline, np.linspace(0, 1, self._params.shadow_steps)
        )  # 0 at the lid, 1 beyond its shadow
        clean = (
            hole & (away > self._params.limbus) & (light > self._params.clean_white * self.white.mean()) & (depth > 0.4)
        )
        white = self._white_ball(picture, clean, window)
        iris = _complete_disc(picture, hole & (depth > 0.6), away, self._params)
        opacity = np.clip((self._params.limbus + 0.1 - away) / 0.2, 0, 1).astype(np.float32)
        bare = blend(white, iris, opacity)
        return Plate(window, white, iris, opacity[..., None], _shadow_profile(picture, bare, hole, depth, self._params))


def _brightest(colours: ByteArray) -> FloatArray:
    """[3] mean of the brightest of `colours` [N,3]; white in some light when there are too few."""
    if len(colours) < 8:
        return np.full(3, 200.0, np.float32)
    known = colours.astype(np.float32)
    brightness = known.mean(axis=1)
    return known[brightness >= np.percentile(brightness, 85)].mean(0)


def _complete_disc(picture: FloatArray, seen: BoolArray, away: FloatArray, params: EyeParams) -> FloatArray:
    """[h,w,3] the iris with what the lids hide completed: each ring takes the mean colour of its visible part."""
    rings = np.clip((away * params.rings_per_radius).astype(int), 0, 4 * params.rings_per_radius)
    visible = seen & (away < params.limbus + 0.2)
    if not visible.any():
        return picture
    counts = np.bincount(rings[visible], minlength=rings.max() + 1)
    known = np.flatnonzero(counts)
    profile = np.stack(
        [np.bincount(rings[visible], picture[visible][:, channel])[known] / counts[known] for channel in range(3)], 1
    )  # [known rings,3]
    completed = np.stack(
        [np.interp(away * params.rings_per_radius - 0.5, known, profile[:, channel]) for channel in range(3)], axis=-1
    )
    return blend(completed, picture, feather(seen, 2.0)).astype(np.float32)


def _shadow_profile(
    picture: FloatArray, bare: FloatArray, hole: BoolArray, depth: FloatArray, params: EyeParams
) -> FloatArray:
    """[n] brightness of the picture against the shadowless eyeball `bare`, by distance from the lid."""
    step = np.round(depth * (params.shadow_steps - 1)).astype(int)
    ratio = picture.mean(axis=2) / np.maximum(bare.mean(axis=2), 8.0)
    profile = np.ones(params.shadow_steps, np.float32)
    for number in range(params.shadow_steps - 1):
        here = hole & (step == number)
        if here.sum() > 2:
            profile[number] = np.clip(np.median(ratio[here]), 0.35, 1.0)
    least = np.linspace(*params.least_shadow, params.shadow_steps, dtype=np.float32)
    return np.minimum(np.maximum.accumulate(profile), np.sqrt(least))


def _line(lid: FloatArray, columns: FloatArray) -> FloatArray:
    """[V] px height of the lid line through the landmarks `lid` [9,2] at `columns` [V] px."""
    order = np.argsort(lid[:, 0])
    return np.interp(columns, lid[order, 0], lid[order, 1])


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _draw_ball(
    image: AnyArray,
    corner: AnyArray,
    white: AnyArray,
    iris: AnyArray,
    opacity: AnyArray,
    origin: AnyArray,
    gaze: AnyArray,
    lid: AnyArray,
    shadow: AnyArray,
    step: Any,
    own: Any,
    ball: AnyArray,
) -> None:
    """Write an eyeball to `ball` [h,w,3], which begins at `corner` [2] px of the `image`.

    white, iris, opacity, shadow: those of a `Plate` that begins at `origin` [2] px. gaze: [2] px by which the iris is
    moved. lid: [w] px of the upper lid. step: px between the shadow's values. own: 0..1 share of the image itself.
    """
    height, width = white.shape[:2]
    for row in range(ball.shape[0]):
        for column in range(ball.shape[1]):
            x, y = np.float32(column) + corner[0], np.float32(row) + corner[1]
            right, down = within(x - origin[0], width), within(y - origin[1], height)
            aside, below = within(x - origin[0] - gaze[0], width), within(y - origin[1] - gaze[1], height)
            share = linearly(opacity, aside, below, 0)
            place = min(max((np.float32(row) - lid[column]) / np.float32(step), np.float32(0.0)), len(shadow) - 1.001)
            under = np.int32(place)
            shade = shadow[under] + (place - np.float32(under)) * (shadow[under + 1] - shadow[under])
            x, y = mirrored(x, image.shape[1]), mirrored(y, image.shape[0])
            for channel in range(3):
                colour = linearly(white, right, down, channel)
                colour += (linearly(iris, aside, below, channel) - colour) * share
                colour *= shade
                ball[row, column, channel] = colour + (linearly(image, x, y, channel) - colour) * np.float32(own)
