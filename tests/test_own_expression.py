"""What of a picture's expression stays the person's own."""

from __future__ import annotations

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX, expand
from talker.face.traits import face_traits
from talker.render.own_expression import (
    RESTING,
    WITHOUT_SMILE,
    to_absolute_expression,
    to_relative_expression,
)
from talker.types import FloatArray
from talker.weights.store import checkpoint

NOTHING = np.zeros(52, np.float32)
POUTING = expand({"mouthPucker": 0.25, "mouthShrugUpper": 0.3, "browDown": 0.4})
SHUT = expand({"jawOpen": 0.1, "mouthClose": 0.15})
SNEERING = expand({"mouthShrugUpper": 1.0, "noseSneer": 1.0})
SMILING = expand({"mouthSmile": 0.8, "cheekSquint": 0.3})
HIGHEST_GAP_CM = 0.01


def row(expression: FloatArray, name: str) -> float:
    return float(expression[BLENDSHAPE_INDEX[name]])


def test_what_is_measured_comes_back() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        source = np.clip(random.normal(0, 0.5, 52), 0, 1).astype(np.float32)
        asked = np.clip(random.normal(0.1, 0.4, 52), -0.5, 1).astype(np.float32)
        shown = to_absolute_expression(asked, source)
        np.testing.assert_allclose(to_relative_expression(shown, source), asked, atol=5e-5)


def test_a_mouth_at_rest_stays_its_own_and_brows_do_not() -> None:
    shown = to_absolute_expression(NOTHING, POUTING)
    assert row(shown, "mouthPucker") == pytest.approx(0.25)
    assert row(shown, "mouthShrugUpper") == pytest.approx(0.3)
    assert row(shown, "browDownLeft") == 0.0


def test_no_more_of_it_than_people_have_at_rest() -> None:
    kissing = expand({"mouthPucker": 1.0})
    most = row(RESTING, "mouthPucker")
    assert row(to_absolute_expression(NOTHING, kissing), "mouthPucker") == pytest.approx(most)


def test_it_passes_as_the_mouth_moves_in_other_ways() -> None:
    shares = [row(to_absolute_expression(size * SMILING, POUTING), "mouthPucker") for size in (0.0, 0.3, 1.0)]
    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < 0.05


def test_a_jaw_behind_shut_lips_stays_and_one_of_an_open_mouth_does_not() -> None:
    kept, spoken = (row(to_absolute_expression(size * SMILING, SHUT), "jawOpen") for size in (0.0, 1.0))
    assert kept > 0.07 > 0.02 > spoken
    assert row(to_absolute_expression(NOTHING, expand({"jawOpen": 0.5})), "jawOpen") == 0.0


def test_where_a_smile_leaves_eyes_open_and_where_it_stays_they_do_not() -> None:
    gone, kept = (to_absolute_expression(asked, SMILING) for asked in (NOTHING, SMILING))
    assert row(gone, "eyeWideLeft") == pytest.approx(0.8 * row(WITHOUT_SMILE, "eyeWideLeft"), rel=1e-4)
    assert row(gone, "eyeWideLeft") > 0.1
    np.testing.assert_allclose(kept, SMILING, atol=1e-6)


@pytest.mark.parametrize("source", [POUTING, SHUT, SMILING, RESTING, SNEERING])
def test_what_stays_does_not_part_the_lips(source: FloatArray) -> None:
    gaps = to_absolute_expression(NOTHING, source) @ face_traits(checkpoint("face-model")).lip_gaps
    assert float(gaps.max()) < HIGHEST_GAP_CM
