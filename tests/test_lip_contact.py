"""Lips that are drawn shut from a smile meet in a dark line, as those of photographs do."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
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


def test_a_spot_beside_the_lips_edge_is_no_streak_where_they_roll_out() -> None:
    portrait = analyse(cv2.resize(skimage.data.astronaut()[:256, 96:352], None, fx=3, fy=3))
    column, row = np.round(portrait.landmarks[UPPER_LIP_MIDDLE, :2]).astype(int)
    asked = expand({"jawOpen": 0.2, "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5, "mouthFunnel": 0.4})

    def darkest(aside: int, blur: float) -> float:
        """By how many levels a spot so many px `aside` of the middle darkens what is drawn, at most."""
        spotted = portrait.image.copy()
        spotted[row - 4 : row - 1, column + aside : column + aside + 3] = 0
        params = dataclasses.replace(DEFAULT_PARAMS, lips=dataclasses.replace(DEFAULT_PARAMS.lips, rim_blur=blur))
        clean, other = (
            GeometryRenderer(dataclasses.replace(portrait, image=image), SpeakOptions(), params=params)
            .frame(asked, STILL)
            .astype(float)
            for image in (portrait.image, spotted)
        )
        return float((clean - other).mean(axis=2).max())

    blurred, sharp = (np.mean([darkest(aside, blur) for aside in (-12, 9, 12)]) for blur in (1.0, 0.01))
    assert blurred < 0.75 * sharp
