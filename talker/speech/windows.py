"""Long sound in windows: each overlaps the next, and where two meet they fade into one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from talker.types import FloatArray


def spans(frames: int, length: int, overlap: int) -> Iterator[tuple[int, int]]:
    """(first, end) frames of windows of `length` frames that share `overlap` with each neighbour."""
    for start in range(0, max(1, frames - overlap), length - overlap):
        yield start, min(start + length, frames)


def join(whole: FloatArray, window: FloatArray, start: int, end: int, overlap: int) -> None:
    """Put a `window` [t, width] into the `whole` [T, width], frames `start` to `end`; windows come in order."""
    shared = min(overlap, len(window)) if start else 0
    fade = (np.arange(shared, dtype=np.float32) + 0.5)[:, None] / max(shared, 1)
    seam = slice(start, start + shared)
    whole[seam] = whole[seam] * (1 - fade) + window[:shared] * fade
    whole[start + shared : end] = window[shared:]
