"""Where on the face model each of MediaPipe's 478 landmarks lies.

The model is drawn with many identities, expressions and head turns, the landmark detector looks at the drawings, and
each 2D landmark is cast back on the surface that it fell on. The median place on the neutral face, made symmetric,
becomes three vertices and their weights. The inner lips count only where the mouth is open, or the upper lip's
landmarks would fall on the lower lip; the lower lip's own may not fall on the inside of the upper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from talker.blendshapes import BLENDSHAPE_INDEX, expand
from talker.face.camera import project_fit, rotation_matrix
from talker.face.detector import FaceDetector
from talker.face.landmarks import INNER_LIPS, IRISES, LANDMARK_MIRROR
from talker.face.model import FaceModel, IntArray, vertex_normals
from talker.face.painting import Palette, paint_face
from talker.face.raster import rasterise
from talker.types import LANDMARK_COUNT, FaceFit, FloatArray

SIDE = 640  # px of a drawing
SCALE = 22.0  # px per cm
GRAZING = 0.25  # landmarks on surfaces seen flatter than this (cosine) are not trusted
EXPRESSIONS: tuple[dict[str, float], ...] = (
    {},
    {"jawOpen": 0.3},
    {"jawOpen": 0.55},
    {"jawOpen": 0.35, "mouthFunnel": 0.4},
    {"jawOpen": 0.3, "mouthSmile": 0.6},
    {"mouthSmile": 0.8},
    {"mouthUpperUp": 0.6, "mouthLowerDown": 0.6, "jawOpen": 0.1},
    {"browInnerUp": 0.5, "browOuterUp": 0.5, "eyeWide": 0.3, "jawOpen": 0.25},
)
LOWER_LIP_ENDS = (95, 324, 96, 325)  # so near the corners that the upper lip's inside is nearest to them
RIDES_ON_JAW_CM = 1.8  # what an open jaw takes further down is lower lip or chin
PALETTES = (
    Palette(),
    Palette(skin=(240, 204, 184), lips=(206, 120, 118), hair=(120, 84, 52)),
    Palette(skin=(150, 104, 78), lips=(132, 72, 70), hair=(24, 20, 20)),
)


@dataclass(frozen=True)
class Surface:
    """A part of the model that landmarks may lie on, with its vertices' places on the neutral face."""

    model: FaceModel
    triangles: IntArray  # [F,3]

    def cast(self, points: FloatArray, fit: FaceFit) -> tuple[FloatArray, FloatArray]:
        """Places [N,3] on the neutral face under image points [N,2], and how frontally [N] each is seen (cosine)."""
        vertices = self.model.vertices(fit.identity, fit.expression)
        projected, depth = project_fit(vertices, fit)
        fragments = rasterise(projected, depth, self.triangles, SIDE, SIDE)
        rows, columns = np.nonzero(fragments.covered)
        nearest = cKDTree(np.column_stack([columns, rows])).query(points)[1]
        hit = self.triangles[fragments.triangle[rows[nearest], columns[nearest]]]  # [N,3]
        weights = fragments.weights[rows[nearest], columns[nearest]]
        normals = vertex_normals(vertices, self.triangles) @ rotation_matrix(fit.rotation).T
        facing = np.einsum("nk,nkc->nc", weights, normals[hit])[:, 2]
        return np.einsum("nk,nkc->nc", weights, self.model.neutral[hit]), facing

    def nearest(self, places: FloatArray) -> tuple[IntArray, FloatArray]:
        """Vertices [N,3] and weights [N,3] of the surface's points nearest to `places` [N,3] on the neutral face."""
        corners = self.model.neutral[self.triangles].astype(np.float64)  # [F,3,3]
        vertices, weights = np.empty((len(places), 3), np.int32), np.empty((len(places), 3))
        near = cKDTree(corners.mean(axis=1)).query(places, 40)[1]
        for row, (place, candidates) in enumerate(zip(places, near, strict=True)):
            options = [_closest_weights(place, corners[face]) for face in candidates]
            away = [np.linalg.norm(w @ corners[face] - place) for w, face in zip(options, candidates, strict=True)]
            best = int(np.argmin(away))
            vertices[row], weights[row] = self.triangles[candidates[best]], options[best]
        return vertices, weights


def link_landmarks(model: FaceModel, *, identities: int = 9, seed: int = 0) -> tuple[IntArray, FloatArray]:
    """Vertices [478,3] and weights [478,3] of the landmarks, the same on both sides of the face."""
    skin = Surface(model, model.skin_triangles)
    eyes = Surface(model, model.part_triangles("sclera_left", "iris_left", "sclera_right", "iris_right"))
    on_eyes = np.isin(np.arange(LANDMARK_COUNT), IRISES)
    places = []
    with FaceDetector() as detector:
        for fit, palette in _performances(model, identities, np.random.default_rng(seed)):
            faces = detector.detect(paint_face(model, fit, SIDE, SIDE, palette))
            if faces:
                places.append(_places(faces[0].landmarks[:, :2], fit, skin, eyes, on_eyes))
    place = np.nanmedian(places, axis=0)  # [478,3]
    symmetric = (place + place[LANDMARK_MIRROR] * [-1, 1, 1]) / 2
    vertices, weights = np.empty((LANDMARK_COUNT, 3), np.int32), np.empty((LANDMARK_COUNT, 3), np.float32)
    on_lower_lip = np.isin(np.arange(LANDMARK_COUNT), LOWER_LIP_ENDS)
    lower = Surface(model, lower_face(model))
    for surface, chosen in ((skin, ~on_eyes & ~on_lower_lip), (eyes, on_eyes), (lower, on_lower_lip)):
        vertices[chosen], weights[chosen] = surface.nearest(symmetric[chosen])
    right = np.flatnonzero(symmetric[:, 0] < -1e-9)
    partner = LANDMARK_MIRROR[right]
    vertices[right], weights[right] = model.mirror[vertices[partner]], weights[partner]
    return vertices, weights


def lower_face(model: FaceModel) -> IntArray:
    """[F,3] triangles of the skin that goes down with the jaw."""
    sinks = model.expression_basis[BLENDSHAPE_INDEX["jawOpen"], :, 1] < -RIDES_ON_JAW_CM
    return model.skin_triangles[sinks[model.skin_triangles].all(axis=1)]


def _performances(
    model: FaceModel, identities: int, randomness: np.random.Generator
) -> Iterator[tuple[FaceFit, Palette]]:
    """Each identity with each expression, the head turned a little differently every time."""
    for number in range(identities):
        identity = randomness.normal(size=model.identity_count) * (0.7 if number else 0.0)
        for row in EXPRESSIONS:
            rotation = randomness.uniform(-1, 1, 3) * [0.2, 0.35, 0.1]
            fit = FaceFit(identity, expand(row), rotation, np.array([SIDE / 2, SIDE * 0.52]), SCALE)
            yield fit, PALETTES[number % len(PALETTES)]


def _places(points: FloatArray, fit: FaceFit, skin: Surface, eyes: Surface, on_eyes: np.ndarray) -> FloatArray:
    """[478,3] places on the neutral face, NaN where this drawing can't tell."""
    places = np.empty((LANDMARK_COUNT, 3))
    facing = np.empty(LANDMARK_COUNT)
    for surface, chosen in ((skin, ~on_eyes), (eyes, on_eyes)):
        places[chosen], facing[chosen] = surface.cast(points[chosen], fit)
    places[facing < GRAZING] = np.nan
    if fit.expression[BLENDSHAPE_INDEX["jawOpen"]] < 0.25:
        places[list(INNER_LIPS)] = np.nan
    return places


def _closest_weights(point: FloatArray, corners: FloatArray) -> FloatArray:
    """[3] barycentric weights of the point of a triangle [3,3] that is closest to `point` [3]."""
    edges = (corners[1:] - corners[0]).T  # [3,2]
    inside = np.linalg.lstsq(edges, point - corners[0], rcond=None)[0]
    weights = np.array([1 - inside.sum(), *inside])
    if weights.min() >= 0:
        return weights
    best, result = np.inf, weights
    for first, second in ((0, 1), (1, 2), (2, 0)):
        along = corners[second] - corners[first]
        share = np.clip((point - corners[first]) @ along / max(along @ along, 1e-12), 0, 1)
        distance = float(np.linalg.norm(corners[first] + share * along - point))
        if distance < best:
            best, result = distance, np.zeros(3)
            result[first], result[second] = 1 - share, share
    return result
