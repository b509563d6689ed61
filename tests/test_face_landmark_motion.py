"""Motion as moving landmarks: where they rest, what moves them, and what is written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.errors import MotionError
from talker.face.camera import project_fit
from talker.face.landmark_motion import LandmarkMotion, landmark_motion
from talker.face.landmarks import LANDMARK_MIRROR, MULTI_PIE
from talker.face.model import load_face_model
from talker.types import FaceFit, FaceMotion, Portrait
from talker.weights import store

FRAMES = 4
# iBUG's order seen in a mirror, feature by feature
MIRRORED = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRRORED += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRRORED += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    random = np.random.default_rng(0)
    expression = np.zeros(52, np.float32)
    expression[BLENDSHAPE_INDEX["mouthSmileLeft"]] = 0.6
    fit = FaceFit(random.normal(0, 1, 20), expression, np.array([0.1, -0.2, 0.05]), np.array([150.0, 180.0]), 12.0)
    model = load_face_model(store.checkpoint("face-model"))
    points, depth = project_fit(model.landmarks(model.vertices(fit.identity, fit.expression)), fit)
    measured = np.column_stack([points + random.normal(0, 2, points.shape), -depth])  # as a fit leaves it
    image = np.zeros((400, 300, 3), np.uint8)
    return Portrait(image, measured, fit, np.zeros(52), (60.0, 80.0, 240.0, 330.0))


def _motion(portrait: Portrait, **changes: float) -> FaceMotion:
    """The portrait at rest, but for the last frame's `changes` of blendshapes."""
    rows = np.repeat(portrait.source_expression[None], FRAMES, axis=0)
    for name, value in changes.items():
        rows[-1, BLENDSHAPE_INDEX[name]] = value
    return FaceMotion(rows, np.zeros((FRAMES, 6)), 25.0)


def test_at_rest_they_lie_where_they_were_measured(portrait: Portrait) -> None:
    moving = landmark_motion(portrait, _motion(portrait))
    np.testing.assert_allclose(moving.landmarks[..., :2], portrait.landmarks[None, :, :2].repeat(FRAMES, 0), atol=1e-2)


def test_the_jaw_moves_the_chin_and_not_the_brows(portrait: Portrait) -> None:
    points = landmark_motion(portrait, _motion(portrait, jawOpen=0.8)).multi_pie
    moved = points[-1] - points[0]
    assert moved[8, 1] > 10  # px down
    assert moved[57, 1] > 10 > 4 > abs(moved[51, 1])  # lower lip, upper lip
    assert np.abs(moved[17:27]).max() < 0.5


def test_the_pose_moves_all_of_them_as_documented(portrait: Portrait) -> None:
    still = _motion(portrait)
    poses = np.zeros((FRAMES, 6))
    poses[1, 3], poses[2, 4], poses[3, 1] = 0.1, 0.1, 0.2
    points = landmark_motion(portrait, FaceMotion(still.blendshapes, poses, 25.0)).multi_pie
    assert (points[1, :, 0] > points[0, :, 0] + 10).all()  # to the image's right
    assert (points[2, :, 1] < points[0, :, 1] - 10).all()  # up
    assert points[3, 30, 0] > points[0, 30, 0] + 10  # the tip of the nose turns to the image's right


def test_the_68_are_symmetric() -> None:
    assert len(set(MULTI_PIE)) == 68
    np.testing.assert_array_equal(LANDMARK_MIRROR[list(MULTI_PIE)], np.array(MULTI_PIE)[MIRRORED])


def test_files_hold_what_they_say(portrait: Portrait, tmp_path: Path) -> None:
    moving = landmark_motion(portrait, _motion(portrait, jawOpen=0.5))
    moving.save(tmp_path / "new" / "face.npz")
    with np.load(tmp_path / "new" / "face.npz") as saved:
        np.testing.assert_array_equal(saved["landmarks_478"], moving.landmarks)
        assert saved["landmarks_68"].shape == (FRAMES, 68, 2)
        assert float(saved["fps"]) == 25.0 and tuple(saved["size"]) == (300, 400)
    moving.save(tmp_path / "face.csv")
    rows = list(csv.reader((tmp_path / "face.csv").open()))
    assert rows[0][:3] == ["time_s", "x0", "y0"] and len(rows) == FRAMES + 1
    np.testing.assert_allclose(np.array(rows[-1][1:], float), moving.multi_pie[-1].ravel(), atol=1e-3)
    with pytest.raises(MotionError, match=r"\.npz or \.csv"):
        moving.save(tmp_path / "face.txt")


def test_the_drawing_follows_the_face(portrait: Portrait) -> None:
    moving = landmark_motion(portrait, _motion(portrait, jawOpen=0.8))
    frames = list(moving.draw())
    width, height = moving.drawn_size
    assert [frame.shape for frame in frames] == [(height, width, 3)] * FRAMES
    assert (width, height) == (384, 512)
    assert np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[0], frames[-1])
    chin = np.round(moving.multi_pie[-1, 8] * 512 / 400).astype(int)
    assert frames[-1][chin[1] - 2 : chin[1] + 3, chin[0] - 2 : chin[0] + 3].max() > 150


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        LandmarkMotion(np.zeros((2, 68, 3)), 25.0, (10, 10))
