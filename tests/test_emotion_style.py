"""How emotions change the way one speaks: measured on any moving lips, and learnt so that the composed motion fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talker.errors import DataError
from talker.media.audio import save_speech
from talker.motion.emotion_style import EMOTION_STYLES
from talker.training.emotion_style import (
    Movement,
    composed,
    expected,
    learn_emotion_styles,
    louder,
    misfit,
    movement,
    sentences,
    unconditioned,
)
from talker.types import SpeechClip

FPS = 25.0
TIME = np.arange(200) / FPS


def test_movement_is_read_off_a_lip_opening() -> None:
    small, large, fast = (
        movement(size * np.sin(2 * np.pi * rate * TIME) + 0.1, FPS) for size, rate in ((0.01, 2), (0.02, 2), (0.01, 3))
    )
    doubled = large.relative_to(small)
    assert doubled.size == pytest.approx(2, abs=0.01) and doubled.speed == pytest.approx(1, abs=0.01)
    assert doubled.opening == pytest.approx(1, abs=0.02)
    assert fast.relative_to(small).speed == pytest.approx(1.5, abs=0.1)


def test_how_much_louder_actors_get_is_measured_on_the_same_words(tmp_path: Path) -> None:
    folder = tmp_path / "speech_emotion" / "ravdess"
    folder.mkdir(parents=True)
    time = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 150 * time) * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))
    for name, level in (
        ("03-01-01-01-01-01-01", 0.05),  # neutral
        ("03-01-05-02-01-01-01", 0.2),  # angry and strong: 12 dB louder
        ("03-01-04-01-01-01-01", 0.5),  # sad, but not strongly: left out
        ("03-01-05-02-02-01-01", 0.5),  # other words, without a neutral reading: left out
    ):
        save_speech(SpeechClip((level * tone).astype(np.float32), 16000), folder / f"{name}.wav")
    assert louder(tmp_path) == {"angry": pytest.approx(12.0, abs=0.3)}
    with pytest.raises(DataError, match="ravdess"):
        louder(folder)


def test_who_gets_louder_moves_the_lips_further() -> None:
    found = expected({"angry": 20.0, "sad": 0.0, "contempt": -10.0})
    assert found["sad"] == 1.0 < found["angry"] and found["angry"] == pytest.approx(found["contempt"] ** -2)


def test_manners_are_learnt_that_move_as_wanted() -> None:
    spoken = sentences(1)
    off = composed(unconditioned(), spoken)
    wanted = {"fear": Movement(off["fear"].size * 1.2, off["fear"].speed, off["fear"].opening)}
    learnt = learn_emotion_styles({"fear": wanted["fear"].size}, spoken)
    found = {"fear": composed(learnt, spoken)["fear"]}
    assert learnt["fear"].mouth > 1.05
    assert misfit(found, wanted)[0] < 0.03 < misfit({"fear": off["fear"]}, wanted)[0]
    assert learnt["sad"] == unconditioned()["sad"] != EMOTION_STYLES["sad"]
