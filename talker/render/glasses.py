"""Glasses are kept rigid: frames move with the head only, lids behind clear ones and brows above move freely."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.landmarks import LEFT_EYE, LOWER_BROWS, RIGHT_EYE
from talker.face.model import FaceModel
from talker.types import FloatArray


@dataclass(frozen=True)
class GlassesParams:
    """Where a frame holds the skin, chosen on the marked rims of 24 people that nothing is reported on.

    clear_above_cm, dark_above_cm: frames end so far above the lower edge of the brows.
    """

    clear_above_cm: float = 0.4
    dark_above_cm: float = 1.3
    above_ease_cm: float = 1.2  # over which the skin above moves freely again
    below_eyes_cm: float = 5.0  # frames end so far below the eyes' middle,
    below_ease_cm: float = 1.0  # after giving way over this
    lids_cm: tuple[float, float] = (0.2, 0.5)  # from the eye's outline: nearer, lids move freely; further, none do


DEFAULT_GLASSES = GlassesParams()


def frame_weights(model: FaceModel, glasses: str, params: GlassesParams = DEFAULT_GLASSES) -> FloatArray:
    """[V] 0..1 how much of a vertex's motion `glasses` hold back: between brows and cheeks, but not on lids seen."""
    places = model.landmarks(model.neutral)
    brows = places[list(LOWER_BROWS), :2]
    order = np.argsort(brows[:, 0])
    eyes = [places[list(eye), :2] for eye in (RIGHT_EYE, LEFT_EYE)]
    x, y = model.neutral[:, 0], model.neutral[:, 1]
    above = params.dark_above_cm if glasses == "sunglasses" else params.clear_above_cm
    top = np.interp(x, brows[order, 0], brows[order, 1]) + above
    bottom = np.mean([eye[:, 1].mean() for eye in eyes]) - params.below_eyes_cm
    held = np.clip((top - y) / params.above_ease_cm + 1.0, 0.0, 1.0)
    held *= np.clip((y - bottom) / params.below_ease_cm, 0.0, 1.0)
    for eye in eyes if glasses == "clear" else ():
        outline = np.round(eye[:, None] * 1000).astype(np.int32)
        away = -np.array(
            [cv2.pointPolygonTest(outline, (float(1000 * a), float(1000 * b)), True) for a, b in zip(x, y, strict=True)]
        )
        held *= np.clip((away / 1000 - params.lids_cm[0]) / (params.lids_cm[1] - params.lids_cm[0]), 0.0, 1.0)
    return held.astype(np.float32)
