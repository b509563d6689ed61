"""Glasses: seen at their bridge, and kept rigid.

A frame crosses the bridge of the nose, where bare skin has no horizontal edge nearly as strong. On the 150 portraits
that may be tuned on, at any size from 256 px, the measure is 0.24 or more for the two that wear glasses and 0.18 or
less for the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.landmarks import BRIDGE_ENDS, EYE_CORNERS, LEFT_EYE, LOWER_BROWS, RIGHT_EYE
from talker.face.model import FaceModel
from talker.types import ByteArray, FloatArray


@dataclass(frozen=True)
class GlassesParams:
    """How a frame is found, and where it holds the skin."""

    eyes_apart_px: float = 100.0  # the outer corners' distance in the picture that is searched
    black: float = 12.0  # added to pixel values before the logarithm
    least_edge: float = 0.21  # change of log brightness per px across the bridge
    above_brow_cm: float = 0.1  # above the lower edge of the brows, frames end
    below_eyes_cm: float = 4.0  # so far below the eyes' middle, too
    ease_cm: float = 1.5  # over which the skin beyond them moves freely again
    lids_cm: tuple[float, float] = (0.35, 0.9)  # from the eye's outline: nearer, lids move freely; further, none do


DEFAULT_GLASSES = GlassesParams()


def wears_glasses(image: ByteArray, landmarks: FloatArray, params: GlassesParams = DEFAULT_GLASSES) -> bool:
    """Whether a frame crosses the nose bridge of the face with these `landmarks` [478,3] px."""
    return bridge_edge(image, landmarks, params) > params.least_edge


def bridge_edge(image: ByteArray, landmarks: FloatArray, params: GlassesParams) -> float:
    """The strongest change of log brightness per px across the bridge of the nose."""
    right, left = landmarks[list(EYE_CORNERS), :2]
    apart = left - right
    scale = params.eyes_apart_px / max(float(np.linalg.norm(apart)), 1.0)
    cosine, sine = scale * apart / max(float(np.linalg.norm(apart)), 1.0)
    turn = np.array([[cosine, sine], [-sine, cosine]], np.float32)
    top, bottom = landmarks[list(BRIDGE_ENDS), :2] @ turn.T
    corner = np.array([(top[0] + bottom[0]) / 2 - 4, min(top[1], bottom[1]) - 4])
    size = (9, max(int(abs(bottom[1] - top[1])) + 8, 9))
    matrix = np.concatenate([turn, -corner[:, None]], axis=1).astype(np.float32)
    source = cv2.GaussianBlur(image, (0, 0), 0.4 / scale) if scale < 0.67 else image
    patch = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
    light = np.log(cv2.GaussianBlur(grey, (0, 0), 0.7) + params.black)
    edge = np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1) / 8)
    return float(np.median(edge, axis=1).max())


def frame_weights(model: FaceModel, params: GlassesParams = DEFAULT_GLASSES) -> FloatArray:
    """[V] 0..1 how much of a vertex's motion a frame would hold back: between brows and cheeks, but not on the lids."""
    places = model.landmarks(model.neutral)
    brows = places[list(LOWER_BROWS), :2]
    order = np.argsort(brows[:, 0])
    eyes = [places[list(eye), :2] for eye in (RIGHT_EYE, LEFT_EYE)]
    x, y = model.neutral[:, 0], model.neutral[:, 1]
    top = np.interp(x, brows[order, 0], brows[order, 1]) + params.above_brow_cm
    bottom = np.mean([eye[:, 1].mean() for eye in eyes]) - params.below_eyes_cm
    held = np.clip((top - y) / params.ease_cm + 1.0, 0.0, 1.0) * np.clip((y - bottom) / params.ease_cm, 0.0, 1.0)
    for eye in eyes:
        outline = np.round(eye[:, None] * 1000).astype(np.int32)
        away = -np.array(
            [cv2.pointPolygonTest(outline, (float(1000 * a), float(1000 * b)), True) for a, b in zip(x, y, strict=True)]
        )
        held *= np.clip((away / 1000 - params.lids_cm[0]) / (params.lids_cm[1] - params.lids_cm[0]), 0.0, 1.0)
    return held.astype(np.float32)
