"""The foreground matte and the background that stays still, on a photograph with a known background."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import skimage.data

from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry import HeadGeometry
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.matte import MatteParams, foreground_matte
from talker.render.own_expression import to_relative_expression
from talker.types import BoolArray, FloatArray, Portrait
from talker.weights.store import checkpoint

TURNED = np.array([0.05, 0.22, 0.08, 0, 0, 0], np.float32)
STILL = np.zeros(6, np.float32)


def _rest(portrait: Portrait) -> FloatArray:
    return to_relative_expression(portrait.source_expression, portrait.source_expression)


def _head(portrait: Portrait) -> BoolArray:
    """[H,W] a generous head and body of the photograph, drawn by hand."""
    side = portrait.image.shape[0]
    inside = np.zeros((side, side), np.uint8)
    outline = np.array([(180, -10), (150, 60), (160, 130), (110, 200), (0, 260), (0, 512), (512, 512), (440, 240),
                        (300, 180), (305, 60), (280, -10)])  # fmt: skip
    cv2.fillPoly(inside, [np.round(outline * side / 512).astype(np.int32)], 1)
    return inside > 0


@pytest.fixture(scope="module")
def photograph() -> Portrait:
    return analyse(skimage.data.astronaut())


@pytest.fixture(scope="module")
def striped(photograph: Portrait) -> Portrait:
    """The photograph before a wall with upright stripes."""
    stripes = np.where(np.arange(512) // 12 % 2, 150, 190).astype(np.uint8)
    wall = np.repeat(np.tile(stripes, (512, 1))[..., None], 3, axis=2)
    wall[..., 2] = 90
    inside = cv2.GaussianBlur(_head(photograph).astype(np.float32), (0, 0), 1.5)[..., None]
    image = photograph.image * inside + wall * (1 - inside)
    return dataclasses.replace(photograph, image=np.round(image).astype(np.uint8))


def test_the_matte_knows_face_and_background(striped: Portrait) -> None:
    renderer = GeometryRenderer(striped, SpeakOptions())
    opacity = renderer.opacity()
    left, top, right, bottom = (round(value) for value in striped.face_box)
    assert opacity[top:bottom, left + 10 : right - 10].min() == 1.0
    background = cv2.erode((~_head(striped)).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    assert opacity[background].mean() < 0.05


def test_nothing_moves_behind_a_head_that_turns(striped: Portrait) -> None:
    still, moving = (GeometryRenderer(striped, SpeakOptions(), still_background=keep) for keep in (True, False))
    background = cv2.erode((~_head(striped)).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    background[:, :100] = background[:, 350:] = background[200:] = False  # there, nothing moves anyway
    after, before = (one.frame(_rest(striped), TURNED)[background].astype(float) for one in (still, moving))
    real = striped.image[background].astype(float)
    assert np.abs(before - real).mean() > 0.5
    assert np.abs(after - real).mean() < 0.1 * np.abs(before - real).mean()


def test_the_head_itself_turns_as_it_did(striped: Portrait) -> None:
    still, moving = (GeometryRenderer(striped, SpeakOptions(), still_background=keep) for keep in (True, False))
    left, top, right, bottom = (round(value) for value in striped.face_box)
    inner = slice(top + 20, bottom - 20), slice(left + 40, right - 20)
    one, other = (renderer.frame(_rest(striped), TURNED)[inner] for renderer in (still, moving))
    np.testing.assert_array_equal(one, other)


def test_a_head_at_rest_is_the_picture(striped: Portrait) -> None:
    still, moving = (GeometryRenderer(striped, SpeakOptions(), still_background=keep) for keep in (True, False))
    one, other = (renderer.frame(_rest(striped), STILL).astype(int) for renderer in (still, moving))
    assert np.abs(one - other).max() <= 1


def test_a_small_turn_is_a_small_change(striped: Portrait) -> None:
    renderer = GeometryRenderer(striped, SpeakOptions())
    here = renderer.frame(_rest(striped), TURNED).astype(float)
    near = renderer.frame(_rest(striped), TURNED * 1.02).astype(float)
    assert 0 < np.abs(near - here).mean() < 1.5
    assert np.percentile(np.abs(near - here), 99.9) < 60


def test_without_a_difference_in_colour_nothing_is_cut(photograph: Portrait) -> None:
    """A head and a wall of one colour can't be told apart: then the picture is warped as a whole."""
    image = np.full_like(photograph.image, 120)
    flat = dataclasses.replace(photograph, image=image)
    geometry = HeadGeometry(flat, checkpoint("face-model"))
    assert foreground_matte(geometry, image, geometry.rest_points, flat.face_width, MatteParams()).certain.max() == 0


@pytest.mark.parametrize("size", ["crop256", "crop512"])
def test_crops_have_a_still_background_too(striped: Portrait, size: str) -> None:
    crop = at_size(striped, size)
    still, moving = (GeometryRenderer(crop, SpeakOptions(), still_background=keep) for keep in (True, False))
    border = np.zeros(crop.image.shape[:2], bool)
    border[: crop.image.shape[0] // 3, -crop.image.shape[1] // 16 :] = True
    real = crop.image[border].astype(float)
    after, before = (np.abs(one.frame(_rest(crop), TURNED)[border] - real).mean() for one in (still, moving))
    assert after < 0.3 * before and before > 0.3


def test_another_face_beside_the_head_stays_where_it_is(photograph: Portrait) -> None:
    """Two faces side by side, the left one turns."""
    image = np.concatenate([photograph.image, photograph.image[:, ::-1]], axis=1)
    both = dataclasses.replace(photograph, image=np.ascontiguousarray(image), faces=2)
    frame = GeometryRenderer(both, SpeakOptions()).frame(_rest(both), TURNED)
    left, top, right, bottom = (round(value) for value in photograph.face_box)
    other = slice(top, bottom), slice(1024 - right, 1024 - left)
    np.testing.assert_array_equal(frame[other], image[other])
