"""Sound files, and the sound of videos, become `SpeechClip`s."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from talker.errors import AudioError
from talker.media.files import replaced_when_done
from talker.types import FloatArray, SpeechClip

MAX_SECONDS = 600.0
MIN_SECONDS = 0.1
PIECE_S = 30  # of a long clip that are resampled at once
MAX_RATE = 48000  # Hz; nothing in speech lies above 24 kHz
SILENCE = 10 ** (-60 / 20)  # a peak below -60 dBFS is not a voice
FORMATS = "wav, mp3, m4a, flac, ogg, opus and webm, or a video with sound"


def load_speech(path: str | Path, *, max_seconds: float = MAX_SECONDS, highest_rate: int = MAX_RATE) -> SpeechClip:
    """Read a sound file, or the sound of a video, as mono at its own rate (at most `highest_rate` Hz).

    highest_rate: a higher one is resampled while it is read, so that long sound is never held at its own rate. Lips
    are heard at 16 kHz; the sound of a film deserves more.

    Raises AudioError, naming the file, when it is missing, not a sound, damaged, empty, silent or longer than
    `max_seconds`.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"There is no sound file {path}.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path.name} holds no sound. Readable are {FORMATS}.")
            stream = container.streams.audio[0]
            rate = stream.codec_context.sample_rate
            pieces = _decoded(container, stream)
            if rate > highest_rate:
                pieces, rate = resampled(pieces, rate, highest_rate), highest_rate
            announced_s = float((stream.duration or 0) * (stream.time_base or 0))
            samples = _join(pieces, announced_s, rate, path, max_seconds)
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(f"{path.name} is damaged or not a sound file. Readable are {FORMATS}.") from error
    return SpeechClip(_checked(samples, rate, path), rate)


def save_speech(clip: SpeechClip, path: str | Path) -> None:
    """Write a clip as 16-bit sound in the format that the file's name ends with (wav, flac, ogg).

    Raises AudioError when that is another format or the file can't be written.
    """
    try:
        with replaced_when_done(Path(path)) as scratch:
            soundfile.write(scratch, clip.samples, clip.sample_rate)
    except (OSError, TypeError, ValueError, soundfile.SoundFileError) as error:
        raise AudioError(f"The sound can't be written to {path} ({error}).") from error


def resample(samples: FloatArray, from_hz: int, to_hz: int) -> FloatArray:
    """Samples [N] at `from_hz` as samples [round(N * to_hz / from_hz)] at `to_hz`, band-limited (soxr)."""
    if from_hz == to_hz:
        return samples
    wanted = round(len(samples) * to_hz / from_hz)
    resampled = soxr.resample(samples, from_hz, to_hz)  # [wanted ± 1]
    return np.pad(resampled, (0, max(0, wanted - len(resampled))))[:wanted].astype(np.float32)


def resampled(pieces: Iterable[FloatArray], from_hz: int, to_hz: int) -> Iterator[FloatArray]:
    """`resample` for sound that comes in pieces [n]; together they are as long as it would be in one."""
    stream = soxr.ResampleStream(from_hz, to_hz, 1)
    taken = given = 0
    for piece in pieces:
        taken += len(piece)
        found = stream.resample_chunk(piece.astype(np.float32, copy=False))
        given += len(found)
        yield found
    left = max(0, round(taken * to_hz / from_hz) - given)  # the resampler may round the length otherwise
    yield fit_length(stream.resample_chunk(np.zeros(0, np.float32), last=True), left)


def at_rate(clip: SpeechClip, rate: int) -> SpeechClip:
    """The clip at `rate` Hz with the same transcript, resampled in pieces of 30 s (soxr)."""
    if clip.sample_rate == rate:
        return clip
    step = PIECE_S * clip.sample_rate
    pieces = (clip.samples[start : start + step] for start in range(0, len(clip.samples), step))
    return SpeechClip(np.concatenate(list(resampled(pieces, clip.sample_rate, rate))), rate, clip.transcript)


def beginning(clip: SpeechClip, seconds: float) -> SpeechClip:
    """The first `seconds` of a clip, with the words and phones that begin in it."""
    samples = clip.samples[: max(1, round(seconds * clip.sample_rate))]
    transcript = clip.transcript
    if transcript is not None:
        length_s = len(samples) / clip.sample_rate
        words = tuple(token for token in transcript.words if token.start_s < length_s)
        phones = tuple(token for token in transcript.phones if token.start_s < length_s)
        transcript = dataclasses.replace(transcript, words=words, phones=phones)
    return SpeechClip(samples, clip.sample_rate, transcript)


def between(samples: FloatArray, first: int, end: int, *, mirrored: bool = False) -> FloatArray:
    """Samples [end - first] of [N]; what lies outside is silent, or the sound mirrored at its ends."""
    inside = samples[max(first, 0) : min(end, len(samples))]
    missing = (max(0, -first), max(0, end - len(samples)))
    return np.pad(inside, missing, mode="reflect" if mirrored and max(missing) < len(inside) else "constant")


def fit_length(samples: FloatArray, length: int) -> FloatArray:
    """The samples cut, or continued with silence, to `length`."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _decoded(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[FloatArray]:
    """The stream's sound as mono pieces [n], the mean of its channels; damage ends it with an FFmpegError."""
    to_planar_float = av.AudioResampler(format="fltp")
    for frame in container.decode(stream):
        for planar in to_planar_float.resample(frame):
            yield planar.to_ndarray().mean(axis=0)  # [channels, n] -> [n]


def _join(pieces: Iterator[FloatArray], announced_s: float, rate: int, path: Path, max_seconds: float) -> FloatArray:
    """All pieces in one array [N], in room made for `announced_s` seconds, so that long sound is not held twice.

    Raises AudioError as soon as there are more than `max_seconds`.
    """
    room = np.empty(round(min(announced_s, max_seconds) * rate) + rate, np.float32)
    length = 0
    for piece in pieces:
        end = length + len(piece)
        if end > max_seconds * rate:
            raise AudioError(f"{path.name} is longer than {max_seconds / 60:g} minutes; please cut it into parts.")
        if end > len(room):  # the file announced too little, or nothing
            room = np.concatenate([room[:length], np.empty(length + len(piece), np.float32)])
        room[length:end] = piece
        length = end
    return room[:length]


def _checked(samples: FloatArray, rate: int, path: Path) -> FloatArray:
    """The samples as float32 in -1..1; AudioError when nothing can be heard in them."""
    if len(samples) < MIN_SECONDS * rate:
        raise AudioError(f"{path.name} is empty: it holds {len(samples) / rate:.2f} s of sound.")
    lowest, highest, mean = float(samples.min()), float(samples.max()), float(samples.mean())  # an hour isn't copied
    if not np.isfinite([lowest, highest]).all():
        raise AudioError(f"{path.name} is damaged: it holds values that are not numbers.")
    if max(highest - mean, mean - lowest) < SILENCE:
        raise AudioError(f"{path.name} is silent: please choose a recording in which someone speaks.")
    return np.divide(samples, max(1.0, highest, -lowest), out=samples).astype(np.float32, copy=False)
