"""How an emotion changes a voice: pitch, melody, pace, loudness, pauses, colour, tremor, as numbers that add up."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import scipy.fft

from talker.types import BoolArray, FloatArray

LOW_HZ = 250.0  # a pressed voice has little below it
PRESENCE_HZ, AIR_HZ = 650.0, 4200.0  # vocal effort shows between them, breath and hiss above
LEVEL = 0.07  # RMS of the sounding part of a voice that feels nothing, -23 dB
SOUNDING = 0.02  # of the peak, above which a sample counts as sounding
TREMOR_HZ = 5.8
WIDEST_OCTAVES = 1.0  # how far from its middle the melody may go
LOUDEST = 0.98
KNEE = 0.7  # samples above it are squeezed into the room up to LOUDEST


@dataclass(frozen=True)
class VoiceExpression:
    """The change of a delivery against the same voice's neutral one; zeros change nothing.

    pitch_semitones: of the middle of the melody. melody_octaves: log2 of how much wider it swings. pace_octaves: log2
    of how much faster sounds follow one another. loudness_db. pause_octaves: log2 of how much longer pauses last.
    presence_db, air_db, low_db: what lies from 650 Hz to 4.2 kHz, above, and below 250 Hz, against what lies between.
    tremor_semitones: of a pitch that trembles. stress_octaves: log2 of how much further loud and soft sounds lie apart,
    in voices that plan their energy. roughness: share by which every other 12 ms of the pitch lie higher, as in shouts.
    """

    pitch_semitones: float = 0.0
    melody_octaves: float = 0.0
    pace_octaves: float = 0.0
    loudness_db: float = 0.0
    pause_octaves: float = 0.0
    presence_db: float = 0.0
    air_db: float = 0.0
    tremor_semitones: float = 0.0
    low_db: float = 0.0
    stress_octaves: float = 0.0
    roughness: float = 0.0


PARTS = tuple(part.name for part in dataclasses.fields(VoiceExpression))


@dataclass(frozen=True)
class ExpressionCurve:
    """An expression over time: values [T, 11] in the order of `PARTS`, `rate_hz` rows a second; its ends are held."""

    values: FloatArray
    rate_hz: float

    @classmethod
    def constant(cls, expression: VoiceExpression) -> ExpressionCurve:
        """The same all the time."""
        return cls(np.array([dataclasses.astuple(expression)], np.float32), 1.0)

    def at(self, times_s: FloatArray) -> dict[str, FloatArray]:
        """Each part [N] at moments [N]."""
        moments = np.arange(len(self.values)) / self.rate_hz
        return {part: np.interp(times_s, moments, self.values[:, index]) for index, part in enumerate(PARTS)}


def paced(frames: FloatArray, is_pause: BoolArray, change: dict[str, FloatArray]) -> FloatArray:
    """Durations [L] in whole frames, at least one, faster or slower, pauses longer or shorter.

    frames: [L]; without a change whole numbers stay. What rounding takes from one letter the next gets back, so
    that a slight change of pace isn't lost.
    """
    scale = np.exp2(np.where(is_pause, change["pause_octaves"], -change["pace_octaves"]))
    ends = np.round(np.cumsum(frames * scale)).astype(int)
    for index in range(len(ends)):  # each letter needs a frame
        ends[index] = max(ends[index], (ends[index - 1] if index else 0) + 1)
    return np.diff(ends, prepend=0)


def intoned(pitch_hz: FloatArray, voiced: BoolArray, times_s: FloatArray, change: dict[str, FloatArray]) -> FloatArray:
    """A pitch contour [N] with another middle, another swing around it and a tremor, where it is voiced [N]."""
    if not voiced.any():
        return pitch_hz
    middle = float(np.median(np.log2(pitch_hz[voiced])))
    swing = np.log2(np.maximum(pitch_hz, 1.0)) - middle  # octaves
    swing = np.clip(swing * np.exp2(change["melody_octaves"]), -WIDEST_OCTAVES, WIDEST_OCTAVES)
    tremor = change["tremor_semitones"] * np.sin(2 * np.pi * TREMOR_HZ * times_s)
    rough = 1.0 + change["roughness"] * np.where(np.arange(len(pitch_hz)) % 2, 1.0, -1.0)
    moved = np.exp2(middle + swing + (change["pitch_semitones"] + tremor) / 12) * rough
    parts = ("pitch_semitones", "melody_octaves", "tremor_semitones", "roughness")
    touched = np.any([change[part] != 0 for part in parts], axis=0)
    return np.where(voiced & touched, moved, pitch_hz).astype(np.float32)


def stressed(energy: FloatArray, voiced: BoolArray, change: dict[str, FloatArray]) -> FloatArray:
    """A logarithmic energy contour [N] that swings further around its middle, where it is voiced [N]."""
    if not voiced.any():
        return energy
    middle = float(np.median(energy[voiced]))
    swung = middle + (energy - middle) * np.exp2(change["stress_octaves"])
    return np.where(voiced & (change["stress_octaves"] != 0), swung, energy).astype(np.float32)


def coloured(samples: FloatArray, rate_hz: int, change: dict[str, FloatArray]) -> FloatArray:
    """Samples [N] louder or softer, and of another colour, with the parts of a change [N] each.

    A new colour is as loud as the old one: what makes it louder is loudness_db alone.
    """
    coloured = samples
    if any(change[part].any() for part in ("presence_db", "air_db", "low_db")):
        bass, low, to_air = (_below(samples, edge / rate_hz) for edge in (LOW_HZ, PRESENCE_HZ, AIR_HZ))
        presence, air, lowest = (10 ** (change[part] / 20) for part in ("presence_db", "air_db", "low_db"))
        coloured = bass * lowest + (low - bass) + (to_air - low) * presence + (samples - to_air) * air
        coloured *= np.sqrt((samples**2).mean() / max(float((coloured**2).mean()), 1e-12))
    return (coloured * 10 ** (change["loudness_db"] / 20)).astype(np.float32)


def _below(samples: FloatArray, edge: float) -> FloatArray:
    """What of samples [N] lies below `edge` (of the rate): a first-order Butterworth low-pass, there and back.

    In the frequency domain, because scipy.signal takes longer to import than a sentence's first sounds should.
    """
    size = scipy.fft.next_fast_len(len(samples) + round(1.0 / edge), real=True)
    ratio = np.tan(np.pi * np.minimum(scipy.fft.rfftfreq(size), 0.4999)) / np.tan(np.pi * edge)
    return scipy.fft.irfft(scipy.fft.rfft(samples, size) / (1.0 + ratio**2), size)[: len(samples)]


def levelled(samples: FloatArray) -> FloatArray:
    """Samples at the level of a voice that feels nothing, so that all voices are equally loud."""
    size = np.abs(samples)
    sounding = samples[size > SOUNDING * float(size.max())]
    return samples if not len(sounding) else samples * (LEVEL / float(np.sqrt((sounding**2).mean())))


def limited(samples: FloatArray) -> FloatArray:
    """Samples whose peaks stay below LOUDEST, without the edges that clipping leaves; quiet ones stay as they are."""
    size = np.abs(samples)
    room = LOUDEST - KNEE
    squeezed = KNEE + room * np.tanh((size - KNEE) / room)
    return np.where(size > KNEE, np.sign(samples) * squeezed, samples).astype(np.float32)
