"""Lips that are drawn shut from a smile meet in a dark line, as those of photographs do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import skimage.data

from talker.face.landmarks import LOWER_LIP_MIDDLE, UPPER_LIP_MIDDLE
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.lip_contact import LOWER_RIM, UPPER_RIM, LipContactParams
from talker.render.params import DEFAULT_PARAMS
from talker.types import FloatArray, Portrait

STILL, SHUT = np.zeros(6, np.float32), np.zeros(52, np.float32)
NO_SHADE = LipContactParams(shade=(0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())  # a smile with teeth


def line_depth(portrait: Portrait, contact: LipContactParams) -> float:
    """How much darker, in log brightness, the line between shut lips is than the lips beside it."""
    lips = dataclasses.replace(DEFAULT_PARAMS.lips, contact=contact)
    renderer = GeometryRenderer(portrait, SpeakOptions(), params=dataclasses.replace(DEFAULT_PARAMS, lips=lips))
    drawn = renderer.draw(SHUT, STILL)
    middle = renderer.geometry.landmark_points(drawn.points, (UPPER_LIP_MIDDLE, LOWER_LIP_MIDDLE)).mean(axis=0)
    column, row = np.round(middle).astype(int)
    light: FloatArray = np.log(drawn.frame[row - 8 : row + 9, column - 4 : column + 5].mean(axis=(1, 2)) + 8.0)
    return float(np.median(light) - light[4:13].min())


def test_shut_lips_of_a_smile_meet_in_a_dark_line(portrait: Portrait) -> None:
    assert line_depth(portrait, LipContactParams()) > line_depth(portrait, NO_SHADE) + 0.08


def test_rims_are_opposite_each_other() -> None:
    assert UPPER_LIP_MIDDLE in UPPER_RIM and LOWER_LIP_MIDDLE in LOWER_RIM
    assert UPPER_RIM.index(UPPER_LIP_MIDDLE) == LOWER_RIM[::-1].index(LOWER_LIP_MIDDLE)
    assert not set(UPPER_RIM) & set(LOWER_RIM)
