"""How an emotion changes the way one speaks: how far the lips move.

An emotion is an additive displacement, and a manner of speaking on top of it. What one sees is both together, so the
trait `mouth` of an emotion is the one with which the *composed* motion of neutral sentences moves as much more than the
neutral one as it should. Who gets louder amplifies the movements of speech (Schulman, "Articulatory dynamics of loud
and normal speech", 1989; Huber & Chandrasekaran, 2006), and how much louder an emotion makes is measured on actors
(RAVDESS, Livingstone & Russo, 2018). People filmed with emotions (MEAD, Wang et al., 2020) only judge it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.data.sentences import teaching_sentences
from talker.data.voice_corpora import acted_recordings
from talker.emotion.labels import label_code
from talker.errors import DataError
from talker.face.tracking import track_video
from talker.motion.articulation import speech_motion
from talker.motion.composition import compose
from talker.motion.emotion_style import EMOTION_STYLES, NEUTRAL, EmotionStyle
from talker.motion.lips import LipGeometry, measured_lips
from talker.options import SpeakOptions
from talker.speech import prosody, voice
from talker.speech.analysis import SILENT_LOUDNESS, SpeechAnalysis
from talker.types import EMOTION_LABELS, FaceMotion, FloatArray, SpeechClip

NOISE_S, COURSE_S = 0.028, 0.24  # jitter that is smoothed away, and movements too slow to be speech
HELD_OUT = ("M030", "W009")  # of talking/mead
LOUDNESS_CORPUS = "ravdess"
# How much further lips move (on a logarithmic scale) for each dB. A round figure, not measured: read speech (GRID,
# news_arabic) hardly varies in loudness, and three performances disagree from one window to another.
FURTHER_PER_DB = 0.02
ENDS_S = 0.35  # at both ends of a sentence, in which lips part from rest and come back to it: left out
ROUNDS = 6
# where the displacement alone moves lips further than wanted, speech is not made smaller for it
LIMITS = (1.0, 1.4)
STEP = 0.8  # of the way to the wanted value in one round, on a logarithmic scale
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


def louder(data: Path) -> dict[str, float]:
    """By how many dB actors get louder with each emotion than in neutral speech: the same person, the same words.

    Means over RAVDESS' actors at strong intensity. Raises DataError when `data` holds none of its clips.
    """
    levels: dict[tuple[str, str], dict[str, list[float]]] = {}
    for one in acted_recordings(data / "speech_emotion"):
        if one.corpus == LOUDNESS_CORPUS and (one.strong or one.emotion == "neutral"):
            spoken = levels.setdefault((one.speaker, one.words), {})
            spoken.setdefault(one.emotion, []).append(_level(one.load()))
    if not levels:
        raise DataError(f"{data} holds no speech_emotion/{LOUDNESS_CORPUS}.")
    gains: dict[str, list[float]] = {}
    for spoken in levels.values():
        for emotion, found in spoken.items():
            if emotion in EMOTION_LABELS[1:] and "neutral" in spoken:
                gains.setdefault(emotion, []).append(float(np.mean(found) - np.mean(spoken["neutral"])))
    return {emotion: float(np.mean(found)) for emotion, found in gains.items()}


def _level(clip: SpeechClip) -> float:
    """Loudness (dB) that a tenth of the speech exceeds."""
    heard = prosody.measure(clip)
    return float(np.percentile(heard.loudness_db[heard.loudness > SILENT_LOUDNESS], 90))


def expected(gains_db: Mapping[str, float]) -> dict[str, float]:
    """How far lips should move with each emotion, in multiples of neutral speech, by how much louder it makes."""
    return {label: float(np.exp(FURTHER_PER_DB * gain)) for label, gain in gains_db.items()}


def composed(styles: Mapping[str, EmotionStyle], spoken: Sequence[Spoken]) -> dict[str, Movement]:
    """What each emotion does to the composed motion of neutral sentences under some manners."""
    geometry = LipGeometry.load()
    found = {}
    for label in EMOTION_LABELS:
        rows = []
        for clip, motion in spoken:
            face = compose(motion, label_code(label), clip, SpeakOptions(), styles)
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


def learn_emotion_styles(wanted: Mapping[str, float], spoken: Sequence[Spoken]) -> dict[str, EmotionStyle]:
    """The shipped manners with the `mouth` that makes the composed motion move `wanted` times as far as neutral speech.

    Emotions of which nothing is known stay as they would be without a manner.
    """
    styles = unconditioned()
    for _ in range(ROUNDS):
        now = composed(styles, spoken)
        for label, goal in wanted.items():
            row = styles[label]
            mouth = float(np.clip(row.mouth * (goal / now[label].size) ** STEP, *LIMITS))
            styles[label] = dataclasses.replace(row, mouth=round(mouth, 2))
    return styles


def unconditioned() -> dict[str, EmotionStyle]:
    """The shipped manners with the condition on speech off: emotions change the lips by their displacement alone."""
    return {label: dataclasses.replace(row, mouth=NEUTRAL.mouth) for label, row in EMOTION_STYLES.items()}


def misfit(found: Mapping[str, Movement], truth: Mapping[str, Movement]) -> FloatArray:
    """[3] mean distance of size, speed and opening from those of a film, as |logarithm| of their ratio (perfect: 0)."""
    pairs = [(dataclasses.astuple(found[label]), dataclasses.astuple(truth[label])) for label in truth]
    return np.abs([np.log(np.divide(*pair)) for pair in pairs]).mean(axis=0)
