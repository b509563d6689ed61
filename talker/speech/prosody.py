"""How something is said: loudness, pitch and voicing at a fixed rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from scipy.ndimage import median_filter

from talker.breaks import with_breaks
from talker.media import audio
from talker.types import BoolArray, FloatArray, SpeechClip

SAMPLE_RATE = 16_000
WINDOW = 640  # 40 ms: two periods of the lowest pitch
LOWEST_HZ, HIGHEST_HZ = 60.0, 450.0
VOICED = 0.5  # normalised autocorrelation from which a frame counts as voiced
SILENCE_DB = -80.0  # what digital silence measures
CHUNK_FRAMES = 3000
PITCH_MEDIAN_S = 0.1  # of the median that removes octave errors from the pitch, at any rate
SPEECH_RANGE_DB = 30.0  # how far below its loud parts speech still counts as speech
LOUDER_S, SOFTER_S = 0.15, 25.0  # voiced time in which the level that counts as loud follows a louder, a softer voice


@dataclass(frozen=True)
class Prosody:
    """Measurements [T] of one clip.

    loudness_db: RMS level relative to full scale, at least −80.
    pitch_hz: fundamental frequency, 0 where unvoiced.
    voicing: 0..1, how periodic the sound is.
    rate_hz: frames per second; frame t is centred on t / rate_hz.
    """

    loudness_db: FloatArray
    pitch_hz: FloatArray
    voicing: FloatArray
    rate_hz: float

    def __len__(self) -> int:
        return len(self.loudness_db)

    @cached_property
    def loudness(self) -> FloatArray:
        """Loudness [T] in 0..1: 1 where the speech is loud, 0 from 30 dB below that.

        What counts as loud is at first the clip's 95th percentile and then follows the voice (`RunningLevel`).
        """
        level = RunningLevel(float(np.percentile(self.loudness_db, 95)))
        return relative_loudness(self.loudness_db, level(self.loudness_db, self.voicing >= VOICED, self.rate_hz))

    def thinned(self, step: int) -> Prosody:
        """Every `step`-th frame, at a rate so many times lower."""
        return Prosody(self.loudness_db[::step], self.pitch_hz[::step], self.voicing[::step], self.rate_hz / step)


class RunningLevel:
    """The level (dB) at which a voice is loud, as far as it was heard; it soon follows when that gets louder.

    Only voiced sound counts: in pauses, and in the noise that is left in them, it stays what it was.
    """

    def __init__(self, start_db: float) -> None:
        self.level_db = start_db

    def __call__(self, loudness_db: FloatArray, voiced: BoolArray, rate_hz: float) -> FloatArray:
        """The level [n] at each of the next frames [n], `rate_hz` a second, for their loudness and voicing."""
        up, down = (1.0 - np.exp(-1.0 / (seconds * rate_hz)) for seconds in (LOUDER_S, SOFTER_S))
        levels = np.empty(len(loudness_db))
        for index, (heard, counts) in enumerate(zip(loudness_db.tolist(), voiced.tolist(), strict=True)):
            if counts:
                self.level_db += (heard - self.level_db) * (up if heard > self.level_db else down)
            levels[index] = self.level_db
        return levels


def relative_loudness(loudness_db: FloatArray, loud_db: FloatArray) -> FloatArray:
    """Loudness [T] in 0..1: 1 at `loud_db` [T], 0 from 30 dB below it."""
    loud = np.maximum(loud_db, SILENCE_DB + SPEECH_RANGE_DB)
    return np.clip(1.0 + (loudness_db - loud) / SPEECH_RANGE_DB, 0.0, 1.0).astype(np.float32)


def measure(clip: SpeechClip, *, rate_hz: float = 50.0) -> Prosody:
    """Loudness, pitch and voicing of a clip at `rate_hz` frames per second.

    Pitch: peak of the autocorrelation, normalised by that of the window (Boersma, "Accurate short-term analysis of
    the fundamental frequency", 1993), with a slight preference for short periods, smoothed by a median over
    `PITCH_MEDIAN_S`.
    """
    sound = audio.at_rate(clip, SAMPLE_RATE).samples
    count = max(1, round(len(sound) / SAMPLE_RATE * rate_hz))
    centres = np.round(np.arange(count) * SAMPLE_RATE / rate_hz).astype(int)
    level = np.empty(count, np.float32)
    pitch = np.empty(count, np.float32)
    voicing = np.empty(count, np.float32)
    for start in with_breaks(range(0, count, CHUNK_FRAMES)):
        part = slice(start, start + CHUNK_FRAMES)
        first, last = int(centres[part][0]), int(centres[part][-1])
        piece = audio.between(sound, first - WINDOW // 2, last + WINDOW // 2)
        rows = np.lib.stride_tricks.sliding_window_view(piece, WINDOW)[centres[part] - first]  # [t, WINDOW]
        level[part] = np.sqrt((rows**2).mean(1))
        pitch[part], voicing[part] = _pitch(rows)
    loudness_db = np.maximum(20 * np.log10(np.maximum(level, 1e-9)), SILENCE_DB)
    voicing = np.where(loudness_db > SILENCE_DB + 20, voicing, 0.0).astype(np.float32)
    voiced = voicing >= VOICED
    smooth = median_filter(np.where(voiced, pitch, 0.0), round(PITCH_MEDIAN_S * rate_hz) | 1)
    return Prosody(loudness_db, np.where(voiced, smooth, 0.0).astype(np.float32), voicing, rate_hz)


def _pitch(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(Hz, periodicity 0..1), each [t], of frames [t, WINDOW]."""
    window = np.hanning(WINDOW).astype(np.float32)
    size = 2 * WINDOW
    shaped = (rows - rows.mean(1, keepdims=True)) * window
    power = np.abs(scipy.fft.rfft(shaped, size, axis=1)) ** 2
    correlation = scipy.fft.irfft(power, axis=1)[:, : WINDOW // 2 + 1]
    reference = scipy.fft.irfft(np.abs(scipy.fft.rfft(window, size)) ** 2)[: WINDOW // 2 + 1]
    energy = np.maximum(correlation[:, :1], 1e-9)
    correlation = correlation / energy * (reference[0] / reference)
    shortest, longest = int(SAMPLE_RATE / HIGHEST_HZ), int(SAMPLE_RATE / LOWEST_HZ)
    lags = np.arange(shortest, longest + 1)
    preference = correlation[:, lags] - 0.02 * np.log2(lags / shortest)
    best = preference.argmax(1)
    strength = np.clip(correlation[np.arange(len(rows)), lags[best]], 0.0, 1.0)
    return (SAMPLE_RATE / lags[best]).astype(np.float32), strength.astype(np.float32)
