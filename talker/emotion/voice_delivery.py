"""How an emotion sounds: the change of a voice that actors made for each label, along the emotion's own course."""

from __future__ import annotations

import dataclasses

import numpy as np

from talker.speech.voice_expression import BAND_PARTS, ExpressionCurve, VoiceExpression
from talker.types import EMOTION_LABELS, EmotionCode

# At strength 1, against the same voice's neutral delivery; measured on RAVDESS (16 of its 24 actors, both intensities)
# and nEMO (docs/voices.md has the table). Contempt has no such recordings: a guess, small on purpose.
DELIVERIES: dict[str, VoiceExpression] = {
    #                            pitch melody pace loudness pauses tremor stress roughness contrast
    "neutral": VoiceExpression(),
    "happy": VoiceExpression(6.5, 0.2, 0.0, 2.0, -0.2, contrast=0.03),
    "sad": VoiceExpression(-0.3, -0.2, -0.2, -5.0, 0.5),
    "angry": VoiceExpression(7.0, 0.15, 0.0, 4.0, -0.2, contrast=0.2),
    "surprised": VoiceExpression(6.0, 0.65, 0.05, 3.0),
    "fear": VoiceExpression(8.5, -0.35, 0.05, 0.0, -0.3, 0.3, contrast=-0.08),
    "disgusted": VoiceExpression(0.5, 0.2, -0.3, 1.0, 0.3),
    "contempt": VoiceExpression(-1.0, -0.1, -0.1, -1.0, 0.2),
}
COLOURS: dict[str, tuple[float, ...]] = {  # decibels in the bands around
    #            150   350   650  1200  2200  3500  6000 Hz
    "happy": (-3.5, -2.6, -0.6, 0.3, 1.9, 1.1, -1.1),
    "sad": (1.0, 0.0, -2.0, -0.3, -0.5, -0.5, 0.8),
    "angry": (-6.2, -5.5, -1.8, 1.0, 1.2, 2.9, 1.4),
    "surprised": (0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0),
    "fear": (-4.1, -3.4, -2.1, -0.2, 1.6, 1.6, 1.6),
    "disgusted": (0.0, 0.0, -0.2, -0.5, -0.5, 0.5, 3.0),
}
VOICE_TARGETS = {
    label: dataclasses.replace(delivery, **dict(zip(BAND_PARTS, COLOURS.get(label, ()), strict=False)))
    for label, delivery in DELIVERIES.items()
}
CERTAIN = 0.5  # from this share of labels other than neutral an emotion is taken to be wholly meant
_TABLE = np.array([dataclasses.astuple(VOICE_TARGETS[label]) for label in EMOTION_LABELS], np.float32)  # [8, 16]


def voice_expression(code: EmotionCode) -> ExpressionCurve:
    """What the emotion does to a voice over time, in proportion to its strength; neutral and strength 0 do nothing."""
    moved = code.probabilities.copy()  # [T, 8]
    moved[:, EMOTION_LABELS.index("neutral")] = 0.0
    share = moved.sum(1, keepdims=True)
    direction = moved / np.maximum(share, 1e-6) * np.clip(share / CERTAIN, 0.0, 1.0)
    return ExpressionCurve(direction @ _TABLE * code.strength[:, None], code.rate_hz)
