"""The same voice as another microphone in another room would have recorded it.

Each corpus of acted voices comes from one studio. A tower that is taught the studio's sound along with the feeling
takes ordinary recordings for whatever sounds like them, so it hears every clip spoiled in several ways as well.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from talker.types import FloatArray

TILT_DB = 6.0  # per three octaves, either way
LOWPASS_HZ = (3400.0, 7500.0)  # telephone to studio
HIGHPASS_HZ = (80.0, 300.0)
REVERBERATION_S = (0.15, 0.6)
REVERBERATION_LEVEL = (0.05, 0.5)  # of the direct sound
NOISE_BELOW_DB = (12.0, 40.0)
OVERDRIVE = (1.0, 3.0)
PEAK = (0.1, 0.95)


def spoil(samples: FloatArray, rate: int, random: np.random.Generator) -> FloatArray:
    """Samples [N] with a random tilt, and perhaps a narrower band, a room, noise and overdrive."""
    sound = _tilted(samples.astype(np.float32), rate, random.uniform(-TILT_DB, TILT_DB))
    if random.random() < 0.5:
        highest = min(random.uniform(*LOWPASS_HZ), 0.45 * rate)
        sound = sosfilt(butter(4, highest, "low", fs=rate, output="sos"), sound)
    if random.random() < 0.4:
        sound = sosfilt(butter(2, random.uniform(*HIGHPASS_HZ), "high", fs=rate, output="sos"), sound)
    if random.random() < 0.5:
        sound = _in_room(sound, round(random.uniform(*REVERBERATION_S) * rate), random)
    if random.random() < 0.7:
        sound = _noisy(sound, rate, random)
    if random.random() < 0.2:
        sound = np.tanh(sound / _peak(sound) * random.uniform(*OVERDRIVE))
    return (sound / _peak(sound) * random.uniform(*PEAK)).astype(np.float32)


def _tilted(sound: FloatArray, rate: int, decibels: float) -> FloatArray:
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / rate), 60.0) / 1000.0)
    return np.fft.irfft(spectrum * 10 ** (decibels * octaves / 3 / 20), len(sound))


def _in_room(sound: FloatArray, length: int, random: np.random.Generator) -> FloatArray:
    """The sound with decaying noise (60 dB over `length` samples) as its echo."""
    echo = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    echo *= random.uniform(*REVERBERATION_LEVEL) / np.linalg.norm(echo)
    echo[0] = 1.0
    return fftconvolve(sound, echo)[: len(sound)]


def _noisy(sound: FloatArray, rate: int, random: np.random.Generator) -> FloatArray:
    """The sound over noise between white and pink."""
    spectrum = np.fft.rfft(random.standard_normal(len(sound)))
    colour = np.maximum(np.fft.rfftfreq(len(sound), 1 / rate), 30.0) ** random.uniform(0.0, 1.0)
    noise = np.fft.irfft(spectrum / colour, len(sound))
    below = 10 ** (-random.uniform(*NOISE_BELOW_DB) / 20)
    return sound + noise / np.linalg.norm(noise) * np.linalg.norm(sound) * below


def _peak(sound: FloatArray) -> float:
    return max(float(np.abs(sound).max()), 1e-6)
