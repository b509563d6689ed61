"""The mouth: lips at the picture's own resolution, and what lies behind them, drawn with a depth buffer.

The upper teeth belong to the skull, lower teeth, gums and tongue to the jaw. What the picture itself shows of the
mouth's inside is carried by the part it lies on; the rest takes the model's colours, lit by the white of the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial

import cv2
import numpy as np

from talker.face.camera import FACE_WIDTH_CM
from talker.face.landmarks import INNER_LIPS, MOUTH_CORNERS, OUTER_LIPS
from talker.face.raster import Fragments
from talker.render.inside_light import LightBehind
from talker.render.lent_teeth import LentTeeth
from talker.render.light import lip_colours, tinted
from talker.render.lip_contact import UPPER_RIM, LipContact, LipContactParams
from talker.render.lower_rim import LowerRim, LowerRimParams
from talker.render.mouth_inside import InsideParams, MouthInside
from talker.render.patch import Window, blend, feather, lay, sample, spread, textured
from talker.render.sampling import BORDER
from talker.render.smooth_fill import smooth_fill
from talker.render.source import Appearance, MeshFrame, SourceFrame
from talker.render.teeth import OwnTeethParams, Teeth, find_teeth
from talker.types import BoolArray, ByteArray, FloatArray

Holes = tuple[BoolArray, BoolArray]  # [h,w] what is seen to stand open between the lips, and the mesh's own opening


@dataclass(frozen=True)
class LipParams:
    """How lips and their edges are drawn: lengths in cm of the face model, shades and shares 0..1."""

    own_inside_cm: float = (
        0.6  # mean motion of the lips after which the picture's own mouth inside is no guide any more
    )
    rim_margin_cm: float = 0.1  # lips are taken from this far outside the measured inner line
    rim_blur: float = 1.0  # of the margin: small spots beside it would become streaks
    rim_shade: float = 0.2  # the lips' wet inside is this much darker
    edge_cm: float = 0.06  # over which the lips' edge is smoothed,
    edge_px: float = 0.8  # and at least; so far reaches the dark line between shut lips, too
    edge_steepness: float = 2.0  # makes the smoothed edge one pixel wide
    own_row_cm: float = 0.05  # what the jaw carries this far from the picture's upper row shows none of it any more
    own_side_cm: float = 0.4  # and so far none of the side teeth, which are mostly too dark to be found
    side_teeth_cm: tuple[float, float] = (0.8, 0.08)  # as far beside and below the row its side teeth may be
    corner_cm: float = 0.45  # this near to a corner of the mouth, skin closes it
    corner_shade: tuple[float, float, float] = (0.2, 0.13, 0.12)  # its colour against the lips'
    pit_cm: float = 0.25  # around a corner of an open mouth skin folds into a dark pit,
    pit_inward: float = 0.025  # of the mouth's width further in,
    pit_shade: float = 0.6  # this much darker at most
    slit_cm: float = 0.2  # a mouth that is open no further than this is a dark line
    shut_line: float = 0.35  # how dark the line between shut lips is
    margin_cm: float = 0.06 * FACE_WIDTH_CM  # around the lips, over which they blend into the rest
    reach_cm: float = 3.0  # skin around the lips that is drawn at full resolution
    contact: LipContactParams = field(default_factory=LipContactParams)
    rim: LowerRimParams = field(default_factory=LowerRimParams)


class Mouth:
    """Draws one portrait's lips and mouth."""

    def __init__(
        self,
        source: SourceFrame,
        appearance: Appearance,
        params: LipParams,
        inside: InsideParams,
        own_teeth: OwnTeethParams,
        lent: LentTeeth | None = None,
    ) -> None:
        """lent: the upper row that another picture of the person shows; its own when None."""
        self._params, self._geometry, self._image, self._lent = params, source.geometry, source.image, lent
        self._origin, self._tint = source.region.corner, source.light.tint
        lips = source.landmark_points(*OUTER_LIPS)
        self._skin = source.skin_near(lips.mean(0), params.reach_cm * source.unit + float(np.ptp(lips[:, 0])) / 2)
        traits, corners = source.geometry.traits, self._skin.vertices[self._skin.triangles]
        # [F'] 1 for a triangle of the skin on the lower lip, -1 on the upper one, else 0
        self._lower = np.sign(traits.lower_lip[corners].sum(1) - traits.upper_lip[corners].sum(1))
        self._contact = LipContact(source, self._lower, params.contact)
        lip_pixels = lip_colours(self._image, source.geometry)
        self._lip_colour = np.median(lip_pixels, axis=0) if len(lip_pixels) else np.zeros(3, np.float32)
        self._corner_colour = self._lip_colour * np.array(params.corner_shade, np.float32)  # of what closes the corners
        self._edge = max(params.edge_px, params.edge_cm * source.unit)  # px
        self._inner = source.landmarks[list(INNER_LIPS), :2]
        self._find_teeth = partial(_find_teeth, source, appearance, own_teeth, lent)
        self._make_inside = partial(MouthInside, source, appearance, params=inside, lips=self._lip_colour)

    # what only some frames need is made when the first of them comes: a video's frames are drawn once each

    @cached_property
    def _teeth(self) -> Teeth | None:
        return self._find_teeth()

    @cached_property
    def _inside(self) -> MouthInside:
        return self._make_inside(teeth=self._teeth)

    @cached_property
    def _opening(self) -> tuple[Window, BoolArray]:
        """A window of the picture, and the hole [h,w] there that the mesh has between the lips."""
        geometry = self._geometry
        outline = geometry.landmark_points(geometry.rest_points, OUTER_LIPS)
        window = Window.around(outline, 4, self._image.shape)
        skin = window.rasterise(geometry.rest_points, geometry.rest_camera, self._skin)
        return window, window.polygon(outline) & ~skin.covered

    @cached_property
    def _rim(self) -> LowerRim | None:
        """None where no teeth tell what is lip, and in videos, where it would change from frame to frame."""
        window, hole = self._opening
        if self._teeth is None or self._lent is not None or not hole.any():
            return None
        picture, unit = self._image[window.slices].astype(np.float32), self._geometry.fit.scale
        return LowerRim.find(picture, window, hole, self._teeth.brightest, unit, self._params.rim)

    @cached_property
    def _light_behind(self) -> LightBehind:
        if self._rim is None or self._teeth is None:
            return LightBehind()
        window, hole = self._opening
        row = np.zeros(self._image.shape[:2], np.float32)
        row[self._teeth.window.slices] = self._teeth.opacity
        free = hole & window.polygon(self._inner) & ~self._rim.lip & (row[window.slices] < 0.3)
        return self._inside.light_behind(window, self._image[window.slices], hole, free)

    @cached_property
    def _shown(self) -> FloatArray | None:
        return self._shown_inside()

    @cached_property
    def _row_and_beside(self) -> FloatArray:
        """[h,w] opacity of the picture's upper row, in its window, and of side teeth that are too dark to be found."""
        assert self._teeth is not None
        across, down = (round(2 * reach * self._geometry.fit.scale) + 1 for reach in self._params.side_teeth_cm)
        return cv2.dilate(self._teeth.opacity, np.ones((down, across), np.uint8))

    @cached_property
    def _closed(self) -> tuple[Window, FloatArray]:
        return self._closed_lips(self._inner)

    def draw(self, frame: ByteArray, mesh: MeshFrame) -> None:
        """Draw lips and mouth into `frame` [H,W,3], in place."""
        geometry = self._geometry
        outline = geometry.landmark_points(mesh.points, OUTER_LIPS)
        margin = self._params.margin_cm * geometry.fit.scale
        window = Window.around(outline, margin, frame.shape)
        skin = window.rasterise(mesh.points, mesh.camera, self._skin)
        own, vertices = self._own_share(mesh), self._skin.vertices
        places = geometry.rest_points[vertices] + (BORDER - self._origin)
        values = np.concatenate([places, mesh.ratio[vertices, None]], axis=1)  # [V',3]
        away = window.distance(outline)
        inside_lips = away == 0
        hole = inside_lips & ~skin.covered
        seen = hole | self._rolled(window, mesh, hole, skin)
        picture = frame[window.slices]
        box, closed = self._closed
        corner = (box.corner + (BORDER - self._origin)).astype(np.float32)
        patch = textured(skin, self._skin, values, mesh.source, self._tint, picture, closed, corner, 1.0 - own)
        if self._rim is not None and self._rim.lip.any() and hole.any():
            seen &= ~self._draw_rim(window, hole, skin, patch, own)
        self._contact.draw(patch, skin, inside_lips, 1.0 - own)
        if seen.any():
            around = 3 * self._edge + 2 * self._params.pit_cm * geometry.fit.scale  # px
            box = window.within(seen, margin=int(around) + 1)
            part = window.local(box)
            patch[part] = self._draw_opening(box, mesh, (seen[part], hole[part]), patch[part], own)
        lay(picture, patch, np.clip(2.0 * (1.0 - away / margin), 0.0, 1.0))

    def _rolled(self, window: Window, mesh: MeshFrame, hole: BoolArray, skin: Fragments) -> BoolArray:
        """[h,w] what the inner side of the mesh's upper lip covers below its edge, if the picture shows teeth: they
        reach up to the edge there. No more of it than stands open in the `hole` [h,w] below.
        """
        if not hole.any() or self._teeth is None:
            return np.zeros_like(hole)
        rolled = window.polygon(self._geometry.landmark_points(mesh.points, INNER_LIPS)) & skin.covered
        rolled &= self._lower[skin.triangle] < 0
        return rolled & (np.cumsum(rolled[::-1], axis=0)[::-1] <= hole.sum(axis=0))

    def _draw_rim(self, window: Window, hole: BoolArray, skin: Fragments, patch: FloatArray, own: float) -> BoolArray:
        """Draw the lower lip's rim into the `hole` [h,w] of the `patch` [h,w,3], in place; which pixels [h,w] it is."""
        assert self._rim is not None
        places = skin.interpolate(self._skin.triangles, self._geometry.rest_points[self._skin.vertices])
        lip, where = self._rim.in_hole(hole, places, skin.covered)
        if lip.any():
            part = window.local(window.within(lip))
            box, closed = self._closed
            over = cv2.remap(closed, where[part] - box.corner, None, cv2.INTER_LINEAR)
            colour = blend(sample(self._image, where[part]), over[..., :3], (1.0 - own) * over[..., 3])
            patch[part] = np.where(lip[part][..., None], colour, patch[part])
        return lip

    def _draw_opening(self, window: Window, mesh: MeshFrame, holes: Holes, lips: FloatArray, own: float) -> FloatArray:
        """[h,w,3] the edges of the `lips` [h,w,3] around what is open between them, and what lies behind."""
        hole, lets_light_in = holes
        inner = self._geometry.landmark_points(mesh.points, INNER_LIPS)
        patch, opening = self._part(lips, hole, window.polygon(inner), own)
        if opening.any():
            box = window.within(opening > 0)
            part = window.local(box)
            inside = self._draw_inside(box, mesh, (hole[part], lets_light_in[part]), own)
            near = self._near(box, inner, self._params.corner_cm, 0.0)
            shut = np.maximum(near, self._thinness(hole[part]))
            inside = blend(inside, self._corner_colour, (1.0 - own) * shut)
            patch[part] = blend(patch[part], inside, opening[part])
        dark = self._params.pit_shade * (1.0 - own) * self._pits(window, hole, inner)
        return patch * tinted(1.0 - dark, self._tint)

    def _draw_inside(self, window: Window, mesh: MeshFrame, holes: Holes, own: float) -> FloatArray:
        """[h,w,3] what lies behind the lips, as far as `own` 0..1 goes the picture's own."""
        colour, where, known = self._inside.draw(window, mesh, *holes, self._light_behind)
        if self._shown is None:
            return colour
        seen = cv2.remap(self._shown, where, None, cv2.INTER_LINEAR) * self._own_place(window, mesh, where)
        return blend(colour, sample(self._image, where), seen * known * own)

    def _own_place(self, window: Window, mesh: MeshFrame, where: FloatArray) -> FloatArray:
        """[h,w] 0 where the picture's upper row would be seen away from its place in the skull, or under a lip that has
        left it with its shadow; 1 elsewhere.

        where: [h,w,2] px of the picture that each pixel shows: lower teeth and gums lie behind the row.
        """
        if self._teeth is None:
            return np.ones(where.shape[:2], np.float32)
        place = where - self._teeth.window.corner
        row, beside = (
            cv2.remap(one, place, None, cv2.INTER_LINEAR) for one in (self._teeth.opacity, self._row_and_beside)
        )
        skull = mesh.drift[slice(*self._geometry.model.parts["upper_teeth"])].mean(0)  # px
        there, rest = (self._geometry.landmark_points(v, UPPER_RIM) for v in (mesh.points, self._geometry.rest_points))
        lift = float(np.linalg.norm((there - rest).mean(axis=0) - skull))
        aside = np.maximum(np.linalg.norm(window.pixels() - skull - where, axis=2), lift)
        aside /= self._geometry.fit.scale
        away = row * aside / self._params.own_row_cm, beside * aside / self._params.own_side_cm
        return 1.0 - np.clip(np.maximum(*away), 0.0, 1.0)

    def _near(self, window: Window, inner: FloatArray, reach_cm: float, inward: float) -> FloatArray:
        """[h,w] 1 at the corners of the mouth, or a share `inward` of its width beside, falling to 0 away from them.

        inner: the landmarks INNER_LIPS, px.
        """
        pixels, reach = window.pixels(), reach_cm * self._geometry.fit.scale
        one, other = (inner[INNER_LIPS.index(corner)] for corner in MOUTH_CORNERS)
        ends = one + inward * (other - one), other + inward * (one - other)
        near = [np.exp(-(((pixels - end) / reach) ** 2).sum(axis=2)) for end in ends]
        return np.maximum(*near)

    def _pits(self, window: Window, hole: BoolArray, inner: FloatArray) -> FloatArray:
        """[h,w] 1 in the corners' pits of an open mouth, 0 elsewhere and where the `hole` [h,w] is still a slit."""
        opened = 1.0 - float(self._thinness(hole).min())
        return opened * self._near(window, inner, self._params.pit_cm, self._params.pit_inward)

    def _thinness(self, hole: BoolArray) -> FloatArray:
        """[1,w] 1 where the `hole` [h,w] between the lips is a slit too thin to look into, 0 where it is open."""
        height = cv2.GaussianBlur(hole.sum(axis=0, dtype=np.float32)[None], (0, 0), 1.0)
        return np.exp(-((height / (self._params.slit_cm * self._geometry.fit.scale)) ** 2))

    def _own_share(self, mesh: MeshFrame) -> float:
        """1 where the lips lie as in the picture, falling to 0 as they leave it: then its inside tells nothing."""
        points = (mesh.points, mesh.drift, self._geometry.rest_points)
        there, drift, rest = (self._geometry.landmark_points(values, INNER_LIPS) for values in points)
        lips = there - drift - rest
        moved = np.linalg.norm(lips, axis=1).mean() / (self._params.own_inside_cm * self._geometry.fit.scale)
        return float(np.exp(-(moved**2)))

    def _closed_lips(self, inner: FloatArray) -> tuple[Window, FloatArray]:
        """The picture around the mouth, with lips in place of what is seen between them, and where [h,w,3 + 1].

        inner: [N,2] px. Where lips roll or part, their rims come to light, which the picture hides, or shows teeth at.
        """
        margin = self._params.rim_margin_cm * self._geometry.fit.scale
        window = Window.around(inner, 8 * margin + 4, self._image.shape)
        away = window.distance(inner) if self._rim is None else self._away_from_mouth(window, inner)
        picture = self._image[window.slices].astype(np.float32)
        even, _ = spread(picture, away > margin, self._params.rim_blur * margin)
        lips = smooth_fill(even, away > margin)
        depth = cv2.distanceTransform((away <= margin).astype(np.uint8), cv2.DIST_L2, 3) / (2 * margin)
        lips *= (1.0 - self._params.rim_shade * np.clip(depth, 0.0, 1.0))[..., None]
        near = np.clip(2.0 - away / margin, 0.0, 1.0)
        return window, np.concatenate([lips, near[..., None]], axis=2)

    def _away_from_mouth(self, window: Window, inner: FloatArray) -> FloatArray:
        """[h,w] px from what in the `window` lies between the lips `inner` [N,2] px and is not the lower one's rim."""
        assert self._rim is not None
        lip = np.zeros(self._image.shape[:2], bool)
        lip[self._rim.window.slices] = self._rim.lip
        outside = ~window.polygon(inner) | lip[window.slices]
        return cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, 3)

    def _shown_inside(self) -> FloatArray | None:
        """[H,W] 0..1 where the picture itself shows the inside of the mouth; None when it is shut."""
        box, hole = self._opening
        if self._rim is not None:
            hole = hole & ~self._rim.lip
        if hole.sum() < (0.1 * self._geometry.fit.scale) ** 2 * 8:
            return None
        shown = np.zeros(self._image.shape[:2], np.float32)
        shown[box.slices] = feather(hole, 1.5)
        return shown

    def _part(self, lips: FloatArray, hole: BoolArray, between: BoolArray, own: float) -> tuple[FloatArray, FloatArray]:
        """`lips` [h,w,3] continued into the `hole` [h,w] in the mesh, and how far each pixel [h,w] of it stands open.

        The mesh's edge is ragged where lips roll: it is smoothed over a few px, and no part of it opens that isn't
        `between` [h,w] the lips' landmarks, unless the picture's own mouth is shown (`own` 1). A slit that is thinner
        than the radius does not open, but is a dark line.
        """
        radius, edge_px = self._edge, self._params.edge_px
        near, share = spread(lips, ~hole, radius)
        seen = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), edge_px)
        inside = np.clip(2.0 * cv2.GaussianBlur(between.astype(np.float32), (0, 0), edge_px), 0.0, 1.0)
        opening = np.clip(0.5 + (0.5 - share) * self._params.edge_steepness * radius, 0.0, 1.0) * inside
        line = seen * inside * (1.0 - opening)
        dark = tinted(1.0 - self._params.shut_line * (1.0 - own) * line, self._tint)
        lips = np.where((hole & (share > 1e-2))[..., None], near, lips) * dark
        return lips, opening + (np.where(hole, 1.0, seen) - opening) * own


def _find_teeth(
    source: SourceFrame, appearance: Appearance, params: OwnTeethParams, lent: LentTeeth | None
) -> Teeth | None:
    """The upper row that a picture of the person shows: the `lent` one, or else its own."""
    teeth = None if lent is None else lent.on(source)
    return find_teeth(source, appearance.white, params) if teeth is None else teeth
