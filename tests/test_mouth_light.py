"""What lies behind the lips has the colours and the light of the picture, and the model's teeth stand side by side."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
from talker.face.landmarks import OUTER_LIPS
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.inside_light import LightBehind
from talker.render.light import LightParams, redness
from talker.render.mouth_inside import InsideParams, MouthInside
from talker.render.params import DEFAULT_PARAMS
from talker.render.patch import Window
from talker.render.source import MeshFrame
from talker.types import ByteArray, FloatArray, Portrait

LIPS = np.array([180.0, 110.0, 110.0])
PALE = [1.0, 0.97, 0.95]  # skin with hardly a colour


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


def lips(portrait: Portrait, wider: float = 1.0) -> FloatArray:
    """[H,W,1] 1 on the lips and inside of them, or on a shape so much wider, soft at its edge."""
    outline = portrait.landmarks[list(OUTER_LIPS), :2]
    outline = outline.mean(axis=0) + wider * (outline - outline.mean(axis=0))
    shape = np.zeros(portrait.image.shape[:2], np.float32)
    cv2.fillPoly(shape, [np.round(outline).astype(np.int32)], 1.0)
    return cv2.GaussianBlur(shape, (0, 0), 2.0)[..., None]


def darkened(portrait: Portrait, shape: FloatArray, to: float) -> ByteArray:
    return (portrait.image * (1.0 - (1.0 - to) * shape)).astype(np.uint8)


def white(portrait: Portrait, image: ByteArray) -> float:
    """Brightness of a white surface in the mouth of the portrait with another picture."""
    other = dataclasses.replace(portrait, image=image)
    return float(GeometryRenderer(other, SpeakOptions(), still_background=False).appearance.white.mean())


def test_pale_skin_with_red_lips_is_no_toned_picture(portrait: Portrait) -> None:
    renderer = GeometryRenderer(portrait, SpeakOptions(), still_background=False)
    image, geometry = renderer.portrait.image, renderer.geometry
    pale = image.mean(axis=2, keepdims=True) * PALE
    share = lips(renderer.portrait)
    coloured = (pale + share * (image - pale)).astype(np.uint8)
    assert redness(pale.astype(np.uint8), geometry, LightParams()) == 0
    assert redness(coloured, geometry, LightParams()) > 0.9


def test_a_mouth_in_a_shadow_is_dark_inside_and_one_in_a_beard_is_not(portrait: Portrait) -> None:
    chin, mouth = lips(portrait, 2.5), lips(portrait)
    lit = white(portrait, portrait.image)
    assert white(portrait, darkened(portrait, chin, 0.5)) < 0.8 * lit
    assert white(portrait, darkened(portrait, chin * (1.0 - mouth), 0.5)) > 0.95 * lit  # a beard
    assert white(portrait, darkened(portrait, mouth, 0.6)) > 0.95 * lit  # dark lips


def inside(portrait: Portrait, params: InsideParams, lips: FloatArray) -> tuple[GeometryRenderer, Window, FloatArray]:
    """What lies behind lips of a colour [3] in a wide-open mouth: the renderer, the window, and its colours [h,w,3]."""
    renderer = GeometryRenderer(at_size(portrait, "crop1024"), SpeakOptions(), still_background=False)
    geometry, image = renderer.geometry, renderer.source.image
    drawn = MouthInside(renderer.source, renderer.appearance, None, params, lips)
    shape = geometry.shape(expand({"jawOpen": 0.5}))
    points, still = shape.points, np.zeros_like(shape.points)
    mesh = MeshFrame(shape.camera, points, np.ones(len(points), np.float32), still, still[None], image)
    window = Window.around(points[slice(*geometry.model.parts["upper_teeth"])], 4.0, image.shape)
    everywhere = np.ones((window.height, window.width), bool)
    colours, _, _ = drawn.draw(window, mesh, everywhere, everywhere, LightBehind())
    return renderer, window, colours


def slit(portrait: Portrait, middle_gap_cm: float) -> float:
    """Darkest place across the middle of the model's bared upper teeth, as a share of their brightness."""
    teeth = dataclasses.replace(DEFAULT_PARAMS.inside.teeth, middle_gap_cm=middle_gap_cm)
    renderer, window, colours = inside(portrait, dataclasses.replace(DEFAULT_PARAMS.inside, teeth=teeth), LIPS)
    geometry, unit = renderer.geometry, renderer.geometry.fit.scale
    row = geometry.shape(expand({"jawOpen": 0.5})).points[slice(*geometry.model.parts["upper_teeth"])]
    middle = np.median(row[:, 0]) - window.corner[0]
    light = colours[:, int(middle - unit / 2) : int(middle + unit / 2)].mean(axis=2)
    usual = np.median(light, axis=1)
    edge = np.flatnonzero(usual > 0.8 * usual.max()).max()  # the lowest row of pixels in which there are teeth
    tips = light[int(edge - 0.4 * unit) : int(edge - 0.1 * unit)]
    return float((tips / np.median(tips)).min())


def test_the_middle_teeth_touch(portrait: Portrait) -> None:
    open_slit, closed = (slit(portrait, gap) for gap in (0.0, DEFAULT_PARAMS.inside.teeth.middle_gap_cm))
    assert open_slit < 0.6 < 0.75 < closed


def test_gums_and_tongue_are_darker_beside_dark_lips_and_teeth_are_not(portrait: Portrait) -> None:
    (_, _, light), (_, _, dark) = (inside(portrait, DEFAULT_PARAMS.inside, share * LIPS) for share in (1.0, 0.4))
    brightness = light.mean(axis=2)
    teeth = brightness > np.percentile(brightness, 98)
    assert np.median(dark.mean(axis=2)[~teeth] / np.maximum(brightness[~teeth], 1.0)) < 0.85
    assert np.median(dark.mean(axis=2)[teeth] / brightness[teeth]) > 0.95
