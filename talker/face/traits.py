"""What follows from the face model alone: which vertices go with the lips, with the lids, and with which landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from talker.blendshapes import BLENDSHAPE_INDEX, expand
from talker.curves import smoothstep
from talker.face.landmarks import EYE_LIDS, FACE_LANDMARKS, LIP_PAIRS
from talker.face.model import FaceModel, IntArray, load_face_model
from talker.types import AnyArray, FloatArray

RESIDUAL_FULL_CM, RESIDUAL_REACH_CM = 1.0, 2.5  # a landmark's residual counts fully up to the first, then fades
RESIDUAL_STEP = 4e-5  # to which its weights, which lie between -1.3 and 1.3, are rounded
AT_ONCE = 2048  # vertices whose weights are worked out together: all of them would take 200 MB
LIP_REACH_CM = 2.0  # how far from the line where the lips touch a vertex still moves with them
JAW_TRAVEL_CM = 1.8  # the lower lip rides on the jaw further than that, the upper hardly moves
LEAST_TRAVEL_CM = 0.05  # of a lid's edge: below that its corner lies


@dataclass(frozen=True)
class FaceTraits:
    """What depends on the face model alone.

    residual_weights: [V,468] int16, how much of each landmark's residual a vertex takes, in RESIDUAL_STEPs.
    upper_lip, lower_lip: [V] how much a vertex belongs to either lip, 0..1.
    lids: per side [V], how much a vertex goes with the upper lid's edge, 0..1.
    lip_gaps: [52,9] cm by which each blendshape parts the lips at their inner landmarks.
    shape_starts, shape_vertices, shape_offsets: [53], [N], [N,3] the vertices that each blendshape moves, one after the
    other, and how far (cm).
    """

    model: FaceModel
    residual_weights: NDArray[np.int16]
    upper_lip: FloatArray
    lower_lip: FloatArray
    lids: dict[str, FloatArray]
    lip_gaps: FloatArray
    shape_starts: NDArray[np.intp]
    shape_vertices: NDArray[np.intp]
    shape_offsets: FloatArray

    def add_shapes(self, expression: FloatArray, mesh: FloatArray) -> None:
        """Add what the `expression` [52] moves to `mesh` [V,3] cm, in place."""
        _add_shapes(self.shape_offsets, expression, self.shape_starts, self.shape_vertices, mesh)

    def spread(self, residual: FloatArray) -> FloatArray:
        """[V,2] px that the vertices take of the landmarks' `residual` [468,2] px."""
        found = np.empty((len(self.residual_weights), 2), np.float32)
        x, y = np.ascontiguousarray(residual.T * np.float32(RESIDUAL_STEP))
        _spread(self.residual_weights, x, y, found)
        return found

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
    offsets = model.expression_basis[shapes, vertices]  # [N,3]
    return FaceTraits(model, residual_weights, upper_lip, lower_lip, lids, gaps, starts, vertices, offsets)


@lru_cache(maxsize=4)
def person_mesh(folder: Path, identity: bytes) -> FloatArray:
    """[V,3] cm a person without expression; identity: the bytes of [K] float32. All frames of a film share it."""
    return load_face_model(folder).shape(np.frombuffer(identity, np.float32))


def _residual_weights(model: FaceModel) -> NDArray[np.int16]:
    # measured on an open mouth, so that upper and lower lip lie apart and keep residuals of their own
    mesh = model.vertices(np.zeros(1, np.float32), expand({"jawOpen": 0.6}))
    links = model.landmarks(mesh)[:FACE_LANDMARKS]
    interpolate = RBFInterpolator(links, np.eye(FACE_LANDMARKS), kernel="linear", smoothing=0.05)
    distance = cKDTree(links).query(mesh)[0]
    fade = np.exp(-((np.maximum(distance - RESIDUAL_FULL_CM, 0.0) / RESIDUAL_REACH_CM) ** 2))
    weights = np.empty((len(mesh), FACE_LANDMARKS), np.int16)
    for start in range(0, len(mesh), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        weights[part] = np.round(interpolate(mesh[part]) * fade[part, None] / RESIDUAL_STEP)
    return weights


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


@njit(cache=True, nogil=True)
def _add_shapes(offsets: AnyArray, delta: AnyArray, starts: AnyArray, vertices: AnyArray, mesh: AnyArray) -> None:
    """Add to `mesh` [V,3] the blendshapes times `delta` [52]; starts, vertices, offsets: as in `FaceTraits`."""
    for row in range(len(delta)):
        amount = delta[row]
        if amount != 0.0:
            for place in range(starts[row], starts[row + 1]):
                vertex = np.uint64(vertices[place])
                mesh[vertex, 0] += amount * offsets[place, 0]
                mesh[vertex, 1] += amount * offsets[place, 1]
                mesh[vertex, 2] += amount * offsets[place, 2]


@njit(cache=True, nogil=True, fastmath=True)
def _spread(weights: AnyArray, x: AnyArray, y: AnyArray, found: AnyArray) -> None:
    for vertex in range(len(weights)):
        right = down = np.float32(0.0)
        for landmark in range(len(x)):
            weight = np.float32(weights[vertex, landmark])
            right += weight * x[landmark]
            down += weight * y[landmark]
        found[vertex, 0], found[vertex, 1] = right, down
