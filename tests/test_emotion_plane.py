"""The plane of valence and arousal: an emotion's own place is that emotion, and between emotions lies a mixture."""

import numpy as np
import pytest

from talker.emotion.catalogue import EMOTIONS
from talker.emotion.labels import label_code
from talker.emotion.plane import parse_point, point_code, shares_at
from talker.emotion.resolve import EmotionRequest, resolve
from talker.errors import EmotionError


def test_the_place_of_a_feeling_is_that_feeling() -> None:
    for row in EMOTIONS.values():
        (name,) = shares_at(*row.affect[:2])
        near = next(other for other in EMOTIONS.values() if other.name == name)
        assert np.allclose(near.affect[:2], row.affect[:2], atol=0.06), row.name
    sad = point_code("-0.63,-0.27")
    assert np.allclose(sad.blendshape_offset, label_code("sad").blendshape_offset, atol=1e-5)


def test_everywhere_else_is_a_mixture_of_the_nearest() -> None:
    for valence in np.linspace(-1, 1, 9):
        for arousal in np.linspace(-1, 1, 9):
            shares = shares_at(valence, arousal)
            assert sum(shares.values()) == pytest.approx(1, abs=0.02)
            assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_a_request_reads_the_point() -> None:
    code = resolve(EmotionRequest("map", "0.6, -0.3"))
    assert "relieved" in code.source
    assert code.affect[0, 0] > 0 > code.affect[0, 1]


@pytest.mark.parametrize("text", ["", "0.5", "a,b", "1,2,3", "2,0", "0,-1.5", "nan,0"])
def test_what_is_no_point_is_told(text: str) -> None:
    with pytest.raises(EmotionError, match="map"):
        parse_point(text)
