"""Is it still the same person? A face-recognition network that is used for measuring only.

dlib's ResNet (Davis King; 99.4 % on Labeled Faces in the Wild) turns an upright face into 128 numbers. It is given the
detector's own landmarks, so that what is compared is the face and not where a second detector believes it to be.
"""

from __future__ import annotations

import dlib
import numpy as np

from talker.types import ByteArray, FloatArray
from talker.weights import store

SAME_PERSON = 0.6  # two pictures of one person lie nearer than this (dlib's own documentation of the network)
# dlib's five points as MediaPipe's landmarks: the corners of both eyes, then the base of the nose
FIVE_POINTS = (263, 362, 33, 133, 2)


class FaceRecogniser:
    """Turns faces into points whose distance says how unlike two faces are."""

    def __init__(self) -> None:
        self._network = dlib.face_recognition_model_v1(str(store.fetch("face_recogniser")))

    def embed(self, image: ByteArray, landmarks: FloatArray) -> FloatArray:
        """[128] of the face in `image` [H,W,3] whose landmarks [478,2 or 3] (px) are given."""
        places = np.round(landmarks[:, :2]).astype(int)
        (left, top), (right, bottom) = places.min(0), places.max(0)
        box = dlib.rectangle(int(left), int(top), int(right), int(bottom))
        five = dlib.full_object_detection(box, [dlib.point(int(x), int(y)) for x, y in places[list(FIVE_POINTS)]])
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(image), five))


def distance(one: FloatArray, other: FloatArray) -> float:
    """How unlike two embedded faces are: 0 is the same picture, below SAME_PERSON the same person."""
    return float(np.linalg.norm(one - other))
