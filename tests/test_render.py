"""The geometry renderer on a real photograph."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
from talker.face.camera import moved, project_fit, rotation_matrix
from talker.face.detector import FaceDetector
from talker.face.landmarks import INNER_LIPS, NOSTRILS
from talker.face.model import load_face_model
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry import HeadGeometry
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.glasses import frame_weights
from talker.render.light import DEFAULT_LIGHT, Light, LightParams, tinted
from talker.render.nostrils import NostrilParams, without_nostrils
from talker.render.params import RenderParams
from talker.render.smooth_fill import smooth_fill
from talker.render.warp import FlowParams
from talker.types import FaceAttributes, FaceMotion, Portrait
from talker.weights.store import checkpoint

STILL = np.zeros(6)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


@pytest.fixture(scope="module")
def renderer(portrait: Portrait) -> GeometryRenderer:
    return GeometryRenderer(portrait, SpeakOptions())


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _face(portrait: Portrait, frame: np.ndarray) -> np.ndarray:
    left, top, right, bottom = (int(value) for value in portrait.face_box)
    return frame[top:bottom, left:right]


def _landmarks(frame: np.ndarray) -> np.ndarray:
    with FaceDetector() as detector:
        return detector.detect(frame)[0].landmarks[:, :2]


def test_the_pictures_own_expression_gives_the_picture(portrait: Portrait, renderer: GeometryRenderer) -> None:
    rest = portrait.source_expression.copy()
    gaze = [index for index in range(52) if 1 <= index % 7 <= 4 and index < 14]
    rest[gaze] = 0  # gaze is relative to where the person looks already
    frame = renderer.frame(rest, STILL)
    assert _psnr(_face(portrait, frame), _face(portrait, portrait.image)) >= 34


def test_nothing_changes_away_from_the_head(portrait: Portrait, renderer: GeometryRenderer) -> None:
    frame = renderer.frame(expand({"jawOpen": 0.8, "browInnerUp": 1}), np.array([0.1, 0.2, 0.1, 0.02, 0.02, 0.02]))
    assert frame.shape == portrait.image.shape
    far = slice(int(portrait.face_box[3] + 1.4 * portrait.face_width), None)
    np.testing.assert_array_equal(frame[far], portrait.image[far])


def test_one_motion_gives_one_picture(renderer: GeometryRenderer) -> None:
    expression = expand({"jawOpen": 0.3, "eyeBlink": 0.4})
    np.testing.assert_array_equal(renderer.frame(expression, STILL), renderer.frame(expression, STILL))


def test_the_iris_is_drawn_where_the_gaze_goes(portrait: Portrait, renderer: GeometryRenderer) -> None:
    """As far as the face model turns the eye, and the detector sees it."""
    aside = expand({"eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6}).astype(np.float32)
    geometry, irises = renderer.geometry, (468, 473)
    before, after = (geometry.landmark_points(geometry.shape(face).points, irises) for face in (0.0 * aside, aside))
    seen = [_landmarks(renderer.frame(face, STILL))[list(irises)] for face in (0.0 * aside, aside)]
    wanted = (after - before)[:, 0].mean()
    assert wanted > 0.1 * np.ptp(portrait.landmarks[[362, 263], 0])
    assert (seen[1] - seen[0])[:, 0].mean() == pytest.approx(wanted, rel=0.35)


@pytest.mark.parametrize("name", ["jawOpen", "eyeBlink", "mouthSmile", "browDown", "mouthPucker", "eyeLookUp"])
@pytest.mark.parametrize("level", [0.0, 0.3, 0.98])
def test_a_small_step_is_a_small_change(renderer: GeometryRenderer, name: str, level: float) -> None:
    before = renderer.frame(expand({name: level}), STILL).astype(int)
    after = renderer.frame(expand({name: level + 0.01}), STILL).astype(int)
    changed = np.abs(after - before)
    assert changed.mean() < 0.25  # nothing pops
    assert changed.max() > 0  # and yet it moves


def test_jaw_lids_brows_and_corners_move_as_asked(portrait: Portrait, renderer: GeometryRenderer) -> None:
    neutral = _landmarks(renderer.frame(expand({}), STILL))
    width = portrait.face_width

    def moved(expression: dict[str, float], *landmarks: int) -> np.ndarray:
        frame = renderer.frame(expand(expression), STILL)
        return (_landmarks(frame)[list(landmarks)] - neutral[list(landmarks)]) / width

    jaw = moved({"jawOpen": 0.6}, 13, 14)
    assert jaw[1, 1] - jaw[0, 1] > 0.08
    lids = moved({"eyeBlink": 1.0}, 159, 145, 386, 374)
    assert lids[0, 1] - lids[1, 1] > 0.02
    assert lids[2, 1] - lids[3, 1] > 0.02
    brows = moved({"browInnerUp": 1.0}, 55, 285)
    assert (brows[:, 1] < -0.015).all()
    corners = moved({"mouthSmile": 1.0}, 61, 291)
    assert (corners[:, 1] < -0.02).all()
    assert corners[1, 0] - corners[0, 0] > 0.03


def test_the_mouth_opens_as_far_as_the_motion_says(portrait: Portrait, renderer: GeometryRenderer) -> None:
    asked = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.7])
    found = [_landmarks(renderer.frame(expand({"jawOpen": value}), STILL)) for value in asked]
    opening = np.array([points[14, 1] - points[13, 1] for points in found])
    assert np.corrcoef(asked, opening)[0, 1] > 0.95
    assert opening[0] < 0.02 * portrait.face_width  # the smiling picture's mouth is shut when the motion says so


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1)])
def test_the_head_turns_the_way_the_pose_says(renderer: GeometryRenderer, axis: int, sign: int) -> None:
    pose = np.zeros(6)
    pose[axis] = sign * 0.15
    before, after = _landmarks(renderer.frame(expand({}), STILL)), _landmarks(renderer.frame(expand({}), pose))
    nose, left_eye, right_eye = (after - before)[[1, 263, 33]]
    seen = {0: nose[1], 1: nose[0], 2: right_eye[1] - left_eye[1]}[axis]
    assert seen * sign > 2  # px: down, to the image's right, counter-clockwise


@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0, 0.15, 0.1, 0.1), (0.06, -0.1, 0.1, -0.1, -0.05, -0.1)])
def test_the_head_goes_where_the_tracker_would_find_it(
    portrait: Portrait, renderer: GeometryRenderer, pose: tuple[float, ...]
) -> None:
    geometry = renderer.geometry
    middle = (1, 4, 33, 133, 168, 263, 362)  # nose and corners of the eyes
    drawn = geometry.landmark_points(renderer.draw(portrait.source_expression, np.array(pose)).points, middle)
    own, there = (
        geometry.model.landmarks(project_fit(geometry.rest_camera @ rotation_matrix(portrait.fit.rotation), fit)[0])
        for fit in (portrait.fit, moved(portrait.fit, np.array(pose)))
    )
    asked = geometry.landmark_points(geometry.rest_points, middle) + (there - own)[list(middle)]
    assert np.abs(drawn - asked).max() < 0.01 * portrait.face_width


def test_frames_are_streamed(renderer: GeometryRenderer) -> None:
    motion = FaceMotion(np.zeros((1000, 52), np.float32), np.zeros((1000, 6), np.float32))
    frames = renderer.render(motion)
    assert next(frames).shape == (renderer.size[1], renderer.size[0], 3)


@pytest.mark.parametrize("size", ["crop256", "crop512", "crop1024"])
def test_crops_have_the_size_that_was_asked_for(portrait: Portrait, size: str) -> None:
    crop = at_size(portrait, size)
    side = int(size.removeprefix("crop"))
    assert crop.image.shape == (side, side, 3)
    centre = crop.landmarks[:, :2].mean(axis=0) / side
    assert (np.abs(centre - 0.5) < 0.2).all()


def test_wrinkles_can_be_switched_off(portrait: Portrait) -> None:
    angry = expand({"browDown": 1.0, "noseSneer": 0.8})
    smooth = GeometryRenderer(portrait, SpeakOptions(wrinkles=0.0)).frame(angry, STILL).astype(int)
    deep = GeometryRenderer(portrait, SpeakOptions(wrinkles=1.0)).frame(angry, STILL).astype(int)
    assert np.abs(smooth - deep).max() > 15


def test_mirrored_in_mirrored_out(portrait: Portrait) -> None:
    mirrored = analyse(np.ascontiguousarray(portrait.image[:, ::-1]))
    left = GeometryRenderer(portrait, SpeakOptions()).frame(expand({"mouthSmileLeft": 0.8, "browInnerUp": 0.5}), STILL)
    right = GeometryRenderer(mirrored, SpeakOptions()).frame(
        expand({"mouthSmileRight": 0.8, "browInnerUp": 0.5}), STILL
    )
    assert _psnr(_face(portrait, left), _face(portrait, right[:, ::-1])) > 26


def test_a_face_at_the_pictures_edge_is_drawn(portrait: Portrait) -> None:
    left, top, right, bottom = (int(value) for value in portrait.face_box)
    tight = np.ascontiguousarray(portrait.image[top - 8 : bottom + 8, left - 8 : right + 8])
    face = analyse(tight)
    frame = GeometryRenderer(face, SpeakOptions()).frame(expand({"jawOpen": 0.5}), np.array([0.1, 0.1, 0.1, 0, 0, 0]))
    assert frame.shape == tight.shape


def test_fill_keeps_what_is_known_and_continues_it() -> None:
    values = np.zeros((40, 60, 2), np.float32)
    known = np.zeros((40, 60), bool)
    known[10:20, 10:20] = True
    values[known] = [3.0, -1.0]
    filled = smooth_fill(values, known)
    np.testing.assert_allclose(filled[known], values[known])
    np.testing.assert_allclose(filled, np.broadcast_to([3.0, -1.0], filled.shape), atol=1e-3)


def test_fill_lies_between_what_surrounds_it() -> None:
    values = np.zeros((32, 32, 1), np.float32)
    known = np.ones((32, 32), bool)
    values[:, 16:] = 1.0
    known[:, 8:24] = False
    filled = smooth_fill(values, known)[..., 0]
    assert (np.diff(filled, axis=1) > -1e-3).all()
    assert filled.min() >= 0 and filled.max() <= 1


def test_rest_of_another_face_does_not_leak(portrait: Portrait) -> None:
    """A portrait whose fitted rest is taken away is drawn as if the picture were neutral."""
    blank = dataclasses.replace(portrait, fit=dataclasses.replace(portrait.fit, expression=np.zeros(52, np.float32)))
    frame = GeometryRenderer(blank, SpeakOptions()).frame(np.zeros(52), STILL)
    assert _psnr(_face(portrait, frame), _face(portrait, portrait.image)) > 30


@pytest.mark.parametrize("expression", [{"jawOpen": 0.5, "mouthSmile": 0.6}, {"browDown": 1.0, "eyeBlink": 0.7}])
def test_the_fast_flow_draws_what_the_full_one_does(portrait: Portrait, expression: dict[str, float]) -> None:
    pose = np.array([0.08, -0.12, 0.05, 0, 0, 0])
    options = SpeakOptions(size="crop512")
    fast = GeometryRenderer(portrait, options).frame(expand(expression), pose)
    full = RenderParams(flow=FlowParams(face_px=np.inf))
    plain = GeometryRenderer(portrait, options, device="cpu", params=full).frame(expand(expression), pose)
    assert np.abs(fast.astype(float) - plain.astype(float)).mean() <= 1.0


def test_glasses_do_not_bend(portrait: Portrait) -> None:
    framed = dataclasses.replace(portrait, attributes=FaceAttributes("clear"))
    raised = expand({"browInnerUp": 1.0, "browOuterUp": 1.0})
    held = frame_weights(load_face_model(checkpoint("face-model")), "clear") > 0.99
    assert held.sum() > 500
    rigid = HeadGeometry(framed, checkpoint("face-model"))
    free = HeadGeometry(portrait, checkpoint("face-model"))
    assert np.abs(rigid.shape(raised).points - rigid.rest_points)[held].max() < 0.1  # px
    assert np.abs(free.shape(raised).points - free.rest_points)[held].max() > 3


def test_eyes_and_upper_lip_keep_within_what_faces_do(portrait: Portrait) -> None:
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    iris = 2 * np.linalg.norm(portrait.landmarks[[469, 471], :2] - portrait.landmarks[468, :2], axis=1).mean()
    wide = geometry.shape(expand({"eyeWide": 1.5, "browInnerUp": 1.0})).points
    upper, lower = geometry.landmark_points(wide, (159, 145))
    assert np.linalg.norm(lower - upper) < 1.15 * iris
    bared = geometry.shape(expand({"mouthUpperUp": 1.5, "noseSneer": 1.5})).points
    shut, own, raised = (
        geometry.landmark_points(points, (13,))[0] @ geometry.down(points) / geometry.fit.scale
        for points in (geometry.shut_points, geometry.rest_points, bared)
    )  # cm
    assert 0.3 < shut - raised < max(0.5, shut - own) + 0.5  # cm


def test_shut_teeth_behind_open_lips_are_seen(portrait: Portrait, renderer: GeometryRenderer) -> None:
    """A grimace with a closed jaw bares rows of teeth, not a dark gap."""
    frame = renderer.frame(expand({"mouthUpperUp": 0.6, "mouthLowerDown": 0.8}), STILL)
    with FaceDetector() as detector:
        lips = detector.detect(frame)[0].landmarks[list(INNER_LIPS), :2]
    inside = np.zeros(frame.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(lips).astype(np.int32)], 1)
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8)) > 0
    assert inside.sum() > 50
    assert np.median(frame[inside].mean(axis=1)) > 110


def test_a_shut_lid_is_smooth_skin_above_a_dark_line(portrait: Portrait, renderer: GeometryRenderer) -> None:
    frame = renderer.frame(expand({"eyeBlink": 1.0}), STILL).astype(float).mean(axis=2)
    points = renderer.draw(expand({"eyeBlink": 1.0}), STILL).points
    for upper in (159, 386):
        x, y = np.round(renderer.geometry.landmark_points(points, (upper,))[0]).astype(int)
        reach = round(0.5 * renderer.geometry.fit.scale)
        line = frame[y - 2 : y + 3, x].min()
        lid = frame[y - reach : y - reach // 2, x - reach : x + reach]
        assert line < lid.mean() - 15
        assert lid.std(axis=1).mean() < 6


def test_skin_in_shadow_keeps_its_red() -> None:
    darker, brighter = tinted(np.array([0.7, 1.2], np.float32), np.array(LightParams().shadow_tint, np.float32))
    assert darker[0] > 0.75 and darker[2] < 0.7
    np.testing.assert_allclose(brighter, 1.2, rtol=1e-6)


def test_what_lies_in_the_nostrils_is_not_drawn(portrait: Portrait) -> None:
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    all_triangles, kept = geometry.traits.mask_triangles, without_nostrils(geometry, NostrilParams())
    dropped = {tuple(face) for face in all_triangles} - {tuple(face) for face in kept}
    middles = geometry.rest_points[np.array(sorted(dropped))].mean(axis=1)
    nose = geometry.landmark_points(geometry.rest_points, NOSTRILS)
    assert 10 < len(dropped) < 600
    assert np.linalg.norm(middles[:, None] - nose, axis=2).min(axis=1).max() < 0.8 * geometry.fit.scale


def test_a_black_and_white_picture_stays_one(portrait: Portrait) -> None:
    grey = np.repeat(portrait.image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    frame = GeometryRenderer(dataclasses.replace(portrait, image=grey), SpeakOptions()).frame(
        expand({"jawOpen": 0.7}), STILL
    )
    assert np.ptp(frame, axis=2).max() == 0


def test_a_toned_picture_gets_no_redder_mouth_than_it_has_skin(portrait: Portrait) -> None:
    grey = portrait.image.mean(axis=2, keepdims=True)
    toned = (grey * [1.0, 0.96, 0.9]).astype(np.uint8)
    coloured, toned_frame = (
        GeometryRenderer(dataclasses.replace(portrait, image=image), SpeakOptions()).frame(
            expand({"jawOpen": 0.7}), STILL
        )
        for image in (portrait.image, toned)
    )
    lips = portrait.landmarks[list(INNER_LIPS), :2].mean(axis=0).astype(int)
    mouth = slice(lips[1] + 5, lips[1] + 12), slice(lips[0] - 5, lips[0] + 6)
    redness = [1.0 - frame[mouth][..., 1].mean() / frame[mouth][..., 0].mean() for frame in (coloured, toned_frame)]
    assert redness[1] < 0.12 < redness[0] - 0.1


def test_an_open_mouth_is_dark_above_the_tongue(portrait: Portrait, renderer: GeometryRenderer) -> None:
    drawn = renderer.draw(expand({"jawOpen": 0.8}), STILL)
    upper, lower = (renderer.geometry.landmark_points(drawn.points, (lip,))[0] for lip in (13, 14))
    x = round(float(upper[0]))
    brightness = [
        drawn.frame[round(float(upper[1] + share * (lower[1] - upper[1]))), x - 4 : x + 5].mean()
        for share in (0.2, 0.75)
    ]
    assert brightness[0] < 0.35 * brightness[1]


def test_a_face_without_shading_gets_the_usual_light(portrait: Portrait) -> None:
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    white = np.full_like(portrait.image, 255)
    np.testing.assert_array_equal(Light(geometry, white, LightParams()).coefficients, DEFAULT_LIGHT)
