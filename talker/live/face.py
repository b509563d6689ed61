"""The motion of a face that somebody speaks through: samples in, motion out, an emotion that may change at any time."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import numpy as np
import soxr
from threadpoolctl import ThreadpoolController

from talker.curves import smoothstep
from talker.errors import AudioError
from talker.limits import SOUND_RATES
from talker.live.hearing import HeardFrames, LiveHearing
from talker.motion.articulation import chosen_mouth_regressor
from talker.motion.composition import Composer, SpokenMouth
from talker.motion.emotion_course import EmotionRows, mixed
from talker.options import SpeakOptions
from talker.speech.encoder import SAMPLE_RATE, shared_encoder
from talker.types import EmotionCode, FaceMotion, FloatArray

CHANGE_S = 0.3  # over which one emotion becomes another
PIECE_S = 0.4  # of sound that is heard at once at most, by whoever is late; less where less comes
RESAMPLING = "LQ"  # which holds a sound back for 6 ms, better ones for 20; lips don't hear the difference
BLAS = ThreadpoolController()  # finds the libraries once


class LiveFace:
    """Motion, frame by frame, of a face that says what is heard. One thread may let it hear while another feels.

    sample_rate: Hz of the sound. emotion: as it is shown, at its strength (`feel`).
    """

    def __init__(self, options: SpeakOptions, sample_rate: int, emotion: EmotionCode) -> None:
        lowest, highest = SOUND_RATES
        if not lowest <= sample_rate <= highest:
            raise AudioError(f"Sound at {sample_rate} Hz can't be heard; please give {lowest} to {highest} Hz.")
        self._options, self._fps, self.sample_rate = options, options.fps, sample_rate
        self._hearing = LiveHearing(shared_encoder(), chosen_mouth_regressor(options), options.fps)
        self._composer = Composer(options, options.fps)
        self._resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, quality=RESAMPLING)
        self._lock = threading.Lock()
        self._before = self._after = self._rows(emotion)
        self._changed = -np.inf  # frame in which the emotion began to change

    def feel(self, emotion: EmotionCode) -> None:
        """Show another emotion from the next frame on; of a course of emotions, its first moment."""
        rows = self._rows(emotion)
        with self._lock:
            self._before, self._after, self._changed = self._emotion_rows(1), rows, self._hearing.made

    def hear(self, samples: FloatArray) -> Iterator[FaceMotion]:
        """The motion that can be made once these samples [n], -1..1, have been heard, in pieces of a frame or more.

        AudioError where they are no mono sound.
        """
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError("Live sound must be one channel of numbers.")
        step = round(PIECE_S * self.sample_rate)
        for start in range(0, len(samples), step):
            piece = np.clip(samples[start : start + step], -1.0, 1.0).astype(np.float32)
            if self.sample_rate != SAMPLE_RATE:
                piece = self._resampler.resample_chunk(piece).astype(np.float32)
            with BLAS.limit(limits=1, user_api="blas"):  # a second thread would take the core that draws
                heard = self._hearing.hear(piece)
                motion = None if heard is None else self._compose(heard)
            if motion is not None:
                yield motion

    def _compose(self, heard: HeardFrames) -> FaceMotion:
        count = heard.new.stop - heard.new.start
        with self._lock:
            rows = self._emotion_rows(count)
        now = rows.during(slice(count - 1, count)).style
        spoken = SpokenMouth.of(heard.mouth, heard.voice, now, self._options, self._fps)
        return self._composer.advance(spoken.during(heard.new), heard.loudness, rows, heard.stresses)

    def _emotion_rows(self, frames: int) -> EmotionRows:
        """The emotion at the latest `frames`."""
        since = self._hearing.made - self._changed + 1 - np.arange(frames)[::-1]
        return mixed(self._before, self._after, smoothstep(since / (CHANGE_S * self._fps)))

    def _rows(self, emotion: EmotionCode) -> EmotionRows:
        first = dataclasses.replace(
            emotion, embedding=emotion.embedding[:1], blendshape_offset=emotion.blendshape_offset[:1],
            strength=emotion.strength[:1], probabilities=emotion.probabilities[:1], affect=emotion.affect[:1],
        )  # fmt: skip
        return EmotionRows.of(first, 1, self._fps, self._options.pace)
