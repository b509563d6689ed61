"""Rasterising a mesh with a depth buffer: which triangle each pixel shows, and where in it the pixel lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from talker.types import FloatArray

EMPTY = -1


@dataclass(frozen=True)
class Fragments:
    """What a rasterised picture shows.

    triangle: [H,W] index of the visible triangle, -1 where there is none.
    weights: [H,W,3] barycentric weights of its corners.
    depth: [H,W] depth of the surface (larger is nearer), -inf where there is none.
    """

    triangle: NDArray[np.int32]
    weights: FloatArray
    depth: FloatArray

    @property
    def covered(self) -> NDArray[np.bool_]:
        """[H,W] pixels that show the mesh."""
        return self.triangle >= 0

    def interpolate(self, triangles: NDArray[Any], values: FloatArray) -> FloatArray:
        """[H,W,C] per-vertex `values` [V,C] at each pixel, 0 where there is no mesh."""
        result = np.zeros((*self.triangle.shape, values.shape[1]), np.float32)
        _interpolate(self.triangle, self.weights, triangles, np.ascontiguousarray(values, np.float32), result)
        return result


def rasterise(
    points: FloatArray, depth: FloatArray, triangles: NDArray[Any], height: int, width: int, *, cull: bool = True
) -> Fragments:
    """Draw triangles [F,3] over projected vertices `points` [V,2] (px, centre of the first pixel at 0,0).

    depth: [V], larger is nearer. cull: leave out triangles that are seen from behind (counter-clockwise is front, in
    axes with y up).
    """
    fragments = Fragments(
        np.full((height, width), EMPTY, np.int32),
        np.zeros((height, width, 3), np.float32),
        np.full((height, width), -np.inf, np.float32),
    )
    _rasterise(
        np.ascontiguousarray(points, np.float32),
        np.ascontiguousarray(depth, np.float32),
        np.ascontiguousarray(triangles, np.int32),
        cull,
        fragments.triangle,
        fragments.weights,
        fragments.depth,
    )
    return fragments


@njit(cache=True, fastmath=False, nogil=True)
def _rasterise(
    points: FloatArray,
    depth: FloatArray,
    triangles: NDArray[np.integer[Any]],
    cull: bool,
    out_triangle: NDArray[np.integer[Any]],
    out_weights: FloatArray,
    out_depth: FloatArray,
) -> None:
    height, width = out_triangle.shape
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        # y runs down in the picture, so a front face has a negative area
        if area == 0.0 or (cull and area > 0.0):
            continue
        left, right = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(np.floor(max(ax, bx, cx))))
        top, bottom = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(np.floor(max(ay, by, cy))))
        inverse = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * inverse
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * inverse
                wc = 1.0 - wa - wb
                if wa < -1e-5 or wb < -1e-5 or wc < -1e-5:
                    continue
                z = wa * depth[a] + wb * depth[b] + wc * depth[c]
                if z > out_depth[y, x]:
                    out_depth[y, x] = z
                    out_triangle[y, x] = index
                    out_weights[y, x, 0] = wa
                    out_weights[y, x, 1] = wb
                    out_weights[y, x, 2] = wc


@njit(cache=True, nogil=True)
def _interpolate(
    triangle: NDArray[np.integer[Any]],
    weights: FloatArray,
    triangles: NDArray[np.integer[Any]],
    values: FloatArray,
    result: FloatArray,
) -> None:
    height, width = triangle.shape
    channels = values.shape[1]
    for y in range(height):
        for x in range(width):
            index = triangle[y, x]
            if index < 0:
                continue
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            for channel in range(channels):
                result[y, x, channel] = (
                    weights[y, x, 0] * values[a, channel]
                    + weights[y, x, 1] * values[b, channel]
                    + weights[y, x, 2] * values[c, channel]
                )
