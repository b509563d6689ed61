"""How an emotion changes what a face does besides its expression: rows of data, mixed by what the emotion reads as.

Multiples of the neutral manner, after the descriptions in Ekman & Friesen, "Unmasking the Face" (1975), Dael,
Mortillaro & Scherer, "Emotion expression in body action and posture" (2012), and Wallbott, "Bodily expression of
emotion" (1998). `bared` was found with the judge of drawn emotions on portraits 1-150.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from talker.types import EMOTION_LABELS, EmotionCode, FloatArray

SLOWEST_BLINK = 0.5  # lids are never slower than half their pace


@dataclass(frozen=True)
class EmotionStyle:
    """One row, or per frame [T] when mixed.

    bared: share of the jaw's opening that the lips make instead.
    head, head_speed: size and speed of head movements. nods: on stressed syllables.
    blinks: per time; blink_s: how long one lasts, relative. gaze, gaze_rate: size and number of glances.
    brows: emphasis. bow: head lowered (rad, negative is raised). tilt: head tilted (rad). turn: turned away (rad).
    lean: towards the viewer (face widths). breath: depth of breathing.
    """

    bared: float | FloatArray = 0.0
    head: float | FloatArray = 1.0
    head_speed: float | FloatArray = 1.0
    nods: float | FloatArray = 1.0
    blinks: float | FloatArray = 1.0
    blink_s: float | FloatArray = 1.0
    gaze: float | FloatArray = 1.0
    gaze_rate: float | FloatArray = 1.0
    brows: float | FloatArray = 1.0
    bow: float | FloatArray = 0.0
    tilt: float | FloatArray = 0.0
    turn: float | FloatArray = 0.0
    lean: float | FloatArray = 0.0
    breath: float | FloatArray = 1.0


NEUTRAL = EmotionStyle()
# fmt: off
EMOTION_STYLES: dict[str, EmotionStyle] = {
    "neutral": NEUTRAL,
    "happy": EmotionStyle(bared=0.4, head=1.35, head_speed=1.2, nods=1.3, gaze_rate=1.1, brows=1.3,
                         bow=-0.02, tilt=0.03, lean=0.01, breath=1.1),
    "sad": EmotionStyle(bared=0.4, head=0.6, head_speed=0.6, nods=0.5, blinks=0.8, blink_s=1.6, gaze=0.7,
                        gaze_rate=0.6, brows=0.4, bow=0.1, tilt=0.03, lean=-0.01, breath=1.3),
    "angry": EmotionStyle(bared=0.6, head=0.55, head_speed=1.3, nods=1.4, blinks=0.5, blink_s=0.85,
                         gaze=0.4, gaze_rate=0.6, brows=0.3, bow=0.045, lean=0.035, breath=1.4),
    "surprised": EmotionStyle(head=0.8, head_speed=1.2, nods=0.7, blinks=0.6, blink_s=0.8, gaze=0.7,
                             brows=0.7, bow=-0.05, lean=-0.015, breath=1.2),
    "fear": EmotionStyle(head=0.75, head_speed=1.9, nods=0.5, blinks=1.5, blink_s=0.7, gaze=1.7,
                        gaze_rate=2.0, brows=0.4, bow=-0.015, turn=0.03, lean=-0.03, breath=1.7),
    "disgusted": EmotionStyle(bared=0.4, head=0.8, nods=0.7, blinks=1.1, blink_s=1.2, gaze=1.1, brows=0.4,
                             bow=-0.03, tilt=-0.02, turn=0.05, lean=-0.03),
    "contempt": EmotionStyle(bared=0.4, head=0.7, head_speed=0.8, nods=0.6, blinks=0.8, blink_s=1.4,
                            gaze=0.8, gaze_rate=0.7, brows=0.7, bow=-0.06, tilt=-0.045, turn=-0.02, lean=-0.01),
}
# fmt: on


def emotion_style_of(
    code: EmotionCode, frames: int, fps: float, styles: Mapping[str, EmotionStyle] = EMOTION_STYLES
) -> EmotionStyle:
    """The manner [frames] that goes with an emotion; at strength 0 it is exactly the neutral one."""
    probabilities = code_rows(code, code.probabilities, frames, fps)  # [T, 8]
    strength = np.minimum(code_rows(code, code.strength[:, None], frames, fps)[:, 0], 1.25)
    mixed = {}
    for trait in fields(EmotionStyle):
        neutral = getattr(NEUTRAL, trait.name)
        change = np.array([getattr(styles[label], trait.name) - neutral for label in EMOTION_LABELS])
        mixed[trait.name] = neutral + strength * (probabilities @ change)
    return EmotionStyle(**mixed)


def with_pace(style: EmotionStyle, pace: float) -> EmotionStyle:
    """The manner of someone whose face is `pace` (0..2) times as fast: head, glances and blinks; the lips keep time."""
    return replace(
        style,
        head_speed=style.head_speed * pace,
        gaze_rate=style.gaze_rate * pace,
        blink_s=style.blink_s / max(pace, SLOWEST_BLINK),
    )


def code_rows(code: EmotionCode, values: FloatArray, frames: int, fps: float) -> FloatArray:
    """A code's rows [R,C] at the motion's [frames]; one row holds for the whole clip."""
    if len(values) == 1:
        return np.broadcast_to(values.astype(np.float64), (frames, values.shape[1]))
    time, own = np.arange(frames) / fps, np.arange(len(values)) / code.rate_hz
    return np.stack([np.interp(time, own, column) for column in values.T], axis=1)
