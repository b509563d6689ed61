"""Which track of a file speaks, and how its channels become one without losing the voice.

Silent channels and tracks are left out. The rest is averaged, with the centre of a surround mix in front, where films
have their dialogue; where channels would cancel one another (a microphone wired the wrong way round), the loudest is
taken alone. The mix is as loud as its loudest channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from talker.errors import AudioError
from talker.limits import SOUND_CHANNELS, SOUND_RATES, SOUND_TRACKS
from talker.media.decoding import is_readable, open_container
from talker.types import FloatArray

SILENCE = 10 ** (-60 / 20)  # a peak below -60 dBFS is not a voice
ACTIVE = 10 ** (-40 / 10)  # of the loudest channel's power; what is below is left out
CANCELLED = 0.25  # of the power that independent channels would have together; less means that they cancel
BESIDE_CENTRE = 10 ** (-3 / 20)  # weight of the other channels where there is a centre
CENTRE, LOW_FREQUENCIES = "FC", "LFE"  # FFmpeg's names of channels


@dataclass(frozen=True)
class Track:
    """A sound track of a file: its place among the sound tracks, rate (Hz), announced length and channel weights."""

    index: int
    rate: int
    announced_s: float
    weights: FloatArray  # [channels]


def speaking_track(path: Path, max_seconds: float) -> Track:
    """The first track that isn't silent, or the first one. AudioError for no track, and for one that is too long.

    Raises what decoders raise (`DECODER_ERRORS`) when the file is damaged.
    """
    with open_container(path) as container:
        count = len(container.streams.audio)
        if not count:
            raise AudioError(f"{path.name} holds no sound. Please choose a recording, or a video with sound.")
        if count == 1 and container.streams.audio[0].channels == 1:
            return _track(container.streams.audio[0], 0, path, np.ones(1))
    tracks = []
    for index in range(min(count, SOUND_TRACKS)):
        with open_container(path) as container:
            stream = container.streams.audio[index]
            track = _track(stream, index, path, np.full(stream.channels, 1.0 / stream.channels))
            names = [channel.name for channel in stream.layout.channels]
            power, silent = _measured(_decoded(container, stream, path, max_seconds), stream.channels)
        tracks.append(Track(index, track.rate, track.announced_s, mixing_weights(power, names)))
        if not silent:
            return tracks[-1]
    return tracks[0]


def track_pieces(path: Path, track: Track, max_seconds: float) -> Iterator[FloatArray]:
    """The track as mono pieces [n]; errors as `speaking_track` raises them."""
    weights = track.weights.astype(np.float32)
    with open_container(path) as container:
        for piece in _decoded(container, container.streams.audio[track.index], path, max_seconds):
            yield piece @ weights


def mixing_weights(power: FloatArray, names: Sequence[str]) -> FloatArray:
    """Weights [C] that mix channels to one; `power` [C,C] is their covariance, `names` as FFmpeg has them."""
    loudness = np.diag(power)
    loudest = int(np.argmax(loudness))
    active = loudness >= ACTIVE * max(loudness[loudest], 1e-12)
    heard = active & np.array([name != LOW_FREQUENCIES for name in names])
    weights = (heard if heard.any() else active).astype(np.float64)
    if not weights.any():
        return np.full(len(names), 1.0 / len(names))
    if CENTRE in names and weights[names.index(CENTRE)]:
        weights[np.arange(len(names)) != names.index(CENTRE)] *= BESIDE_CENTRE
    mixed = weights @ power @ weights
    if mixed < CANCELLED * (weights**2 @ loudness):
        return np.eye(len(names))[loudest]
    return np.asarray(weights * np.sqrt(loudness[loudest] / mixed))


def is_silent(lowest: float, highest: float, mean: float) -> bool:
    """Whether sound with these extremes about this mean can't be a voice."""
    return max(highest - mean, mean - lowest) < SILENCE


def _track(stream: av.AudioStream, index: int, path: Path, weights: FloatArray) -> Track:
    if not is_readable(stream):
        raise AudioError(f"{path.name} holds sound in a form that can't be read; please save it as wav or mp3.")
    rate, channels = stream.codec_context.sample_rate, stream.channels
    if not SOUND_RATES[0] <= rate <= SOUND_RATES[1]:
        raise AudioError(f"{path.name} has a sampling rate of {rate} Hz; {SOUND_RATES[0]} to {SOUND_RATES[1]} can be.")
    if channels > SOUND_CHANNELS:
        raise AudioError(f"{path.name} has {channels} channels; at most {SOUND_CHANNELS} can be used.")
    return Track(index, rate, float((stream.duration or 0) * (stream.time_base or 0)), weights)


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream, path: Path, max_seconds: float
) -> Iterator[FloatArray]:
    """The stream's sound as pieces [n, channels]; packed, because PyAV crashes on planar frames of 8 channels."""
    to_packed_float = av.AudioResampler(format="flt")
    left = max_seconds * stream.codec_context.sample_rate
    for frame in container.decode(stream):
        for packed in to_packed_float.resample(frame):
            piece: FloatArray = (
                packed.to_ndarray().reshape(-1, packed.layout.nb_channels).astype(np.float32, copy=False)
            )
            left -= len(piece)
            if left < 0:
                raise AudioError(f"{path.name} is longer than {max_seconds / 60:g} minutes; please cut it into parts.")
            yield piece


def _measured(pieces: Iterator[FloatArray], channels: int) -> tuple[FloatArray, bool]:
    """Covariance [C,C] of the channels, and whether all of them are silent; NaN where samples aren't numbers."""
    products, sums, count = np.zeros((channels, channels)), np.zeros(channels), 0
    lowest, highest = np.full(channels, np.inf), np.full(channels, -np.inf)
    for piece in pieces:
        products += piece.T @ piece
        sums += piece.sum(axis=0)
        count += len(piece)
        lowest, highest = np.minimum(lowest, piece.min(axis=0)), np.maximum(highest, piece.max(axis=0))
    with np.errstate(invalid="ignore", over="ignore"):
        means = sums / max(1, count)
        silent = all(is_silent(*values) for values in zip(lowest, highest, means, strict=True))
        return products / max(1, count) - np.outer(means, means), silent
