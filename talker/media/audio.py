"""Sound files, and the sound of videos, become `SpeechClip`s."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
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


def load_speech(path: str | Path, *, max_seconds: float = MAX_SECONDS) -> SpeechClip:
    """Read a sound file, or the sound of a video, as mono at its own rate (at most 48 kHz).

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
            samples = _join(_decoded(container, stream), max_seconds * rate, path, max_seconds)
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(f"{path.name} is damaged or not a sound file. Readable are {FORMATS}.") from error
    if rate > MAX_RATE:
        samples, rate = resample(samples, rate, MAX_RATE), MAX_RATE
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


class SoundAtRate:
    """A clip at another rate, resampled piece by piece as it is read, so that no second copy of a long clip is held.

    `len` is the number of samples at that rate. It is read forwards: a request may overlap the one before, but not
    begin before it did.
    """

    def __init__(self, clip: SpeechClip, rate: int) -> None:
        self._samples, self._from_hz, self._rate = clip.samples, clip.sample_rate, rate
        self._length = round(len(clip.samples) * rate / clip.sample_rate)
        self._stream = soxr.ResampleStream(clip.sample_rate, rate, 1)
        self._held: FloatArray = np.zeros(0, np.float32)
        self._start, self._taken = 0, 0  # where `_held` begins at `rate`; how many source samples were resampled

    def __len__(self) -> int:
        return self._length

    def between(self, first: int, end: int, *, mirrored: bool = False) -> FloatArray:
        """Samples [end - first]; what lies outside the clip is silent, or the clip mirrored at its ends."""
        inside = self._inside(max(first, 0), min(end, self._length))
        missing = (max(0, -first), max(0, end - self._length))
        return np.pad(inside, missing, mode="reflect" if mirrored and max(missing) < len(inside) else "constant")

    def _inside(self, first: int, end: int) -> FloatArray:
        if self._from_hz == self._rate:
            return self._samples[first:end].astype(np.float32, copy=False)
        self._held, self._start = self._held[first - self._start :], first
        while len(self._held) < end - first:
            piece = self._samples[self._taken : self._taken + PIECE_S * self._from_hz].astype(np.float32, copy=False)
            self._taken += len(piece)
            ended = self._taken >= len(self._samples)
            found = self._stream.resample_chunk(piece, last=ended)
            if ended:  # the resampler may round the length otherwise
                found = fit_length(found, self._length - first - len(self._held))
            self._held = np.concatenate([self._held, found])
        return self._held[: end - first]


def fit_length(samples: FloatArray, length: int) -> FloatArray:
    """The samples cut, or continued with silence, to `length`."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _decoded(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[FloatArray]:
    """The stream's sound as mono pieces [n], the mean of its channels; damage ends it with an FFmpegError."""
    to_planar_float = av.AudioResampler(format="fltp")
    for frame in container.decode(stream):
        for planar in to_planar_float.resample(frame):
            yield planar.to_ndarray().mean(axis=0)  # [channels, n] -> [n]


def _join(pieces: Iterator[FloatArray], limit: float, path: Path, max_seconds: float) -> FloatArray:
    """All pieces in one array [N]; AudioError as soon as there are more than `limit` samples."""
    kept: list[FloatArray] = []
    length = 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length > limit:
            raise AudioError(f"{path.name} is longer than {max_seconds / 60:g} minutes; please cut it into parts.")
    return np.concatenate(kept) if kept else np.zeros(0, np.float32)


def _checked(samples: FloatArray, rate: int, path: Path) -> FloatArray:
    """The samples as float32 in -1..1; AudioError when nothing can be heard in them."""
    if len(samples) < MIN_SECONDS * rate:
        raise AudioError(f"{path.name} is empty: it holds {len(samples) / rate:.2f} s of sound.")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path.name} is damaged: it holds values that are not numbers.")
    lowest, highest, mean = float(samples.min()), float(samples.max()), float(samples.mean())  # an hour isn't copied
    if max(highest - mean, mean - lowest) < SILENCE:
        raise AudioError(f"{path.name} is silent: please choose a recording in which someone speaks.")
    return np.divide(samples, max(1.0, highest, -lowest), out=samples).astype(np.float32, copy=False)
