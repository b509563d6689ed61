"""Any source of emotion becomes a code in one place, and what is missing is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from talker import SpeechClip
from talker.emotion.request import DEFAULT, SOURCES, EmotionRequest, read_emotion
from talker.errors import EmotionError

CLIP = SpeechClip(np.full(32000, 0.1, np.float32), 16000)


def test_labels_and_mixtures_read_as_what_they_name() -> None:
    assert read_emotion(EmotionRequest("label", "sad")).source == "label: sad"
    mixed = read_emotion(EmotionRequest("mix", "happy=.6, fear=.4"))
    assert mixed.blendshape_offset.shape == (1, 52)
    assert mixed.probabilities[0, 1] > 0.2


def test_a_timeline_runs_along_the_speech(tmp_path: Path) -> None:
    path = tmp_path / "feelings.json"
    path.write_text(json.dumps([{"start_s": 0, "emotion": "happy"}, {"start_s": 1, "emotion": "sad", "strength": 0.5}]))
    code = read_emotion(EmotionRequest("timeline", str(path)), CLIP)
    assert len(code.strength) == 50
    assert code.strength[0] == pytest.approx(1.0)
    assert code.strength[-1] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", [name for name, row in SOURCES.items() if row.metavar])
def test_nothing_given_is_said(name: str) -> None:
    with pytest.raises(EmotionError, match="Nothing to read"):
        read_emotion(EmotionRequest(name))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (EmotionRequest("smell", "roses"), "smell"),
        (EmotionRequest("speech"), "no speech"),
        (EmotionRequest("timeline", "t.json"), "needs speech"),
        (EmotionRequest("mix", "happy"), "share"),
    ],
)
def test_what_cannot_be_read_is_explained(request_: EmotionRequest, message: str) -> None:
    with pytest.raises(EmotionError, match=message):
        read_emotion(request_)


def test_speech_that_is_too_short_to_feel_anything_is_calm_and_says_so() -> None:
    silence = SpeechClip(np.zeros(8000, np.float32), 16000)
    code = read_emotion(DEFAULT, silence)
    assert "too little to hear" in code.source and not code.blendshape_offset.any()
