"""How feelings change the way one speaks: measured on any moving lips, and learnt so that the composed motion fits."""

from __future__ import annotations

import numpy as np
import pytest

from talker.motion.temperament import TEMPERAMENTS
from talker.training.manner import composed, learn_manners, misfit, movement, sentences, unconditioned

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


def test_manners_are_learnt_that_move_as_wanted() -> None:
    spoken = sentences(1)
    off = composed(unconditioned(), spoken)
    wanted = {"fear": off["fear"].__class__(off["fear"].size * 1.2, off["fear"].speed, off["fear"].opening)}
    learnt = learn_manners(wanted, spoken)
    found = {"fear": composed(learnt, spoken)["fear"]}
    assert learnt["fear"].mouth > 1.05
    assert misfit(found, wanted)[0] < 0.03 < misfit({"fear": off["fear"]}, wanted)[0]
    assert learnt["sad"] == unconditioned()["sad"] != TEMPERAMENTS["sad"]
