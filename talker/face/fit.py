"""Fitting the face model to landmarks: who it is, what the face does, and where the head is.

Gauss-Newton on camera, identity and expression together; each step is a ridge least-squares problem with bounds
(identity within ±3 standard deviations, expressions within 0..1). One picture and several frames of one person are the
same problem: the frames share the identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.face.camera import (
    CAMERA_STEPS,
    axis_angle,
    camera_gradients,
    project_turned,
    stepped_camera,
)
from talker.face.landmarks import FACE_OVAL, INNER_LIPS, IRISES, LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from talker.face.model import FaceModel, load_face_model
from talker.types import LANDMARK_COUNT, FaceFit, FloatArray
from talker.weights import store

IDENTITY_LIMIT = 3.0  # standard deviations
NOISE_CM = 0.35  # of a landmark; neighbours err together, so it is more than the residual that a good fit leaves
PORTRAIT_STEPS, SEQUENCE_STEPS, FRAME_STEPS = 12, 8, 3
SHARED_FRAMES = 12  # of a sequence, from which the identity is solved


@dataclass(frozen=True)
class FitWeights:
    """How much each landmark counts, and what keeps coefficients small.

    landmarks: [478]. identity: cost of one standard deviation, squared. expression: [52] cost of a full expression,
    squared. sparsity: [52] cost of a full expression, linear: faint expressions are identity.
    """

    landmarks: FloatArray
    identity: float
    expression: FloatArray
    sparsity: FloatArray

    @classmethod
    def default(cls) -> FitWeights:
        """The weights that fit portraits and videos best."""
        landmarks = np.ones(LANDMARK_COUNT)
        for group, weight in (
            (FACE_OVAL, 0.3),  # the contour slides over the skin when the head turns
            (LIPS, 1.5),
            (INNER_LIPS, 3.0),
            (RIGHT_EYE + LEFT_EYE, 3.0),
            (RIGHT_BROW + LEFT_BROW, 2.0),
            (IRISES, 4.0),
        ):
            landmarks[list(group)] = weight
        expression = np.full(BLENDSHAPE_COUNT, 3.0)
        sparsity = np.full(BLENDSHAPE_COUNT, 1.0)
        for stem, ridge in _RIDGES.items():
            for name in BLENDSHAPE_NAMES:
                if name.removesuffix("Left").removesuffix("Right") == stem:
                    expression[BLENDSHAPE_INDEX[name]] = ridge
        return cls(landmarks, 3.0, expression, sparsity)


# expressions that landmarks hardly show stay away unless nothing else explains them; common ones come easily
_RIDGES = {
    "jawOpen": 0.5, "mouthSmile": 0.5, "eyeBlink": 0.5, "eyeLookDown": 0.5, "eyeLookUp": 0.5, "eyeLookIn": 0.5,
    "eyeLookOut": 0.5, "cheekPuff": 20.0, "jawForward": 20.0, "noseSneer": 10.0, "cheekSquint": 10.0,
    "tongueOut": 1e6,
}  # fmt: skip


@dataclass(frozen=True)
class LandmarkBasis:
    """The face model reduced to its landmarks: neutral [478,3], identity [K,478,3], expression [52,478,3] (cm)."""

    neutral: FloatArray
    identity: FloatArray
    expression: FloatArray

    @classmethod
    def of(cls, model: FaceModel) -> LandmarkBasis:
        """The landmarks' part of `model`."""
        return cls(
            model.landmarks(model.neutral).astype(np.float64),
            np.stack([model.landmarks(mode) for mode in model.identity_basis]).astype(np.float64),
            np.stack([model.landmarks(shape) for shape in model.expression_basis]).astype(np.float64),
        )

    def place(self, identity: FloatArray, expression: FloatArray) -> FloatArray:
        """[478,3] landmarks (cm) of a face."""
        return (
            self.neutral
            + np.tensordot(identity, self.identity[: len(identity)], 1)
            + np.tensordot(expression, self.expression, 1)
        )


@lru_cache(maxsize=1)
def landmark_basis() -> LandmarkBasis:
    """Of the project's own face model."""
    return LandmarkBasis.of(load_face_model(store.checkpoint("face-model")))


@dataclass
class _Frame:
    """One frame's unknowns on their way to the solution."""

    points: FloatArray  # [478,2] px
    rotation: FloatArray  # [3,3]
    translation: FloatArray  # [2] px
    scale: float
    expression: FloatArray = field(default_factory=lambda: np.zeros(BLENDSHAPE_COUNT))

    def project(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Turned places [478,3] (cm) and their image points [478,2] (px)."""
        turned = places @ self.rotation.T
        return turned, project_turned(turned, self.translation, self.scale)

    def move(self, step: FloatArray) -> None:
        """Take a camera step [6]."""
        self.rotation, self.translation, self.scale = stepped_camera(self.rotation, self.translation, self.scale, step)

    def fit(self, identity: FloatArray, basis: LandmarkBasis) -> FaceFit:
        """The solution as the type that others use."""
        projected = self.project(basis.place(identity, self.expression))[1]
        rms = np.sqrt(((projected - self.points) ** 2).sum(axis=1).mean())
        return FaceFit(
            identity=identity.astype(np.float32),
            expression=self.expression.astype(np.float32),
            rotation=axis_angle(self.rotation),
            translation=self.translation,
            scale=self.scale,
            error=float(rms / np.ptp(self.points[:, 0])),
        )


@dataclass(frozen=True)
class SequenceFit:
    """One person over T frames.

    identity: [K] standard deviations. expression: [T,52], 0..1. rotation: [T,3] axis-angle. translation: [T,2] px.
    scale: [T] px per cm. error: [T] RMS distance of the landmarks in fractions of the face width.
    """

    identity: FloatArray
    expression: FloatArray
    rotation: FloatArray
    translation: FloatArray
    scale: FloatArray
    error: FloatArray

    def __len__(self) -> int:
        return len(self.expression)

    def frame(self, index: int) -> FaceFit:
        """The fit of one frame."""
        return FaceFit(
            self.identity,
            self.expression[index],
            self.rotation[index],
            self.translation[index],
            float(self.scale[index]),
            float(self.error[index]),
        )


def fit_face(
    landmarks: FloatArray, *, basis: LandmarkBasis | None = None, weights: FitWeights | None = None
) -> FaceFit:
    """The face model on one picture; `landmarks` [478,3] px as the detector gives them."""
    basis, weights = basis or landmark_basis(), weights or FitWeights.default()
    frame = _start(landmarks, basis)
    identity = _solve([frame], np.zeros(len(basis.identity)), basis, weights, PORTRAIT_STEPS)
    return frame.fit(identity, basis)


def fit_sequence(
    landmarks: FloatArray,
    *,
    identity: FloatArray | None = None,
    basis: LandmarkBasis | None = None,
    weights: FitWeights | None = None,
) -> SequenceFit:
    """The face model on a film of one person; `landmarks` [T,478,2 or 3] px, without gaps.

    identity: [K] when it is known; otherwise it is solved from frames spread over the film.
    """
    basis, weights = basis or landmark_basis(), weights or FitWeights.default()
    if identity is None:
        chosen = np.unique(np.linspace(0, len(landmarks) - 1, SHARED_FRAMES).round().astype(int))
        shared = [_start(landmarks[index], basis) for index in chosen]
        identity = _solve(shared, np.zeros(len(basis.identity)), basis, weights, SEQUENCE_STEPS)
    fits = list(_follow(landmarks, identity, basis, weights))
    return SequenceFit(
        identity.astype(np.float32),
        np.stack([fit.expression for fit in fits]),
        np.stack([fit.rotation for fit in fits]),
        np.stack([fit.translation for fit in fits]),
        np.array([fit.scale for fit in fits]),
        np.array([fit.error for fit in fits]),
    )


def _follow(
    landmarks: FloatArray, identity: FloatArray, basis: LandmarkBasis, weights: FitWeights
) -> Iterator[FaceFit]:
    """Each frame's fit with a known identity, started from the frame before."""
    person = LandmarkBasis(basis.place(identity, np.zeros(BLENDSHAPE_COUNT)), basis.identity[:0], basis.expression)
    frame = _start(landmarks[0], person)
    _solve([frame], np.zeros(0), person, weights, PORTRAIT_STEPS)
    for points in landmarks:
        frame.points = np.asarray(points[:, :2], np.float64)
        _solve([frame], np.zeros(0), person, weights, FRAME_STEPS)
        yield frame.fit(np.zeros(0), person)


def _start(landmarks: FloatArray, basis: LandmarkBasis) -> _Frame:
    """A first camera: the best rigid placing of the neutral landmarks on the measured ones.

    With depth, a similarity between the two clouds (Umeyama 1991); without, the upright frontal face.
    """
    points = np.asarray(landmarks[:, :2], np.float64)
    depth = -landmarks[:, 2] if landmarks.shape[1] > 2 else np.zeros(len(points))
    cloud = np.column_stack([points[:, 0], -points[:, 1], depth])
    target, source = cloud - cloud.mean(axis=0), basis.neutral - basis.neutral.mean(axis=0)
    if landmarks.shape[1] == 2:
        source = source * [1.0, 1.0, 0.0]
    left, singular, right = np.linalg.svd(target.T @ source)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(sign) @ right
    scale = float((singular * sign).sum() / (source**2).sum())
    frame = _Frame(points, rotation, np.zeros(2), scale)
    frame.translation = (points - frame.project(basis.neutral)[1]).mean(axis=0)
    return frame


def _solve(
    frames: list[_Frame], identity: FloatArray, basis: LandmarkBasis, weights: FitWeights, steps: int
) -> FloatArray:
    """Improve the frames in place; returns the identity [K] that they share."""
    shared, own = len(identity), CAMERA_STEPS + BLENDSHAPE_COUNT
    size = shared + own * len(frames)
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    lower[:shared], upper[:shared] = -IDENTITY_LIMIT, IDENTITY_LIMIT
    for _ in range(steps):
        matrix, vector, start = np.zeros((size, size)), np.zeros(size), np.zeros(size)
        matrix[np.arange(shared), np.arange(shared)] = weights.identity * np.sqrt(len(frames))
        start[:shared] = identity
        for index, frame in enumerate(frames):
            here = np.r_[0:shared, shared + own * index : shared + own * (index + 1)]
            expressions = here[shared + CAMERA_STEPS :]
            normal, gradient = _normal_equations(frame, identity, basis, weights)
            matrix[np.ix_(here, here)] += normal
            vector[here] += gradient
            matrix[expressions, expressions] += weights.expression
            vector[expressions] -= weights.sparsity
            lower[expressions], upper[expressions], start[expressions] = 0.0, 1.0, frame.expression
            camera = here[shared : shared + CAMERA_STEPS]
            matrix[camera, camera] += 1e-6
        solution = bounded_least_squares(matrix, vector, lower, upper, start)
        identity = solution[:shared]
        for index, frame in enumerate(frames):
            part = solution[shared + own * index : shared + own * (index + 1)]
            frame.move(part[:CAMERA_STEPS])
            frame.expression = part[CAMERA_STEPS:]
    return identity


def _normal_equations(
    frame: _Frame, identity: FloatArray, basis: LandmarkBasis, weights: FitWeights
) -> tuple[FloatArray, FloatArray]:
    """JᵀWJ and JᵀWr of one frame over (identity [K], camera step [6], expression [52]).

    Coefficients are absolute and the camera step is relative; residuals are in units of the landmarks' noise.
    """
    places = basis.place(identity, frame.expression)
    turned, projected = frame.project(places)
    by_place, by_camera = camera_gradients(turned)
    jacobian = np.empty((LANDMARK_COUNT, 2, len(identity) + CAMERA_STEPS + BLENDSHAPE_COUNT))
    by_model = by_place @ frame.rotation  # [478,2,3]
    count = len(identity)
    if count:
        jacobian[:, :, :count] = by_model @ basis.identity[:count].transpose(1, 2, 0)
    jacobian[:, :, count : count + CAMERA_STEPS] = by_camera
    jacobian[:, :, count + CAMERA_STEPS :] = by_model @ basis.expression.transpose(1, 2, 0)
    residual = (frame.points - projected) * [1.0, -1.0] / frame.scale  # [478,2] cm
    residual = residual + jacobian[:, :, count + CAMERA_STEPS :] @ frame.expression
    if count:
        residual = residual + jacobian[:, :, :count] @ identity
    weight = np.sqrt(weights.landmarks)[:, None] / NOISE_CM
    flat = (jacobian * weight[..., None]).reshape(2 * LANDMARK_COUNT, -1)
    return flat.T @ flat, flat.T @ (residual * weight).ravel()


def bounded_least_squares(
    matrix: FloatArray, vector: FloatArray, lower: FloatArray, upper: FloatArray, start: FloatArray
) -> FloatArray:
    """The minimum of ½ xᵀ·matrix·x - vector·x with lower ≤ x ≤ upper; `matrix` is positive definite.

    Primal-dual active set (Hintermüller, Ito & Kunisch 2002), which a few solves bring to the exact answer.
    """
    solution = np.clip(start, lower, upper)
    at_lower, at_upper = solution <= lower, solution >= upper
    for _ in range(20):
        bound = at_lower | at_upper
        free = ~bound
        solution = np.where(at_lower, lower, np.where(at_upper, upper, 0.0))
        right = vector[free] - matrix[np.ix_(free, bound)] @ solution[bound]
        solution[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
        pull = vector - matrix @ solution  # towards larger values where positive
        new_lower = np.where(at_lower, pull <= 0, free & (solution < lower))
        new_upper = np.where(at_upper, pull >= 0, free & (solution > upper))
        if np.array_equal(new_lower, at_lower) and np.array_equal(new_upper, at_upper):
            break
        at_lower, at_upper = new_lower, new_upper
    return np.clip(solution, lower, upper)
