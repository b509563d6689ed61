"""Speech to mouth motion while the sound still comes: a microphone, a call, a voice that is being made.

Every `HOP_S` the last seconds are heard again, and the frames that lie `SETTLED_S` or more back become final. So a
frame waits for at most `LOOK_AHEAD_S` of sound after it. What a frame loses against the offline result is the sound
beyond that, and what was said longer ago than `CONTEXT_S`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from threadpoolctl import threadpool_limits

from talker.motion.articulation import LOUDNESS_RATE, articulate, hear, speaking
from talker.speech import prosody
from talker.types import FaceMotion, FloatArray, SpeechClip

SETTLED_S, HOP_S = 0.22, 0.1
LOOK_AHEAD_S = SETTLED_S + HOP_S
CONTEXT_S = 4.0  # of sound before the first frame that is not final yet
REMEMBERED_S = 30.0  # of loudness, by which speech is told from silence
JOIN_S = 0.1  # the difference between two hearings fades this fast after the frame where they meet


class StreamingArticulation:
    """Mouth motion of sound that is fed in pieces of any length; the pieces returned make one motion.

    >>> stream = StreamingArticulation(16000)
    >>> for samples in microphone:
    ...     show(stream.feed(samples))
    >>> show(stream.finish())
    """

    def __init__(self, sample_rate: int, *, fps: float = 25.0) -> None:
        self.sample_rate, self.fps = sample_rate, fps
        self._samples: FloatArray = np.zeros(0, np.float32)  # the sound from frame `_first` on
        self._first = 0
        self._done = 0  # frames that are final
        self._unheard = 0  # samples that came after the last hearing
        self._fed = 0
        self._loudness_db: FloatArray = np.zeros(0, np.float32)  # of the sound before `_first`
        self._last: FloatArray | None = None  # the last final frame [52]

    @threadpool_limits.wrap(limits=1, user_api="blas")  # products this small lose time to a second thread
    def feed(self, samples: FloatArray) -> FaceMotion:
        """Take the next samples [N] (mono, -1..1) and return the frames [T,52], T often 0, that became final."""
        self._samples = np.concatenate([self._samples, samples.astype(np.float32)])
        self._fed += len(samples)
        self._unheard += len(samples)
        if self._unheard < HOP_S * self.sample_rate:
            return self._motion(np.zeros((0, 52), np.float32))
        return self._hear(int((self._fed / self.sample_rate - SETTLED_S) * self.fps) + 1)

    def finish(self) -> FaceMotion:
        """The frames that are left; the motion is then as long as the sound."""
        return self._hear(round(self._fed / self.sample_rate * self.fps))

    def _hear(self, end: int) -> FaceMotion:
        """Hear the sound that is held, and return the frames from the last final one up to `end`."""
        self._unheard = 0
        if end <= self._done:
            return self._motion(np.zeros((0, 52), np.float32))
        clip = SpeechClip(self._samples, self.sample_rate)
        measured = prosody.measure(clip, rate_hz=LOUDNESS_RATE)
        frames = end - self._first
        before = round(len(self._loudness_db) / LOUDNESS_RATE * self.fps)
        whole = dataclasses.replace(
            measured, loudness_db=np.concatenate([self._loudness_db, measured.loudness_db])
        )  # only the loudness is looked at
        voice = speaking(whole, before + frames, self.fps)[before:]
        rows = articulate(hear(clip), voice, self.fps).blendshapes
        joined = self._join(rows, self._done - self._first)
        self._done, self._last = end, joined[-1]
        self._forget(measured.loudness_db)
        return self._motion(joined)

    def _join(self, rows: FloatArray, start: int) -> FloatArray:
        """The rows from `start` on, begun where the last final frame was."""
        new = rows[start:]
        if self._last is None:
            return new
        fade = np.exp(-np.arange(1, len(new) + 1) / (JOIN_S * self.fps))
        return np.clip(new + fade[:, None] * (self._last - rows[start - 1]), 0.0, 1.0).astype(np.float32)

    def _forget(self, loudness_db: FloatArray) -> None:
        """Drop the sound that lies more than `CONTEXT_S` back, and remember how loud it was."""
        first = max(self._first, self._done - round(CONTEXT_S * self.fps))
        dropped_s = (first - self._first) / self.fps
        past = np.concatenate([self._loudness_db, loudness_db[: round(dropped_s * LOUDNESS_RATE)]])
        self._loudness_db = past[-round(REMEMBERED_S * LOUDNESS_RATE) :]
        start, old = (round(frame / self.fps * self.sample_rate) for frame in (first, self._first))
        self._samples, self._first = self._samples[start - old :], first

    def _motion(self, rows: FloatArray) -> FaceMotion:
        return FaceMotion(rows, np.zeros((len(rows), 6), np.float32), self.fps)
