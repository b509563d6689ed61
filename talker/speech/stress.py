"""Stressed syllables, where the loudness peaks and the pitch rises: found as the speech is heard, a moment later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.smoothing import RunningMean
from talker.types import FloatArray

SMOOTH_S, SMOOTH_REACH_S = 0.04, 0.06  # of loudness and pitch: spread, and how far it sees
RISE_S, APART_S, AFTER_S = 0.5, 0.38, 0.08  # a peak rises within the first, none is higher this long before and after
LEAST_RISE, FULL_RISE = 0.12, 0.8  # of a peak, in units of `Prosody.loudness`
PITCH_SHARE = 0.35  # how much a pitch one deviation above its mean adds to the loudness
PITCH_WINDOW_S = 4.0  # voiced time over which the pitch's mean and deviation are taken


@dataclass(frozen=True)
class Stress:
    """A stressed syllable: when (s), and how strongly, 0..1.2."""

    moment_s: float
    strength: float


class StressFinder:
    """Finds stresses in loudness [n] and pitch [n] that come piece by piece; the pieces make no difference.

    A stress is known `AFTER_S + SMOOTH_REACH_S` after it.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        window = PITCH_WINDOW_S * rate_hz
        self._mean, self._deviation = RunningMean(window), RunningMean(window, 1.0, 0.1 * rate_hz)
        self._first, self._decided = 0, 0  # number of the first frame that is kept, and of the first undecided one
        self._loudness, self._pitch = np.zeros(0), np.zeros(0)
        self._last_s = -np.inf

    def __call__(self, loudness: FloatArray, pitch_hz: FloatArray, *, ended: bool = False) -> list[Stress]:
        """The stresses that are known now; `ended`: nothing will follow, so that all of them are."""
        reach, after, before, rise = (
            round(seconds * self._rate) for seconds in (SMOOTH_REACH_S, AFTER_S, APART_S, RISE_S)
        )
        self._loudness = np.concatenate([self._loudness, loudness])
        self._pitch = np.concatenate([self._pitch, self._relative(pitch_hz)])
        smooth = SMOOTH_S * self._rate
        loud, pitch = (
            gaussian_filter1d(values, smooth, radius=reach, mode="nearest") if len(values) else values
            for values in (self._loudness, self._pitch)
        )
        prominence = loud * (1.0 + PITCH_SHARE * pitch)
        end = self._first + len(prominence) - (0 if ended else reach + after)
        found = []
        for number in range(self._decided, end):
            place = number - self._first
            if prominence[place] < LEAST_RISE:
                continue
            near = prominence[max(0, place - before) : place + after + 1]
            risen = float(prominence[place] - prominence[max(0, place - rise) : place + 1].min())
            moment_s = number / self._rate
            if near.argmax() == min(place, before) and risen > LEAST_RISE and moment_s - self._last_s >= APART_S:
                strength = min(1.0, risen / FULL_RISE) * float(np.clip(prominence[place], 0.0, 1.2))
                found.append(Stress(moment_s, strength))
                self._last_s = moment_s
        self._decided = max(self._decided, end)
        kept = max(0, len(self._loudness) - (rise + 2 * reach + after))
        self._first, self._loudness, self._pitch = self._first + kept, self._loudness[kept:], self._pitch[kept:]
        return found

    def _relative(self, pitch_hz: FloatArray) -> FloatArray:
        """[n] how far the pitch lies above what it mostly is, in deviations within -1.5..1.5; 0 where unvoiced."""
        voiced = pitch_hz > 0
        semitones = 12 * np.log2(np.maximum(pitch_hz, 1.0))
        above = semitones - self._mean(semitones, voiced)
        spread = np.maximum(1.0, 1.25 * self._deviation(np.abs(above), voiced))
        return np.where(voiced, np.clip(above / spread, -1.5, 1.5), 0.0)
