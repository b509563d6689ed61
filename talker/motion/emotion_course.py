"""How an emotion shows over time: it comes with the face's first frame, swells with the voice and recedes in silence.

Processes in time, as those of `nonverbal.py`: what is said or shown later changes nothing now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from talker.curves import smoothstep
from talker.motion.emotion_style import EMOTION_STYLES, EmotionStyle, code_rows, emotion_style_of, with_pace
from talker.smoothing import RunningMean, Smoother
from talker.types import EmotionCode, FloatArray

EASE_S = 0.45  # an emotion comes and goes over this time
START, END, PAUSE = 0.6, 0.8, 0.95  # part of the emotion that shows in the first and last frame, and in pauses,
LISTENS, SILENT_S, FADES_S = 0.6, 1.6, 2.5  # and on a face that listens: from that much silence on, after a while
TALKING_S, SWELL_S, BACK_S = 0.27, 0.15, 0.1  # how slowly it follows the voice, the loudness, and speech after silence
MEAN_S = 8.0  # of speech, over which the loudness around which it swells is taken
LOUDNESS_SHARE = 0.18  # how much the emotion grows with loudness around its mean


@dataclass(frozen=True)
class EmotionRows:
    """An emotion at the frames [T] of a motion: how strong, its blendshapes [T,52], how it reads [T,8], its manner."""

    strength: FloatArray
    offset: FloatArray
    probabilities: FloatArray
    style: EmotionStyle

    @classmethod
    def of(
        cls, code: EmotionCode, frames: int, fps: float, pace: float = 1.0,
        styles: Mapping[str, EmotionStyle] = EMOTION_STYLES,
    ) -> EmotionRows:  # fmt: skip
        """Of a code, whose rows are brought to the frames. pace: of head, glances and blinks."""
        style = with_pace(emotion_style_of(code, frames, fps, styles), pace)
        strength = code_rows(code, code.strength[:, None], frames, fps)[:, 0]
        offset, probabilities = (
            code_rows(code, values, frames, fps) for values in (code.blendshape_offset, code.probabilities)
        )
        return cls(strength, offset, probabilities, style)

    def during(self, part: slice) -> EmotionRows:
        """A part of the time."""
        manner = {
            trait.name: np.broadcast_to(getattr(self.style, trait.name), len(self.strength))[part]
            for trait in fields(EmotionStyle)
        }
        return EmotionRows(self.strength[part], self.offset[part], self.probabilities[part], EmotionStyle(**manner))


class EmotionEnvelope:
    """How much of an emotion shows, around 1, frame after frame.

    end_s: when the film ends, towards which the emotion eases out; None where nobody knows.
    """

    def __init__(self, fps: float, end_s: float | None = None) -> None:
        self._fps, self._end_s, self._frame, self._silent_s = fps, end_s, 0, 0.0
        self._talking, self._swell = Smoother(TALKING_S, fps), Smoother(SWELL_S, fps)
        self._listening, self._mean = Smoother(BACK_S, fps, 1.0), RunningMean(MEAN_S * fps)

    def __call__(self, voice: FloatArray, loudness: FloatArray) -> FloatArray:
        """The next frames [n], from voice and loudness [n], 0..1."""
        time = (self._frame + np.arange(len(voice))) / self._fps
        self._frame += len(voice)
        shown = START + (1 - START) * smoothstep(time / EASE_S)
        if self._end_s is not None:
            shown = shown * (END + (1 - END) * smoothstep((self._end_s - time) / EASE_S))
        swell = self._swell(loudness)
        swell = swell - self._mean(swell, voice > 0.5)
        there = self._listening(1.0 - (1.0 - LISTENS) * smoothstep((self._silence(voice) - SILENT_S) / FADES_S))
        return shown * there * (PAUSE + (1 - PAUSE) * self._talking(voice)) * (1.0 + LOUDNESS_SHARE * swell)

    def _silence(self, voice: FloatArray) -> FloatArray:
        """[n] s for which nobody has spoken."""
        silent = np.empty(len(voice))
        for index, value in enumerate(voice.tolist()):
            self._silent_s = 0.0 if value > 0.5 else self._silent_s + 1.0 / self._fps
            silent[index] = self._silent_s
        return silent


def mixed(before: EmotionRows, after: EmotionRows, share: FloatArray) -> EmotionRows:
    """Rows [T] of which the `share` [T] is one row of an emotion, and the rest one of another."""

    def between(one: float | FloatArray, other: float | FloatArray) -> FloatArray:
        part = share[:, None] if np.ndim(one) == 2 else share
        return one * (1.0 - part) + other * part

    manner = {
        trait.name: between(getattr(before.style, trait.name), getattr(after.style, trait.name))
        for trait in fields(EmotionStyle)
    }
    strength, offset, probabilities = (
        between(getattr(before, name), getattr(after, name)) for name in ("strength", "offset", "probabilities")
    )
    return EmotionRows(strength, offset, probabilities, EmotionStyle(**manner))
