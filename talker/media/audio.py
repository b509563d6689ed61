"""Sound files, and the sound of videos, become `SpeechClip`s."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from talker.errors import AudioError
from talker.files import existing_file, replaced_when_done
from talker.limits import MEDIA_BYTES, SOUND_MIN_SECONDS, SOUND_SECONDS
from talker.media.channels import is_silent, speaking_track, track_pieces
from talker.media.decoding import DECODER_ERRORS
from talker.media.isolation import decoded_once
from talker.types import FloatArray, SpeechClip

PIECE_S = 30  # of a long clip that are resampled at once
MAX_RATE = 48000  # Hz; nothing in speech lies above 24 kHz
FORMATS = "wav, mp3, m4a, flac, ogg, opus and webm, or a video with sound"


def load_speech(path: str | Path, *, max_seconds: float = SOUND_SECONDS, highest_rate: int = MAX_RATE) -> SpeechClip:
    """Read a sound file, or the sound of a video, as mono at its own rate (at most `highest_rate` Hz).

    Of several tracks the first that isn't silent is taken; `talker.media.channels` says how channels are mixed.

    highest_rate: a higher one is resampled while it is read, so that long sound is never held at its own rate. Lips
    are heard at 16 kHz; the sound of a film deserves more.

    Raises AudioError, naming the file, when it is missing, not a sound, damaged, empty, silent or longer than
    `max_seconds`.
    """
    path = existing_file(path, "sound", error=AudioError, most_bytes=MEDIA_BYTES)
    samples, rate = decoded_once(read_sound, str(path), max_seconds, highest_rate, error=AudioError)
    return SpeechClip(samples, rate)


def read_sound(name: str, max_seconds: float, highest_rate: int) -> Iterator[tuple[FloatArray, int]]:
    """Samples [N] and rate (Hz) of the file: what `load_speech` hands to a decoder, which may run in a worker."""
    path = Path(name)
    try:
        track = speaking_track(path, max_seconds)
        pieces, rate = track_pieces(path, track, max_seconds), track.rate
        if rate > highest_rate:
            pieces, rate = resampled(pieces, rate, highest_rate), highest_rate
        samples = _join(pieces, min(track.announced_s, max_seconds), rate)
    except DECODER_ERRORS as error:
        raise AudioError(f"{path.name} is damaged or not a sound file. Readable are {FORMATS}.") from error
    yield _checked(samples, rate, path), rate


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
    moved = np.empty(round(len(clip.samples) * rate / clip.sample_rate), np.float32)
    done = 0
    for piece in resampled(pieces, clip.sample_rate, rate):
        moved[done : done + len(piece)] = piece
        done += len(piece)
    return SpeechClip(moved, rate, clip.transcript)


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


def _join(pieces: Iterator[FloatArray], announced_s: float, rate: int) -> FloatArray:
    """All pieces in one array [N], in room made for `announced_s` seconds, so that long sound is not held twice."""
    room = np.empty(round(announced_s * rate) + rate, np.float32)
    length = 0
    for piece in pieces:
        end = length + len(piece)
        if end > len(room):  # the file announced too little, or nothing
            room = np.concatenate([room[:length], np.empty(length + len(piece), np.float32)])
        room[length:end] = piece
        length = end
    return room[:length]


def _checked(samples: FloatArray, rate: int, path: Path) -> FloatArray:
    """The samples as float32 in -1..1; AudioError when nothing can be heard in them."""
    if len(samples) < SOUND_MIN_SECONDS * rate:
        raise AudioError(f"{path.name} is empty: it holds {len(samples) / rate:.2f} s of sound.")
    lowest, highest, mean = float(samples.min()), float(samples.max()), float(samples.mean())  # an hour isn't copied
    if not np.isfinite([lowest, highest]).all():
        raise AudioError(f"{path.name} is damaged: it holds values that are not numbers.")
    if is_silent(lowest, highest, mean):
        raise AudioError(f"{path.name} is silent: please choose a recording in which someone speaks.")
    return np.divide(samples, max(1.0, highest, -lowest), out=samples).astype(np.float32, copy=False)
