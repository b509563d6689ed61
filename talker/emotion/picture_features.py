"""What a face's emotion is read from: landmarks freed of place, size and turn, and the detector's scores."""

from __future__ import annotations

import numpy as np

from talker.types import FloatArray

ALIGNMENT_ROUNDS = 3


def measure_faces(
    landmarks: FloatArray, blendshapes: FloatArray, face_mean: FloatArray, face_shapes: FloatArray
) -> FloatArray:
    """Measurements [T, 52 + shapes] of faces.

    landmarks: [T, 478, 3] in any unit, y down or up as in `face_mean` [478, 3]. blendshapes: [T, 52] detector's scores.
    face_shapes: [shapes, 1434] principal shapes of aligned landmarks.
    """
    difference = (align(landmarks, face_mean) - face_mean).reshape(len(landmarks), -1)  # [T, 1434]
    return np.concatenate([blendshapes, difference @ face_shapes.T], axis=1).astype(np.float32)


def align(landmarks: FloatArray, face_mean: FloatArray) -> FloatArray:
    """Faces [T, 478, 3] moved, turned and scaled onto `face_mean` [478, 3].

    Least squares without reflection (Umeyama, "Least-squares estimation of transformation parameters", 1991).
    """
    centred = landmarks - landmarks.mean(1, keepdims=True)
    target = face_mean - face_mean.mean(0)
    u, singular, vt = np.linalg.svd(np.einsum("tli,lj->tij", centred, target))  # [T, 3, 3], [T, 3]
    signs = np.ones_like(singular)
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * signs[:, None, :]) @ vt  # [T, 3, 3]
    scale = (singular * signs).sum(1) / np.maximum((centred**2).sum((1, 2)), 1e-12)
    return centred @ rotation * scale[:, None, None]


def principal_shapes(landmarks: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """(mean [478, 3] of unit size, principal shapes [count, 1434]) of faces [N, 478, 3]."""
    mean = landmarks[0] - landmarks[0].mean(0)
    for _ in range(ALIGNMENT_ROUNDS):
        mean = mean / np.linalg.norm(mean)
        mean = align(landmarks, mean).mean(0)
    mean = mean / np.linalg.norm(mean)
    difference = (align(landmarks, mean) - mean).reshape(len(landmarks), -1)
    _, _, shapes = np.linalg.svd(difference - difference.mean(0), full_matrices=False)
    return mean.astype(np.float32), shapes[:count].astype(np.float32)
