"""Points of the space, and mixtures of its emotions -> EmotionCode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talker.emotion.space import EmotionSpace
from talker.options import MAX_STRENGTH
from talker.types import EMOTION_LABELS, EmotionCode, FloatArray

MOST_GAIN = 1.4


def decode_points(
    space: EmotionSpace, points: FloatArray, strength: float | FloatArray, source: str, rate_hz: float = 25.0
) -> EmotionCode:
    """The code of a point [width], or of points [T, width] at `rate_hz`, with a strength (one, or [T])."""
    return decode_mixture(space, space.read(np.atleast_2d(points)).weights, strength, source, rate_hz)


def decode_mixture(
    space: EmotionSpace, weights: FloatArray, strength: float | FloatArray, source: str, rate_hz: float = 25.0
) -> EmotionCode:
    """The code of a mixture [emotions] of the space's emotions (sums 1), or of mixtures [T, emotions]."""
    weights = np.atleast_2d(np.asarray(weights, np.float32))
    reading = space.mixture(weights)
    points = weights @ space.prototypes
    strengths = np.clip(np.broadcast_to(np.asarray(strength, np.float32), len(points)), 0.0, MAX_STRENGTH)
    return EmotionCode(
        embedding=(points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32),
        blendshape_offset=reading.blendshape_offset,
        strength=strengths.astype(np.float32),
        probabilities=reading.probabilities,
        rate_hz=rate_hz,
        source=source,
        affect=reading.affect,
        onset_s=reading.onset_s,
        decay_s=reading.decay_s,
    )


def named(code: EmotionCode, kind: str) -> EmotionCode:
    """The code with what it reads as, and how surely, as its source; `kind` says what it was read from."""
    mean = code.probabilities.mean(0)
    read = ", ".join(f"{EMOTION_LABELS[i]} {mean[i]:.0%}" for i in np.argsort(-mean)[:2])
    return replace(code, source=f"{kind}: {read}")


def mixing_gain(space: EmotionSpace, weights: FloatArray) -> float:
    """How much stronger a mixture [emotions] must be shown, so that two half emotions are not two faint ones."""
    faces = np.stack([emotion.blendshape_offset for emotion in space.emotions])  # [emotions, 52]
    mixed = float(np.linalg.norm(weights @ faces))
    alone = float(weights @ np.linalg.norm(faces, axis=1))
    return float(np.clip(alone / max(mixed, 1e-6), 1.0, MOST_GAIN))
