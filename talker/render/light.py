"""Light: estimated once from the fitted face; folds and creases are the ratio of new to old shading.

The picture's brightness over the face is explained by the normals of the fitted mesh with four spherical-harmonic
coefficients (ambient and one direction; Ramamoorthi & Hanrahan, "An Efficient Representation for Irradiance
Environment Maps", 2001). Multiplying the warped picture with the ratio of the new expression's shading to the old one
draws nasolabial folds, lifted cheeks and frown lines without painting anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from talker.face.landmarks import INNER_LIPS, OUTER_LIPS
from talker.face.model import vertex_normals
from talker.render.geometry import HeadGeometry
from talker.render.patch import Window
from talker.types import AnyArray, ByteArray, FloatArray

SKIN_STEP = 7  # every so many vertices of the face are asked for the colour of its skin
DEFAULT_LIGHT = np.array([0.55, 0.1, 0.3, 0.35], np.float32)  # of pictures that tell nothing about theirs


@dataclass(frozen=True)
class LightParams:
    """How light is estimated, and what shading does to skin."""

    ambient_share: tuple[float, float] = (
        0.35,
        0.8,
    )  # an estimate outside this range of ambient to total light is not believed
    ratio_limits: tuple[float, float] = (0.55, 1.5)
    least_skin: int = 200  # vertices that an estimate needs
    ridge: float = 5.0
    shadow_tint: tuple[float, float, float] = (
        0.72,
        1.05,
        1.12,
    )  # light that has passed through skin fills its shadows with red
    least_redness: float = 0.12  # by which green falls below red in the palest skin of a picture in full colours
    skin_to_white: float = 1.25  # white against the bright parts of fair skin
    dimmest_white: float = 90.0  # 0..255, but no more than
    # the face's bright parts against the skin around the mouth, the lips against them: where both fall below, it lies
    mouth_skin: float = 0.9  # in a shadow,
    mouth_lips: float = 0.7
    around_mouth_cm: tuple[float, float] = (0.3, 1.2)
    deepest_shadow: float = 0.55  # which takes this much light at most
    dim_to_white: float = 1.8  # times the bright parts of the skin, which in a dark picture are far below
    # of the brightness: colours that deviate less from one colour for each brightness are toned,
    one_tone: float = 0.018
    # unless lips are this much redder than what is as bright: from here on, and certainly, they have their own colour
    lips_redder: tuple[float, float] = (0.04, 0.1)
    bluish: tuple[float, float] = (1.05, 1.25)  # blue against red in skin: from here on, and certainly, a lamp's colour


class Light:
    """The light of one portrait, and the shading ratio of its expressions; redness: 0..1, see `redness`."""

    def __init__(
        self,
        geometry: HeadGeometry,
        image: ByteArray,
        params: LightParams,
        coefficients: FloatArray | None = None,
        red: float | None = None,
    ) -> None:
        """coefficients: [4], red: `redness` of another picture in the same light; measured on `image` when None."""
        self._params, self._geometry = params, geometry
        if red is None:
            red = redness(image, geometry, params)  # shadows of a grey or toned picture have no colour of their own
        self.redness = red
        self.tint = 1.0 + (np.array(params.shadow_tint, np.float32) - 1.0) * np.float32(red)
        self._triangles = geometry.traits.mask_triangles
        self._rest_normals = self._normals(geometry.rest_camera)
        self.coefficients = self._estimate(image) if coefficients is None else coefficients
        self._rest_shading = self._shading(self._rest_normals)

    def ratio(self, camera: FloatArray, strength: float) -> FloatArray:
        """[V] factor on the picture's brightness for the mesh `camera` [V,3]; 1 outside the face mask."""
        ratio = np.ones(len(camera), np.float32)
        if strength > 0:
            shading = self._shading(self._normals(camera))
            ratio[self._geometry.model.mask] = (
                np.clip(shading / self._rest_shading, *self._params.ratio_limits) ** strength
            )
        return ratio

    def _normals(self, camera: FloatArray) -> FloatArray:
        return vertex_normals(camera[self._geometry.model.mask], self._triangles)

    def _shading(self, normals: FloatArray) -> FloatArray:
        """[M] brightness of a white surface with these `normals` [M,3]."""
        return np.maximum(self.coefficients[0] + normals @ self.coefficients[1:], 0.08)

    def _estimate(self, image: ByteArray) -> FloatArray:
        """[4] ambient, then x, y, z of the light, scaled so that a surface facing the viewer has about 1."""
        points = self._geometry.rest_points[self._geometry.model.mask]
        normals = self._rest_normals
        inside = (
            (normals[:, 2] > 0.25) & (points >= 0).all(axis=1)
            & (points[:, 0] < image.shape[1] - 1) & (points[:, 1] < image.shape[0] - 1)
        )  # fmt: skip
        if inside.sum() < self._params.least_skin:
            return DEFAULT_LIGHT
        grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 2.0).astype(np.float32)
        where = points[inside].astype(int)
        bright = grey[where[:, 1], where[:, 0]]
        skin = (bright > np.percentile(bright, 15)) & (bright < np.percentile(bright, 98))  # without brows and gloss
        if skin.sum() < self._params.least_skin:  # all of one brightness
            return DEFAULT_LIGHT
        design = np.concatenate([np.ones((skin.sum(), 1)), normals[inside][skin]], axis=1)
        target = (bright[skin] / 255.0) ** 2.2  # linear light
        gram = design.T @ design + self._params.ridge * np.diag([0, 1, 1, 1])
        solution = np.linalg.solve(gram, design.T @ target)
        direction = solution[1:]
        total = solution[0] + np.linalg.norm(direction)
        if total <= 0:
            return DEFAULT_LIGHT
        ambient = float(np.clip(solution[0] / total, *self._params.ambient_share))
        length = np.linalg.norm(direction)
        unit = direction / length if length > 1e-4 else DEFAULT_LIGHT[1:] / np.linalg.norm(DEFAULT_LIGHT[1:])
        return np.concatenate([[ambient], (1 - ambient) * unit]).astype(np.float32)


def white_in_this_light(
    eye_white: FloatArray, image: ByteArray, geometry: HeadGeometry, params: LightParams
) -> FloatArray:
    """[3] colour 0..255 that a white surface would have in this mouth.

    The eyes' white, unless lids or lashes shade it: then what the brightest skin suggests, in the eyes' tint; darker
    where the mouth lies in a shadow.
    """
    skin = skin_colours(image, geometry)
    bright = float(np.percentile(skin.mean(axis=1), 85)) if len(skin) else 0.0
    tint = eye_white / max(float(eye_white.mean()), 1.0)
    tint = 0.5 + 0.5 * np.clip(tint, 0.8, 1.2)  # the eyes' white takes much colour from the skin around it
    if len(skin):
        tone = np.median(skin, axis=0)
        tint = tint + (tone / max(float(tone.mean()), 1.0) - tint) * _tonedness(image, geometry, params)
    dimmest = min(params.dimmest_white, params.dim_to_white * bright) if len(skin) else params.dimmest_white
    white = tint * np.clip(max(float(eye_white.mean()), params.skin_to_white * bright), dimmest, 235.0)
    return white * _light_at_mouth(image, geometry, bright, params)


def _light_at_mouth(image: ByteArray, geometry: HeadGeometry, bright: float, params: LightParams) -> float:
    """Share of the light on the face's `bright` (0..255) parts that reaches the mouth.

    Beards make skin dark and not lips, dark lips have light skin around them: only where both are dark is a shadow.
    """
    outline, (nearest, furthest) = geometry.landmark_points(geometry.rest_points, OUTER_LIPS), params.around_mouth_cm
    box = Window.around(outline, furthest * geometry.fit.scale, image.shape)
    away = box.distance(outline) / geometry.fit.scale
    skin, lips = image[box.slices][(away > nearest) & (away < furthest)], lip_colours(image, geometry)
    if len(skin) == 0 or len(lips) == 0 or bright <= 0:
        return 1.0
    of_skin = float(np.percentile(skin.mean(axis=1), 75)) / params.mouth_skin
    of_lips = float(np.median(lips.mean(axis=1))) / params.mouth_lips
    return float(np.clip(max(of_skin, of_lips) / bright, params.deepest_shadow, 1.0))


def redness(image: ByteArray, geometry: HeadGeometry, params: LightParams) -> float:
    """1 where this face's skin, or else its lips, are as red as they are, 0 in a toned picture and in blue light."""
    skin = skin_colours(image, geometry)
    if len(skin) == 0:
        return 1.0
    red, green, _ = np.median(skin, axis=0)
    own = 1.0 - _tonedness(image, geometry, params)
    of_skin = float(np.clip((1.0 - green / max(red, 1.0)) / params.least_redness, 0.0, 1.0))
    return own * max(of_skin, _lips_redder(image, geometry, params))


def _tonedness(image: ByteArray, geometry: HeadGeometry, params: LightParams) -> float:
    """1 where nothing shows a colour of its own: in sepia and other toned pictures, and in the light of a blue lamp."""
    colours = _face_box(image, geometry).reshape(-1, 3).astype(np.float32)
    if len(colours) == 0:
        return 0.0
    grey, tone = _tones(colours)
    if np.abs(colours - tone[grey]).mean() < params.one_tone * grey.mean():
        return 1.0 - _lips_redder(image, geometry, params)
    red, _, blue = np.median(skin_colours(image, geometry), axis=0)
    least, most = params.bluish
    return float(np.clip((blue / max(red, 1.0) - least) / (most - least), 0.0, 1.0))


def _lips_redder(image: ByteArray, geometry: HeadGeometry, params: LightParams) -> float:
    """1 where the lips are redder than whatever in the face is as bright as they are, 0 in a grey or toned picture."""
    colours, lips = _face_box(image, geometry).reshape(-1, 3), lip_colours(image, geometry)
    if len(lips) == 0 or len(colours) == 0:
        return 0.0
    _, tone = _tones(colours)
    grey, _ = _tones(lips)
    red, green, _ = (lips - tone[grey]).mean(axis=0) / max(float(grey.mean()), 1.0)
    least, most = params.lips_redder
    return float(np.clip((red - green - least) / (most - least), 0.0, 1.0))


def _face_box(image: ByteArray, geometry: HeadGeometry) -> ByteArray:
    """[h,w,3] of the picture, around the face."""
    points = geometry.rest_points[geometry.model.mask]
    low, high = np.clip([points.min(axis=0), points.max(axis=0)], 0, image.shape[1::-1]).astype(int)
    return image[low[1] : high[1], low[0] : high[0]]


def _tones(colours: AnyArray) -> tuple[AnyArray, FloatArray]:
    """Brightness 0..255 of each of the `colours` [N,3], and the mean colour of each brightness [256,3]."""
    grey = cv2.cvtColor(colours[None].astype(np.uint8), cv2.COLOR_RGB2GRAY).ravel()
    sums = np.stack([np.bincount(grey, colour, 256) for colour in colours.T], axis=1)
    return grey, (sums / np.maximum(np.bincount(grey, minlength=256), 1)[:, None]).astype(np.float32)


def skin_colours(image: ByteArray, geometry: HeadGeometry) -> FloatArray:
    """[N,3] colours of the face in `image`."""
    points = geometry.rest_points[geometry.model.mask][::SKIN_STEP].astype(int)
    inside = ((points >= 0) & (points < [image.shape[1], image.shape[0]])).all(axis=1)
    return image[points[inside, 1], points[inside, 0]].astype(np.float32)


def lip_colours(image: ByteArray, geometry: HeadGeometry) -> FloatArray:
    """[N,3] colours of the lips in `image`."""
    outline, inner = (geometry.landmark_points(geometry.rest_points, lips) for lips in (OUTER_LIPS, INNER_LIPS))
    box = Window.around(outline, 0, image.shape)
    return image[box.slices][box.polygon(outline) & ~box.polygon(inner)].astype(np.float32)


def tinted(factor: FloatArray, tint: FloatArray) -> FloatArray:
    """[...,3] what a shading `factor` [...], whose shadows have a `tint` [3], is for each colour."""
    result = np.empty((factor.size, 3), np.float32)
    _tint(np.ascontiguousarray(factor, np.float32).ravel(), tint, result)
    return result.reshape(*factor.shape, 3)


@njit(cache=True, nogil=True)
def _tint(factor: AnyArray, tint: AnyArray, result: AnyArray) -> None:
    for place in range(len(factor)):
        change = factor[place] - 1.0
        for channel in range(3):
            result[place, channel] = 1.0 + (change * tint[channel] if change < 0 else change)
