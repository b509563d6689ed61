"""Small windows of the picture, drawn at its own resolution: where skin opens over the mouth or an eye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from talker.face.raster import Fragments, rasterise
from talker.types import AnyArray, BoolArray, ByteArray, FloatArray

NOTHING, ORIGIN = np.zeros((0, 0, 4), np.float32), np.zeros(2, np.float32)


@dataclass(frozen=True)
class MeshPart:
    """A few triangles of a mesh: the numbers [V'] of their vertices, and their corners [F',3] among these."""

    vertices: NDArray[np.intp]
    triangles: NDArray[np.int32]

    @classmethod
    def of(cls, triangles: NDArray[Any]) -> MeshPart:
        """Of the triangles [F',3] of the whole mesh."""
        vertices, corners = np.unique(triangles, return_inverse=True)
        return cls(vertices, corners.reshape(-1, 3).astype(np.int32))


@dataclass(frozen=True)
class Window:
    """A rectangle of the picture (px)."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def around(cls, points: FloatArray, margin: float, shape: tuple[int, ...]) -> Window:
        """The rectangle around `points` [N,2] with `margin` px on each side, inside a picture of `shape`."""
        low = np.floor(points.min(0) - margin).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int) + 1
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, [shape[1], shape[0]])
        return cls(int(left), int(top), int(max(right - left, 1)), int(max(bottom - top, 1)))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the window in the picture."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    @property
    def corner(self) -> FloatArray:
        """[2] x, y of the first pixel."""
        return np.array([self.left, self.top], np.float32)

    def pixels(self) -> FloatArray:
        """[h,w,2] x, y of every pixel, in the picture."""
        pixels = np.empty((self.height, self.width, 2), np.float32)
        pixels[..., 0] = np.arange(self.left, self.left + self.width)
        pixels[..., 1] = np.arange(self.top, self.top + self.height)[:, None]
        return pixels

    def within(self, mask: BoolArray, margin: int = 0) -> Window:
        """The smallest window around what is set in `mask` [h,w], and `margin` px more as far as this one goes."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        left, top = max(int(columns[0]) - margin, 0), max(int(rows[0]) - margin, 0)
        right, bottom = min(int(columns[-1]) + 1 + margin, self.width), min(int(rows[-1]) + 1 + margin, self.height)
        return Window(self.left + left, self.top + top, right - left, bottom - top)

    def local(self, part: Window) -> tuple[slice, slice]:
        """Rows and columns of a smaller window in this one."""
        top, left = part.top - self.top, part.left - self.left
        return slice(top, top + part.height), slice(left, left + part.width)

    def rasterise(self, points: FloatArray, camera: FloatArray, part: MeshPart) -> Fragments:
        """Draw a part of the mesh inside the window; all `points` [V,2] px and `camera` [V,3] cm are given."""
        places, depth = points[part.vertices] - self.corner, camera[part.vertices, 2]
        return rasterise(places, depth, part.triangles, self.height, self.width)

    def distance(self, outline: FloatArray) -> FloatArray:
        """[h,w] px from the closed `outline` [N,2] to each pixel outside it; 0 inside."""
        outside = (~self.polygon(outline)).astype(np.uint8)
        return cv2.distanceTransform(outside, cv2.DIST_L2, 3)

    def polygon(self, outline: FloatArray) -> BoolArray:
        """[h,w] pixels inside the closed `outline` [N,2] px."""
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(mask, [np.round((outline - self.corner) * 16).astype(np.int32)], 1, shift=4)
        return mask > 0


def copy_size(image: NDArray[Any], face_width: float, most_px: float) -> tuple[tuple[int, int], float]:
    """Width and height (px) of a copy of `image` [h,w,...] whose face is at most `most_px` wide, and how much smaller.

    face_width: px in the image. The factor is 1 where the copy is as large.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, most_px / face_width)
    return (max(round(width * shrink), 8), max(round(height * shrink), 8)), shrink


def soft_edge(covered: BoolArray) -> FloatArray:
    """[h,w] opacity of the drawn skin: 1 inside, easing over the last pixel before a hole, 0 in it."""
    mask = covered.astype(np.float32)
    blurred = cv2.GaussianBlur(mask, (0, 0), 0.7)
    return mask * np.clip((blurred - 0.5) / 0.4, 0.0, 1.0)


def feather(mask: BoolArray, radius: float) -> FloatArray:
    """[h,w] 1 well inside `mask`, falling to 0 at its edge over `radius` px."""
    padded = np.pad(mask.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.clip(distance / max(radius, 1.0), 0.0, 1.0)


def sample(image: NDArray[Any], where: FloatArray) -> FloatArray:
    """[h,w,C] float32 colours of `image` [H,W,C] at `where` [h,w,2] px, mirrored at the picture's edge."""
    colours = np.empty((*where.shape[:2], image.shape[2]), np.float32)
    _sample(image, where, colours)
    return colours


def blend(under: FloatArray, over: FloatArray, opacity: FloatArray) -> FloatArray:
    """[h,w,3] `over` [h,w,3] or [3] laid on `under` with `opacity` [h,w]."""
    result = np.empty(under.shape, np.float32)
    _blend(under, np.broadcast_to(over, under.shape), np.broadcast_to(opacity, under.shape[:2]), result)
    return result


def lay(frame: ByteArray, patch: FloatArray, opacity: FloatArray) -> None:
    """Lay a `patch` [h,w,3] on a part of a `frame` [h,w,3], in place, with `opacity` [h,w]."""
    _lay(frame, patch, opacity)


def textured(
    drawn: Fragments,
    part: MeshPart,
    values: FloatArray,
    image: ByteArray,
    tint: FloatArray,
    beside: ByteArray,
    over: FloatArray = NOTHING,
    corner: FloatArray = ORIGIN,
    share: float = 0.0,
) -> FloatArray:
    """[h,w,3] the `part` of a mesh with the colours of `image`, shaded; `beside` [h,w,3] where it isn't `drawn`.

    values: [V',3] where in the image each vertex lies (px), and its shading. tint: [3] of shadows. over: [h',w',4]
    colours over the image from `corner` on, and their opacity, which counts as far as `share` 0..1.
    """
    patch = np.empty(beside.shape, np.float32)
    _texture(
        drawn.triangle, drawn.weights, part.triangles, np.ascontiguousarray(values, np.float32), image, tint, beside,
        over, corner, np.float32(share), patch,
    )  # fmt: skip
    return patch


def continued(colour: FloatArray, hole: BoolArray, radius: float) -> FloatArray:
    """`colour` [h,w,3], with what lies around the `hole` [h,w] going on into it over `radius` px."""
    near, share = spread(colour, ~hole, max(radius, 0.7))
    return np.where((hole & (share > 1e-3))[..., None], near, colour)


def spread(colour: FloatArray, known: BoolArray, radius: float) -> tuple[FloatArray, FloatArray]:
    """[h,w,3] mean of what is `known` [h,w] of `colour` [h,w,3] around each pixel; [h,w] the share that is known."""
    sums = np.empty((*known.shape, 4), np.float32)
    _count(colour, known, sums)
    sums = cv2.GaussianBlur(sums, (0, 0), radius)
    mean = np.empty(colour.shape, np.float32)
    share = np.empty(known.shape, np.float32)
    _divide(sums, mean, share)
    return mean, share


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def mirrored(place: Any, length: Any) -> Any:
    """A place in px within 0 and `length` - 1, where what lies beyond is mirrored."""
    last = np.float32(length - 1)
    return min(max(last - abs(last - abs(place)), np.float32(0.0)), last - np.float32(1e-3))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def within(place: Any, length: Any) -> Any:
    """A place in px within 0 and `length` - 1, where the edge goes on."""
    return min(max(place, np.float32(0.0)), np.float32(length - 1) - np.float32(1e-3))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def linearly(image: AnyArray, x: Any, y: Any, channel: Any) -> Any:
    """A channel of `image` [h,w,C] at x, y px, which lie within it."""
    left, top = np.int32(x), np.int32(y)
    right, down = x - np.float32(left), y - np.float32(top)
    upper = image[top, left, channel] + right * (
        np.float32(image[top, left + 1, channel]) - np.float32(image[top, left, channel])
    )
    lower = image[top + 1, left, channel] + right * (
        np.float32(image[top + 1, left + 1, channel]) - np.float32(image[top + 1, left, channel])
    )
    return upper + down * (lower - upper)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _sample(image: AnyArray, where: AnyArray, colours: AnyArray) -> None:
    height, width, channels = image.shape
    for row in range(where.shape[0]):
        for column in range(where.shape[1]):
            x = mirrored(np.float32(where[row, column, 0]), width)
            y = mirrored(np.float32(where[row, column, 1]), height)
            for channel in range(channels):
                colours[row, column, channel] = linearly(image, x, y, channel)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _texture(
    triangle: AnyArray,
    weights: AnyArray,
    triangles: AnyArray,
    values: AnyArray,
    image: AnyArray,
    tint: AnyArray,
    beside: AnyArray,
    over: AnyArray,
    corner: AnyArray,
    share: Any,
    patch: AnyArray,
) -> None:
    one, zero = np.float32(1.0), np.float32(0.0)
    height, width = image.shape[:2]
    right, bottom = np.float32(over.shape[1] - 2), np.float32(over.shape[0] - 2)
    for row in range(patch.shape[0]):
        for column in range(patch.shape[1]):
            index = triangle[row, column]
            if index < 0:
                for channel in range(3):
                    patch[row, column, channel] = beside[row, column, channel]
                continue
            first, second, third = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            u, v, w = weights[row, column, 0], weights[row, column, 1], weights[row, column, 2]
            x = u * values[first, 0] + v * values[second, 0] + w * values[third, 0]
            y = u * values[first, 1] + v * values[second, 1] + w * values[third, 1]
            change = u * values[first, 2] + v * values[second, 2] + w * values[third, 2] - one
            along, down, opacity = x - corner[0], y - corner[1], zero
            if share > 0 and along >= one and down >= one and along < right and down < bottom:
                opacity = share * linearly(over, along, down, 3)
            x, y = mirrored(x, width), mirrored(y, height)
            for channel in range(3):
                colour = linearly(image, x, y, channel)
                if opacity > 0:
                    colour += (linearly(over, along, down, channel) - colour) * opacity
                patch[row, column, channel] = colour * (one + min(change, zero) * tint[channel] + max(change, zero))


@njit(cache=True, nogil=True, fastmath=True)
def _blend(under: AnyArray, over: AnyArray, opacity: AnyArray, result: AnyArray) -> None:
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            share = np.float32(opacity[row, column])
            for channel in range(3):
                before = np.float32(under[row, column, channel])
                result[row, column, channel] = before + (np.float32(over[row, column, channel]) - before) * share


@njit(cache=True, nogil=True, fastmath=True)
def _lay(frame: AnyArray, patch: AnyArray, opacity: AnyArray) -> None:
    for row in range(frame.shape[0]):
        for column in range(frame.shape[1]):
            share = np.float32(opacity[row, column])
            if share <= 0:
                continue
            for channel in range(3):
                before = np.float32(frame[row, column, channel])
                value = before + (np.float32(patch[row, column, channel]) - before) * share + np.float32(0.5)
                frame[row, column, channel] = np.uint8(np.int32(min(max(value, np.float32(0.0)), np.float32(255.0))))


@njit(cache=True, nogil=True, fastmath=True)
def _count(colour: AnyArray, known: AnyArray, sums: AnyArray) -> None:
    """Write `colour` [h,w,3] and 1 where it is `known` [h,w], and 0 elsewhere, to `sums` [h,w,4]."""
    for row in range(known.shape[0]):
        for column in range(known.shape[1]):
            share = np.float32(1.0) if known[row, column] else np.float32(0.0)
            for channel in range(3):
                sums[row, column, channel] = colour[row, column, channel] * share
            sums[row, column, 3] = share


@njit(cache=True, nogil=True, fastmath=True)
def _divide(sums: AnyArray, mean: AnyArray, share: AnyArray) -> None:
    for row in range(share.shape[0]):
        for column in range(share.shape[1]):
            share[row, column] = sums[row, column, 3]
            factor = np.float32(1.0) / max(sums[row, column, 3], np.float32(1e-3))
            for channel in range(3):
                mean[row, column, channel] = sums[row, column, channel] * factor
