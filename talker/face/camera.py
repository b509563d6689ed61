"""The camera that looks at the face model: perspective from a fixed distance, and head poses relative to a portrait's.

Camera axes: x image right, y up, z towards the viewer; the viewer sits `VIEWING_DISTANCE_CM` in front of the model's
origin. Rotations are axis-angle vectors (rad), right-handed: +x nods down, +y turns to the image's right, +z tilts
counter-clockwise in the image.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numba import njit

from talker.types import AnyArray, FaceFit, FloatArray

VIEWING_DISTANCE_CM = 70.0  # an arm's length and a bit: between a selfie and a studio portrait
FACE_WIDTH_CM = 15.0  # the unit of head translation; about the width of a face oval
SKULL_BASE = np.array([0.0, -4.0, -1.0])  # cm in model axes; heads turn about it
CAMERA_STEPS = 6  # numbers of a step: turn (rad), place (cm at the model's origin, y up), size (logarithm)
LARGEST_GROWTH = 0.5  # of one step, as a logarithm


def rotation_matrix(axis_angle: FloatArray) -> FloatArray:
    """[...,3,3] matrices of axis-angle vectors [...,3] (Rodrigues' formula)."""
    vector = np.asarray(axis_angle, np.float64)
    if vector.ndim == 1:
        return cv2.Rodrigues(vector)[0]
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    skew = cross_matrix(vector)
    # sin(a)/a and (1-cos(a))/a², both finite at 0
    return np.eye(3) + np.sinc(angle / np.pi) * skew + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * (skew @ skew)


def cross_matrix(vector: FloatArray) -> FloatArray:
    """[...,3,3] so that cross_matrix(a) @ b = a × b."""
    x, y, z = np.moveaxis(np.asarray(vector, np.float64), -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)


def axis_angle(matrix: FloatArray) -> FloatArray:
    """[...,3] axis-angle vectors of rotation matrices [...,3,3] that turn by less than half a turn."""
    matrix = np.asarray(matrix, np.float64)
    twice_sine_axis = np.stack(
        [
            matrix[..., 2, 1] - matrix[..., 1, 2],
            matrix[..., 0, 2] - matrix[..., 2, 0],
            matrix[..., 1, 0] - matrix[..., 0, 1],
        ],
        axis=-1,
    )
    sine = 0.5 * np.linalg.norm(twice_sine_axis, axis=-1, keepdims=True)
    cosine = 0.5 * (np.trace(matrix, axis1=-2, axis2=-1)[..., None] - 1)
    angle = np.arctan2(sine, cosine)
    return 0.5 * twice_sine_axis * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0)


def project(
    vertices: FloatArray, rotation: FloatArray, translation: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Points [V,2] px (y down) and depth [V] cm (larger is nearer) of `vertices` [V,3] cm.

    rotation: [3] axis-angle. translation: [2] px of the model's origin. scale: px per cm at the model's origin.
    """
    turned = vertices @ rotation_matrix(rotation).T
    return project_turned(turned, translation, scale), turned[:, 2]


def project_turned(turned: FloatArray, translation: FloatArray, scale: float) -> FloatArray:
    """Points [...,2] px of points [...,3] cm that are in camera axes already."""
    points = np.empty((*turned.shape[:-1], 2), turned.dtype)
    _project(turned.reshape(-1, 3), float(translation[0]), float(translation[1]), float(scale), points.reshape(-1, 2))
    return points


@njit(cache=True, nogil=True)
def _project(turned: AnyArray, right: float, down: float, scale: float, points: AnyArray) -> None:
    for place in range(len(turned)):
        factor = scale * VIEWING_DISTANCE_CM / (VIEWING_DISTANCE_CM - turned[place, 2])
        points[place, 0] = right + turned[place, 0] * factor
        points[place, 1] = down - turned[place, 1] * factor


def project_fit(vertices: FloatArray, fit: FaceFit) -> tuple[FloatArray, FloatArray]:
    """`project` with the camera of a fit."""
    return project(vertices, fit.rotation, fit.translation, fit.scale)


def unproject(points: FloatArray, depth: FloatArray, fit: FaceFit) -> FloatArray:
    """[V,3] cm in model axes of image points [V,2] px at `depth` [V] cm: the inverse of `project_fit`."""
    return unproject_turned(points, depth, fit) @ rotation_matrix(fit.rotation)


def unproject_turned(points: FloatArray, depth: FloatArray, fit: FaceFit) -> FloatArray:
    """[...,3] cm in camera axes of image points [...,2] px at `depth` [...] cm."""
    factor = fit.scale * VIEWING_DISTANCE_CM / (VIEWING_DISTANCE_CM - depth)[..., None]
    return np.concatenate([(points - fit.translation) * [1.0, -1.0] / factor, depth[..., None]], axis=-1)


def camera_gradients(turned: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How image points (cm at the model's origin, y up) of points [N,3] cm in camera axes change.

    [N,2,3] with those points, and [N,2,6] with a step of the camera, as `stepped_camera` takes it.
    """
    factor = VIEWING_DISTANCE_CM / (VIEWING_DISTANCE_CM - turned[:, 2])  # [N]
    by_place = np.zeros((len(turned), 2, 3))
    by_place[:, 0, 0] = by_place[:, 1, 1] = factor
    by_place[:, :, 2] = turned[:, :2] * (factor**2 / VIEWING_DISTANCE_CM)[:, None]
    by_camera = np.empty((len(turned), 2, CAMERA_STEPS))
    by_camera[:, :, :3] = -by_place @ cross_matrix(turned)
    by_camera[:, :, 3:5] = np.eye(2)
    by_camera[:, :, 5] = turned[:, :2] * factor[:, None]
    return by_place, by_camera


def stepped_camera(
    rotation: FloatArray, translation: FloatArray, scale: float, step: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Rotation [3,3], translation [2] px and scale (px per cm) of a camera after a `step` [6]."""
    return (
        rotation_matrix(step[:3]) @ rotation,
        translation + step[3:5] * [1.0, -1.0] * scale,
        float(scale * np.exp(np.clip(step[5], -LARGEST_GROWTH, LARGEST_GROWTH))),
    )


def moved(fit: FaceFit, pose: FloatArray) -> FaceFit:
    """The fit with its head moved by `pose` [6], a row of `FaceMotion.pose`; the head turns about the skull's base."""
    own = rotation_matrix(fit.rotation)
    turned = rotation_matrix(pose[:3]) @ own
    shift = (own - turned) @ SKULL_BASE + FACE_WIDTH_CM * np.asarray(pose[3:])  # cm, of the model's origin
    nearer = VIEWING_DISTANCE_CM / (VIEWING_DISTANCE_CM - shift[2])
    return dataclasses.replace(
        fit,
        rotation=axis_angle(turned),
        translation=fit.translation + fit.scale * nearer * shift[:2] * [1.0, -1.0],
        scale=fit.scale * nearer,
    )


def relative_poses(rotation: FloatArray, translation: FloatArray, scale: FloatArray, reference: FaceFit) -> FloatArray:
    """[T,6] rows of `FaceMotion.pose` that move the head of `reference` to each of T cameras; inverse of `moved`.

    rotation: [T,3] axis-angle. translation: [T,2] px. scale: [T] px per cm.
    """
    own = rotation_matrix(reference.rotation)
    turned = rotation_matrix(rotation)  # [T,3,3]
    nearer = np.asarray(scale) / reference.scale  # [T]
    shift = np.empty((len(turned), 3))  # cm
    shift[:, :2] = (translation - reference.translation) * [1.0, -1.0] / (reference.scale * nearer)[:, None]
    shift[:, 2] = VIEWING_DISTANCE_CM * (1 - 1 / nearer)
    return np.column_stack([axis_angle(turned @ own.T), (shift - (own - turned) @ SKULL_BASE) / FACE_WIDTH_CM])
