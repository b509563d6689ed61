"""A plain drawing of the face model: skin, lips, brows, lashes, eyes and hair in flat colours under one soft light.

Good enough for a landmark detector to take it for a face: the landmark links, the tests and the made-up example
portraits stand on it. It is not how portraits are animated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path as Outline

from talker.face.camera import project_fit, rotation_matrix
from talker.face.model import FACE_VERTICES, FaceModel, IntArray, vertex_normals
from talker.face.raster import rasterise
from talker.types import ByteArray, FaceFit, FloatArray

# outlines in the neutral model's x and y (cm) of the person's left half; the other half mirrors them
LIPS = np.array([[-1, -2.46], [0, -2.5], [0.73, -2.44], [1.7, -2.8], [2.5, -3.5], [1.8, -4.06], [1, -4.3], [-1, -4.36]])
BROW = np.array([[1.1, 5.75], [2.4, 6.05], [3.8, 6.1], [5.0, 5.85], [5.9, 5.1], [4.9, 5.4], [2.4, 5.35], [1.15, 5.0]])
SUPERSAMPLING = 2
AMBIENT, DIFFUSE = 0.55, 0.5
LIGHT = np.array([0.25, 0.45, 0.86])
IRIS_RADIUS_CM, PUPIL_RADIUS_CM = 0.62, 0.25


@dataclass(frozen=True)
class Palette:
    """Colours 0..255 of a made-up person."""

    skin: tuple[int, int, int] = (224, 178, 152)
    lips: tuple[int, int, int] = (178, 92, 92)
    hair: tuple[int, int, int] = (64, 46, 36)
    iris: tuple[int, int, int] = (84, 66, 48)
    background: tuple[int, int, int] = (176, 182, 190)


def paint_face(model: FaceModel, fit: FaceFit, height: int, width: int, palette: Palette | None = None) -> ByteArray:
    """[H,W,3] picture of the model with the identity, expression and camera of `fit`."""
    palette = palette or Palette()
    vertices = model.vertices(fit.identity, fit.expression)
    points, depth = project_fit(vertices, fit)
    many = SUPERSAMPLING
    fragments = rasterise((points + 0.5) * many - 0.5, depth, model.triangles, height * many, width * many, cull=False)
    normals = vertex_normals(vertices, model.triangles) @ rotation_matrix(fit.rotation).T
    shade = AMBIENT + DIFFUSE * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    shade[slice(*model.parts["mouth_socket"])] = 0.3
    lit = fragments.interpolate(model.triangles, (vertex_colours(model, palette) * shade[:, None]).astype(np.float32))
    image = np.where(fragments.covered[..., None], lit, np.array(palette.background, np.float32))
    small = image.reshape(height, many, width, many, 3).mean(axis=(1, 3))
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)


def vertex_colours(model: FaceModel, palette: Palette) -> FloatArray:
    """[V,3] colour of each vertex, 0..255."""
    neutral = model.neutral
    colours = np.empty((len(neutral), 3), np.float32)
    colours[:] = palette.skin
    half = np.column_stack([np.abs(neutral[:, 0]), neutral[:, 1]])
    front = neutral[:, 2] > 5
    colours[front & Outline(LIPS).contains_points(half)] = palette.lips
    colours[front & Outline(BROW).contains_points(half)] = palette.hair
    colours[_scalp(model)] = palette.hair
    colours[_lid_edges(model)] = palette.hair
    for name, colour in (("gums", (170, 84, 84)), ("tongue", (190, 100, 100)), ("mouth_socket", (120, 50, 50))):
        colours[slice(*model.parts[name])] = colour
    for side in ("left", "right"):
        first, end = model.parts[f"sclera_{side}"][0], model.parts[f"iris_{side}"][1]
        ball = neutral[first:end]
        centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
        off_axis = np.linalg.norm((ball - centre)[:, :2], axis=1)
        forward = ball[:, 2] > centre[2]
        colours[first:end] = (236, 232, 228)
        colours[first:end][forward & (off_axis < IRIS_RADIUS_CM)] = palette.iris
        colours[first:end][forward & (off_axis < PUPIL_RADIUS_CM)] = (16, 14, 14)
    for name in ("upper_teeth", "lower_teeth"):
        colours[slice(*model.parts[name])] = (238, 232, 220)
    return colours


def _scalp(model: FaceModel) -> IntArray:
    """Indices of the skin that hair covers: above the forehead and behind the ears."""
    skin = model.neutral[: model.parts["skin"][1]]
    above = skin[:, 1] > 11.0 - 0.2 * np.clip(8 - skin[:, 2], 0, None)
    behind = (skin[:, 2] < 1.0) & (skin[:, 1] > -1.0)
    behind[:FACE_VERTICES] = False
    return np.flatnonzero(above | behind).astype(np.int32)


def _lid_edges(model: FaceModel) -> IntArray:
    """Indices of the skin vertices along the openings for the eyes."""
    edges = np.sort(model.skin_triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(unique[count == 1])
    height = model.neutral[border, 1]
    return border[(height > 1) & (height < 6)].astype(np.int32)
