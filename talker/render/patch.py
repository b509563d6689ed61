"""Small windows of the picture, drawn at its own resolution: where skin opens over the mouth or an eye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.face.raster import Fragments, rasterise
from talker.types import BoolArray, FloatArray


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
    """[h,w,3] float32 colours of `image` at `where` [h,w,2] px."""
    return cv2.remap(image, where.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).astype(
        np.float32
    )


def blend(under: FloatArray, over: FloatArray, opacity: FloatArray) -> FloatArray:
    """[h,w,3] `over` laid on `under` with `opacity` [h,w]."""
    return under + (over - under) * opacity[..., None]


def continued(colour: FloatArray, hole: BoolArray, radius: float) -> FloatArray:
    """`colour` [h,w,3], with what lies around the `hole` [h,w] going on into it over `radius` px."""
    near, share = spread(colour, ~hole, max(radius, 0.7))
    return np.where((hole & (share > 1e-3))[..., None], near, colour)


def spread(colour: FloatArray, known: BoolArray, radius: float) -> tuple[FloatArray, FloatArray]:
    """[h,w,3] mean of what is `known` [h,w] of `colour` [h,w,3] around each pixel; [h,w] the share that is known."""
    mask = known.astype(np.float32)
    share = cv2.GaussianBlur(mask, (0, 0), radius)
    return cv2.GaussianBlur(colour * mask[..., None], (0, 0), radius) / np.maximum(share, 1e-3)[..., None], share
