"""The light behind the lips: how bright a wet surface is there, by where it faces and how deep it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from talker.types import AnyArray

OPENED = 0.5  # by this share more open, a mouth has lost all but 1/e of the dark that its picture has behind teeth


@dataclass(frozen=True)
class InsideLightParams:
    """The light behind the lips. How much reaches a point is the part of its view that the opening takes up."""

    from_above: tuple[float, float, float] = (0.0, 0.5, 0.87)  # direction of most light on faces
    halfway: tuple[float, float, float] = (0.0, 0.26, 0.97)  # between this light and the viewer
    ambient: float = 0.72  # share of light that comes from everywhere
    gloss_width: float = 24.0  # exponent: larger is a smaller highlight
    opening_to_light: float = 11.0  # a surface as deep as sqrt(this * the opening's area / pi) gets half of the light
    least_light: float = 0.2  # that is scattered into the deepest corner
    reddening: tuple[float, float, float] = (0.8, 1.1, 1.15)  # exponents: light between gums and cheeks turns red,
    shadow_tint: tuple[float, float, float] = (0.8, 1.05, 1.1)  # and so does what reaches a shadow
    edge_light: float = 0.35  # brightness right behind the lips
    edge_cm: float = 0.3  # blur of the shadow that the lips cast all around
    upper_lip_light: float = 0.75  # brightness of what lies behind the upper teeth, right under them
    upper_lip_cm: float = 1.0  # down to here reaches the shadow of upper lip and teeth
    behind_range: tuple[float, float] = (0.2, 1.1)  # of the light behind a picture's own row against what is drawn,
    behind_unseen: float = 0.6  # and where it shows nothing there
    behind_px: int = 12  # fewer pixels are nothing


@dataclass(frozen=True)
class LightBehind:
    """How bright what lies behind a picture's own teeth is there: this `share` of what would be drawn.

    area: square px of the opening in the picture: one that is larger lets more light in.
    """

    share: float = 1.0
    area: float = 1.0

    def at(self, area: float) -> float:
        """The share with an opening of so many square px."""
        return 1.0 - (1.0 - self.share) * float(np.exp(-max(area / self.area - 1.0, 0.0) / OPENED))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def shine(
    normals: AnyArray,
    behind: AnyArray,
    colour: AnyArray,
    gloss: AnyArray,
    ways: AnyArray,
    reddening: AnyArray,
    ambient: Any,
    least: Any,
    reach: Any,
    width: Any,
    lit: AnyArray,
) -> None:
    """Write the colours of vertices with `normals` [V',3], so far `behind` [V'] cm the front teeth, to `lit` [V',3+].

    ways: [2,3] to most light, and halfway to the viewer. The others are those of `InsideLightParams`.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    for vertex in range(len(normals)):
        x, y, z = normals[vertex, 0], normals[vertex, 1], normals[vertex, 2]
        up = max(x * ways[0, 0] + y * ways[0, 1] + z * ways[0, 2], zero)
        near = max(x * ways[1, 0] + y * ways[1, 1] + z * ways[1, 2], zero)
        deep = max(behind[vertex], zero)
        light = least + (one - least) * reach / (reach + deep * deep + np.float32(1e-6))
        facing, depth = ambient + (one - ambient) * up, np.log(light)
        shine = gloss[vertex] * near**width * light if near > 0.5 else zero
        for channel in range(3):
            lit[vertex, channel] = colour[vertex, channel] * facing * np.exp(depth * reddening[channel]) + shine
