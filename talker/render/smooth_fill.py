"""Continuing values smoothly into places where nothing is known (pull-push: Gortler et al., "The Lumigraph", 1996)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from talker.types import AnyArray, FloatArray

EPSILON = 1e-6


def smooth_fill(values: FloatArray, known: NDArray[Any]) -> FloatArray:
    """[H,W,C] `values` (C at most 3) where `known` [H,W], and their smooth continuation elsewhere.

    Pull: average what is known over ever larger cells. Push: fill each level's gaps from the next coarser one.
    """
    height, width, channels = values.shape
    sums = np.empty((height, width, channels + 1), np.float32)  # the last channel counts what is known
    sums[..., -1] = known
    np.multiply(values, sums[..., -1:], out=sums[..., :-1])
    return _fill(sums)


def _fill(sums: FloatArray) -> FloatArray:
    height, width, channels = sums.shape
    if min(height, width) <= 2:
        weight = sums[..., -1:]
        mean = sums[..., :-1].sum(axis=(0, 1)) / max(float(weight.sum()), EPSILON)
        return np.where(weight > EPSILON, sums[..., :-1] / np.maximum(weight, EPSILON), mean)
    coarse = cv2.resize(sums, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    _count_whole(coarse)
    pushed = cv2.resize(_fill(coarse), (width, height), interpolation=cv2.INTER_LINEAR)
    pushed = pushed.reshape(height, width, channels - 1)  # OpenCV drops a single channel
    _lay_over(pushed, sums)
    return pushed


@njit(cache=True, nogil=True, fastmath=True)
def _count_whole(sums: AnyArray) -> None:
    """Let a cell of `sums` [h,w,C+1] that is known at all count as known, in proportion to how much of it is."""
    height, width, channels = sums.shape
    for y in range(height):
        for x in range(width):
            weight = sums[y, x, channels - 1]
            factor = min(np.float32(1.0), weight * np.float32(4.0)) / max(weight, np.float32(EPSILON))
            for channel in range(channels):
                sums[y, x, channel] *= factor


@njit(cache=True, nogil=True, fastmath=True)
def _lay_over(filled: AnyArray, sums: AnyArray) -> None:
    """Put what is known in `sums` [h,w,C+1] over `filled` [h,w,C], as far as it is known."""
    height, width, channels = filled.shape
    for y in range(height):
        for x in range(width):
            weight = sums[y, x, channels]
            if weight <= 0:
                continue
            share = min(weight, np.float32(1.0))
            for channel in range(channels):
                known = sums[y, x, channel] / max(weight, np.float32(EPSILON))
                filled[y, x, channel] += (known - filled[y, x, channel]) * share
