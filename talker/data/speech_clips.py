"""Material for the articulation head: GRID's tracked speaker, and the offline voice with the visemes as teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.data.audio_augmentation import WARPS, said_elsewhere
from talker.data.mouth_fit import fit_mouth
from talker.data.sentences import teaching_sentences
from talker.errors import DataError
from talker.face.model import load_face_model
from talker.media import audio
from talker.motion import visemes
from talker.motion.mouth_regressor import side_by_side
from talker.speech import voice
from talker.speech.encoder import FRAME_RATE, SpeechEncoder
from talker.speech.phones import align_text
from talker.types import FloatArray, SpeechClip, TimedToken
from talker.weights import store

GRID_FPS = 25.0
GRID_HELD_OUT = 10  # every tenth clip of the training speaker is for reporting
GRID_SPEAKER = "s1_"
GRID_SELF = "o_bbaf2n"  # filed under the others, but the training speaker
LANDMARK_UNIT = 1.0 / 8192


@dataclass(frozen=True)
class TrackedClip:
    """Speech with what the face did: landmarks [T,478,2] px at fps; `lag_s` is how much the picture leads the sound."""

    name: str
    speech: SpeechClip
    landmarks: FloatArray
    fps: float
    lag_s: float = 0.0


@dataclass(frozen=True)
class Example:
    """One clip for training at 50 Hz: features [T,F], targets [T,52], where p, b, m close the lips [T]; its phones.

    features: the encoder's last layers side by side. closed: NaN where that isn't known.
    """

    features: FloatArray
    targets: FloatArray
    closed: FloatArray
    phones: tuple[TimedToken, ...] = ()


def grid_clips(data: Path, *, held_out: bool, others: bool = False) -> Iterator[TrackedClip]:
    """GRID's clips: the training speaker's (all but every tenth, or only those), or the other speakers'.

    Raises DataError when `data` hasn't got GRID's layout.
    """
    path = data / "grid" / "tracking.npz"
    if not path.is_file():
        raise DataError(f"{data} holds no grid/tracking.npz; give the folder in which grid/ lies.")
    with np.load(path) as tracking:
        names = [str(name) for name in tracking["names"]]
        ends = np.cumsum(tracking["frames"])
        sizes = tracking["image_size"]
        deltas = tracking["landmarks_delta"]
    own = [name for name in names if name.startswith(GRID_SPEAKER)]
    reported = set(own[::GRID_HELD_OUT])
    for index, name in enumerate(names):
        mine = name.startswith(GRID_SPEAKER)
        if name == GRID_SELF or mine == others or (mine and (name in reported) != held_out):
            continue
        start = ends[index - 1] if index else 0
        height, width = sizes[index]
        landmarks = np.cumsum(deltas[start : ends[index]].astype(np.int64), axis=0) * LANDMARK_UNIT
        points = (landmarks * (width, height)).astype(np.float32)
        points[(landmarks == 0).all(axis=(1, 2))] = np.nan
        yield TrackedClip(name, _grid_speech(data, name), points, GRID_FPS)


def _grid_speech(data: Path, name: str) -> SpeechClip:
    """A clip's sound with its phones, aligned to the words that the corpus knows."""
    clip = audio.load_speech(data / "grid" / "audio" / f"{name}.opus")
    words = data / "grid" / "words" / f"{name.split('_')[-1]}.align"
    if not (name.startswith(GRID_SPEAKER) and words.is_file()):
        return clip
    spoken = [line.split()[2] for line in words.read_text().splitlines() if line.strip()]
    text = " ".join(word for word in spoken if word not in ("sil", "sp"))
    return clip.with_transcript(align_text(clip, text))


def grid_examples(data: Path, encoder: SpeechEncoder, layers: int) -> Iterator[Example]:
    """The training speaker's clips with the face model fitted to his landmarks; features of the last `layers`."""
    model = load_face_model(store.checkpoint("face-model"))
    for clip in grid_clips(data, held_out=False):
        mouth, speech = fit_mouth(model, clip.landmarks), clip.speech
        features = side_by_side(encoder.encode_layers(speech), layers)
        time, frames = np.arange(len(features)) / FRAME_RATE, np.arange(len(mouth)) / clip.fps
        targets = np.stack([np.interp(time, frames, channel) for channel in mouth.T], axis=1)
        phones = speech.transcript.phones if speech.transcript else ()
        yield Example(features, targets.astype(np.float32), sounding(phones, time), phones)


def voice_examples(count: int, seed: int, encoder: SpeechEncoder, layers: int) -> Iterator[Example]:
    """The offline voice reading made-up sentences, as other throats would: the visemes of its phones are the teacher.

    Resampling changes vocal tract, pitch and pace together; the rest is another room and microphone.
    """
    rng = np.random.default_rng(seed)
    for index, sentence in enumerate(teaching_sentences(count, seed)):
        spoken = voice.say(sentence, seed=seed + index)
        clip = said_elsewhere(spoken, float(rng.choice(WARPS)), rng)
        features = side_by_side(encoder.encode_layers(clip), layers)
        sounds = clip.transcript.phones if clip.transcript else ()
        shaped = visemes.coarticulate(sounds, len(features), FRAME_RATE)
        yield Example(features, shaped, sounding(sounds, np.arange(len(features)) / FRAME_RATE), sounds)


def sounding(phones: tuple[TimedToken, ...], time: FloatArray) -> FloatArray:
    """[T] 1 where p, b or m sounds."""
    closed = np.zeros(len(time), np.float32)
    for phone in phones:
        if phone.text in visemes.BILABIALS:
            closed[(time >= phone.start_s) & (time <= phone.end_s - 0.01)] = 1.0
    return closed
