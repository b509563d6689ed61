"""What lies behind the lips: teeth, gums, tongue and cavity, drawn with a depth buffer and lit through the opening.

The upper teeth belong to the skull, lower teeth, gums and tongue to the jaw. The picture's own teeth are laid on the
upper row; the rest takes the model's colours in the picture's light. How much light reaches a point behind the lips is
the part of its view that the opening takes up: a wide mouth shows its tongue, a slit is dark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike

from talker.face.model import INSIDE, vertex_normals
from talker.face.raster import rasterise
from talker.render.affine import Affine
from talker.render.inside_light import InsideLightParams, LightBehind, shine
from talker.render.patch import Window, blend, spread
from talker.render.source import Appearance, MeshFrame, SourceFrame
from talker.render.teeth import Teeth
from talker.render.tongue import Tongue, TongueParams
from talker.render.tooth_rows import ToothRowParams, ToothRows
from talker.types import BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class InsideParams:
    """What lies behind the lips; colours relative to a white surface in the same light."""

    light: InsideLightParams = field(default_factory=InsideLightParams)
    teeth: ToothRowParams = field(default_factory=ToothRowParams)
    tongue: TongueParams = field(default_factory=TongueParams)
    cavity_colour: tuple[float, float, float] = (0.40, 0.25, 0.24)
    gums_colour: tuple[float, float, float] = (0.85, 0.60, 0.60)
    gums_gloss: float = 0.10  # of the white's brightness
    gums_cheek_cm: float = 5.0  # as of the teeth
    fine: int = 2  # subpixels along each axis,
    fine_below: float = 40.0  # when a centimetre has fewer pixels: teeth are small
    tongue_over_lips: float = 1.5  # brightness in the same light: more is not believed,
    least_soft: float = 0.55  # but down to this share it is
    socket_behind_cm: float = 2.5  # the thinned cavity's walls would poke through the teeth
    gap_cm: float = 0.15  # gaps in the model take the colours from this far beside
    tongue_gap_cm: float = 0.25  # between rows no further apart than about this the tongue lies in the dark
    flat_cavity: float = 0.35  # brightness against the lips', in drawings,
    flat_tongue: float = 0.75  # and of the tongue
    softness_cm: float = 0.02  # wet surfaces have no sharp edges between the model's facets


class MouthInside:
    """Draws what one portrait's opening lips uncover."""

    def __init__(
        self,
        source: SourceFrame,
        appearance: Appearance,
        teeth: Teeth | None,
        params: InsideParams,
        lips: FloatArray,
    ) -> None:
        """teeth: the picture's own upper row, when it shows one. lips: [3] their colour."""
        self._geometry, self._teeth, self._params = source.geometry, teeth, params
        model, white = self._geometry.model, appearance.white
        first, end = model.parts[INSIDE[0]][0], model.parts[INSIDE[-1]][1]
        self._vertices = slice(first, end)
        self._triangles = model.inside_triangles - first
        self._parts = {name: slice(*(np.array(model.parts[name]) - first)) for name in INSIDE}
        self._tongue = Tongue(self._geometry, params.tongue)
        rows = {"upper_teeth": params.teeth.upper_colour, "lower_teeth": params.teeth.lower_colour}
        soft = {"mouth_socket": params.cavity_colour, "gums": params.gums_colour, "tongue": params.tongue.colour}
        colour = self._per_vertex(soft | rows)  # [V',3]
        grey = colour.mean(axis=1, keepdims=True)
        self._reddening = 1.0 + (np.array(params.light.reddening, np.float32) - 1.0) * appearance.redness
        self._shadow_tint = 1.0 + (np.array(params.light.shadow_tint, np.float32) - 1.0) * appearance.redness
        self._colour = (grey + (colour - grey) * appearance.redness) * white.astype(np.float32)
        self._darken_soft(list(soft), float(lips.mean()))
        self._places = ToothRows(source, teeth, params.teeth, self._tongue)
        if teeth is not None:
            for name, own in rows.items():
                self._colour[self._parts[name]] = np.array(own) / rows["upper_teeth"] * teeth.brightest
        self._darken_back()
        self._colour[self._parts["tongue"]] *= self._tongue.shade()[:, None] ** self._reddening
        self._papillae, places = self._tongue.texture()
        self._tongue_places = np.zeros((len(colour), 2), np.float32)
        self._tongue_places[self._parts["tongue"]] = places
        gloss = {"gums": params.gums_gloss, "tongue": params.tongue.gloss}
        gloss |= {"upper_teeth": params.teeth.upper_gloss, "lower_teeth": params.teeth.lower_gloss}
        self._gloss = self._per_vertex(gloss) * white.mean()  # [V',1]
        self._rows = self._upper_rows()  # [V',2]
        self._front = float(self._geometry.rest_camera[self._upper, 2].max())
        self._rest, _ = self._places.placed(self._geometry.rest_points)  # [V',2] px
        # [V',10] per frame: colour; always: place in the picture, rows, place on the tongue, 1
        self._attributes = np.concatenate(
            [self._colour, self._rest, self._rows, self._tongue_places, np.ones((len(self._rest), 1))], axis=1
        ).astype(np.float32)
        self._flat = self._plain_colours(lips, white) if appearance.attributes.drawn else None

    @property
    def _upper(self) -> slice:
        return slice(*self._geometry.model.parts["upper_teeth"])

    def draw(
        self, window: Window, mesh: MeshFrame, seen: BoolArray, hole: BoolArray, behind: LightBehind
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Colours [h,w,3], where in the picture each lies [h,w,2] px, and what of that is known [h,w].

        seen: [h,w] of the `window`, between the lips. hole: [h,w] the mesh's own opening, which lets the light in.
        """
        places, gap = self._places.placed(mesh.points, mesh.drift)
        if self._flat is not None:
            flat = np.hstack([self._flat, self._rest, np.ones((len(self._rest), 1))])
            values = self._anti_aliased(window, places, self._depth(mesh.camera[self._vertices]), flat)
            covered = values[..., -1:]
            colour = values[..., :3] + (1.0 - covered) * self._flat[0]
            return colour, values[..., 3:5] / np.maximum(covered, 1e-3), covered[..., 0] > 0.5
        values, colour = self._draw_model(window, mesh.camera, places, gap, hole)
        colour *= behind.at(float(hole.sum())) ** self._shadow_tint
        colour, own = self._lay_teeth(window, colour, values[..., 5], mesh.drift[self._upper].mean(0), seen)
        colour *= self._shadow(hole, values[..., 6], own)[..., None] ** self._shadow_tint
        covered = values[..., -1:]
        return colour, values[..., 3:5] / np.maximum(covered, 1e-3), covered[..., 0] > 0.5

    def light_behind(self, window: Window, picture: ByteArray, hole: BoolArray, free: BoolArray) -> LightBehind:
        """What light the `picture` [h,w,3] of the `window` shows in its opening, the `hole` [h,w], where it is `free`
        [h,w] of lips and of its own row.
        """
        light, area, geometry = self._params.light, float(hole.sum()), self._geometry
        if self._flat is not None:
            return LightBehind()
        if free.sum() < light.behind_px:
            return LightBehind(light.behind_unseen, area)
        places, gap = self._places.placed(geometry.rest_points)
        values, colour = self._draw_model(window, geometry.rest_camera, places, gap, hole)
        shadow = self._shadow(hole, values[..., 6], np.zeros(hole.shape, np.float32))
        drawn = (colour * shadow[..., None] ** self._shadow_tint)[free]
        share = np.median(picture[free].mean(axis=1)) / max(float(np.median(drawn.mean(axis=1))), 1.0)
        return LightBehind(float(np.clip(share, *light.behind_range)), area)

    def _draw_model(
        self, window: Window, camera: FloatArray, places: FloatArray, gap: float, hole: BoolArray
    ) -> tuple[FloatArray, FloatArray]:
        """[h,w,10] the mean of the vertices' attributes, and colours [h,w,3] without the lips' shadow.

        camera: [V,3] cm. places: [V',2] px. gap: cm between the rows.
        """
        unit, params = self._geometry.fit.scale, self._params
        camera = camera[self._vertices]
        reach = params.light.opening_to_light * hole.sum() / unit**2 / np.pi  # squared cm
        attributes = self._attributes.copy()
        self._light_up(camera, reach, attributes)
        deep = self._colour[0] * params.light.least_light**self._reddening
        tongue = attributes[self._parts["tongue"], :3]
        tongue += np.exp(-((gap / params.tongue_gap_cm) ** 2)) * (deep - tongue)
        values = self._anti_aliased(window, places, self._depth(camera), attributes)
        covered = values[..., -1:]
        shown = values[..., :3] / np.maximum(covered, 1e-3)
        beside, share = spread(shown, covered[..., 0] > 0, params.gap_cm * unit)
        colour = values[..., :3] + (1.0 - covered) * np.where(share[..., None] > 1e-2, beside, deep)
        colour = cv2.GaussianBlur(colour, (0, 0), max(0.5, params.softness_cm * unit))
        colour *= cv2.remap(self._papillae, np.ascontiguousarray(values[..., 7:9]), None, cv2.INTER_LINEAR)[..., None]
        return values, colour

    def _depth(self, camera: FloatArray) -> FloatArray:
        """[V'] cm of the vertices `camera` [V',3] cm, for the depth buffer."""
        depth = camera[:, 2].copy()
        depth[self._parts["mouth_socket"]] -= self._params.socket_behind_cm
        return depth

    def _plain_colours(self, lips: FloatArray, white: FloatArray) -> FloatArray:
        """[V',3] of a drawing: the lips' colour, darker further in, and white teeth."""
        dark, tongue = self._params.flat_cavity, self._params.flat_tongue
        shades = {"mouth_socket": dark, "gums": dark, "tongue": tongue, "lower_teeth": dark}
        colour = lips * self._per_vertex(shades)
        colour[self._parts["upper_teeth"]] = white
        return colour.astype(np.float32)

    def _anti_aliased(self, window: Window, places: FloatArray, depth: FloatArray, values: FloatArray) -> FloatArray:
        """[h,w,C] mean of the `values` [V',C] that each pixel shows, 0 where there is nothing.

        places: [V',2] px. depth: [V'] cm. Teeth are small: in small pictures every pixel is drawn several times.
        """
        fine = self._params.fine if self._geometry.fit.scale < self._params.fine_below else 1
        height, width = window.height, window.width
        local = Affine(window.corner, np.full(2, fine, np.float32)).points(places)
        drawn = rasterise(local, depth, self._triangles, fine * height, fine * width)
        return drawn.interpolate(self._triangles, values, fine)

    def _darken_soft(self, soft: list[str], lips: float) -> None:
        """Let a tongue be no brighter than tongues are beside `lips` as bright as these, and gums and cavity likewise.

        How bright white is where lips are dark is known badly: skin that shines says too much.
        """
        tongue = float(self._colour[self._parts["tongue"]].mean())
        share = np.clip(self._params.tongue_over_lips * lips / max(tongue, 1.0), self._params.least_soft, 1.0)
        for part in soft:
            self._colour[self._parts[part]] *= share

    def _darken_back(self) -> None:
        """Let the colours of teeth and gums pass to the dark of the cheeks beside them."""
        dark = self._colour[0]  # the cavity's
        teeth = self._params.teeth
        shaded = {"upper_teeth": teeth.upper_cheek_cm, "lower_teeth": teeth.lower_cheek_cm}
        for part, shaded_cm in (shaded | {"gums": self._params.gums_cheek_cm}).items():
            row = self._parts[part]
            depth = self._geometry.model.neutral[self._vertices][row, 2]
            light = np.exp(-(((depth.max() - depth) / shaded_cm) ** 2))[:, None]
            self._colour[row] = dark + (self._colour[row] - dark) * light
        for part in shaded:
            self._colour[self._parts[part]] *= self._places.groove_light(part)[:, None] ** self._reddening

    def _light_up(self, camera: FloatArray, reach: float, lit: FloatArray) -> None:
        """Write colours to the first three of `lit` [V',10], of the vertices `camera` [V',3] cm.

        reach: squared cm, where half of the light arrives.
        """
        params = self._params.light
        shine(
            vertex_normals(camera, self._triangles), self._front - camera[:, 2], self._colour, self._gloss[:, 0],
            np.array([params.from_above, params.halfway], np.float32), self._reddening.astype(np.float32),
            np.float32(params.ambient), np.float32(params.least_light), np.float32(reach),
            np.float32(params.gloss_width), lit,
        )  # fmt: skip

    def _shadow(self, hole: BoolArray, in_front: FloatArray, own: FloatArray) -> FloatArray:
        """[h,w] brightness that the lips around the `hole` [h,w] leave; the upper row, `in_front`, shades the rest.

        own: [h,w] share of the picture's own row, which has the upper lip's shadow already.
        """
        unit, params = self._geometry.fit.scale, self._params.light
        blur = params.edge_cm * unit
        opened = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), blur)  # 0.5 at an edge, less in corners
        if self._teeth is not None:
            below_lip = np.maximum.accumulate(hole[::-1], axis=0)[::-1].astype(np.float32)
            opened += own * (cv2.GaussianBlur(below_lip, (0, 0), blur) - opened)
        around = params.edge_light + (1 - params.edge_light) * np.clip(1.3 * opened, 0.0, 1.0)
        below = np.clip(np.cumsum(hole, axis=0) / (params.upper_lip_cm * unit), 0.0, 1.0)
        behind = 1.0 - np.maximum(in_front, own)
        return around * (1.0 - (1.0 - params.upper_lip_light) * (1.0 - below) * behind)

    def _lay_teeth(
        self, window: Window, colour: FloatArray, is_upper: FloatArray, turn: FloatArray, seen: BoolArray
    ) -> tuple[FloatArray, FloatArray]:
        """Lay the picture's own upper teeth, moved by `turn` [2] px with the skull, over `colour` [h,w,3].

        Returns the colours and how much of each pixel [h,w] is now the picture's own.
        is_upper: [h,w] 0..1 where the model's upper teeth and gums are seen: there the own row goes on.
        """
        teeth = self._teeth
        if teeth is None:
            return colour, np.zeros_like(is_upper)
        where = (window.pixels() - turn - teeth.window.corner).astype(np.float32)
        own = cv2.remap(teeth.colour, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        own *= teeth.shadow(seen)
        opacity = cv2.remap(teeth.opacity, where, None, cv2.INTER_LINEAR)
        columns = cv2.remap(teeth.columns, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        opacity = np.maximum(opacity, columns * cv2.GaussianBlur(is_upper, (0, 0), 0.6))
        return blend(colour, own, opacity), opacity

    def _upper_rows(self) -> FloatArray:
        """[V',2] 1 on the upper teeth and their gums; share of the upper lip's shadow that each part does not get."""
        neutral = self._geometry.model.neutral[self._vertices]
        rows = np.zeros((len(neutral), 2), np.float32)
        rows[self._parts["upper_teeth"]] = 1.0
        rows[self._parts["lower_teeth"], 1] = self._params.teeth.lower_lit
        edge = neutral[self._parts["upper_teeth"], 1].min()
        rows[self._parts["gums"]] = (neutral[self._parts["gums"], 1] > edge)[:, None]
        return rows

    def _per_vertex(self, table: Mapping[str, ArrayLike]) -> FloatArray:
        """[V',C] what `table` says of the part that each vertex belongs to, 0 where it says nothing."""
        width = len(np.atleast_1d(next(iter(table.values()))))
        values = np.zeros((self._vertices.stop - self._vertices.start, width), np.float32)
        for name, value in table.items():
            values[self._parts[name]] = value
        return values
