"""What lies behind the lips: teeth, gums, tongue and cavity, drawn with a depth buffer and lit through the opening.

The upper teeth belong to the skull, lower teeth, gums and tongue to the jaw. The picture's own teeth are laid on the
upper row; the rest takes the model's colours in the picture's light. How much light reaches a point behind the lips is
the part of its view that the opening takes up: a wide mouth shows its tongue, a slit is dark.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import ArrayLike

from talker.blendshapes import expand
from talker.face.landmarks import LEFT_IRIS, RIGHT_IRIS
from talker.face.model import vertex_normals
from talker.face.raster import rasterise
from talker.render.geometry import HeadGeometry
from talker.render.patch import Window, blend, spread
from talker.render.teeth import Teeth
from talker.types import BoolArray, FloatArray

INSIDE = ("mouth_socket", "gums", "tongue", "upper_teeth", "lower_teeth")  # neighbours in the model, in this order
# colours relative to a white surface in the same light
COLOURS = {
    "mouth_socket": (0.40, 0.25, 0.24),
    "gums": (0.85, 0.60, 0.60),
    "tongue": (0.95, 0.66, 0.67),
    "upper_teeth": (0.97, 0.90, 0.83),
    "lower_teeth": (0.95, 0.88, 0.82),
}
GLOSS = {"gums": 0.10, "tongue": 0.2, "upper_teeth": 0.22, "lower_teeth": 0.15}  # of the white's brightness
GLOSS_WIDTH = 24.0  # exponent: larger is a smaller highlight
FROM_ABOVE = np.array([0.0, 0.5, 0.87], np.float32)  # most light on faces
HALFWAY = np.array([0.0, 0.26, 0.97], np.float32)  # between this light and the viewer
AMBIENT = 0.72  # share of light that comes from everywhere
OPENING_TO_LIGHT = 11.0  # a surface as deep as sqrt(this * the opening's area / pi) gets half of the light
LEAST_LIGHT = 0.2  # that is scattered into the deepest corner
REDDENING = np.array([0.8, 1.1, 1.15], np.float32)  # light that bounces between gums and cheeks turns red
SHADOW_TINT = np.array([0.8, 1.05, 1.1], np.float32)  # exponents: what reaches a shadow in the mouth is red too
FINE, FINE_BELOW = 2, 40.0  # subpixels along each axis, when a centimetre has fewer pixels
SOCKET_BEHIND_CM = 2.5  # the thinned cavity's walls would poke through the teeth
EDGE_LIGHT = 0.35  # brightness right behind the lips
EDGE_CM = 0.3  # blur of the shadow that the lips cast all around
UPPER_LIP_LIGHT = 0.75  # brightness of what lies behind the upper teeth, right under them
LOWER_TEETH_LIT = 0.7  # share of that shadow which does not reach the lower teeth
UPPER_LIP_CM = 1.0  # down to here reaches the shadow of upper lip and teeth
# so far behind the front teeth cheeks have taken 1 - 1/e of the light; turned heads show the lower row from inside
CHEEK_SHADE_CM = {"upper_teeth": 2.8, "lower_teeth": 2.0, "gums": 5.0}
GROOVE_CM, GROOVE_SHADE = 0.35, 0.1  # along the tongue's middle
TONGUE_SIDES = 0.4  # how much darker the tongue's sides are
TONGUE_DARK_CM = 5.0  # behind its tip the tongue has lost 1 - 1/e of its light
# the model's tongue rests at the palate: towards its root, over a length, it is lowered, and its sides still further
TONGUE_SLOPE_CM, TONGUE_SIDES_LOWERED_CM = 6.0, 0.6
TONGUE_LOWERED_CM = (0.2, 1.4)  # least and most, until in an open mouth,
TONGUE_SEEN_CM, TONGUE_TOP = 4.0, 0.12  # so far behind its tip, it leaves this share of the mouth's height above it
OPEN_MOUTH = expand({"jawOpen": 0.5})
PAPILLAE_CM, PAPILLAE = 0.05, 0.03  # size and contrast of the tongue's texture
LOWER_TEETH_CM = 0.05  # the lower row is set this much deeper than the face model has it
MOST_RAISED_CM = 0.4  # by which the lower row follows an upper row that sits higher than the face model's
GAP_CM = 0.15  # gaps in the model take the colours from this far beside
SOFTNESS_CM = 0.02  # wet surfaces have no sharp edges between the model's facets
INCISORS_SHOW_CM = 0.15  # below the upper lip of a resting, parted mouth
LOWER_INCISORS_SHOW_CM = 0.15  # above the lower lip of a shut mouth, which lies before them
UPPER_LIP_MIDDLE, LOWER_LIP_MIDDLE = (13,), (14,)
IRIS_SHARE = (0.097, 0.105)  # an iris that takes up more of the face's width is a small child's: it hardly grows
MILK_TEETH_CM = 0.45  # this much of an adult's crown is still hidden in a small child's gums


class MouthInside:
    """Draws what one portrait's opening lips uncover."""

    def __init__(
        self,
        geometry: HeadGeometry,
        landmarks: FloatArray,
        white: FloatArray,
        redness: float,
        teeth: Teeth | None,
        flat: FloatArray | None = None,
    ) -> None:
        """white: [3] of a white surface. redness: 0..1, how far the picture shows the red of skin as it is.

        flat: [3] the lips' colour in a drawing, whose mouth has one plain colour for each part; None for photographs.
        """
        self._geometry, self._teeth = geometry, teeth
        model = geometry.model
        first, end = model.parts[INSIDE[0]][0], model.parts[INSIDE[-1]][1]
        self._vertices = slice(first, end)
        self._triangles = model.part_triangles(*INSIDE) - first
        self._parts = {name: slice(*(np.array(model.parts[name]) - first)) for name in INSIDE}
        colour = self._per_vertex(COLOURS)  # [V',3]
        grey = colour.mean(axis=1, keepdims=True)
        self._reddening = 1.0 + (REDDENING - 1.0) * redness
        self._colour = (grey + (colour - grey) * redness) * white.astype(np.float32)
        if teeth is not None:
            for name in ("upper_teeth", "lower_teeth"):
                tint = np.array(COLOURS[name]) / COLOURS["upper_teeth"]
                self._colour[self._parts[name]] = tint * teeth.brightest
        self._darken_back()
        self._form_tongue()
        self._papillae, self._tongue_places = self._texture()
        self._gloss = self._per_vertex(GLOSS) * white.mean()  # [V',1]
        self._rows = self._upper_rows()  # [V',2]
        self._front = float(geometry.rest_camera[self._upper, 2].max())
        self._shifts = self._shift_teeth(0.0 if teeth is not None else _childhood(landmarks))
        self._flat = None if flat is None else self._plain_colours(flat, white)

    @property
    def _upper(self) -> slice:
        return slice(*self._geometry.model.parts["upper_teeth"])

    def draw(
        self, window: Window, camera: FloatArray, points: FloatArray, hole: BoolArray, drift: FloatArray
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Colours [h,w,3], where in the picture each lies [h,w,2] px, and what of that is known [h,w].

        camera: [V,3] cm. points, drift: [V,2] px, and px by which the head's turn moves them. hole: [h,w] between lips.
        """
        unit = self._geometry.fit.scale
        camera, rest = camera[self._vertices], self._geometry.rest_points[self._vertices] + self._shifts
        places = points[self._vertices] + self._shifts
        depth = camera[:, 2].copy()
        depth[self._parts["mouth_socket"]] -= SOCKET_BEHIND_CM
        if self._flat is not None:
            values = self._anti_aliased(window, places, depth, np.hstack([self._flat, rest, np.ones((len(rest), 1))]))
            covered = values[..., -1:]
            colour = values[..., :3] + (1.0 - covered) * self._flat[0]
            return colour, values[..., 3:5] / np.maximum(covered, 1e-3), covered[..., 0] > 0.5
        reach = OPENING_TO_LIGHT * hole.sum() / unit**2 / np.pi  # squared cm
        attributes = np.concatenate(
            [self._lit(camera, reach), rest, self._rows, self._tongue_places, np.ones((len(rest), 1))], axis=1
        )
        values = self._anti_aliased(window, places, depth, attributes)
        covered = values[..., -1:]
        deep = self._colour[0] * LEAST_LIGHT**self._reddening
        beside, share = spread(values[..., :3] / np.maximum(covered, 1e-3), covered[..., 0] > 0, GAP_CM * unit)
        colour = values[..., :3] + (1.0 - covered) * np.where(share[..., None] > 1e-2, beside, deep)
        colour = cv2.GaussianBlur(colour, (0, 0), max(0.5, SOFTNESS_CM * unit))
        colour *= cv2.remap(self._papillae, np.ascontiguousarray(values[..., 7:9]), None, cv2.INTER_LINEAR)[..., None]
        colour, own = self._lay_teeth(window, colour, values[..., 5], drift[self._upper].mean(0))
        colour *= self._shadow(hole, np.maximum(values[..., 6], own))[..., None] ** SHADOW_TINT
        return colour, values[..., 3:5] / np.maximum(covered, 1e-3), covered[..., 0] > 0.5

    def _plain_colours(self, lips: FloatArray, white: FloatArray) -> FloatArray:
        """[V',3] of a drawing: the lips' colour, darker further in, and white teeth."""
        shades = {"mouth_socket": 0.35, "gums": 0.35, "tongue": 0.75, "lower_teeth": 0.35}
        colour = lips * self._per_vertex(shades)
        colour[self._parts["upper_teeth"]] = white
        return colour.astype(np.float32)

    def _anti_aliased(self, window: Window, places: FloatArray, depth: FloatArray, values: FloatArray) -> FloatArray:
        """[h,w,C] mean of the `values` [V',C] that each pixel shows, 0 where there is nothing.

        places: [V',2] px. depth: [V'] cm. Teeth are small: in small pictures every pixel is drawn several times.
        """
        fine = FINE if self._geometry.fit.scale < FINE_BELOW else 1
        height, width = window.height, window.width
        local = (places - window.corner + 0.5) * fine - 0.5
        drawn = rasterise(local, depth, self._triangles, fine * height, fine * width)
        pixels = drawn.interpolate(self._triangles, values)
        parts = (pixels[row::fine, column::fine] for row in range(fine) for column in range(fine))
        return np.asarray(sum(parts), np.float32) / fine**2

    def _darken_back(self) -> None:
        """Let the colours of teeth and gums pass to the dark of the cheeks beside them."""
        dark = self._colour[0]  # the cavity's
        for part, shaded_cm in CHEEK_SHADE_CM.items():
            row = self._parts[part]
            depth = self._geometry.model.neutral[self._vertices][row, 2]
            light = np.exp(-(((depth.max() - depth) / shaded_cm) ** 2))[:, None]
            self._colour[row] = dark + (self._colour[row] - dark) * light

    def _form_tongue(self) -> None:
        """Give the tongue a groove along its middle, sides that turn away and a root in the dark."""
        row = self._parts["tongue"]
        place = self._geometry.model.neutral[self._vertices][row]
        aside, behind = np.abs(place[:, 0]), place[:, 2].max() - place[:, 2]  # cm
        form = 1.0 - GROOVE_SHADE * np.exp(-((aside / GROOVE_CM) ** 2)) - TONGUE_SIDES * (aside / aside.max()) ** 2
        self._colour[row] *= (form * np.exp(-((behind / TONGUE_DARK_CM) ** 2)))[:, None] ** self._reddening

    def _texture(self) -> tuple[FloatArray, FloatArray]:
        """Papillae: [h,w] factors on the tongue's brightness, and where each vertex lies there [V',2] px."""
        row = self._parts["tongue"]
        tongue = self._geometry.model.neutral[self._vertices][row][:, [0, 2]]  # seen from above
        places = np.zeros((len(self._colour), 2), np.float32)
        places[row] = 2.0 + 2.0 * (tongue - tongue.min(axis=0)) / PAPILLAE_CM
        width, height = np.ceil(places.max(axis=0)).astype(int) + 2
        noise = np.random.default_rng(0).standard_normal((height, width)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 1.0)
        factors = 1.0 + PAPILLAE * noise / noise.std()
        factors[:2, :2] = 1.0
        return factors, places

    def _lower_tongue(self, down: FloatArray) -> FloatArray:
        """[V'',2] px that let the tongue lie on the mouth's floor."""
        geometry, row = self._geometry, self._parts["tongue"]
        place, unit = geometry.model.neutral[self._vertices][row], geometry.fit.scale
        behind = place[:, 2].max() - place[:, 2]  # cm
        lowered = np.clip(behind / TONGUE_SLOPE_CM, 0.0, 1.0)
        lowered = lowered**2 * (3.0 - 2.0 * lowered)
        points = geometry.shape(OPEN_MOUTH).points
        top, bottom = (geometry.landmark_points(points, lip)[0] @ down for lip in (UPPER_LIP_MIDDLE, LOWER_LIP_MIDDLE))
        above = (top + TONGUE_TOP * (bottom - top) - points[self._vertices][row] @ down) / unit  # cm
        seen = (behind < TONGUE_SEEN_CM) & (lowered > 0.01)
        far = np.clip((above[seen] / lowered[seen]).max(), *TONGUE_LOWERED_CM)
        aside = TONGUE_SIDES_LOWERED_CM * (place[:, 0] / place[:, 0].max()) ** 2
        return (unit * (far + aside) * lowered)[:, None] * down

    def _lit(self, camera: FloatArray, reach: float) -> FloatArray:
        """[V',3] colours of the vertices `camera` [V',3] cm; `reach` squared cm: where half of the light arrives."""
        normals = vertex_normals(camera, self._triangles)
        facing = AMBIENT + (1 - AMBIENT) * np.maximum(normals @ FROM_ABOVE, 0.0)
        behind = np.maximum(self._front - camera[:, 2], 0.0)
        light = LEAST_LIGHT + (1 - LEAST_LIGHT) * reach / (reach + behind**2 + 1e-6)
        gloss = self._gloss * (np.maximum(normals @ HALFWAY, 0.0) ** GLOSS_WIDTH * light)[:, None]
        return self._colour * facing[:, None] * light[:, None] ** self._reddening + gloss

    def _shadow(self, hole: BoolArray, in_front: FloatArray) -> FloatArray:
        """[h,w] brightness that the lips around the `hole` [h,w] leave; the upper row, `in_front`, shades the rest."""
        unit = self._geometry.fit.scale
        opened = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), EDGE_CM * unit)  # 0.5 at an edge, less in corners
        around = EDGE_LIGHT + (1 - EDGE_LIGHT) * np.clip(1.3 * opened, 0.0, 1.0)
        below = np.clip(np.cumsum(hole, axis=0) / (UPPER_LIP_CM * unit), 0.0, 1.0)
        return around * (1.0 - (1.0 - UPPER_LIP_LIGHT) * (1.0 - below) * (1.0 - in_front))

    def _lay_teeth(
        self, window: Window, colour: FloatArray, is_upper: FloatArray, turn: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Lay the picture's own upper teeth, moved by `turn` [2] px with the skull, over `colour` [h,w,3].

        Returns the colours and how much of each pixel [h,w] is now the picture's own.
        is_upper: [h,w] 0..1 where the model's upper teeth are seen: there the own row goes on.
        """
        teeth = self._teeth
        if teeth is None:
            return colour, np.zeros_like(is_upper)
        where = (window.pixels() - turn - teeth.window.corner).astype(np.float32)
        own = cv2.remap(teeth.colour, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        opacity = cv2.remap(teeth.opacity, where, None, cv2.INTER_LINEAR)
        columns = cv2.remap(teeth.columns, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        opacity = np.maximum(opacity, columns * cv2.GaussianBlur(is_upper, (0, 0), 0.6))
        return blend(colour, own, opacity), opacity

    def _shift_teeth(self, childhood: float) -> FloatArray:
        """[V',2] px that bring the model's upper teeth to the picture's own, or to just below the resting upper lip.

        The lower row is set a little deeper; a small child's teeth (`childhood` 1) hardly look out of the gums.
        """
        geometry = self._geometry
        edge = geometry.rest_points[self._upper]
        front = edge[np.argsort(geometry.rest_camera[self._upper, 2])[-60:]]
        lowest = front[front[:, 1] >= np.percentile(front[:, 1], 80)].mean(0)
        down = geometry.down(geometry.rest_points)
        lip = geometry.landmark_points(geometry.shut_points, UPPER_LIP_MIDDLE)[0]
        hidden = MILK_TEETH_CM * childhood
        upper = (lip - lowest) @ down + (INCISORS_SHOW_CM - hidden) * geometry.fit.scale
        if self._teeth is not None:
            own = (self._teeth.edge - lowest) @ down
            upper = max(upper, own) if self._teeth.hidden else own
        shifts = np.zeros((len(self._colour), 2), np.float32)
        shifts[self._parts["upper_teeth"]] = upper * down
        lower = max(upper / geometry.fit.scale, -MOST_RAISED_CM) if upper < 0 else 0.0  # shut teeth meet
        lower = max(lower + LOWER_TEETH_CM + 2 * hidden, self._below_lower_lip(down))
        shifts[self._parts["lower_teeth"]] = lower * geometry.fit.scale * down
        shifts[self._parts["tongue"]] = self._lower_tongue(down)
        return shifts

    def _below_lower_lip(self, down: FloatArray) -> float:
        """How far (cm) the lower row has to sink to stand no higher than the lower lip of a shut mouth."""
        geometry = self._geometry
        row = slice(*geometry.model.parts["lower_teeth"])
        points = geometry.shut_points[row]
        front = points[np.argsort(geometry.rest_camera[row, 2])[-60:]] @ down
        lip = geometry.landmark_points(geometry.shut_points, LOWER_LIP_MIDDLE)[0] @ down
        return float((lip - np.percentile(front, 10)) / geometry.fit.scale) - LOWER_INCISORS_SHOW_CM

    def _upper_rows(self) -> FloatArray:
        """[V',2] 1 on the upper teeth; share of the upper lip's shadow that each part does not get."""
        neutral = self._geometry.model.neutral[self._vertices]
        rows = np.zeros((len(neutral), 2), np.float32)
        rows[self._parts["upper_teeth"]] = 1.0
        rows[self._parts["lower_teeth"], 1] = LOWER_TEETH_LIT
        edge = neutral[self._parts["upper_teeth"], 1].min()
        rows[self._parts["gums"], 1] = neutral[self._parts["gums"], 1] > edge
        return rows

    def _per_vertex(self, table: Mapping[str, ArrayLike]) -> FloatArray:
        """[V',C] what `table` says of the part that each vertex belongs to, 0 where it says nothing."""
        width = len(np.atleast_1d(next(iter(table.values()))))
        values = np.zeros((self._vertices.stop - self._vertices.start, width), np.float32)
        for name, value in table.items():
            values[self._parts[name]] = value
        return values


def _childhood(landmarks: FloatArray) -> float:
    """0 for grown-ups, 1 for small children, by the iris' share of the face's width in `landmarks` [478,3] px."""
    irises = [landmarks[list(iris), :2] for iris in (LEFT_IRIS, RIGHT_IRIS)]
    radius = np.mean([np.linalg.norm(iris[1:] - iris[0], axis=1).mean() for iris in irises])
    share = 2 * radius / np.ptp(landmarks[:, 0])
    return float(np.clip((share - IRIS_SHARE[0]) / (IRIS_SHARE[1] - IRIS_SHARE[0]), 0.0, 1.0))
