"""The tongue: its form and texture, and how it lies on the floor of the mouth.

The face model's tongue rests at the palate: towards its root it is lowered, and its sides still further.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from talker.blendshapes import expand
from talker.curves import smoothstep
from talker.face.landmarks import LOWER_LIP_MIDDLE, UPPER_LIP_MIDDLE
from talker.render.geometry import HeadGeometry
from talker.types import FloatArray

OPEN_MOUTH = expand({"jawOpen": 0.5})  # in which the tongue is to lie low
FIRST_PX = 2.0  # of the texture: the place of what is no tongue lies before it, where the factor is 1


@dataclass(frozen=True)
class TongueParams:
    """Form and place of the tongue: lengths in cm of the face model, shades as shares of the light that they take."""

    colour: tuple[float, float, float] = (0.95, 0.66, 0.67)  # relative to a white surface in the same light
    gloss: float = 0.2  # of the white's brightness
    groove_cm: float = 0.35  # width of the groove along the middle
    groove_shade: float = 0.1
    sides_shade: float = 0.4  # how much darker the sides are, which turn away
    dark_cm: float = 5.0  # behind its tip it has lost 1 - 1/e of its light
    slope_cm: float = 6.0  # behind its tip, over which it is lowered
    sides_lowered_cm: float = 0.6
    least_lowered_cm: float = 0.2
    most_lowered_cm: float = 1.4
    seen_cm: float = 4.0  # so far behind its tip it is seen through an open mouth,
    room_above: float = 0.12  # where it leaves this share of the mouth's height above it
    papillae_cm: float = 0.05  # size of its texture
    papillae: float = 0.03  # contrast of its texture


class Tongue:
    """The tongue of one portrait; `place` [V'',3] cm: its vertices in the expressionless mean face."""

    def __init__(self, geometry: HeadGeometry, params: TongueParams) -> None:
        self._geometry, self._params = geometry, params
        self.place = geometry.model.neutral[slice(*geometry.model.parts["tongue"])]
        self._behind = self.place[:, 2].max() - self.place[:, 2]  # cm

    def shade(self) -> FloatArray:
        """[V''] brightness: a groove along the middle, sides that turn away and a root in the dark."""
        params, aside = self._params, np.abs(self.place[:, 0])  # cm
        groove = params.groove_shade * np.exp(-((aside / params.groove_cm) ** 2))
        form = 1.0 - groove - params.sides_shade * (aside / aside.max()) ** 2
        return form * np.exp(-((self._behind / params.dark_cm) ** 2))

    def texture(self) -> tuple[FloatArray, FloatArray]:
        """Papillae: [h,w] factors on the brightness, and where each vertex lies there [V'',2] px; 1 at 0,0."""
        seen_from_above = self.place[:, [0, 2]]
        places = FIRST_PX + 2.0 * (seen_from_above - seen_from_above.min(axis=0)) / self._params.papillae_cm
        places = places.astype(np.float32)
        width, height = np.ceil(places.max(axis=0)).astype(int) + 2
        return _papillae(int(height), int(width), self._params.papillae), places

    def lowered(self, down: FloatArray) -> FloatArray:
        """[V'',2] px that let the tongue lie on the mouth's floor; `down`: [2] the face's own direction."""
        geometry, params = self._geometry, self._params
        row, unit = slice(*geometry.model.parts["tongue"]), geometry.fit.scale
        slope = smoothstep(self._behind / params.slope_cm)
        points = geometry.shape(OPEN_MOUTH).points
        top, bottom = geometry.landmark_points(points, (UPPER_LIP_MIDDLE, LOWER_LIP_MIDDLE)) @ down
        above = (top + params.room_above * (bottom - top) - points[row] @ down) / unit  # cm
        seen = (self._behind < params.seen_cm) & (slope > 0.01)
        far = np.clip((above[seen] / slope[seen]).max(), params.least_lowered_cm, params.most_lowered_cm)
        aside = params.sides_lowered_cm * (self.place[:, 0] / self.place[:, 0].max()) ** 2
        return (unit * (far + aside) * slope)[:, None] * down


@functools.lru_cache(maxsize=2)
def _papillae(height: int, width: int, contrast: float) -> FloatArray:
    """[h,w] factors on the brightness; 1 at 0,0."""
    noise = np.random.default_rng(0).standard_normal((height, width)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 1.0)
    factors = 1.0 + contrast * noise / noise.std()
    factors[:2, :2] = 1.0
    return factors
