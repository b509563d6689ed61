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
    if height % 2 or width % 2 or min(height, width) <= 2:
        sums = np.empty((height, width, channels + 1), np.float32)  # the last channel counts what is known
        sums[..., -1] = known
        np.multiply(values, sums[..., -1:], out=sums[..., :-1])
        return _fill(sums)
    # the finest level is most of the work: it is gone over once on each way, and what is known is copied
    values = np.ascontiguousarray(values, np.float32)
    known = np.ascontiguousarray(known, np.float32)
    coarse = np.empty((height // 2, width // 2, channels + 1), np.float32)
    _pull(values, known, coarse)
    result = np.empty_like(values)
    _push(_fill(coarse), values, known, result)
    return result


@njit(cache=True, nogil=True, fastmath=True)
def _pull(values: AnyArray, known: AnyArray, coarse: AnyArray) -> None:
    """Write to `coarse` [h,w,C+1] the mean of what is `known` [2h,2w] of `values` [2h,2w,C], as `_fill` counts it."""
    height, width, channels = coarse.shape
    for y in range(height):
        for x in range(width):
            weight = np.float32(0.0)
            for channel in range(channels):
                coarse[y, x, channel] = np.float32(0.0)
            for row in range(2 * y, 2 * y + 2):
                for column in range(2 * x, 2 * x + 2):
                    share = known[row, column] * np.float32(0.25)
                    if share > 0:
                        weight += share
                        for channel in range(channels - 1):
                            coarse[y, x, channel] += share * values[row, column, channel]
            factor = min(np.float32(1.0), weight * np.float32(4.0)) / max(weight, np.float32(EPSILON))
            for channel in range(channels - 1):
                coarse[y, x, channel] *= factor
            coarse[y, x, channels - 1] = weight * factor


@njit(cache=True, nogil=True, fastmath=True)
def _push(coarse: AnyArray, values: AnyArray, known: AnyArray, result: AnyArray) -> None:
    """Write `values` [2h,2w,C] where they are `known` [2h,2w], and `coarse` [h,w,C] between its places elsewhere."""
    height, width, channels = values.shape
    near, far = np.float32(0.75), np.float32(0.25)
    line = np.empty((width // 2 + 2, channels), np.float32)  # between two rows of `coarse`; its ends are repeated
    for y in range(height):
        row = y // 2
        other = min(max(row + (1 if y % 2 else -1), 0), height // 2 - 1)
        for x in range(width // 2):
            for channel in range(channels):
                line[x + 1, channel] = near * coarse[row, x, channel] + far * coarse[other, x, channel]
        line[0], line[width // 2 + 1] = line[1], line[width // 2]
        for x in range(width):
            share = min(known[y, x], np.float32(1.0))
            if share >= 1:
                for channel in range(channels):
                    result[y, x, channel] = values[y, x, channel]
                continue
            column, beside = x // 2 + 1, x // 2 + (2 if x % 2 else 0)
            for channel in range(channels):
                between = near * line[column, channel] + far * line[beside, channel]
                result[y, x, channel] = between + (values[y, x, channel] - between) * share


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
