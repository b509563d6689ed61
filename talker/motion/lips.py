"""How open and how wide the lips are for given blendshapes: linear measurements on the face model."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from talker.face.model import load_face_model
from talker.types import FloatArray
from talker.weights import store

UPPER_LIP, LOWER_LIP = (13, 82, 312), (14, 87, 317)  # landmarks of the inner lips at the middle
CORNERS = (61, 291)
FACE_SIDES = (234, 454)
CHIN, NOSE = 152, 2


@dataclass(frozen=True)
class LipGeometry:
    """What a unit of each blendshape [52] adds to a measurement, in face widths."""

    opening: FloatArray
    width: FloatArray
    jaw: FloatArray

    @classmethod
    @functools.cache
    def load(cls) -> LipGeometry:
        """Measured on the project's own face model, average identity."""
        model = load_face_model(store.checkpoint("face-model"))
        basis = model.expression_basis[:, model.landmark_vertices]  # [52, 478, 3 vertices, 3]
        moves = np.einsum("lk,elkc->elc", model.landmark_weights, basis)  # [52, 478, 3]
        neutral = model.landmarks(model.neutral)
        face_width = float(np.linalg.norm(neutral[FACE_SIDES[0]] - neutral[FACE_SIDES[1]]))
        moves = moves / face_width
        opening = (moves[:, UPPER_LIP, 1] - moves[:, LOWER_LIP, 1]).mean(1)
        width = moves[:, CORNERS[1], 0] - moves[:, CORNERS[0], 0]
        return cls(opening, width, -moves[:, CHIN, 1])

    def opening_of(self, blendshapes: FloatArray) -> FloatArray:
        """[...] vertical distance of the inner lips for blendshapes [..., 52], at least 0."""
        return np.maximum(blendshapes @ self.opening, 0.0)

    def width_of(self, blendshapes: FloatArray) -> FloatArray:
        """[...] change of the distance of the lip corners for blendshapes [..., 52]."""
        return blendshapes @ self.width


def measured_lips(landmarks: FloatArray) -> FloatArray:
    """[T,2] opening and width of the lips in face widths, in tracked landmarks [T,478,2 or more] (px)."""
    points = landmarks[..., :2].astype(np.float64)
    face = np.maximum(np.linalg.norm(points[:, FACE_SIDES[0]] - points[:, FACE_SIDES[1]], axis=-1), 1e-6)
    opening = np.linalg.norm(points[:, UPPER_LIP] - points[:, LOWER_LIP], axis=-1).mean(1)
    width = np.linalg.norm(points[:, CORNERS[0]] - points[:, CORNERS[1]], axis=-1)
    return np.stack([opening / face, width / face], axis=1)
