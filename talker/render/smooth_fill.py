"""Continuing values smoothly into places where nothing is known (pull-push: Gortler et al., "The Lumigraph", 1996)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.types import FloatArray

EPSILON = 1e-6


def smooth_fill(values: FloatArray, known: NDArray[Any]) -> FloatArray:
    """[H,W,C] `values` where `known` [H,W], and their smooth continuation elsewhere.

    Pull: average what is known over ever larger cells. Push: fill each level's gaps from the next coarser one.
    """
    weight = known.astype(np.float32)
    filled = np.ascontiguousarray(values, np.float32) * weight[..., None]
    return _fill(filled, weight)


def _fill(sums: FloatArray, weight: FloatArray) -> FloatArray:
    height, width = weight.shape
    known = sums / np.maximum(weight, EPSILON)[..., None]
    if min(height, width) <= 2 or weight.min() > 0.999:
        if weight.min() <= 0.999:
            total = max(float(weight.sum()), EPSILON)
            mean = sums.sum(axis=(0, 1)) / total
            known = np.where(weight[..., None] > EPSILON, known, mean)
        return known.astype(np.float32)
    small = ((width + 1) // 2, (height + 1) // 2)
    coarse_sums = _image(cv2.resize(sums, small, interpolation=cv2.INTER_AREA), sums.shape[2])
    coarse_weight = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    # a cell that is known at all counts as known, in proportion to how much of it is
    boost = np.minimum(1.0, coarse_weight * 4.0) / np.maximum(coarse_weight, EPSILON)
    coarse = _fill(coarse_sums * boost[..., None], coarse_weight * boost)
    pushed = _image(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), sums.shape[2])
    share = np.minimum(weight, 1.0)[..., None]
    return known * share + pushed * (1 - share)


def _image(array: FloatArray, channels: int) -> FloatArray:
    """OpenCV drops a single channel; put it back."""
    return array.reshape(*array.shape[:2], channels)
