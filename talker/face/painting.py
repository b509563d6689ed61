"""A plain drawing of the face model: skin, lips, brows, lashes, eyes and hair in flat colours under one soft light.

Good enough for a landmark detector to take it for a face: the landmark links, the tests and the made-up example
portraits stand on it. It is not how portraits are animated.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.face.camera import project_fit, rotation_matrix
from talker.face.model import FaceModel, vertex_normals
from talker.face.raster import rasterise
from talker.types import BoolArray, ByteArray, FaceFit, FloatArray

# outlines in the neutral model's x and y (cm) of the person's left half; the other half mirrors them
LIPS = np.array([[-1, -2.46], [0, -2.5], [0.73, -2.44], [1.7, -2.8], [2.5, -3.5], [1.8, -4.06], [1, -4.3], [-1, -4.36]])
BROW = np.array(
    [[1.0, 5.5], [2.4, 5.85], [3.8, 5.9], [5.0, 5.65], [5.9, 4.9], [4.9, 5.2], [3.6, 5.35], [2.4, 5.15], [1.05, 4.8]]
)
SUPERSAMPLING = 2
AMBIENT, DIFFUSE = 0.55, 0.5
LIGHT = np.array([0.25, 0.45, 0.86]) / np.linalg.norm([0.25, 0.45, 0.86])
IRIS_RADIUS_CM, PUPIL_RADIUS_CM = 0.6, 0.22
KAPPA = 5.0  # degrees by which a pupil sits outwards of the line of sight
SCLERA, PUPIL, TEETH = (236, 232, 228), (16, 14, 14), (238, 232, 220)
GUMS, TONGUE, CAVITY = (170, 84, 84), (190, 100, 100), (36, 14, 14)


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
    shade = AMBIENT + DIFFUSE * np.clip(normals @ LIGHT, 0, 1)
    attributes = np.column_stack([model.neutral, _lashes(model), shade])
    drawn = fragments.interpolate(model.triangles, attributes)[fragments.covered]  # [P,5]
    part = _part_of_triangles(model)[fragments.triangle[fragments.covered]]
    image = np.empty((height * many, width * many, 3), np.float32)
    image[:] = palette.background
    image[fragments.covered] = _colours(model, drawn[:, :3], drawn[:, 3], part, palette) * drawn[:, 4:]
    small = image.reshape(height, many, width, many, 3).mean(axis=(1, 3))
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)


def _part_of_triangles(model: FaceModel) -> NDArray[np.intp]:
    """[F] which of the model's parts, by number, each triangle belongs to."""
    ends = np.array([end for _, end in model.parts.values()])
    return np.searchsorted(ends, model.triangles[:, 0], side="right")


def _colours(
    model: FaceModel, place: FloatArray, lash: FloatArray, part: NDArray[np.intp], palette: Palette
) -> FloatArray:
    """[P,3] colour (0..255) of points at `place` [P,3] of the neutral face, in the parts numbered `part` [P]."""
    colours = np.empty((len(place), 3), np.float32)
    fixed = {"gums": GUMS, "tongue": TONGUE, "mouth_socket": CAVITY, "upper_teeth": TEETH, "lower_teeth": TEETH}
    for number, name in enumerate(model.parts):
        chosen = part == number
        if name == "skin":
            colours[chosen] = _skin_colours(place[chosen], lash[chosen], palette)
        elif name in fixed:
            colours[chosen] = fixed[name]
        else:
            colours[chosen] = _eye_colours(model, place[chosen], name.rpartition("_")[2], palette)
    return colours


def _skin_colours(place: FloatArray, lash: FloatArray, palette: Palette) -> FloatArray:
    half = np.column_stack([np.abs(place[:, 0]), place[:, 1]])
    front = place[:, 2] > 5
    colours = np.empty((len(place), 3), np.float32)
    colours[:] = palette.skin
    colours[front & _inside(LIPS, half)] = palette.lips
    above = place[:, 1] > 11.0 - 0.2 * np.clip(8 - place[:, 2], 0, None)
    behind = (place[:, 2] < -3.5) & (place[:, 1] > -1.0)
    hair = above | behind | (front & _inside(BROW, half)) | (lash > 0.5)
    colours[hair] = palette.hair
    return colours


def _eye_colours(model: FaceModel, place: FloatArray, side: str, palette: Palette) -> FloatArray:
    """The white, with iris and pupil about the axis of sight."""
    ball = model.neutral[model.parts[f"sclera_{side}"][0] : model.parts[f"iris_{side}"][1]]
    low, high = ball.min(axis=0), ball.max(axis=0)
    radius = (high[0] - low[0]) / 2
    centre = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + radius])
    outwards = np.radians(KAPPA) * (1 if side == "left" else -1)
    axis = np.array([np.sin(outwards), 0.0, np.cos(outwards)])
    along = (place - centre) @ axis
    off_axis = np.linalg.norm(place - centre - along[:, None] * axis, axis=1)
    colours = np.empty((len(place), 3), np.float32)
    colours[:] = SCLERA
    colours[(along > 0) & (off_axis < IRIS_RADIUS_CM)] = palette.iris
    colours[(along > 0) & (off_axis < PUPIL_RADIUS_CM)] = PUPIL
    return colours


def _inside(outline: FloatArray, points: FloatArray) -> BoolArray:
    """Which `points` [P,2] (cm) lie within a polygon."""
    resolution = 100  # steps per cm
    corner = outline.min(axis=0) - 0.1
    size = np.ceil((outline.max(axis=0) + 0.1 - corner) * resolution).astype(int)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((outline - corner) * resolution).astype(np.int32)], 1)
    cell = np.round((points - corner) * resolution).astype(int)
    within = ((cell >= 0) & (cell < size)).all(axis=1)
    result = np.zeros(len(points), bool)
    result[within] = mask[cell[within, 1], cell[within, 0]] > 0
    return result


def _lashes(model: FaceModel) -> FloatArray:
    """[V] 1 along the openings for the eyes."""
    edges = np.sort(model.skin_triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(unique[count == 1])
    height = model.neutral[border, 1]
    lash = np.zeros(len(model.neutral))
    lash[border[(height > 1) & (height < 6) & (border < model.skin_regions["face"][1])]] = 1
    return lash
