"""The picture that is animated: the whole photograph, or a square of head and shoulders at a fixed size."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.limits import film_scale
from talker.types import ByteArray, FloatArray, Portrait

HEAD_AND_SHOULDERS = 2.3  # side of the square in face widths
CENTRE_BELOW_FACE = 0.08  # the square's centre lies this much below the face's, in face widths


def at_size(portrait: Portrait, size: str) -> Portrait:
    """The portrait at `size`: `native`, or `crop256`, `crop512`, `crop1024`."""
    if size == "native":
        return portrait
    left, top, right, bottom = portrait.face_box
    height, width = portrait.image.shape[:2]
    extent = min(HEAD_AND_SHOULDERS * portrait.face_width, width, height)
    centre = np.array([(left + right) / 2, (top + bottom) / 2 + CENTRE_BELOW_FACE * portrait.face_width])
    corner = np.clip(centre - extent / 2, 0, np.array([width, height]) - extent)  # stays inside the picture
    side = int(size.removeprefix("crop"))
    return _cut(portrait, corner, side / extent, (side, side))


def film_size(portrait: Portrait, size: str, fps: float) -> tuple[int, int]:
    """(width, height) px of the portrait's film; at `native` no larger than players can show."""
    if size != "native":
        side = int(size.removeprefix("crop"))
        return side, side
    height, width = portrait.image.shape[:2]
    factor = film_scale(width, height, fps)
    return int(width * factor), int(height * factor)


def for_film(portrait: Portrait, size: str, fps: float) -> Portrait:
    """The portrait, made smaller where a film of its whole picture would be more than players can show."""
    height, width = portrait.image.shape[:2]
    smaller = film_size(portrait, size, fps)
    if size != "native" or smaller == (width, height):
        return portrait
    return _cut(portrait, np.zeros(2), smaller[0] / width, smaller)


def _cut(portrait: Portrait, corner: FloatArray, factor: float, size: tuple[int, int]) -> Portrait:
    """What lies right of and below `corner` (x, y) px, scaled by `factor`, in a picture of `size` (width, height)."""
    matrix = np.array([[factor, 0, -corner[0] * factor], [0, factor, -corner[1] * factor]], np.float32)
    return placed_in(portrait, resampled(portrait.image, matrix, size, cv2.BORDER_REPLICATE), corner, factor)


def placed_in(portrait: Portrait, image: ByteArray, corner: FloatArray, factor: float = 1.0) -> Portrait:
    """The portrait in another `image`: one that begins at `corner` (x, y) px of its own, scaled by `factor`."""
    landmarks = portrait.landmarks * factor
    landmarks[:, :2] -= corner * factor
    fit = dataclasses.replace(
        portrait.fit, translation=(portrait.fit.translation - corner) * factor, scale=portrait.fit.scale * factor
    )
    left, top, right, bottom = portrait.face_box
    x0, y0 = (np.array([left, top]) - corner) * factor
    x1, y1 = (np.array([right, bottom]) - corner) * factor
    return dataclasses.replace(
        portrait, image=image, landmarks=landmarks, fit=fit, face_box=(float(x0), float(y0), float(x1), float(y1))
    )


def resampled(image: NDArray[Any], matrix: FloatArray, size: tuple[int, int], border: int) -> NDArray[Any]:
    """[height,width,...] `image` [H,W,...] moved by the similarity `matrix` [2,3], blurred first where it gets smaller.

    size: (width, height) px of the result. border: OpenCV's name for what lies outside `image`.
    """
    factor = float(np.linalg.norm(matrix[:, 0]))
    if factor < 0.75:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / factor)
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(image, matrix, size, flags=interpolation, borderMode=border)
