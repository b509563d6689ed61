"""Teeth that one frame of a film lends to others: where they lie, in what light, and when they are not lent."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import placed_in
from talker.render.lent_teeth import LentTeeth
from talker.render.source import SourceFrame
from talker.render.video_renderer import SharedLook
from talker.types import Portrait


@pytest.fixture(scope="module")
def smiling() -> Portrait:
    return analyse(np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352]))


@pytest.fixture(scope="module")
def look(smiling: Portrait) -> SharedLook:
    return SharedLook.of([smiling], [smiling], SpeakOptions())


@pytest.fixture(scope="module")
def lent(smiling: Portrait, look: SharedLook) -> LentTeeth:
    """The row in the whole picture; `look` has it in the part around the head."""
    found = LentTeeth.best([look.source(smiling)], look.appearance.white, look.params.own_teeth)
    assert found is not None
    return found


def other_frame(look: SharedLook, portrait: Portrait, shift: tuple[float, float], factor: float) -> SourceFrame:
    """The picture smaller, and moved."""
    corner = np.array(shift, np.float32)
    matrix = np.array([[factor, 0, -shift[0] * factor], [0, factor, -shift[1] * factor]], np.float32)
    image = cv2.warpAffine(portrait.image, matrix, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    return look.source(placed_in(portrait, image, corner, factor))


def test_the_lending_frame_gets_its_own_row(smiling: Portrait, look: SharedLook, lent: LentTeeth) -> None:
    row = lent.on(look.source(smiling))
    assert row is not None
    np.testing.assert_allclose(row.edge, lent.row.edge, atol=0.5)
    rows, columns = row.window.slices
    seen = smiling.image[rows, columns]
    teeth = row.opacity > 0.9
    assert teeth.sum() > 40
    assert np.abs(row.colour[teeth] - seen[teeth]).mean() < 6.0


def test_the_row_goes_with_the_head(smiling: Portrait, look: SharedLook, lent: LentTeeth) -> None:
    row = lent.on(other_frame(look, smiling, (-30.0, 12.0), 0.8))
    assert row is not None
    there = (lent.row.edge - [-30.0, 12.0]) * 0.8
    np.testing.assert_allclose(row.edge, there, atol=0.8)
    assert row.opacity.sum() == pytest.approx(0.64 * lent.row.opacity.sum(), rel=0.1)


def test_the_row_is_lit_as_the_frame(smiling: Portrait, look: SharedLook, lent: LentTeeth) -> None:
    dark = replace(smiling, image=(smiling.image * 0.6).astype(np.uint8))
    row, bright = lent.on(look.source(dark)), lent.on(look.source(smiling))
    assert row is not None
    assert bright is not None
    np.testing.assert_allclose(row.brightest, 0.6 * bright.brightest, rtol=0.05)


def test_a_head_that_is_turned_away_gets_none(smiling: Portrait, look: SharedLook, lent: LentTeeth) -> None:
    fit = replace(smiling.fit, rotation=smiling.fit.rotation + np.array([0.0, 0.6, 0.0]))
    assert lent.on(look.source(replace(smiling, fit=fit))) is None


def test_what_an_opened_mouth_shows_is_lent(smiling: Portrait, look: SharedLook, lent: LentTeeth) -> None:
    """The frame's own teeth are painted over."""
    shut = replace(smiling, image=smiling.image.copy())
    part = lent.row.window.slices
    shut.image[part][lent.row.opacity > 0.0] = (150, 80, 80)
    face = np.maximum(smiling.source_expression, expand({"jawOpen": 0.6}))
    with_row, without = look.draw(shut, face), replace(look, teeth=None).draw(shut, face)
    assert np.abs(with_row[part].astype(int) - without[part]).mean() > 3.0
    np.testing.assert_array_equal(with_row[: part[0].start - 8], without[: part[0].start - 8])
