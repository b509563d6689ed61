"""One voice in one room becomes many: other throats, rooms, microphones and lines, for training on sound.

Every step keeps the length of the sound but `warped`, which plays it faster or slower: pitch, vocal tract and pace
change together, as they do between a man, a woman and a child who speak at their own pace.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from talker.media import audio
from talker.types import FloatArray, SpeechClip, TimedToken, Transcript

WARPS = (0.8, 0.88, 0.94, 1.0, 1.07, 1.15, 1.22)  # rates at which a voice still sounds like a person's
NOISE_DB = (10.0, 40.0)  # below the speech
GAIN_DB = (-18.0, 6.0)
ROOM_S = (0.08, 0.6)  # time in which an echo falls by 60 dB
ECHO = (0.03, 0.25)  # energy of the echoes relative to the direct sound
LINES_HZ = ((300.0, 3400.0), (80.0, 5500.0), (120.0, 7500.0))  # telephone, cheap microphone, call
COMPANDING = 255.0  # µ-law of a telephone line (ITU-T G.711)
CHANCE = 0.5  # of each step


def augmented(clip: SpeechClip, chance: np.random.Generator, *, warp: float = 1.0) -> SpeechClip:
    """The clip as another person in another place might have said it; `warp` is how much faster it is played."""
    clip = warped(clip, warp)
    samples: FloatArray = clip.samples.astype(np.float64)
    rate = clip.sample_rate
    if chance.random() < CHANCE:
        samples = in_room(samples, rate, chance)
    if chance.random() < CHANCE:
        samples = with_noise(samples, chance)
    if chance.random() < CHANCE:
        samples = through_line(samples, rate, chance)
    peak = max(1.0, float(np.abs(samples).max()))
    samples = samples / peak * 10 ** (chance.uniform(*GAIN_DB) / 20)
    return SpeechClip(np.clip(samples, -1.0, 1.0).astype(np.float32), rate, clip.transcript)


def warped(clip: SpeechClip, factor: float) -> SpeechClip:
    """The clip played `factor` times as fast, words and phones with it."""
    if factor == 1.0:
        return clip
    samples = audio.resample(clip.samples, clip.sample_rate, round(clip.sample_rate / factor))
    return SpeechClip(samples.astype(np.float32), clip.sample_rate, _faster(clip.transcript, factor))


def in_room(samples: FloatArray, rate: int, chance: np.random.Generator) -> FloatArray:
    """Samples [N] with the echoes of a room: noise that dies away exponentially."""
    length_s, energy = chance.uniform(*ROOM_S), chance.uniform(*ECHO)
    time = np.arange(round(length_s * rate)) / rate
    echoes = chance.standard_normal(len(time)) * 10 ** (-3.0 * time / length_s)
    echoes[: round(0.004 * rate)] = 0.0  # the nearest wall is half a metre away
    echoes *= np.sqrt(energy / max(float((echoes**2).sum()), 1e-12))
    return samples + np.asarray(fftconvolve(samples, echoes))[: len(samples)]


def with_noise(samples: FloatArray, chance: np.random.Generator) -> FloatArray:
    """Samples [N] with steady noise, from white to the rumble of a street."""
    noise = chance.standard_normal(len(samples))
    noise = np.asarray(lfilter([1.0], [1.0, -chance.uniform(0.0, 0.97)], noise))
    level = float(np.sqrt((samples**2).mean() / max(float((noise**2).mean()), 1e-12)))
    return samples + noise * level * 10 ** (-chance.uniform(*NOISE_DB) / 20)


def through_line(samples: FloatArray, rate: int, chance: np.random.Generator) -> FloatArray:
    """Samples [N] through a narrow line: band-limited, and companded to 8 bits as telephones do."""
    low, high = LINES_HZ[chance.integers(len(LINES_HZ))]
    band = butter(4, (low, min(high, 0.49 * rate)), "bandpass", fs=rate, output="sos")
    samples = np.clip(np.asarray(sosfilt(band, samples)), -1.0, 1.0)
    squeezed = np.sign(samples) * np.log1p(COMPANDING * np.abs(samples)) / np.log1p(COMPANDING)
    steps = np.round(squeezed * 127) / 127
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(COMPANDING)) / COMPANDING)


def _faster(transcript: Transcript | None, factor: float) -> Transcript | None:
    """The transcript of speech played `factor` times as fast."""
    if transcript is None:
        return None
    words, sounds = (
        tuple(TimedToken(token.text, token.start_s / factor, token.end_s / factor) for token in tokens)
        for tokens in (transcript.words, transcript.phones)
    )
    return Transcript(words, sounds, transcript.language, transcript.confidence)
