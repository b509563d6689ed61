"""The photometric fit, on frames whose motion is known because the renderer drew them."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from talker.blendshapes import BLENDSHAPE_NAMES, expand
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.photometric import KEPT, PhotometricFit, offset_flow
from talker.types import ByteArray, FloatArray

EXPRESSION = expand({"jawOpen": 0.3, "mouthSmile": 0.4, "browInnerUp": 0.5, "eyeBlink": 0.1})
POSE = np.array([0.04, -0.08, 0.03, 0.02, -0.03, 0.02])
MISTAKE = expand({"jawOpen": 0.12, "mouthSmile": -0.2, "browInnerUp": -0.2})
POSE_MISTAKE = np.array([0.02, -0.02, 0.02, 0.01, 0.01, 0.0])


@pytest.fixture(scope="module")
def renderer() -> GeometryRenderer:
    return GeometryRenderer(analyse(skimage.data.astronaut()), SpeakOptions())


@pytest.fixture(scope="module")
def image(renderer: GeometryRenderer) -> ByteArray:
    return renderer.frame(EXPRESSION, POSE)


def _apart(one: ByteArray, other: ByteArray, renderer: GeometryRenderer) -> float:
    """Mean difference in the face (levels)."""
    left, top, right, bottom = (int(value) for value in renderer.portrait.face_box)
    part = slice(top, bottom), slice(left, right)
    return float(np.abs(one[part].astype(float) - other[part]).mean())


def _errors(blendshapes: FloatArray, pose: FloatArray) -> tuple[float, float]:
    return float(np.abs(blendshapes - EXPRESSION).sum()), float(np.abs(pose - POSE).sum())


@pytest.mark.parametrize("light", [1.0, 0.6])
def test_a_mistaken_motion_is_put_right(renderer: GeometryRenderer, image: ByteArray, light: float) -> None:
    wrong = EXPRESSION + MISTAKE, POSE + POSE_MISTAKE
    found = PhotometricFit(renderer).refine((image * light).astype(np.uint8), *wrong)
    assert _apart(renderer.frame(*found), image, renderer) < 0.6 * _apart(renderer.frame(*wrong), image, renderer)
    before, after = _errors(*wrong), _errors(*found)
    assert after[0] < before[0] and after[1] < 0.5 * before[1]


def test_the_right_motion_stays(renderer: GeometryRenderer, image: ByteArray) -> None:
    blendshapes, pose = PhotometricFit(renderer).refine(image, EXPRESSION, POSE)
    assert np.abs(blendshapes - EXPRESSION).max() < 0.02 and np.abs(pose - POSE).max() < 0.003


def test_limits_hold_and_eyes_stay_with_the_landmarks(renderer: GeometryRenderer, image: ByteArray) -> None:
    wrong = EXPRESSION + MISTAKE
    wrong[BLENDSHAPE_NAMES.index("eyeLookUpLeft")] = -0.3  # less than the portrait's own
    blendshapes, _ = PhotometricFit(renderer).refine(image, wrong, POSE)
    kept = [row for row, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(KEPT)]
    free = np.setdiff1d(np.arange(52), kept)
    np.testing.assert_array_equal(blendshapes[kept], wrong[kept])
    assert blendshapes[free].min() > -1e-6 and blendshapes[free].max() < 1 + 1e-6


def test_a_picture_without_the_face_changes_little(renderer: GeometryRenderer, image: ByteArray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, image.shape, np.uint8)
    blendshapes, pose = PhotometricFit(renderer).refine(noise, EXPRESSION, POSE)
    assert np.isfinite(blendshapes).all() and np.abs(pose - POSE).max() < 0.2


def test_the_flow_finds_a_shift_in_another_light() -> None:
    face = skimage.data.astronaut()[20:276, 100:356]
    moved = np.roll(face, (-2, 3), axis=(0, 1))
    flow = offset_flow(face, (moved * 0.5 + 40).astype(np.uint8))
    assert np.abs(np.median(flow[40:-40, 40:-40], axis=(0, 1)) - [3, -2]).max() < 0.3
