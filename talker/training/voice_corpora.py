"""Labelled voices for the emotion space: RAVDESS, EMO-DB, one acted voice, and plain speech.

RAVDESS (Livingstone & Russo, 2018) is CC BY-NC-SA: weights trained on it are non-commercial. EMO-DB (Burkhardt et
al., 2005) is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.emotion.voice_features import FRAME_RATE, VoiceFrames, load_encoder, voice_frames, window_statistics
from talker.errors import DataError
from talker.media import audio
from talker.types import FloatArray, Progress

RAVDESS_FEELINGS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgusted", "surprised")
EMODB_FEELINGS = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad", "A": "fear", "E": "disgusted", "L": "bored"}
ACTED_FEELINGS = {"anger": "angry", "joy": "happy", "neutral": "neutral", "sad": "sad"}
GRID_STEP = 20  # every so many of GRID's sentences: plain reading, so that not every calm voice is a sad one
CROP_S = 2.0  # shorter windows beside each whole clip: codes per moment are read from such


@dataclass(frozen=True)
class VoiceRecords:
    """Measured clips.

    statistics: [N, windows, width]; the first window is the whole clip.
    feeling: [N] catalogue names. speaker: [N] "corpus/speaker". words: [N] what was said, for clips of equal words.
    strong: [N] whether the actor was asked for strong intensity.
    """

    statistics: FloatArray
    feeling: np.ndarray
    speaker: np.ndarray
    words: np.ndarray
    strong: np.ndarray

    def __len__(self) -> int:
        return len(self.feeling)

    def where(self, chosen: np.ndarray) -> VoiceRecords:
        """The clips that `chosen` (mask or indices) picks."""
        return VoiceRecords(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def corpus(self) -> np.ndarray:
        """[N] name of the corpus."""
        return np.array([speaker.split("/")[0] for speaker in self.speaker])


def load_voices(data: Path, cache: Path | None = None, progress: Progress | None = None) -> VoiceRecords:
    """All labelled clips under `data`/speech_emotion; `cache` is an .npz to keep the measurements in.

    Raises DataError when the folder holds none.
    """
    if cache is not None and cache.is_file():
        with np.load(cache, allow_pickle=False) as kept:
            return VoiceRecords(*(kept[name] for name in VoiceRecords.__dataclass_fields__))
    clips = [*_clips(data / "speech_emotion"), *_plain_clips(data / "grid" / "audio")]
    if not clips:
        raise DataError(f"{data} holds no speech_emotion folder with ravdess or emodb clips.")
    encoder = load_encoder()
    rows = []
    for done, (path, *_) in enumerate(clips):
        rows.append(_windows(voice_frames(audio.load_speech(path), encoder)))
        if progress is not None:
            progress(done + 1, len(clips))
    _, feeling, speaker, words, strong = zip(*clips, strict=True)
    records = VoiceRecords(np.stack(rows), np.array(feeling), np.array(speaker), np.array(words), np.array(strong))
    if cache is not None:
        np.savez_compressed(cache, **{name: getattr(records, name) for name in VoiceRecords.__dataclass_fields__})
    return records


def _windows(frames: VoiceFrames) -> FloatArray:
    """[3, width] the whole clip, its first and its last two sounding seconds."""
    sounding = np.flatnonzero(frames.active)
    first, last = int(sounding[0]), int(sounding[-1]) + 1
    length = min(int(CROP_S * FRAME_RATE), last - first)
    spans = ((0, len(frames)), (first, first + length), (last - length, last))
    return np.stack([window_statistics(frames, start, stop) for start, stop in spans])


def _clips(folder: Path) -> Iterator[tuple[Path, str, str, str, bool]]:
    """(path, feeling, speaker, words, strong) of every clip whose name follows its corpus's rules."""
    for path in sorted((folder / "ravdess").glob("**/03-01-*")):
        parts = path.stem.split("-")
        yield path, RAVDESS_FEELINGS[int(parts[2]) - 1], f"ravdess/{parts[6]}", f"r{parts[4]}", parts[3] == "02"
    for path in sorted((folder / "emodb").glob("*")):
        if path.stem[5] in EMODB_FEELINGS:
            yield path, EMODB_FEELINGS[path.stem[5]], f"emodb/{path.stem[:2]}", f"e{path.stem[2:5]}", False
    for path in sorted((folder / "acted").glob("*.wav")):
        for word, feeling in ACTED_FEELINGS.items():
            if word in path.stem.lower():
                yield path, feeling, "acted/1", path.stem, False
                break


def _plain_clips(folder: Path) -> Iterator[tuple[Path, str, str, str, bool]]:
    """Some of GRID's read sentences as neutral voices: one in `GRID_STEP` of speaker s1, all of the others."""
    own = sorted(folder.glob("s1_*"))[::GRID_STEP]
    for path in [*own, *sorted(folder.glob("o_*"))]:
        speaker = "s1" if path.stem.startswith("s1_") else path.stem
        yield path, "neutral", f"grid/{speaker}", path.stem, False
