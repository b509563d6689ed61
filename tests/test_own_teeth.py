"""The picture's own teeth: the row keeps its tips and what lies between them, and reaches as far as it is seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
from talker.face.landmarks import INNER_LIPS
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.mouth import LipParams
from talker.render.params import DEFAULT_PARAMS
from talker.render.patch import Window
from talker.render.teeth import Teeth, find_teeth
from talker.types import BoolArray, FloatArray, Portrait

TOOTH, DARK, GUM = (225, 215, 200), (60, 25, 22), (170, 120, 112)
WARM, REDDER = (215, 187, 170), (205, 166, 157)  # a tooth in warm light, and one that alone would be none
TEETH = 6
SHADED_PX = 6


@pytest.fixture(scope="module")
def smiling() -> Portrait:
    return at_size(analyse(skimage.data.astronaut()), "crop1024")


def painted(
    portrait: Portrait,
    notch: float,
    *,
    hanging: bool = False,
    gums: bool = False,
    long: bool = False,
    shadow: float = 0.0,
) -> tuple[Teeth, BoolArray]:
    """The row found in a mouth whose teeth end `notch` of the opening's height higher where they meet, and [h,w] where
    in its window teeth were painted. Below them the mouth is dark.

    hanging: a lower tooth touches one of them. gums: there are gums between their upper ends. long: those on the left
    reach the lower lip. shadow: share of the light that the lip takes from what lies right under it.
    """
    image, inner = portrait.image.copy(), portrait.landmarks[list(INNER_LIPS), :2]
    window = Window.around(inner, 2.0, image.shape)
    opening = window.polygon(inner)
    y, x = np.nonzero(opening)
    top, height, left, width = y.min(), np.ptp(y), x.min(), np.ptp(x)
    rows, columns = np.indices(opening.shape)
    place = (columns - left) / width * TEETH % 1.0  # across a tooth
    ends: FloatArray = 0.62 - notch * np.exp(-((np.minimum(place, 1.0 - place) / 0.12) ** 2))
    down = (rows - top) / height
    ends = np.where(long & (columns - left < 0.5 * width), 2.0, ends)
    teeth = opening & (down < ends)
    if hanging:
        teeth |= opening & (down < 0.95) & (np.abs((columns - left) / width * TEETH - 2.5) < 0.45)
    part = image[window.slices]
    part[opening] = DARK
    part[teeth] = TOOTH
    if gums:
        above = np.argmax(opening, axis=0)
        part[teeth & (rows - above < 0.12 * height) & (np.minimum(place, 1.0 - place) < 0.25)] = GUM
    dark = shadow * np.clip(1.0 - (np.cumsum(opening, axis=0) - 1) / SHADED_PX, 0.0, 1.0)
    part[opening] = (part * (1.0 - dark[..., None]))[opening]
    other = dataclasses.replace(portrait, image=image)
    renderer = GeometryRenderer(other, SpeakOptions(), still_background=False)
    found = find_teeth(renderer.source, np.array([235.0, 230.0, 225.0]), DEFAULT_PARAMS.own_teeth)
    assert found is not None
    there = np.zeros(found.opacity.shape, bool)
    down, right = window.top - found.window.top, window.left - found.window.left
    there[down : down + window.height, right : right + window.width] = teeth
    return found, there


def middle_of(mask: BoolArray) -> BoolArray:
    """[w] the middle half of the columns in which a `mask` [h,w] is True anywhere."""
    places = np.flatnonzero(mask.any(axis=0))
    chosen = np.zeros(mask.shape[1], bool)
    chosen[places[len(places) // 4 : -len(places) // 4]] = True
    return chosen


def test_between_tips_the_row_ends_higher(smiling: Portrait) -> None:
    row, teeth = painted(smiling, 0.07)
    columns = middle_of(teeth)
    lowest, wanted = (len(part) - part[::-1, columns].argmax(axis=0) for part in (row.opacity > 0.3, teeth))
    assert np.ptp(wanted) >= 3
    assert np.corrcoef(lowest, wanted)[0, 1] > 0.8
    assert np.abs(lowest - wanted).max() <= 1


def test_what_is_seen_below_the_tips_is_no_tooth(smiling: Portrait) -> None:
    row, teeth = painted(smiling, 0.07)
    below = (np.cumsum(teeth, axis=0) == teeth.sum(axis=0)) & ~teeth & middle_of(teeth)
    tips = below & np.roll(teeth, 3, axis=0)  # the first pixels below
    assert row.columns[tips].mean() < 0.1
    assert row.colour[tips].mean() < 0.6 * np.mean(TOOTH)


def test_the_row_reaches_as_far_as_it_is_seen(smiling: Portrait) -> None:
    row, teeth = painted(smiling, 0.0)
    wide = np.ptp(np.flatnonzero((row.opacity > 0.3).any(axis=0)))
    assert wide > 0.8 * np.ptp(np.flatnonzero(teeth.any(axis=0)))


def test_a_lower_tooth_that_touches_the_row_does_not_hang_on_it(smiling: Portrait) -> None:
    """It hung from the upper row like a fang when the mouth opened."""
    found, there = painted(smiling, 0.0, hanging=True)
    clean, _ = painted(smiling, 0.0)
    height, wanted = ((row.opacity > 0.5).sum(axis=0) for row in (found, clean))
    usual = np.median(wanted[wanted > 0])
    assert (there.sum(axis=0) - wanted).max() > 0.4 * usual
    assert np.abs(height - wanted).max() < 0.25 * usual


def test_gums_between_teeth_go_on_above_them(smiling: Portrait) -> None:
    """A white band went on above gums and teeth alike."""
    found, there = painted(smiling, 0.0, gums=True)
    middle = np.flatnonzero(middle_of(there))
    above = there.argmax(axis=0)[middle] - 3
    green = found.colour[above, middle, 1]
    assert np.percentile(green, 90) - np.percentile(green, 10) > 30
    assert found.columns[above, middle].min() > 0.5


@pytest.mark.parametrize("gums", [False, True])
def test_crowns_that_are_seen_whole_end_in_gums(smiling: Portrait, gums: bool) -> None:
    """Teeth of gummy smiles went on to the lip, however far it rose."""
    found, there = painted(smiling, 0.0, gums=gums)
    middle = np.flatnonzero(middle_of(there))
    height = int(there.sum(axis=0)[middle].mean())
    far = found.colour[there.argmax(axis=0)[middle] - height // 2, middle].mean(axis=0)
    assert (far[1] / far[0] < 0.8) == gums


def test_between_gums_a_tooth_narrows_upwards(smiling: Portrait) -> None:
    """Its sides went straight up, like a piano's keys."""
    found, there = painted(smiling, 0.0, gums=True)
    middle = np.flatnonzero(middle_of(there))
    white = [(found.colour[there.argmax(axis=0)[middle] - up, middle, 1] > 180).mean() for up in (2, 4)]
    assert 0.0 < white[1] < 0.8 * white[0]


def test_the_lips_shadow_is_taken_off_and_goes_with_the_lip(smiling: Portrait) -> None:
    clean, there = painted(smiling, 0.0)
    found, _ = painted(smiling, 0.0, shadow=0.35)
    row = (found.opacity > 0.99) & (clean.opacity > 0.99)
    assert found.shade.min() < 0.72
    assert np.abs(found.colour - clean.colour)[row].mean() < 3.0
    lifted = np.roll(there, -5, axis=0) | there
    assert found.shadow(there)[row].mean() < found.shadow(lifted)[row].mean() - 0.05


def test_a_row_that_shows_its_tips_ends_there(smiling: Portrait) -> None:
    """Beside tips that are seen, others touch the lip: there, too, the row ends when the lip leaves it."""
    found, there = painted(smiling, 0.0, long=True)
    below = np.roll(there, 8, axis=0) & (np.cumsum(there, axis=0) == there.sum(axis=0)) & ~there
    assert found.columns[below].mean() < 0.1


def test_lips_do_not_cover_teeth_that_the_picture_shows(smiling: Portrait) -> None:
    """The mesh's upper lip ends lower than the lip is seen to end."""
    image, inner = smiling.image.copy(), smiling.landmarks[list(INNER_LIPS), :2]
    window = Window.around(inner, 2.0, image.shape)
    image[window.slices][window.polygon(inner)] = TOOTH
    alone = dataclasses.replace(DEFAULT_PARAMS, lips=LipParams(own_inside_cm=1e-6))  # nothing is simply copied
    portrait = dataclasses.replace(smiling, image=image)
    renderer = GeometryRenderer(portrait, SpeakOptions(size="crop1024"), still_background=False, params=alone)
    frame = renderer.draw(smiling.source_expression + expand({"jawOpen": 0.004}), np.zeros(6)).frame
    right, down = smiling.landmarks[[81, 82, 13, 312, 311], :2].round().astype(int).T
    green = [frame[down + below, right, 1].astype(float).mean() for below in range(4)]
    assert np.mean(green) > 0.95 * TOOTH[1]


@pytest.mark.parametrize("teeth", [True, False])
def test_teeth_beside_others_may_be_a_little_redder(smiling: Portrait, teeth: bool) -> None:
    """Side teeth with red light on them were cut off; a tongue as red, alone in a mouth, is no tooth."""
    image, inner = smiling.image.copy(), smiling.landmarks[list(INNER_LIPS), :2]
    window = Window.around(inner, 2.0, image.shape)
    opening = window.polygon(inner)
    columns = np.flatnonzero(opening.any(axis=0))
    part, middle = image[window.slices], np.zeros_like(opening)
    middle[:, columns[len(columns) // 3] : columns[2 * len(columns) // 3]] = True
    part[opening] = REDDER
    part[opening & middle & teeth] = WARM
    renderer = GeometryRenderer(dataclasses.replace(smiling, image=image), SpeakOptions(), still_background=False)
    found = find_teeth(renderer.source, np.array([235.0, 230.0, 225.0]), DEFAULT_PARAMS.own_teeth)
    if teeth:
        assert found is not None
        assert (found.opacity > 0.5).any(axis=0).sum() > 0.8 * len(columns)
    else:
        assert found is None
