"""The face model, its camera and the fit: what was put in must come out, and a mirror must only mirror."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, MIRROR_ORDER, expand
from talker.face.camera import FACE_WIDTH_CM, axis_angle, moved, project_fit, relative_poses, rotation_matrix, unproject
from talker.face.fit import fit_face, fit_sequence, landmark_basis
from talker.face.landmarks import INNER_LIPS
from talker.face.model import FaceModel, load_face_model, vertex_normals
from talker.face.raster import rasterise
from talker.types import FaceFit, FloatArray
from talker.weights.store import checkpoint

UPPER_LIP, LOWER_LIP, UPPER_LIDS, LOWER_LIDS = 13, 14, [159, 386], [145, 374]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_face_model(checkpoint("face-model"))


def made_up(seed: int, expression: dict[str, float]) -> tuple[FaceFit, FloatArray]:
    """A face with known coefficients, and its landmarks [478,3] as a detector would see them."""
    random = np.random.default_rng(seed)
    fit = FaceFit(
        identity=random.normal(0, 0.8, 40).astype(np.float32),
        expression=expand(expression),
        rotation=random.normal(0, 0.12, 3),
        translation=np.array([300.0, 280.0]),
        scale=18.0,
    )
    return fit, projected_landmarks(fit)


def projected_landmarks(fit: FaceFit) -> FloatArray:
    model = load_face_model(checkpoint("face-model"))
    places = model.landmarks(model.vertices(fit.identity, fit.expression))
    points, depth = project_fit(places, fit)
    return np.column_stack([points, -depth * fit.scale])


@pytest.mark.parametrize(
    "expression",
    [
        {},
        {"jawOpen": 0.6},
        {"mouthSmile": 0.9, "cheekSquint": 0.5},
        {"eyeBlink": 0.9},
        {"browInnerUp": 0.8, "mouthFrown": 0.6},
        {"mouthPucker": 0.8},
    ],
)
def test_a_face_fits_back_to_what_it_was_made_with(expression: dict[str, float]) -> None:
    truth, landmarks = made_up(3, expression)
    fit = fit_face(landmarks)
    assert fit.error < 0.004
    assert np.abs(projected_landmarks(fit)[:, :2] - landmarks[:, :2]).mean() < 1.5  # px, of a face of 270
    for name in expression:
        for side in ("", "Left", "Right"):
            if (row := BLENDSHAPE_INDEX.get(name + side)) is not None:
                assert fit.expression[row] == pytest.approx(truth.expression[row], abs=0.3)
    assert np.degrees(np.linalg.norm(axis_angle(rotation_matrix(fit.rotation) @ rotation_matrix(truth.rotation).T))) < 4


def test_mirrored_in_mirrored_out() -> None:
    _, landmarks = made_up(5, {"mouthSmileLeft": 0.8, "eyeBlinkRight": 0.7, "jawOpen": 0.2})
    # swap landmarks by the model's own symmetry: the nearest link on the other side of the neutral face
    places = landmark_basis().place(np.zeros(60), np.zeros(52))
    partner = np.argmin(np.linalg.norm((places * [-1, 1, 1])[:, None] - places[None], axis=2), axis=1)
    mirrored = landmarks[partner] * [-1, 1, 1] + [600, 0, 0]
    straight, flipped = fit_face(landmarks), fit_face(mirrored)
    np.testing.assert_allclose(flipped.expression[MIRROR_ORDER], straight.expression, atol=0.12)
    np.testing.assert_allclose(flipped.rotation * [1, -1, -1], straight.rotation, atol=0.03)


def test_a_film_of_one_person_keeps_one_identity() -> None:
    amounts = np.linspace(0, 0.8, 12)
    frames = np.stack([made_up(7, {"jawOpen": float(amount)})[1] for amount in amounts])
    fit = fit_sequence(frames)
    assert np.corrcoef(fit.expression[:, BLENDSHAPE_INDEX["jawOpen"]], amounts)[0, 1] > 0.99
    assert len(fit) == len(amounts)


def test_shapes_are_mirror_images_of_each_other(model: FaceModel) -> None:
    skin = slice(0, 6706)
    for row, partner in enumerate(MIRROR_ORDER):
        straight = model.expression_basis[row][skin]
        reflected = model.expression_basis[partner][model.mirror[skin]] * [-1, 1, 1]
        assert np.abs(straight - reflected).mean() < 0.01, BLENDSHAPE_NAMES[row]


def test_links_lie_where_their_names_say(model: FaceModel) -> None:
    def landmarks(**shapes: float) -> FloatArray:
        return model.landmarks(model.vertices(np.zeros(1, np.float32), expand(shapes)))

    rest, opened, shut = landmarks(), landmarks(jawOpen=0.5), landmarks(eyeBlink=1.0)
    assert rest[UPPER_LIP, 1] - rest[LOWER_LIP, 1] < 0.5  # cm
    assert opened[UPPER_LIP, 1] - opened[LOWER_LIP, 1] > 1.0
    assert (np.abs(opened[list(INNER_LIPS[:11])] - rest[list(INNER_LIPS[:11])])[1:-1, 1] < 0.5).all()
    assert (rest[list(INNER_LIPS[11:])] - opened[list(INNER_LIPS[11:])] > 0.5)[:, 1].all()  # all of the lower lip sinks
    assert (rest[UPPER_LIDS, 1] - rest[LOWER_LIDS, 1] > 0.6).all()
    assert (shut[UPPER_LIDS, 1] - shut[LOWER_LIDS, 1] < 0.35).all()
    np.testing.assert_allclose(model.landmark_weights.sum(axis=1), 1.0, atol=1e-4)


def test_poses_are_relative_and_come_back() -> None:
    fit, _ = made_up(1, {})
    pose = np.array([0.1, -0.2, 0.05, 0.03, -0.02, 0.04])
    there = moved(fit, pose)
    back = relative_poses(there.rotation[None], there.translation[None], np.array([there.scale]), fit)
    np.testing.assert_allclose(back[0], pose, atol=1e-6)


def test_moving_right_moves_right_by_face_widths() -> None:
    fit = dataclasses.replace(made_up(1, {})[0], rotation=np.zeros(3))
    there = moved(fit, np.array([0, 0, 0, 0.1, 0.2, 0]))
    np.testing.assert_allclose(
        there.translation - fit.translation, [0.1 * FACE_WIDTH_CM * fit.scale, -0.2 * FACE_WIDTH_CM * fit.scale]
    )


def test_unproject_inverts_project() -> None:
    fit, _ = made_up(2, {})
    places = np.random.default_rng(0).normal(0, 5, (50, 3))
    points, depth = project_fit(places, fit)
    np.testing.assert_allclose(unproject(points, depth, fit), places, atol=1e-9)


def test_nearer_triangles_hide_farther_ones_and_backs_are_left_out() -> None:
    points = np.array([[0, 0], [0, 20], [20, 0], [0, 0], [0, 20], [20, 0]], np.float32)
    depth = np.array([0, 0, 0, 1, 1, 1], np.float32)
    front, back = np.array([[0, 1, 2], [3, 4, 5]]), np.array([[0, 2, 1]])
    drawn = rasterise(points, depth, front, 24, 24)
    assert drawn.triangle[3, 3] == 1
    assert not drawn.covered[22, 22]
    assert not rasterise(points, depth, back, 24, 24).covered.any()
    assert rasterise(points, depth, back, 24, 24, cull=False).covered.any()


def test_barycentric_interpolation_is_linear() -> None:
    points = np.array([[1, 1], [1, 30], [30, 1]], np.float32)
    triangles = np.array([[0, 1, 2]])
    drawn = rasterise(points, np.zeros(3), triangles, 32, 32)
    values = drawn.interpolate(triangles, points)
    y, x = np.nonzero(drawn.covered)
    np.testing.assert_allclose(values[y, x], np.column_stack([x, y]), atol=1e-3)


def test_normals_point_outwards(model: FaceModel) -> None:
    normals = vertex_normals(model.neutral, model.triangles)
    nose = int(np.argmax(model.neutral[:6706, 2]))
    assert normals[nose, 2] > 0.7
    np.testing.assert_allclose(np.linalg.norm(normals[:6706], axis=1), 1.0, atol=1e-4)
