"""Speech as it is heard: what `SpeechAnalysis` measures of a clip, of the last seconds of a sound that goes on.

A moment is heard for good `LOOKAHEAD_S` after it. Nothing older than `KEPT_S` is held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from talker.motion.articulation import articulate
from talker.motion.mouth_regressor import MouthRegressor
from talker.speech import prosody
from talker.speech.analysis import EASY_S, PROSODY_HZ, activity
from talker.speech.encoder import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, SpeechEncoder
from talker.speech.prosody import VOICED, RunningLevel, relative_loudness
from talker.speech.stress import Stress, StressFinder
from talker.types import FloatArray, SpeechClip

LOOKAHEAD_S = 0.32  # of sound that a frame waits for: what parts the lips before a sound has to know that it comes
STEP_S = 0.08  # between two times that the encoder hears, which costs as much as drawing a frame
WINDOW_S = 2.0  # of sound that the encoder hears at once
RENEWED_S = 0.4  # of what it hears is heard anew each time: the latest, which had the least after it
PAST_S = 1.2  # before a frame that its lips depend on
KEPT_S = 4.0
START_DB = -20.0  # what is loud, before anything was heard: a usual microphone
PROSODY_STEP = round(SAMPLE_RATE / PROSODY_HZ)
SEEN = prosody.WINDOW // 2 // PROSODY_STEP  # frames of prosody in which a window reaches beyond its centre
MEDIAN = round(prosody.PITCH_MEDIAN_S * PROSODY_HZ) // 2 + 1  # frames after which a pitch is settled


@dataclass(frozen=True)
class HeardFrames:
    """Frames of a motion that can be made now, and those around them that their lips depend on.

    mouth: [T,52] of all, as `articulate` makes it. voice: [T] 0..1. loudness: [n] and stresses: of the new ones.
    new: which rows of `mouth` these are.
    """

    mouth: FloatArray
    voice: FloatArray
    loudness: FloatArray
    stresses: Sequence[Stress]
    new: slice


class Track:
    """The latest rows [n,...] of something that is measured at a steady rate, by their number since the beginning."""

    def __init__(self, width: tuple[int, ...], kept: int) -> None:
        self._rows, self._first, self._kept = np.zeros((0, *width), np.float32), 0, kept

    @property
    def first(self) -> int:
        """Number of the first row that is still there."""
        return self._first

    @property
    def end(self) -> int:
        """One more than the last row's number."""
        return self._first + len(self._rows)

    @property
    def rows(self) -> FloatArray:
        """All that are there."""
        return self._rows

    def put(self, number: int, rows: FloatArray) -> None:
        """Write rows from `number` on, in place of what was known of them and after them."""
        known = self._rows[: max(0, number - self._first)]
        rows = np.concatenate([known, rows[max(0, self._first - number) :]]).astype(np.float32, copy=False)
        gone = max(0, len(rows) - self._kept)
        self._rows, self._first = rows[gone:], self._first + gone

    def at(self, positions: FloatArray) -> FloatArray:
        """What lies at `positions` [n] in rows, between two of them linearly; the ends repeat."""
        return np.interp(positions - self._first, np.arange(len(self._rows)), self._rows)

    def between(self, number: int, end: int) -> FloatArray:
        """Rows from `number` to before `end`; the first and last that are there repeat."""
        places = np.arange(number, end) - self._first
        return self._rows[np.clip(places, 0, len(self._rows) - 1)]


class LiveHearing:
    """Hears samples at 16 kHz, piece by piece, and gives the frames whose look-ahead has been heard."""

    def __init__(self, encoder: SpeechEncoder, regressor: MouthRegressor, fps: float) -> None:
        self._encoder, self._regressor, self._fps = encoder, regressor, fps
        # windows of frames begin where a frame of the motion and one of the encoder coincide
        self._grid = Fraction(FRAME_RATE / fps).limit_denominator(100).denominator
        self._sound = Track((), round(KEPT_S * SAMPLE_RATE))
        self._loudness_db, self._voicing, self._loudness, self._pitch = (
            Track((), round(KEPT_S * PROSODY_HZ)) for _ in range(4)
        )
        self._level, self._finder = RunningLevel(START_DB), StressFinder(PROSODY_HZ)
        self._stresses: list[Stress] = []
        self._mouth, self._gate = Track((52,), round(KEPT_S * FRAME_RATE)), Track((), round(KEPT_S * FRAME_RATE))
        self._made = 0  # frames

    @property
    def made(self) -> int:
        """How many frames were given so far."""
        return self._made

    def hear(self, samples: FloatArray) -> HeardFrames | None:
        """Take in samples [n], -1..1; None where none are made yet; some wait for the next."""
        self._sound.put(self._sound.end, samples)
        self._measure()
        known = math.floor((self._sound.end / SAMPLE_RATE - LOOKAHEAD_S) * self._fps + 1e-6) + 1
        if known - self._made < max(1, round(STEP_S * self._fps)):
            return None
        first = max(0, int(self._made - PAST_S * self._fps) // self._grid * self._grid)
        time = np.arange(first, known + math.ceil(LOOKAHEAD_S * self._fps)) / self._fps
        active = activity(self._loudness.rows, PROSODY_HZ, EASY_S)
        voice = np.interp(time * PROSODY_HZ - self._loudness.first, np.arange(len(active)), active)
        self._encode(anything_said=bool(active[-round(WINDOW_S * PROSODY_HZ) :].any()))
        start = round(first / self._fps * FRAME_RATE)
        heard = self._mouth.between(start, self._mouth.end), self._gate.between(start, self._mouth.end)
        mouth = articulate(heard, voice, self._fps, None, self._regressor.config).blendshapes
        new = slice(self._made - first, known - first)
        self._made = known
        stresses, self._stresses = self._stresses, []
        return HeardFrames(mouth, voice, self._loudness.at(time[new] * PROSODY_HZ), stresses, new)

    def _measure(self) -> None:
        """Measure the prosody of what has come."""
        begin = max(0, self._pitch.end - MEDIAN - SEEN)
        offset = max(0, begin * PROSODY_STEP - self._sound.first)
        measured = prosody.measure(SpeechClip(self._sound.rows[offset:], SAMPLE_RATE), rate_hz=PROSODY_HZ)
        settled = len(measured) - SEEN  # the rest would hear silence after the last sample
        old = self._loudness_db.end
        if begin + settled <= old:
            return
        fresh = slice(old - begin, settled)
        loudness_db, voicing = measured.loudness_db[fresh], measured.voicing[fresh]
        level = self._level(loudness_db, voicing >= VOICED, PROSODY_HZ)
        self._loudness_db.put(old, loudness_db)
        self._loudness.put(old, relative_loudness(loudness_db, level))
        pitched = slice(self._pitch.end - begin, settled - MEDIAN)
        if pitched.stop > pitched.start:
            first = self._pitch.end
            pitch = measured.pitch_hz[pitched]
            self._pitch.put(first, pitch)
            self._stresses += self._finder(self._loudness.between(first, first + len(pitch)), pitch)

    def _encode(self, anything_said: bool) -> None:
        """Hear the lips in the last WINDOW_S, if anything is said there."""
        end = self._sound.end // SAMPLES_PER_FRAME
        begin = max(0, end - round(WINDOW_S * FRAME_RATE))
        if anything_said:
            samples = self._sound.between(begin * SAMPLES_PER_FRAME, end * SAMPLES_PER_FRAME)
            layers = self._encoder.encode_recent(SpeechClip(samples, SAMPLE_RATE))
            mouth, gate = self._regressor.predict(self._regressor.project(layers))
        else:
            mouth, gate = np.zeros((end - begin, 52), np.float32), np.zeros(end - begin, np.float32)
        renewed = max(begin, min(self._mouth.end, end - round(RENEWED_S * FRAME_RATE)))
        self._mouth.put(renewed, mouth[renewed - begin :])
        self._gate.put(renewed, gate[renewed - begin :])
