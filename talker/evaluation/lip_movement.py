"""How much further lips move with an emotion: in films of acting people, and in the motion that is composed.

MEAD (Wang et al., 2020) filmed the same person neutral and at the strongest of three levels. These films only judge:
nothing is learnt from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.data.sentences import teaching_sentences
from talker.emotion.labels import label_code
from talker.errors import DataError
from talker.face.tracking import track_video
from talker.motion.articulation import speech_motion
from talker.motion.composition import compose
from talker.motion.lips import LipGeometry, measured_lips
from talker.options import SpeakOptions
from talker.speech import voice
from talker.speech.analysis import SpeechAnalysis
from talker.types import EMOTION_LABELS, FaceMotion, FloatArray

NOISE_S, COURSE_S = 0.028, 0.24  # jitter that is smoothed away, and movements too slow to be speech
ENDS_S = 0.35  # at both ends of a sentence, in which lips part from rest and come back to it: left out
PEOPLE = ("M030", "W009")  # of talking/mead
Spoken = tuple[SpeechAnalysis, FaceMotion]


@dataclass(frozen=True)
class Movement:
    """How lips move while someone speaks.

    size: spread of the opening's quick part (face widths). speed: mean change of the opening per its spread (1/s).
    opening: its mean (face widths).
    """

    size: float
    speed: float
    opening: float

    def relative_to(self, neutral: Movement) -> Movement:
        """Multiples of the neutral movement."""
        return Movement(*(getattr(self, name) / getattr(neutral, name) for name in self.__dataclass_fields__))


def movement(opening: FloatArray, fps: float) -> Movement:
    """Of a lip opening [T] in face widths."""
    steady = gaussian_filter1d(opening, NOISE_S * fps, mode="nearest")
    quick = steady - gaussian_filter1d(steady, COURSE_S * fps, mode="nearest")
    speed = np.abs(np.diff(steady)).mean() * fps / max(float(steady.std()), 1e-6)
    return Movement(float(quick.std()), float(speed), float(steady.mean()))


def filmed(data: Path, person: str) -> dict[str, Movement]:
    """What each emotion does to one person of talking/mead, in multiples of the same person's neutral speech."""
    found = {}
    for label in EMOTION_LABELS:
        paths = sorted((data / "talking" / "mead").glob(f"{person}_front_{label}_*.mp4"))
        if not paths:
            raise DataError(f"{data} holds no talking/mead/{person}_front_{label}_….mp4.")
        track = track_video(paths[0])
        found[label] = movement(measured_lips(track.landmarks)[:, 0], track.fps)
    return {label: found[label].relative_to(found["neutral"]) for label in EMOTION_LABELS[1:]}


def composed(spoken: Sequence[Spoken]) -> dict[str, Movement]:
    """What each emotion does to the composed motion of neutral sentences."""
    geometry = LipGeometry.load()
    found = {}
    for label in EMOTION_LABELS:
        rows = []
        for clip, motion in spoken:
            face = compose(motion, label_code(label), clip, SpeakOptions())
            talking = np.flatnonzero(clip.speaking(len(face), face.fps) > 0.5)
            inside = slice(talking[0] + round(ENDS_S * face.fps), talking[-1] - round(ENDS_S * face.fps))
            rows.append(movement(geometry.opening_of(face.blendshapes)[inside], face.fps))
        found[label] = Movement(*np.mean([dataclasses.astuple(row) for row in rows], axis=0).tolist())
    return {label: found[label].relative_to(found["neutral"]) for label in EMOTION_LABELS[1:]}


def sentences(count: int = 6, seed: int = 77) -> list[Spoken]:
    """Neutral sentences of the offline voice with their mouths."""
    clips = [voice.say(text, seed=seed) for text in teaching_sentences(count, seed)]
    analysed = [SpeechAnalysis(clip) for clip in clips]
    return [(speech, speech_motion(speech)) for speech in analysed]


def misfit(found: Mapping[str, Movement], truth: Mapping[str, Movement]) -> FloatArray:
    """[3] mean distance of size, speed and opening from those of a film, as |logarithm| of their ratio (perfect: 0)."""
    pairs = [(dataclasses.astuple(found[label]), dataclasses.astuple(truth[label])) for label in truth]
    return np.abs([np.log(np.divide(*pair)) for pair in pairs]).mean(axis=0)
