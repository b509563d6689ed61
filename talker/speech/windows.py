"""Long sound in windows: each overlaps the next, and where two meet they fade into one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from talker.types import FloatArray


def spans(frames: int, length: int, overlap: int) -> Iterator[tuple[int, int]]:
    """(first, end) frames of windows of `length` frames that share `overlap` with each neighbour."""
    for start in range(0, max(1, frames - overlap), length - overlap):
        yield start, min(start + length, frames)


def joined(windows: Iterable[FloatArray], overlap: int) -> FloatArray:
    """The features [T, width] of windows [t, width], float32."""
    pieces: list[FloatArray] = []
    for kept in windows:
        if pieces and overlap:
            shared = min(overlap, len(kept))
            fade = (np.arange(shared, dtype=np.float32) + 0.5)[:, None] / shared
            seam = pieces[-1][-shared:] * (1 - fade) + kept[:shared] * fade
            pieces[-1] = pieces[-1][:-shared]
            kept = np.concatenate([seam, kept[shared:]])
        pieces.append(kept)
    return np.concatenate(pieces).astype(np.float32, copy=False)
