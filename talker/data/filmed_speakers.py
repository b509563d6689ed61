"""People filmed while they speak, several clips each: news readers in Arabic, and performances with sound.

Both are footage for research only: weights that saw it are not permissive.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.data.mouth_fit import as_measured, fit_mouth
from talker.data.speech_clips import Example, TrackedClip
from talker.errors import DataError, FaceError
from talker.face.model import load_face_model
from talker.face.tracking import track_video
from talker.media import audio
from talker.motion.lips import LipGeometry, measured_lips
from talker.motion.mouth_regressor import MouthRegressor, side_by_side
from talker.speech.encoder import FRAME_RATE, SpeechEncoder
from talker.types import FloatArray
from talker.weights import store

NEWS_REPORT = ("sp003", "sp007", "sp011", "sp016", "sp021", "sp025")  # teach nothing
# Of the seven clips of talking/expressions that have sound, those in which words are heard and the lips follow them
# (r .58 and more at the best lag; the others are music, noise, or play-back). None shows a person of talking/speech.
PERFORMANCES = ("d6", "d11", "d20")
LEAST_SEEN = 0.9  # of a clip's frames, in which the face must be found
LAGS_S = np.arange(-0.2, 0.281, 0.02)  # by which pictures may lead their sound


@dataclass(frozen=True)
class FilmedSpeaker:
    """One person's clips; how much the picture leads the sound is the same in all of them."""

    name: str
    clips: tuple[TrackedClip, ...]


def news_speakers(data: Path, *, report: bool) -> Iterator[FilmedSpeaker]:
    """The readers of `news_arabic` that are for reporting, or those that may be learnt from.

    Raises DataError when `data` lacks its index.
    """
    index = data / "news_arabic" / "index.csv"
    if not index.is_file():
        raise DataError(f"{data} holds no news_arabic/index.csv; give the folder in which news_arabic/ lies.")
    with open(index, encoding="utf-8", newline="") as file:
        rows = [(row["speaker"], row["file"]) for row in csv.DictReader(file)]
    for name in sorted({speaker for speaker, _ in rows}):
        if (name in NEWS_REPORT) == report:
            yield _speaker(name, [index.parent / film for speaker, film in sorted(rows) if speaker == name])


def performers(data: Path) -> Iterator[FilmedSpeaker]:
    """The performances of `talking/expressions` that hold speech. Raises DataError when `data` lacks one."""
    for name in PERFORMANCES:
        film = data / "talking" / "expressions" / f"{name}.mp4"
        if not film.is_file():
            raise DataError(f"{data} holds no talking/expressions/{film.name}.")
        yield _speaker(name, [film])


def _speaker(name: str, films: list[Path]) -> FilmedSpeaker:
    """Those films in which the face is seen nearly all the time."""
    clips = []
    for film in films:
        try:
            track = track_video(film)
        except FaceError:
            continue
        if track.detected.mean() >= LEAST_SEEN:
            clips.append(TrackedClip(film.stem, audio.load_speech(film), track.landmarks, track.fps))
    return FilmedSpeaker(name, tuple(clips))


@dataclass(frozen=True)
class UsualMouth:
    """What a speaker's mouth usually does: mean blendshapes [52], mean and spread of opening and width [2]."""

    mouth: FloatArray
    lips: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, mouth: FloatArray, lips: FloatArray) -> UsualMouth:
        """Of blendshapes [T,52] and of the opening and width of the lips [T,2], as they were measured."""
        return cls(mouth.mean(0), lips.mean(0), lips.std(0))

    @classmethod
    def of_examples(cls, examples: Sequence[Example]) -> UsualMouth:
        """Of what is learnt from."""
        mouth, geometry = np.concatenate([one.targets for one in examples]), LipGeometry.load()
        return cls.of(mouth, np.stack([mouth @ geometry.opening, mouth @ geometry.width], axis=1))


def speaker_examples(
    speaker: FilmedSpeaker, usual: UsualMouth, regressor: MouthRegressor, encoder: SpeechEncoder
) -> list[Example]:
    """A speaker's clips as if this mouth did `usual` things.

    How far somebody opens the mouth can't be heard, and cameras differ, so opening and width are brought to the usual
    mean and spread. The lag of picture and sound is the one at which `regressor` fits best. Where p, b, m sound is not
    known (NaN); lips that are seen closed are no substitute (docs/results.md).
    """
    model = load_face_model(store.checkpoint("face-model"))
    heard = [side_by_side(encoder.encode_layers(clip.speech), regressor.config.layers) for clip in speaker.clips]
    seen = [measured_lips(clip.landmarks) for clip in speaker.clips]
    lips = np.concatenate(seen)
    own = UsualMouth.of(np.concatenate([fit_mouth(model, clip.landmarks) for clip in speaker.clips]), lips)
    lag_s = best_lag(speaker.clips, heard, seen, regressor)
    examples = []
    for clip, features, measured in zip(speaker.clips, heard, seen, strict=True):
        moved = (fit_mouth(model, clip.landmarks) - own.mouth) * (usual.spread[0] / own.spread[0]) + usual.mouth
        mouth = as_measured(moved, (measured - own.lips) / own.spread * usual.spread + usual.lips)
        time, frames = np.arange(len(features)) / FRAME_RATE, np.arange(len(mouth)) / clip.fps + lag_s
        known = (time >= frames[0]) & (time <= frames[-1])
        targets = np.stack([np.interp(time[known], frames, channel) for channel in mouth.T], axis=1)
        unknown = np.full(len(targets), np.nan, np.float32)
        examples.append(Example(features[known], targets.astype(np.float32), unknown))
    return examples


def best_lag(
    clips: Sequence[TrackedClip],
    heard: Sequence[FloatArray],
    seen: Sequence[FloatArray],
    regressor: MouthRegressor,
) -> float:
    """Seconds by which the picture leads the sound: where predicted and measured opening agree best in all clips.

    heard: features [T,F] at 50 Hz. seen: opening and width [T,2] at the clip's rate.
    """
    opening = LipGeometry.load().opening
    fits: FloatArray = np.zeros(len(LAGS_S))
    for clip, features, lips in zip(clips, heard, seen, strict=True):
        predicted = regressor.predict(regressor.project([features]))[0] @ opening
        time = np.arange(len(lips)) / clip.fps
        for index, lag_s in enumerate(LAGS_S):
            inside = (time + lag_s >= 0) & (time + lag_s <= len(features) / FRAME_RATE)
            there = np.interp((time + lag_s)[inside] * FRAME_RATE, np.arange(len(predicted)), predicted)
            fits[index] += np.corrcoef(there, lips[inside, 0])[0, 1]
    return float(LAGS_S[fits.argmax()])
