"""Label -> EmotionCode."""

from __future__ import annotations

import numpy as np

from talker.emotion.catalogue import emotion_names, find_emotion
from talker.emotion.prototypes import emotion_prototypes
from talker.errors import EmotionError
from talker.options import MAX_STRENGTH
from talker.types import EMOTION_LABELS, EmotionCode, FloatArray


def label_code(label: str, strength: float = 1.0, *, permissive: bool = False) -> EmotionCode:
    """The code of a named emotion, shown `strength` (0..1.5) times as strong as its row says.

    permissive: take the space trained without non-commercial data; the face is the same.

    Raises EmotionError for a name that is not in the catalogue and for a strength out of range.
    """
    emotion = find_emotion(label)
    if emotion is None:
        raise EmotionError(f"There is no emotion called {label!r}. Known are: {', '.join(emotion_names())}.")
    if not 0.0 <= strength <= MAX_STRENGTH:
        raise EmotionError(f"The strength of an emotion must lie between 0 and {MAX_STRENGTH}, not {strength}.")
    return EmotionCode(
        embedding=emotion_prototypes(permissive)[emotion.name][None],
        blendshape_offset=emotion.blendshape_offset[None],
        strength=np.array([strength], np.float32),
        probabilities=read_as(emotion.probabilities[None], strength),
        source=f"label: {emotion.name}",
        affect=np.array([emotion.affect], np.float32),
        onset_s=emotion.onset_s,
        decay_s=emotion.decay_s,
    )


def read_as(probabilities: FloatArray, strength: float | FloatArray) -> FloatArray:
    """How `probabilities` [T, 8] read at `strength`: below 1 they fade into neutral."""
    shown = np.clip(np.asarray(strength, np.float32), 0.0, 1.0).reshape(-1, 1)
    neutral = np.eye(len(EMOTION_LABELS), dtype=np.float32)[:1]
    return (shown * probabilities + (1.0 - shown) * neutral).astype(np.float32)
