"""How far lips move with an emotion, measured on any moving lips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talker.errors import DataError
from talker.evaluation.lip_movement import Movement, composed, filmed, misfit, movement, sentences
from talker.types import EMOTION_LABELS

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


def test_composed_emotions_are_set_against_neutral_speech(tmp_path: Path) -> None:
    made = composed(sentences(1))
    assert set(made) == set(EMOTION_LABELS[1:])
    assert made["angry"].size > 1.2 > made["sad"].size  # anger parts the lips between closures
    assert misfit(made, made)[0] == 0
    assert misfit(made, {"sad": Movement(2 * made["sad"].size, 1, 1)})[0] == pytest.approx(np.log(2))
    with pytest.raises(DataError, match="M030_front_neutral"):
        filmed(tmp_path, "M030")
