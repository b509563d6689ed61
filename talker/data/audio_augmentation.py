"""The same voice as another microphone in another room would have recorded it, and another throat have said it.

Each corpus comes from one studio. What is taught the studio's sound along with the emotion, or with the lips, takes
ordinary recordings for whatever sounds like them, so the voice's and the motion's training hear clips spoiled as well.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, fftconvolve, sosfilt

from talker.media import audio
from talker.types import FloatArray, SpeechClip, TimedToken, Transcript

TILT_DB = 6.0  # per three octaves, either way
BUMPS, BUMP_DB, BUMP_OCTAVES = 3, 6.0, 0.6  # hills and valleys of a microphone's and a mixing desk's response
LOWPASS_HZ = (3400.0, 7500.0)  # telephone to studio
HIGHPASS_HZ = (80.0, 300.0)
LEVELLING = (0.2, 0.7)  # how much of the changes in loudness a broadcaster's compressor takes away
LEVELLING_S = (0.05, 0.4)
REVERBERATION_S = (0.15, 0.6)
REVERBERATION_LEVEL = (0.05, 0.5)  # of the direct sound
NOISE_BELOW_DB = (12.0, 40.0)
OVERDRIVE = (1.0, 3.0)
PEAK = (0.1, 0.95)
WARPS = (0.8, 0.88, 0.94, 1.0, 1.07, 1.15, 1.22)  # rates at which a voice still sounds like a person's


def said_elsewhere(clip: SpeechClip, warp: float, random: np.random.Generator) -> SpeechClip:
    """The clip as another person in another place might have said it; `warp` is how much faster it is played."""
    clip = warped(clip, warp)
    return SpeechClip(augment_audio(clip.samples, clip.sample_rate, random), clip.sample_rate, clip.transcript)


def warped(clip: SpeechClip, factor: float) -> SpeechClip:
    """The clip played `factor` times as fast, words and phones with it.

    Pitch, vocal tract and pace change together, as they do between a man, a woman and a child.
    """
    if factor == 1.0:
        return clip
    samples = audio.resample(clip.samples, clip.sample_rate, round(clip.sample_rate / factor))
    return SpeechClip(samples.astype(np.float32), clip.sample_rate, _faster(clip.transcript, factor))


def augment_audio(samples: FloatArray, rate: int, random: np.random.Generator) -> FloatArray:
    """Samples [N] in another colour, and perhaps with a narrower band, levelled, in a room, noisy and overdriven."""
    sound = _coloured(samples.astype(np.float32), rate, random)
    if random.random() < 0.5:
        highest = min(random.uniform(*LOWPASS_HZ), 0.45 * rate)
        sound = sosfilt(butter(4, highest, "low", fs=rate, output="sos"), sound)
    if random.random() < 0.4:
        sound = sosfilt(butter(2, random.uniform(*HIGHPASS_HZ), "high", fs=rate, output="sos"), sound)
    if random.random() < 0.4:
        sound = _levelled(sound, rate * random.uniform(*LEVELLING_S), random.uniform(*LEVELLING))
    if random.random() < 0.5:
        sound = _in_room(sound, round(random.uniform(*REVERBERATION_S) * rate), random)
    if random.random() < 0.7:
        sound = _noisy(sound, rate, random)
    if random.random() < 0.2:
        sound = np.tanh(sound / _peak(sound) * random.uniform(*OVERDRIVE))
    return (sound / _peak(sound) * random.uniform(*PEAK)).astype(np.float32)


def _coloured(sound: FloatArray, rate: int, random: np.random.Generator) -> FloatArray:
    """The sound tilted, with a few random hills and valleys in its spectrum."""
    size = scipy.fft.next_fast_len(len(sound), real=True)
    octaves = np.log2(np.maximum(scipy.fft.rfftfreq(size, 1 / rate), 60.0) / 1000.0)
    decibels = random.uniform(-TILT_DB, TILT_DB) * octaves / 3
    for _ in range(BUMPS):
        middle, height = random.uniform(-3.0, 3.0), random.uniform(-BUMP_DB, BUMP_DB)
        decibels = decibels + height * np.exp(-(((octaves - middle) / BUMP_OCTAVES) ** 2))
    spectrum = scipy.fft.rfft(sound, size) * (10 ** (decibels / 20)).astype(np.float32)
    return scipy.fft.irfft(spectrum, size)[: len(sound)]


def _levelled(sound: FloatArray, samples: float, amount: float) -> FloatArray:
    """The sound with `amount` (0..1) of its changes in loudness, smoothed over so many samples, taken away."""
    step = max(1, int(samples / 8))
    power = np.add.reduceat(sound**2, np.arange(0, len(sound), step)) / step
    loudness = np.sqrt(gaussian_filter1d(power, 4.0, mode="nearest"))
    gain = np.maximum(loudness, 0.03 * loudness.max() + 1e-6) ** -amount
    return sound * np.interp(np.arange(len(sound)), np.arange(len(gain)) * step, gain)


def _in_room(sound: FloatArray, length: int, random: np.random.Generator) -> FloatArray:
    """The sound with decaying noise (60 dB over `length` samples) as its echo."""
    echo = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    echo *= random.uniform(*REVERBERATION_LEVEL) / np.linalg.norm(echo)
    echo[0] = 1.0
    return fftconvolve(sound, echo)[: len(sound)]


def _noisy(sound: FloatArray, rate: int, random: np.random.Generator) -> FloatArray:
    """The sound over noise between white and pink."""
    size = scipy.fft.next_fast_len(len(sound), real=True)
    spectrum = scipy.fft.rfft(random.standard_normal(size))
    colour = np.maximum(scipy.fft.rfftfreq(size, 1 / rate), 30.0) ** random.uniform(0.0, 1.0)
    noise = scipy.fft.irfft(spectrum / colour, size)[: len(sound)]
    below = 10 ** (-random.uniform(*NOISE_BELOW_DB) / 20)
    return sound + noise / np.linalg.norm(noise) * np.linalg.norm(sound) * below


def _peak(sound: FloatArray) -> float:
    return max(float(np.abs(sound).max()), 1e-6)


def _faster(transcript: Transcript | None, factor: float) -> Transcript | None:
    """The transcript of speech played `factor` times as fast."""
    if transcript is None:
        return None
    words, sounds = (
        tuple(TimedToken(token.text, token.start_s / factor, token.end_s / factor) for token in tokens)
        for tokens in (transcript.words, transcript.phones)
    )
    return Transcript(words, sounds, transcript.language, transcript.confidence)
