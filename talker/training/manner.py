"""How a feeling changes the way one speaks, learnt from films: how far the lips move.

A feeling is an additive displacement, and a manner of speaking on top of it. What a film shows is both together, so the
trait `mouth` of a feeling is the one with which the *composed* motion of neutral sentences moves as much more than the
neutral one as the filmed person did (MEAD, Wang et al., 2020: the same person, neutral and at the strongest of three
levels). No sound is needed. Speed for its size was tried as well, and did not carry over to another person.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.emotion.labels import label_code
from talker.errors import DataError
from talker.face.tracking import track_video
from talker.motion.articulation import speech_motion
from talker.motion.composition import compose
from talker.motion.lips import LipGeometry, measured_lips
from talker.motion.temperament import NEUTRAL, TEMPERAMENTS, Temperament
from talker.options import SpeakOptions
from talker.speech import voice
from talker.training.sentences import teaching_sentences
from talker.types import EMOTION_LABELS, FaceMotion, FloatArray, SpeechClip

NOISE_S, COURSE_S = 0.028, 0.24  # jitter that is smoothed away, and movements too slow to be speech
TEACHER, HELD_OUT = "M030", "W009"
ROUNDS = 6
LIMITS = (0.8, 1.4)
STEP = 0.8  # of the way to the wanted value in one round, on a logarithmic scale
Spoken = tuple[SpeechClip, FaceMotion]


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
    """What each feeling does to one person of talking/mead, in multiples of the same person's neutral speech."""
    found = {}
    for label in EMOTION_LABELS:
        paths = sorted((data / "talking" / "mead").glob(f"{person}_front_{label}_*.mp4"))
        if not paths:
            raise DataError(f"{data} holds no talking/mead/{person}_front_{label}_….mp4.")
        track = track_video(paths[0])
        found[label] = movement(measured_lips(track.landmarks)[:, 0], track.fps)
    return {label: found[label].relative_to(found["neutral"]) for label in EMOTION_LABELS[1:]}


def composed(manners: Mapping[str, Temperament], spoken: Sequence[Spoken]) -> dict[str, Movement]:
    """What each feeling does to the composed motion of neutral sentences under some manners."""
    geometry = LipGeometry.load()
    found = {}
    for label in EMOTION_LABELS:
        rows = []
        for clip, motion in spoken:
            face = compose(motion, label_code(label), clip, SpeakOptions(), manners)
            rows.append(movement(geometry.opening_of(face.blendshapes), face.fps))
        found[label] = Movement(*np.mean([dataclasses.astuple(row) for row in rows], axis=0).tolist())
    return {label: found[label].relative_to(found["neutral"]) for label in EMOTION_LABELS[1:]}


def sentences(count: int = 6, seed: int = 77) -> list[Spoken]:
    """Neutral sentences of the offline voice with their mouths."""
    clips = [voice.say(text, seed=seed) for text in teaching_sentences(count, seed)]
    return [(clip, speech_motion(clip)) for clip in clips]


def learn_manners(wanted: Mapping[str, Movement], spoken: Sequence[Spoken]) -> dict[str, Temperament]:
    """The shipped manners with the `mouth` that makes the composed motion move as far as `wanted`."""
    manners = unconditioned()
    for _ in range(ROUNDS):
        now = composed(manners, spoken)
        for label, goal in wanted.items():
            row = manners[label]
            mouth = float(np.clip(row.mouth * (goal.size / now[label].size) ** STEP, *LIMITS))
            manners[label] = dataclasses.replace(row, mouth=round(mouth, 2))
    return manners


def unconditioned() -> dict[str, Temperament]:
    """The shipped manners with the condition on speech off: feelings change the lips by their displacement alone."""
    return {label: dataclasses.replace(row, mouth=NEUTRAL.mouth) for label, row in TEMPERAMENTS.items()}


def misfit(found: Mapping[str, Movement], truth: Mapping[str, Movement]) -> FloatArray:
    """[3] mean distance of size, speed and opening from those of a film, as |logarithm| of their ratio (perfect: 0)."""
    pairs = [(dataclasses.astuple(found[label]), dataclasses.astuple(truth[label])) for label in truth]
    return np.abs([np.log(np.divide(*pair)) for pair in pairs]).mean(axis=0)
