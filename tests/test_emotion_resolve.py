"""Any source of emotion becomes a code in one place, and what is missing is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from talker import SpeechClip
from talker.emotion.resolve import DEFAULT, SOURCES, EmotionRequest, resolve
from talker.emotion.timeline import split_tags
from talker.errors import EmotionError
from talker.speech.analysis import SpeechAnalysis
from talker.types import TimedToken, Transcript

SPEECH = SpeechAnalysis(SpeechClip(np.full(32000, 0.1, np.float32), 16000))


def test_labels_and_mixtures_read_as_what_they_name() -> None:
    assert resolve(EmotionRequest("label", "sad")).source == "label: sad"
    mixed = resolve(EmotionRequest("mix", "happy=.6, fear=.4"))
    assert mixed.blendshape_offset.shape == (1, 52)
    assert mixed.probabilities[0, 1] > 0.2


def test_a_string_is_a_label_an_alias_or_a_description() -> None:
    assert resolve("joy").source == resolve("happy").source == resolve(EmotionRequest("label", "Joy")).source
    described = resolve("slightly nervous")
    assert described.source == resolve(EmotionRequest("text", "slightly nervous")).source
    assert described.strength == pytest.approx(0.5)
    assert resolve(described) is described


def test_tags_mean_what_plain_strings_mean() -> None:
    words = tuple(TimedToken(word, index, index + 0.9) for index, word in enumerate(("we", "won", "it", "is", "over")))
    clip = SpeechClip(np.full(5 * 16000, 0.1, np.float32), 16000, Transcript(words))
    _, tags = split_tags("[joy] we won it [a bit sad] is over")
    code = resolve("neutral", SpeechAnalysis(clip), tags=tags)
    assert np.allclose(code.blendshape_offset[0], resolve("happy").blendshape_offset[0], atol=1e-5)
    assert code.strength[-1] == pytest.approx(float(resolve("a bit sad").strength[0]), abs=1e-3)


def test_a_timeline_runs_along_the_speech(tmp_path: Path) -> None:
    path = tmp_path / "feelings.json"
    path.write_text(json.dumps([{"start_s": 0, "emotion": "happy"}, {"start_s": 1, "emotion": "sad", "strength": 0.5}]))
    code = resolve(EmotionRequest("timeline", str(path)), SPEECH)
    assert len(code.strength) == 50
    assert code.strength[0] == pytest.approx(1.0)
    assert code.strength[-1] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", [name for name, row in SOURCES.items() if row.metavar])
def test_nothing_given_is_said(name: str) -> None:
    with pytest.raises(EmotionError, match="Nothing to read"):
        resolve(EmotionRequest(name))


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
        resolve(request_)


def test_speech_that_is_too_short_to_feel_anything_is_calm_and_says_so() -> None:
    silence = SpeechAnalysis(SpeechClip(np.zeros(8000, np.float32), 16000))
    code = resolve(DEFAULT, silence)
    assert "too little to hear" in code.source and not code.blendshape_offset.any()
