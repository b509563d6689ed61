"""Continuing values smoothly into places where nothing is known (pull-push: Gortler et al., "The Lumigraph", 1996)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.types import FloatArray

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
    weight = sums[..., -1:]
    known = sums[..., :-1] / np.maximum(weight, EPSILON)
    if min(height, width) <= 2:
        mean = sums[..., :-1].sum(axis=(0, 1)) / max(float(weight.sum()), EPSILON)
        return np.where(weight > EPSILON, known, mean)
    coarse = cv2.resize(sums, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    # a cell that is known at all counts as known, in proportion to how much of it is
    coarse *= np.minimum(1.0, coarse[..., -1:] * 4.0) / np.maximum(coarse[..., -1:], EPSILON)
    pushed = cv2.resize(_fill(coarse), (width, height), interpolation=cv2.INTER_LINEAR)
    pushed = pushed.reshape(height, width, channels - 1)  # OpenCV drops a single channel
    pushed += (known - pushed) * np.minimum(weight, 1.0)
    return pushed
