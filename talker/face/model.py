"""The 3D morphable model: identity and the 52 ARKit expressions move one mesh of skin, mouth, teeth, tongue and eyes.

Axes: x towards the image's right (the person's left), y up, z towards the viewer; unit cm; the origin lies inside the
head between the ears. The weights are derived from the ICT Face Model Light by `talker.training.face_model`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from safetensors.numpy import load_file

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.loaded import loaded_once
from talker.types import LANDMARK_COUNT, FloatArray

IntArray = NDArray[np.int32]
INSIDE = ("mouth_socket", "gums", "tongue", "upper_teeth", "lower_teeth")  # of the mouth: neighbours, in this order


@dataclass(frozen=True)
class FaceModel:
    """Vertices = neutral + identity · modes + expression · shapes.

    neutral: [V,3] cm. identity_basis: [K,V,3] cm per standard deviation. expression_basis: [52,V,3] cm.
    triangles: [F,3] counter-clockwise seen from outside. mirror: [V] partner of each vertex in a mirror.
    parts: vertex range (first, end) of each named part.
    skin_regions: vertex range of parts of the skin: `mask`, the front of the face without ears and neck, which is
        redrawn, and `face`, the mask with ears.
    landmark_vertices, landmark_weights: [478,3] where each MediaPipe landmark lies: three vertices and their weights.
    """

    neutral: FloatArray
    identity_basis: FloatArray
    expression_basis: FloatArray
    triangles: IntArray
    mirror: IntArray
    parts: dict[str, tuple[int, int]]
    skin_regions: dict[str, tuple[int, int]]
    landmark_vertices: IntArray
    landmark_weights: FloatArray

    @classmethod
    def load(cls, folder: Path) -> FaceModel:
        """Read a model from its checkpoint folder."""
        config = json.loads((folder / "config.json").read_text())
        tensors = load_file(folder / "model.safetensors")
        neutral = tensors["neutral"]
        return cls(
            neutral=neutral,
            identity_basis=_unpack_identity(tensors),
            expression_basis=_unpack_expression(tensors, len(neutral)),
            triangles=tensors["triangles"].astype(np.int32),
            mirror=tensors["mirror"].astype(np.int32),
            parts=_ranges(config["parts"]),
            skin_regions=_ranges(config["skin_regions"]),
            landmark_vertices=tensors.get("landmark_vertices", np.zeros((LANDMARK_COUNT, 3))).astype(np.int32),
            landmark_weights=tensors.get("landmark_weights", np.zeros((LANDMARK_COUNT, 3), np.float32)),
        )

    @property
    def identity_count(self) -> int:
        """Number of identity modes."""
        return len(self.identity_basis)

    def shape(self, identity: FloatArray) -> FloatArray:
        """[V,3] this person's expressionless mesh; `identity` [K or fewer] in standard deviations."""
        count = len(identity)
        return self.neutral + np.tensordot(identity.astype(np.float32), self.identity_basis[:count], 1)

    def offsets(self, expression: FloatArray) -> FloatArray:
        """[V,3] what the expression [52] adds to any person's mesh."""
        return np.tensordot(expression.astype(np.float32), self.expression_basis, 1)

    def vertices(self, identity: FloatArray, expression: FloatArray) -> FloatArray:
        """[V,3] mesh in cm."""
        return self.shape(identity) + self.offsets(expression)

    def landmarks(self, vertices: FloatArray) -> FloatArray:
        """[478,3] the landmarks' places on the mesh `vertices` [V,3]."""
        return np.einsum("lk,lkc->lc", self.landmark_weights, vertices[self.landmark_vertices])

    def part_triangles(self, *names: str) -> IntArray:
        """[F',3] the triangles that lie wholly in the named parts."""
        inside = np.zeros(len(self.neutral), bool)
        for name in names:
            first, end = self.parts[name]
            inside[first:end] = True
        return self.triangles[inside[self.triangles].all(axis=1)]

    @property
    def mask(self) -> slice:
        """The vertices of the skin that is redrawn: the front of the face without ears and neck."""
        return slice(*self.skin_regions["mask"])

    @cached_property
    def mask_triangles(self) -> IntArray:
        """[F',3] triangles of the skin that is redrawn."""
        return self.triangles[(self.triangles < self.mask.stop).all(axis=1)]

    @cached_property
    def inside_triangles(self) -> IntArray:
        """[F',3] triangles of what lies behind the lips."""
        return self.part_triangles(*INSIDE)

    @cached_property
    def skin_triangles(self) -> IntArray:
        """[F',3] triangles of face, head and neck."""
        return self.part_triangles("skin")


def _ranges(entries: dict[str, list[int]]) -> dict[str, tuple[int, int]]:
    return {name: (int(first), int(end)) for name, (first, end) in entries.items()}


def _unpack_identity(tensors: dict[str, NDArray[Any]]) -> FloatArray:
    modes = [
        tensors[name].astype(np.float32) * tensors[name + "_scale"][:, None, None]
        for name in ("identity_major", "identity_minor")
    ]
    return np.concatenate(modes)  # [K,V,3]


def _unpack_expression(tensors: dict[str, NDArray[Any]], vertex_count: int) -> FloatArray:
    basis = np.zeros((BLENDSHAPE_COUNT, vertex_count, 3), np.float32)
    starts = tensors["expression_starts"]
    for row in range(BLENDSHAPE_COUNT):
        part = slice(starts[row], starts[row + 1])
        offsets = tensors["expression_offsets"][part].astype(np.float32) * tensors["expression_scale"][row]
        basis[row, tensors["expression_vertices"][part].astype(np.int64)] = offsets
    return basis


def vertex_normals(vertices: FloatArray, triangles: IntArray) -> FloatArray:
    """[V,3] unit normals, area-weighted over the triangles around each vertex."""
    normals = np.zeros((len(vertices), 3), np.float32)
    _add_face_normals(np.ascontiguousarray(vertices, np.float32), triangles, normals)
    return normals


@njit(cache=True, nogil=True)
def _add_face_normals(vertices: FloatArray, triangles: IntArray, normals: FloatArray) -> None:
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx  # twice the area long
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for index in range(len(normals)):
        x, y, z = normals[index, 0], normals[index, 1], normals[index, 2]
        length = max(np.sqrt(x * x + y * y + z * z), 1e-12)
        normals[index, 0], normals[index, 1], normals[index, 2] = x / length, y / length, z / length


def mean_points(weights: FloatArray, vertices: IntArray, points: FloatArray) -> FloatArray:
    """[N,2] the mean of three of the `points` [V,2] each, with their `weights` [N,3]."""
    found = np.empty((len(vertices), 2), points.dtype)
    _weigh(weights, vertices, points, found)
    return found


@njit(cache=True, nogil=True)
def _weigh(weights: FloatArray, vertices: IntArray, points: FloatArray, found: FloatArray) -> None:
    for row in range(len(found)):
        for axis in range(2):
            total = np.float32(0.0)
            for corner in range(3):
                total += weights[row, corner] * points[vertices[row, corner], axis]
            found[row, axis] = total


@loaded_once
def load_face_model(folder: Path) -> FaceModel:
    """The model in `folder`, read once."""
    return FaceModel.load(folder)
