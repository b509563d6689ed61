"""Label -> EmotionCode."""

from __future__ import annotations

import numpy as np

from talker.emotion.catalogue import EMOTIONS, find_emotion
from talker.emotion.model import EmotionModel, emotion_model
from talker.errors import EmotionError
from talker.options import MAX_STRENGTH
from talker.types import EmotionCode


def label_code(label: str, strength: float = 1.0, model: EmotionModel | None = None) -> EmotionCode:
    """The code of a named emotion, shown `strength` (0..1.5) times as strong as its row says.

    model: whose prototypes are taken; by default the research model's. The face is the same.

    Raises EmotionError for a name that is not in the catalogue and for a strength out of range.
    """
    emotion = find_emotion(label)
    if emotion is None:
        raise EmotionError(f"There is no emotion called {label!r}. Known are: {', '.join(EMOTIONS)}.")
    if not 0.0 <= strength <= MAX_STRENGTH:
        raise EmotionError(f"The strength of an emotion must lie between 0 and {MAX_STRENGTH}, not {strength}.")
    return EmotionCode(
        embedding=(model or emotion_model()).prototypes[emotion.name][None],
        blendshape_offset=emotion.blendshape_offset[None],
        strength=np.array([strength], np.float32),
        probabilities=emotion.probabilities[None],
        source=f"label: {emotion.name}",
        affect=np.array([emotion.affect], np.float32),
        onset_s=emotion.onset_s,
        decay_s=emotion.decay_s,
    )
