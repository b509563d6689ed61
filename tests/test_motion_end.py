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
    stopped = cut(spoken, 0.9)
    said = opening(stopped)
    film = compose(speech_motion(stopped), resolve("neutral"), stopped, SpeakOptions())
    lips = LipGeometry.load().opening_of(film.blendshapes)
    assert lips[-1] < 0.1 * lips.max() < 0.4 * said[-1]  # the film ends closed; what is said ends open


def test_no_sound_is_cut(spoken: SpeechAnalysis) -> None:
    for seconds in (0.9, 0.901, 0.939):
        assert len(speech_motion(cut(spoken, seconds))) / 25 >= seconds - 1e-3


def test_lids_are_open_in_the_last_frame(spoken: SpeechAnalysis) -> None:
    lids = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
    spoken = cut(spoken, 1.5)
    mouth = speech_motion(spoken)
    blinked = False
    for seed in range(40):
        face = compose(mouth, resolve("neutral"), spoken, SpeakOptions(seed=seed, blinks=2.0)).blendshapes[:, lids]
        blinked |= bool(face.max() > 0.7)
        assert face[-1].max() < 0.2
    assert blinked


@pytest.mark.parametrize("emotion", ["happy", "angry", "surprised", "disgusted"])
def test_lips_rest_in_silence_whatever_is_felt(spoken: SpeechAnalysis, emotion: str) -> None:
    clip, quiet = spoken.clip, np.zeros(round(0.8 * spoken.clip.sample_rate), np.float32)
    speech = SpeechAnalysis(SpeechClip(np.concatenate([quiet, clip.samples, quiet]), clip.sample_rate))
    face = compose(speech_motion(speech), resolve(emotion), speech, SpeakOptions())
    lips, voice = LipGeometry.load().opening_of(face.blendshapes), speech.speaking(len(face), face.fps)
    assert lips[voice < 0.01].max() < 0.004 < 0.05 < lips[voice > 0.99].max()
    feels = np.abs(face.blendshapes[voice < 0.01]).sum(1).min()
    assert feels > 0.5  # brows, cheeks and corners still show it
