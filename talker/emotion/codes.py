"""Points of the space -> EmotionCode."""

from __future__ import annotations

import numpy as np

from talker.emotion.labels import read_as
from talker.emotion.space import EmotionSpace
from talker.types import MAX_STRENGTH, EmotionCode, FloatArray


def code_at(
    space: EmotionSpace, points: FloatArray, strength: float | FloatArray, source: str, rate_hz: float = 25.0
) -> EmotionCode:
    """The code of a point [width], or of points [T, width] at `rate_hz`, with a strength (one, or [T])."""
    points = np.atleast_2d(np.asarray(points, np.float32))
    reading = space.read(points)
    strengths = np.clip(np.broadcast_to(np.asarray(strength, np.float32), len(points)), 0.0, MAX_STRENGTH)
    return EmotionCode(
        embedding=points / np.linalg.norm(points, axis=1, keepdims=True),
        displacement=reading.displacement,
        strength=strengths.copy(),
        probabilities=read_as(reading.probabilities, strengths),
        rate_hz=rate_hz,
        source=source,
        affect=reading.affect,
        onset_s=reading.onset_s,
        decay_s=reading.decay_s,
    )
