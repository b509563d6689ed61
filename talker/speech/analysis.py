"""What is measured of speech, each measurement once: every later stage reads it here and nothing is measured again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from talker.curves import at_frames, smoothstep
from talker.media.audio import at_rate
from talker.speech import prosody
from talker.speech.encoder import SAMPLE_RATE, SpeechEncoder, shared_encoder
from talker.speech.prosody import Prosody
from talker.speech.stress import Stress, StressFinder
from talker.types import FloatArray, SpeechClip, Transcript

PROSODY_HZ = 100.0
SILENT_LOUDNESS = 0.12  # of `Prosody.loudness`; below it nothing is said
EASY_S, TIGHT_S = 0.16, 0.05  # activity reaches this far beyond the sound: lips part before it and rest after it
EASE_S, EASE_REACH_S = 0.05, 0.1
REST_S, FALL_S = 0.06, 0.12  # this long after the last sound nothing is said any more; the fall to rest takes FALL_S
LAST_S = 0.04  # this long before a film ends its lips are closed


@dataclass(frozen=True, eq=False)
class SpeechAnalysis:
    """Speech and what is measured of it. A measurement is made when it is first read, and kept.

    clip: samples at their own rate, with the transcript (words and phones) where there is one.
    """

    clip: SpeechClip

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.clip.duration_s

    @property
    def transcript(self) -> Transcript | None:
        """Words and phones with their times, where they are known."""
        return self.clip.transcript

    @cached_property
    def at_16khz(self) -> SpeechClip:
        """The same sound at the rate at which it is measured."""
        return at_rate(self.clip, SAMPLE_RATE)

    @cached_property
    def prosody(self) -> Prosody:
        """Loudness, pitch and voicing at 100 Hz."""
        return prosody.measure(self.at_16khz, rate_hz=PROSODY_HZ)

    @cached_property
    def layers(self) -> tuple[FloatArray, ...]:
        """The recogniser's encoder layer by layer, from its second one on: each [T,384] at 50 Hz."""
        return self._encoder().encode_layers(self.at_16khz, first=1)

    @cached_property
    def voice_activity(self) -> FloatArray:
        """[T] at 100 Hz: 1 while something is said, eased to 0 in silence."""
        return activity(self.prosody.loudness, PROSODY_HZ, EASY_S) * self._until_the_end()

    @cached_property
    def stresses(self) -> list[Stress]:
        """The stressed syllables, in order."""
        return StressFinder(PROSODY_HZ)(self.prosody.loudness, self.prosody.pitch_hz, ended=True)

    def with_transcript(self, transcript: Transcript | None) -> SpeechAnalysis:
        """The same speech with another transcript; what was measured of the sound already stays measured."""
        analysis = SpeechAnalysis(self.clip.with_transcript(transcript))
        measured = {name: value for name, value in vars(self).items() if name != "clip"}
        vars(analysis).update(measured)
        return analysis

    def speaking(self, frames: int, fps: float) -> FloatArray:
        """`voice_activity` at [frames] moments t / fps."""
        return at_frames(self.voice_activity[:, None], frames, fps, PROSODY_HZ)[:, 0]

    def film_end(self, frames: int, fps: float) -> FloatArray:
        """[frames] 1, falling to 0 in the last frame: a film of speech that is cut ends with closed lips."""
        rest_s = self.duration_s - LAST_S
        return smoothstep((rest_s - np.arange(frames) / fps) / FALL_S).astype(np.float32)

    def _until_the_end(self) -> FloatArray:
        """[T] at 100 Hz: 1, falling to 0 with the last sound, so that lips close with it."""
        loud = np.flatnonzero(self.prosody.loudness > SILENT_LOUDNESS)
        rest_s = (loud[-1] / PROSODY_HZ if len(loud) else 0.0) + REST_S
        if rest_s > self.duration_s - LAST_S:  # nobody knows what comes after
            return np.ones(len(self.prosody), np.float32)
        return smoothstep((rest_s - np.arange(len(self.prosody)) / PROSODY_HZ) / FALL_S).astype(np.float32)

    def _encoder(self) -> SpeechEncoder:
        return shared_encoder()


def activity(loudness: FloatArray, rate_hz: float, reach_s: float) -> FloatArray:
    """[T] 1 where `loudness` [T] is enough for speech and up to `reach_s` around, eased to 0.

    What is `reach_s + EASE_REACH_S` later is seen, and nothing after that.
    """
    loud = (loudness > SILENT_LOUDNESS).astype(np.float32)
    reach, ease = round(reach_s * rate_hz) * 2 + 1, round(EASE_REACH_S * rate_hz)
    return gaussian_filter1d(maximum_filter1d(loud, reach), EASE_S * rate_hz, mode="nearest", radius=ease)
