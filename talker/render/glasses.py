"""Glasses are kept rigid: frames move with the head only, lids behind them and brows above them freely."""

from __future__ import annotations

import cv2
import numpy as np

from talker.face.landmarks import LEFT_EYE, RIGHT_EYE
from talker.face.model import FaceModel
from talker.types import FloatArray

LOWER_BROWS = (46, 53, 52, 65, 55, 285, 295, 282, 283, 276)
# Where frames lie, and over what they give way; chosen on the marked rims of 24 people that nothing is reported on.
ABOVE_BROWS_CM = {"clear": 0.4, "sunglasses": 1.3}  # from the brows' lower edge
ABOVE_EASE_CM = 1.2
BELOW_EYES_CM, BELOW_EASE_CM = 5.0, 1.0
LIDS_CM = (0.2, 0.5)  # from the eye's outline: nearer, seen lids move freely; further, the frame is rigid


def frame_weights(model: FaceModel, glasses: str) -> FloatArray:
    """[V] 0..1 how much of a vertex's motion `glasses` hold back: between brows and cheeks, but not on lids seen."""
    places = model.landmarks(model.neutral)
    brows = places[list(LOWER_BROWS), :2]
    order = np.argsort(brows[:, 0])
    eyes = [places[list(eye), :2] for eye in (RIGHT_EYE, LEFT_EYE)]
    x, y = model.neutral[:, 0], model.neutral[:, 1]
    top = np.interp(x, brows[order, 0], brows[order, 1]) + ABOVE_BROWS_CM[glasses]
    bottom = np.mean([eye[:, 1].mean() for eye in eyes]) - BELOW_EYES_CM
    held = np.clip((top - y) / ABOVE_EASE_CM + 1.0, 0.0, 1.0) * np.clip((y - bottom) / BELOW_EASE_CM, 0.0, 1.0)
    for eye in eyes if glasses == "clear" else ():
        outline = np.round(eye[:, None] * 1000).astype(np.int32)
        away = -np.array(
            [cv2.pointPolygonTest(outline, (float(1000 * a), float(1000 * b)), True) for a, b in zip(x, y, strict=True)]
        )
        held *= np.clip((away / 1000 - LIDS_CM[0]) / (LIDS_CM[1] - LIDS_CM[0]), 0.0, 1.0)
    return held.astype(np.float32)
