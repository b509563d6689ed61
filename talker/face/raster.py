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

    def interpolate(self, triangles: NDArray[Any], values: FloatArray, fine: int = 1) -> FloatArray:
        """[H,W,C] per-vertex `values` [V,C] at each pixel, 0 where there is no mesh.

        fine: [H/fine,W/fine,C], the mean over so many pixels along each axis.
        """
        height, width = self.triangle.shape
        result = np.zeros((height // fine, width // fine, values.shape[1]), np.float32)
        _interpolate(self.triangle, self.weights, triangles, np.ascontiguousarray(values, np.float32), fine, result)
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
    edge, one = np.float32(-1e-5), np.float32(1.0)
    for index in range(len(triangles)):
        a, b, c = np.uint32(triangles[index, 0]), np.uint32(triangles[index, 1]), np.uint32(triangles[index, 2])
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        # y runs down in the picture, so a front face has a negative area
        if area == 0.0 or (cull and area > 0.0):
            continue
        left, right = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(np.floor(max(ax, bx, cx))))
        top, bottom = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(np.floor(max(ay, by, cy))))
        if left > right or top > bottom:  # it lies between the centres of pixels
            continue
        inverse = one / area
        for y in range(top, bottom + 1):
            down = np.float32(y)
            a_down, b_down, c_down = ay - down, by - down, cy - down
            for x in range(left, right + 1):
                across = np.float32(x)
                wa = ((bx - across) * c_down - b_down * (cx - across)) * inverse
                wb = ((cx - across) * a_down - c_down * (ax - across)) * inverse
                wc = one - wa - wb
                if wa < edge or wb < edge or wc < edge:
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
    fine: int,
    result: FloatArray,
) -> None:
    height, width = triangle.shape
    channels = values.shape[1]
    share = np.float32(1.0 / fine**2)
    for y in range(height):
        for x in range(width):
            index = triangle[y, x]
            if index < 0:
                continue
            a, b, c = np.uint32(triangles[index, 0]), np.uint32(triangles[index, 1]), np.uint32(triangles[index, 2])
            u, v, w = share * weights[y, x, 0], share * weights[y, x, 1], share * weights[y, x, 2]
            for channel in range(channels):
                result[y // fine, x // fine, channel] += (
                    u * values[a, channel] + v * values[b, channel] + w * values[c, channel]
                )
