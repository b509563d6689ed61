"""Curves over time that several packages need: eased steps, and values moved from one rate to another."""

from __future__ import annotations

import numpy as np

from talker.types import FloatArray


def smoothstep(x: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, and between them the cubic 3x² − 2x³ with flat ends; of the shape of `x`."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def at_frames(values: FloatArray, frames: int, fps: float, rate_hz: float, *, lead_s: float = 0.0) -> FloatArray:
    """Values [T,C] at `rate_hz`, linearly interpolated at [frames] moments t / fps + lead_s; the ends repeat."""
    position = np.clip((np.arange(frames) / fps + lead_s) * rate_hz, 0, len(values) - 1)
    before = np.minimum(position.astype(int), max(0, len(values) - 2))
    after = np.minimum(before + 1, len(values) - 1)
    share = (position - before)[:, None].astype(np.float32)
    return values[before] * (1 - share) + values[after] * share
