"""How an emotion sounds: the change of a voice that actors made for each label, along the emotion's own course."""

from __future__ import annotations

import dataclasses

import numpy as np

from talker.speech.voice_expression import ExpressionCurve, VoiceExpression
from talker.types import EMOTION_LABELS, EmotionCode

# At strength 1, against the same voice's neutral delivery. Measured on RAVDESS (16 of its 24 actors, both intensities;
# `talker evaluate voices` prints the ranges). Contempt has no such recordings: a guess, small on purpose.
VOICE_TARGETS: dict[str, VoiceExpression] = {
    #                            pitch melody pace loudness pauses presence air tremor low stress roughness
    "neutral": VoiceExpression(),
    "happy": VoiceExpression(4.0, 0.7, 0.0, 2.0, -0.2, 4.0, 0.0, stress_octaves=-0.1),
    "sad": VoiceExpression(-1.0, -0.6, -0.25, -5.0, 0.5, -3.5, 0.5),
    "angry": VoiceExpression(5.0, 0.3, 0.05, 4.0, -0.2, 9.0, -1.0, 0.0, -11.0, 0.6, 0.02),
    "surprised": VoiceExpression(6.0, 0.65, 0.05, 3.0, 0.0, 2.0, 2.0),
    "fear": VoiceExpression(7.0, -0.5, 0.2, 0.0, -0.3, -3.0, 3.0, 0.35, stress_octaves=0.3),
    "disgusted": VoiceExpression(0.5, 0.2, -0.3, 1.0, 0.3, -0.5, 3.0),
    "contempt": VoiceExpression(-1.0, -0.1, -0.1, -1.0, 0.2),
}
CERTAIN = 0.5  # from this share of labels other than neutral an emotion is taken to be wholly meant
_TABLE = np.array([dataclasses.astuple(VOICE_TARGETS[label]) for label in EMOTION_LABELS], np.float32)  # [8, 11]


def voice_expression(code: EmotionCode) -> ExpressionCurve:
    """What the emotion does to a voice over time, in proportion to its strength; neutral and strength 0 do nothing."""
    moved = code.probabilities.copy()  # [T, 8]
    moved[:, EMOTION_LABELS.index("neutral")] = 0.0
    share = moved.sum(1, keepdims=True)
    direction = moved / np.maximum(share, 1e-6) * np.clip(share / CERTAIN, 0.0, 1.0)
    return ExpressionCurve(direction @ _TABLE * code.strength[:, None], code.rate_hz)
