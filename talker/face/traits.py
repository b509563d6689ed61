"""What follows from the face model alone: which vertices go with the lips, with the lids, and with which landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from talker.blendshapes import BLENDSHAPE_INDEX, expand
from talker.curves import smoothstep
from talker.face.landmarks import EYE_LIDS, FACE_LANDMARKS, LIP_PAIRS
from talker.face.model import FaceModel, IntArray, load_face_model
from talker.types import FloatArray

RESIDUAL_FULL_CM, RESIDUAL_REACH_CM = 1.0, 2.5  # a landmark's residual counts fully up to the first, then fades
LIP_REACH_CM = 2.0  # how far from the line where the lips touch a vertex still moves with them
JAW_TRAVEL_CM = 1.8  # the lower lip rides on the jaw further than that, the upper hardly moves
LEAST_TRAVEL_CM = 0.05  # of a lid's edge: below that its corner lies


@dataclass(frozen=True)
class FaceTraits:
    """What depends on the face model alone.

    residual_weights: [V,468] how much of each landmark's residual a vertex takes.
    upper_lip, lower_lip: [V] how much a vertex belongs to either lip, 0..1.
    lids: per side [V], how much a vertex goes with the upper lid's edge, 0..1.
    lip_gaps: [52,9] cm by which each blendshape parts the lips at their inner landmarks.
    shape_starts, shape_vertices: [53], [N] the vertices that each blendshape moves, one after the other.
    """

    model: FaceModel
    residual_weights: FloatArray
    upper_lip: FloatArray
    lower_lip: FloatArray
    lids: dict[str, FloatArray]
    lip_gaps: FloatArray
    shape_starts: NDArray[np.intp]
    shape_vertices: NDArray[np.intp]

    @property
    def mask_triangles(self) -> IntArray:
        """[F',3] triangles of the skin that is redrawn."""
        return self.model.mask_triangles


@lru_cache(maxsize=2)
def face_traits(folder: Path) -> FaceTraits:
    """Measure the model in `folder`, once."""
    model = load_face_model(folder)
    residual_weights = _residual_weights(model)
    upper_lip, lower_lip = _lip_weights(model)
    lids = {side: _lid_weights(model, side) for side in EYE_LIDS}
    shapes, vertices = np.nonzero(model.expression_basis.any(axis=2))
    starts = np.searchsorted(shapes, np.arange(len(model.expression_basis) + 1))
    upper, lower = (list(lip) for lip in LIP_PAIRS)
    heights = np.stack([model.landmarks(shape)[:, 1] for shape in model.expression_basis])  # [52,478]
    gaps = heights[:, upper] - heights[:, lower]
    return FaceTraits(model, residual_weights, upper_lip, lower_lip, lids, gaps, starts, vertices)


def _residual_weights(model: FaceModel) -> FloatArray:
    # measured on an open mouth, so that upper and lower lip lie apart and keep residuals of their own
    mesh = model.vertices(np.zeros(1, np.float32), expand({"jawOpen": 0.6}))
    links = model.landmarks(mesh)[:FACE_LANDMARKS]
    weights = RBFInterpolator(links, np.eye(FACE_LANDMARKS), kernel="linear", smoothing=0.05)(mesh)  # [V,468]
    distance = cKDTree(links).query(mesh)[0]
    fade = np.exp(-((np.maximum(distance - RESIDUAL_FULL_CM, 0.0) / RESIDUAL_REACH_CM) ** 2))
    return (weights * fade[:, None]).astype(np.float32)


def _lip_weights(model: FaceModel) -> tuple[FloatArray, FloatArray]:
    jaw = model.expression_basis[BLENDSHAPE_INDEX["jawOpen"]]
    contact = model.landmarks(model.neutral)[list(LIP_PAIRS[0] + LIP_PAIRS[1])]
    distance = cKDTree(contact).query(model.neutral)[0]
    near = smoothstep(1.0 - distance / LIP_REACH_CM)
    near[model.mask.stop :] = 0
    is_lower = -jaw[:, 1] > JAW_TRAVEL_CM
    return (near * ~is_lower).astype(np.float32), (near * is_lower).astype(np.float32)


def _lid_weights(model: FaceModel, side: str) -> FloatArray:
    shape = model.expression_basis[BLENDSHAPE_INDEX[f"eyeBlink{side}"]]
    upper = list(EYE_LIDS[side][0])
    places, travel = model.landmarks(model.neutral)[upper, 0], -model.landmarks(shape)[upper, 1]
    order = np.argsort(places)
    edge = np.interp(model.neutral[:, 0], places[order], travel[order])
    weights = np.clip(-shape[:, 1] / np.maximum(edge, LEAST_TRAVEL_CM), 0.0, 1.0)
    weights[model.mask.stop :] = 0
    return weights.astype(np.float32)
