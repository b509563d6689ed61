"""What the mouth does in tracked landmarks: the face model's mouth shapes fitted to a whole clip at once.

Each frame's pose comes from the upper face, which speech does not move; what the person's mouth looks like at rest is
taken from the clip itself, so only movement is explained by blendshapes. Sides are tied: speech is nearly symmetric
and the targets get steadier.
"""

from __future__ import annotations

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, expand
from talker.face.landmarks import LIPS
from talker.face.model import FaceModel
from talker.motion.lips import LipGeometry, measured_lips
from talker.types import FloatArray

UPPER_FACE = (10, 151, 9, 8, 168, 6, 197, 195, 33, 133, 362, 263, 130, 359, 127, 356, 234, 454, 67, 297, 103, 332)
CHIN = (152, 148, 377, 176, 400, 149, 378, 199, 175, 200, 18)
INNER_LIPS = (13, 82, 312, 14, 87, 317)
# channel -> how reluctantly it is used: what explains the same pixels as another channel has to be worth it
MOUTH_CHANNELS = {
    "jawOpen": 0.02, "mouthClose": 0.3, "mouthFunnel": 0.1, "mouthPucker": 0.05, "mouthStretch": 0.1,
    "mouthLowerDown": 0.1, "mouthUpperUp": 0.1, "mouthRollLower": 0.2, "mouthRollUpper": 0.3,
    "mouthShrugLower": 0.3, "mouthShrugUpper": 0.4, "mouthPress": 0.4,
}  # fmt: skip
ITERATIONS = 60


def fit_mouth(model: FaceModel, landmarks: FloatArray) -> FloatArray:
    """Blendshapes [T,52] of the mouth for tracked landmarks [T,478,2 or more] (px, y down) of one clip.

    All other channels are 0. Frames without a face (not finite) get the nearest frame's values.
    """
    points = _without_gaps(landmarks[..., :2].astype(np.float64))
    points[..., 1] *= -1.0  # y up, as the model has it
    shape = model.landmarks(model.neutral).astype(np.float64)
    unposed = _unpose(points, shape)  # [T,478,2] cm, in the model's frontal view
    used = np.array(LIPS + CHIN)
    opening = (unposed[:, INNER_LIPS[:3], 1] - unposed[:, INNER_LIPS[3:], 1]).mean(1)
    rest = np.median(unposed[opening <= np.quantile(opening, 0.2)], axis=0)
    moved = (unposed - rest)[:, used].reshape(len(points), -1)  # [T, 2P]
    names = list(MOUTH_CHANNELS)
    rows = np.stack([expand({name: 1.0}) for name in names]).astype(np.float64)  # [C,52]
    basis = model.expression_basis[:, model.landmark_vertices]
    effects = np.einsum("lk,elkc->elc", model.landmark_weights, basis)[:, used, :2].reshape(BLENDSHAPE_COUNT, -1)
    values = bounded_least_squares(rows @ effects, moved, np.array(list(MOUTH_CHANNELS.values())))
    lips = measured_lips(_without_gaps(landmarks[..., :2].astype(np.float64)))
    return as_measured(values @ rows, lips).astype(np.float32)


def as_measured(mouth: FloatArray, lips: FloatArray) -> FloatArray:
    """The fitted `mouth` [T,52] whose lips are as far open and as wide as measured (`lips` [T,2], face widths).

    A bounded fit leaves part of every movement unexplained, and what one learns from it is blurred by that: lips that
    are right in these two distances are followed better by any head. The channels that the fit uses gladly give most;
    they may leave 0..1. What a person's width is at rest stays as fitted.
    """
    geometry = LipGeometry.load()
    effects = np.stack([geometry.opening, geometry.width], axis=1)  # [52,2]
    gladly = np.zeros(BLENDSHAPE_COUNT)
    for name, reluctance in MOUTH_CHANNELS.items():
        gladly += expand({name: 1.0}) / reluctance
    share = gladly[:, None] * effects
    share = share @ np.linalg.inv(effects.T @ share)  # [52,2]: of the channels, in what a distance lacks
    lacking = lips - mouth @ effects
    lacking[:, 1] -= lacking[:, 1].mean()
    return mouth + lacking @ share.T


def bounded_least_squares(effects: FloatArray, wanted: FloatArray, reluctance: FloatArray) -> FloatArray:
    """Values [T,C] in 0..1 with values · effects [C,N] ≈ wanted [T,N], by coordinate descent on all rows at once.

    reluctance: [C] ridge penalty in fractions of the mean squared length of the effects.
    """
    gram = effects @ effects.T
    gram[np.diag_indices_from(gram)] += reluctance * np.mean(np.diag(gram))
    target = wanted @ effects.T  # [T,C]
    values = np.zeros_like(target)
    for _ in range(ITERATIONS):
        for channel in range(len(effects)):
            step = (target[:, channel] - values @ gram[:, channel]) / gram[channel, channel]
            values[:, channel] = np.clip(values[:, channel] + step, 0.0, 1.0)
    return values


def _unpose(points: FloatArray, shape: FloatArray) -> FloatArray:
    """Landmarks [T,478,2] as seen from the front in the model's units (cm): pose, place and scale taken out.

    Scaled-orthographic pose of the upper face by least squares; depth changes are those of the rigid shape.
    """
    stable = np.array(UPPER_FACE)
    centre = shape[stable].mean(0)
    rigid = shape[stable] - centre
    place = points[:, stable].mean(1, keepdims=True)
    affine = (points[:, stable] - place).transpose(0, 2, 1) @ np.linalg.pinv(rigid).T  # [T,2,3]
    left, scales, right = np.linalg.svd(affine, full_matrices=False)
    scale = scales.mean(1)[:, None, None]
    rotation = left @ right  # [T,2,3] the nearest two rows of a rotation
    posed = (shape - centre) @ rotation.transpose(0, 2, 1)  # [T,478,2] cm, where the rigid shape would lie
    residual = (points - place) / scale - posed
    turn = np.linalg.inv(rotation[:, :, :2])  # back to the frontal view, in the picture's plane
    return shape[None, :, :2] + residual @ turn.transpose(0, 2, 1)


def _without_gaps(points: FloatArray) -> FloatArray:
    """Frames that are not finite replaced by the nearest that is."""
    good = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)) & (np.ptp(points[..., 0], axis=1) > 0))
    nearest = good[np.abs(np.arange(len(points))[:, None] - good[None]).argmin(1)]
    return points[nearest].copy()
