"""How a film ends: lips close with the sound, lids are open, and no sound is cut."""

from __future__ import annotations

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.emotion.resolve import resolve
from talker.motion.articulation import speech_motion
from talker.motion.composition import compose
from talker.motion.lips import LipGeometry
from talker.options import SpeakOptions
from talker.speech.analysis import SpeechAnalysis
from talker.speech.voice import say
from talker.types import SpeechClip


@pytest.fixture(scope="module")
def spoken() -> SpeechAnalysis:
    return SpeechAnalysis(say("We are going swimming."))


def cut(speech: SpeechAnalysis, seconds: float) -> SpeechAnalysis:
    """The first seconds, as a recording that is stopped while somebody still speaks."""
    clip = speech.clip
    return SpeechAnalysis(SpeechClip(clip.samples[: round(seconds * clip.sample_rate)], clip.sample_rate))


def opening(speech: SpeechAnalysis) -> np.ndarray:
    return np.asarray(LipGeometry.load().opening_of(speech_motion(speech).blendshapes))


def test_lips_close_with_the_sound(spoken: SpeechAnalysis) -> None:
    loud = np.flatnonzero(spoken.prosody.loudness > 0.12) / 100
    lips = opening(spoken)
    after = lips[round((loud[-1] + 0.06) * 25) :]
    assert after.max() < 0.1 * lips.max()
    assert lips[round((loud[-1] - 0.1) * 25)] > 0.3 * lips.max()  # and not long before it


def test_lips_are_closed_in_the_last_frame_even_of_speech_that_is_cut(spoken: SpeechAnalysis) -> None:
    lips = opening(cut(spoken, 0.9))
    assert lips[-1] < 0.1 * lips.max()


def test_no_sound_is_cut(spoken: SpeechAnalysis) -> None:
    for seconds in (0.9, 0.901, 0.939):
        assert len(speech_motion(cut(spoken, seconds))) / 25 >= seconds - 1e-3


def test_lids_are_open_in_the_last_frame(spoken: SpeechAnalysis) -> None:
    lids = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
    spoken = cut(spoken, 1.2)
    mouth = speech_motion(spoken)
    blinked = False
    for seed in range(40):
        face = compose(mouth, resolve("neutral"), spoken, SpeakOptions(seed=seed, blinks=2.0)).blendshapes[:, lids]
        blinked |= bool(face.max() > 0.7)
        assert face[-1].max() < 0.2
    assert blinked
