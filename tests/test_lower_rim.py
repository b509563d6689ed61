"""The lower lip up to where it is seen to end, and the dark behind a picture's own teeth."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
from talker.face.landmarks import INNER_LIPS, LOWER_LIP_MIDDLE
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.inside_light import LightBehind
from talker.render.lower_rim import LowerRim, LowerRimParams
from talker.render.mouth import LipParams
from talker.render.params import DEFAULT_PARAMS
from talker.render.patch import Window
from talker.types import BoolArray, ByteArray, FloatArray, Portrait

TOOTH, DARK, LIP, PALE_LIP = (225, 215, 200), (40, 20, 18), (190, 110, 105), (190, 178, 170)
HEIGHT, WIDTH, UNIT = 60, 120, 20.0  # px, px, px per cm
RIM = 4  # px


@pytest.fixture(scope="module")
def smiling() -> Portrait:
    return at_size(analyse(skimage.data.astronaut()), "crop1024")


def opening() -> BoolArray:
    rows, columns = np.indices((HEIGHT, WIDTH))
    return ((columns - WIDTH / 2) / (0.4 * WIDTH)) ** 2 + ((rows - HEIGHT / 2) / (0.25 * HEIGHT)) ** 2 < 1


def rim(colour: tuple[int, int, int], lip: tuple[int, int, int] = LIP) -> tuple[LowerRim, BoolArray]:
    """What is found where the last px of an opening full of teeth have a `colour`; the opening."""
    hole = opening()
    picture: FloatArray = np.full((HEIGHT, WIDTH, 3), lip, np.float32)
    picture[hole] = TOOTH
    below = np.cumsum(hole[::-1], axis=0)[::-1]
    picture[hole & (below <= RIM)] = colour
    window = Window(100, 50, WIDTH, HEIGHT)
    return LowerRim.find(picture, window, hole, np.array(TOOTH, float), UNIT, LowerRimParams()), hole


def test_what_is_lip_above_the_meshs_edge_is_found() -> None:
    found, hole = rim(LIP)
    middle = slice(WIDTH // 2 - 20, WIDTH // 2 + 20)
    assert np.abs(found.height[middle] - RIM).max() < 0.5
    assert (found.lip & ~hole).sum() == 0
    assert (found.lip[:, middle].sum(axis=0) == RIM).all()


@pytest.mark.parametrize("colour, lip", [(TOOTH, LIP), (DARK, LIP), (PALE_LIP, PALE_LIP)])
def test_teeth_gaps_and_lips_as_pale_as_teeth_are_none_of_it(
    colour: tuple[int, int, int], lip: tuple[int, int, int]
) -> None:
    found, _ = rim(colour, lip)
    assert found.height.max() < 0.5
    assert not found.lip.any()


def test_it_goes_with_the_lip() -> None:
    """A lip 7 px lower than in the picture and 3 px further to the right takes its rim along."""
    found, hole = rim(LIP)
    places = found.window.pixels() - np.array([3.0, 7.0], np.float32)
    moved = np.roll(hole, 3, axis=1)
    lip, where = found.in_hole(moved, places, ~moved)
    middle = slice(WIDTH // 2 - 20, WIDTH // 2 + 20)
    assert (lip[:, middle].sum(axis=0) == RIM).all()
    assert np.abs(where - places)[lip].max() < 1e-3


def drawn(portrait: Portrait, image: ByteArray, jaw: float, lips: LipParams) -> tuple[ByteArray, FloatArray]:
    """The face of another `image` with the jaw a little lower than its own, and [2] px the middle of its lower lip."""
    renderer = GeometryRenderer(
        dataclasses.replace(portrait, image=image), SpeakOptions(), still_background=False,
        params=dataclasses.replace(DEFAULT_PARAMS, lips=lips),
    )  # fmt: skip
    shown = renderer.draw(portrait.source_expression + expand({"jawOpen": jaw}), np.zeros(6, np.float32))
    return shown.frame, renderer.geometry.landmark_points(shown.points, (LOWER_LIP_MIDDLE,))[0]


def painted(portrait: Portrait, below: tuple[int, int, int], share: float) -> ByteArray:
    """The picture with teeth down to a `share` of the mouth's opening in each column, and a colour `below` them."""
    image, inner = portrait.image.copy(), portrait.landmarks[list(INNER_LIPS), :2]
    window = Window.around(inner, 2.0, image.shape)
    there = window.polygon(inner)
    down = np.cumsum(there, axis=0) / np.maximum(there.sum(axis=0), 1)
    part = image[window.slices]
    part[there] = TOOTH
    part[there & (down > share)] = below
    return image


def test_no_teeth_are_drawn_onto_the_rim_of_a_smiling_lip(smiling: Portrait) -> None:
    right, down = smiling.landmarks[LOWER_LIP_MIDDLE, :2].round().astype(int)
    lip = tuple(int(level) for level in smiling.image[down + 6 : down + 12, right - 4 : right + 5].mean(axis=(0, 1)))
    image = painted(smiling, (lip[0], lip[1], lip[2]), 0.75)
    redness = []
    for most_cm in (LowerRimParams.most_cm, 0.0):
        lips = LipParams(own_inside_cm=1e-6, rim=LowerRimParams(most_cm=most_cm))  # nothing is simply copied
        frame, middle = drawn(smiling, image, 0.004, lips)
        x, y = middle.round().astype(int)
        red, green, _ = frame[y - 4 : y - 1, x - 8 : x + 9].astype(float).mean(axis=(0, 1))
        redness.append(red / green)
    assert redness[0] > 0.5 * (redness[1] + lip[0] / lip[1])


def test_what_is_dark_behind_the_teeth_of_a_picture_stays_dark(smiling: Portrait) -> None:
    levels = []
    for below in (DARK, (150, 128, 118)):
        frame, middle = drawn(smiling, painted(smiling, below, 0.6), 0.02, LipParams(own_inside_cm=1e-6))
        x, y = middle.round().astype(int)
        levels.append(frame[y - 8 : y - 3, x - 8 : x + 9].mean())
    assert levels[0] < 0.6 * levels[1]


def test_a_mouth_that_opens_lets_light_in() -> None:
    dark = LightBehind(0.3, 100.0)
    assert dark.at(50.0) == dark.at(100.0) == pytest.approx(0.3)
    assert 0.3 < dark.at(120.0) < dark.at(150.0) < 0.9
    assert dark.at(1000.0) == pytest.approx(1.0, abs=1e-3)
