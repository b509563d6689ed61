"""Landmarks: views map back to the picture, the topology is what it claims, and a mirror mirrors."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from mediapipe.tasks.python.vision import FaceLandmarksConnections

from talker.blendshapes import MIRROR_ORDER
from talker.face import landmarks
from talker.face.detector import FaceDetector, View
from talker.face.fit import fit_face
from talker.face.landmarks import LANDMARK_MIRROR
from talker.face.model import load_face_model
from talker.face.painting import Palette, paint_face
from talker.types import FaceFit
from talker.weights.store import checkpoint


@pytest.mark.parametrize("scale", [0.2, 0.7, 3.0])
def test_a_view_shows_what_it_says_and_maps_back(scale: float) -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    image[90:111, 190:211] = 255  # a block about (200, 100)
    view = View(np.array([180.0, 120.0]), scale, (256, 256), angle=0.3)
    y, x = np.nonzero(view.draw(image)[..., 0] > 127)
    middle = np.array([[x.mean(), y.mean(), 0.0]])
    np.testing.assert_allclose(view.to_picture(middle)[0, :2], [200, 100], atol=0.6 / min(scale, 1))


def test_partners_in_the_mirror_are_joined_like_their_originals() -> None:
    edges = {(edge.start, edge.end) for edge in FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION}
    edges |= {(end, start) for start, end in edges}
    kept = np.mean([(LANDMARK_MIRROR[start], LANDMARK_MIRROR[end]) in edges for start, end in edges])
    assert kept > 0.99  # MediaPipe's own mesh has a dozen diagonals that differ between the sides
    np.testing.assert_array_equal(LANDMARK_MIRROR[LANDMARK_MIRROR], np.arange(478))


def test_groups_are_mediapipes_own() -> None:
    def members(name: str) -> set[int]:
        edges = getattr(FaceLandmarksConnections, f"FACE_LANDMARKS_{name}")
        return {point for edge in edges for point in (edge.start, edge.end)}

    assert members("LIPS") == set(landmarks.OUTER_LIPS + landmarks.INNER_LIPS)
    assert members("LEFT_EYE") == set(landmarks.LEFT_EYE)
    assert members("RIGHT_EYEBROW") == set(landmarks.RIGHT_BROW)
    assert members("FACE_OVAL") == set(landmarks.FACE_OVAL)
    assert members("LEFT_IRIS") == set(landmarks.LEFT_IRIS[1:])


def test_a_mirrored_photograph_gives_mirrored_landmarks_and_expression() -> None:
    image = skimage.data.astronaut()
    with FaceDetector() as detector:
        (straight,) = detector.detect(image)
        (mirrored,) = detector.detect(np.ascontiguousarray(image[:, ::-1]))
    flipped = mirrored.landmarks[LANDMARK_MIRROR]
    flipped[:, 0] = image.shape[1] - 1 - flipped[:, 0]
    distance = np.linalg.norm((flipped - straight.landmarks)[:, :2], axis=1)
    assert distance.mean() < 0.01 * straight.size
    one, other = fit_face(straight.landmarks), fit_face(mirrored.landmarks)
    np.testing.assert_allclose(other.expression[MIRROR_ORDER], one.expression, atol=0.2)


def test_a_turned_picture_still_shows_its_face() -> None:
    image = skimage.data.astronaut()
    with FaceDetector() as detector:
        (upright,) = detector.detect(image)
        (turned,) = detector.detect(np.ascontiguousarray(np.rot90(image)))
    x, y = turned.landmarks[:, 0], turned.landmarks[:, 1]
    back = np.column_stack([image.shape[1] - 1 - y, x])
    assert np.linalg.norm(back - upright.landmarks[:, :2], axis=1).mean() < 0.01 * upright.size


@pytest.mark.parametrize("yaw", [-0.3, 0.0, 0.3])
def test_a_painted_face_is_found_where_it_was_painted(yaw: float) -> None:
    model = load_face_model(checkpoint("face-model"))
    expression = np.zeros(52, np.float32)
    truth = FaceFit(np.zeros(60), expression, np.array([0.05, yaw, 0.1]), np.array([250.0, 260.0]), 17.0)
    with FaceDetector() as detector:
        (face,) = detector.detect(paint_face(model, truth, 512, 512, Palette(skin=(160, 112, 84))))
    fit = fit_face(face.landmarks)
    assert fit.error < 0.015
    np.testing.assert_allclose(fit.rotation, truth.rotation, atol=np.radians(5))
    np.testing.assert_allclose(fit.translation, truth.translation, atol=0.5 * truth.scale)
    assert fit.scale == pytest.approx(truth.scale, rel=0.08)
