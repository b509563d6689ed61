"""Pictures that lie on their side or stand on their head: the face is looked for in four turns.

The landmarker finds faces up to a quarter turn, and beyond that takes them for upright ones, chin for forehead, with
landmarks that fit the face model well. Only a look at what lies under the landmarks tells.
"""

from __future__ import annotations

import numpy as np

from talker.face.detector import DetectedFace, FaceDetector
from talker.face.landmarks import turned_points
from talker.portrait.attributes import AlignedFace, AttributeClassifier
from talker.types import ByteArray

LARGEST_ROLL = np.pi / 4  # a face that leans further is turned by a quarter
ROLL_MARGIN = 0.1  # rad, so that a face at 45° passes in one of its turns
SAME_PLACE = 0.5  # of the face's size, between the middles of what was found in two turns


def upright(
    image: ByteArray, faces: list[DetectedFace], face: DetectedFace, detector: FaceDetector, looks: AttributeClassifier
) -> tuple[int, ByteArray, list[DetectedFace], DetectedFace]:
    """How many quarter turns (counter-clockwise) bring `face` upright, and picture, faces and face after them.

    image: [H,W,3], in which `faces` were found. Nothing is turned where no turn shows an upright face.
    """
    if abs(face.roll) <= LARGEST_ROLL and _uprightness(image, face, looks) > 0:
        return 0, image, faces, face
    best, highest = (0, image, faces, face), -np.inf
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(image, turns))
        found = detector.detect(turned) if turns else faces
        place = turned_points(face.centre[None], image.shape, turns)[0]
        for other in found:
            near = np.linalg.norm(other.centre - place) < SAME_PLACE * max(face.size, other.size)
            if near and abs(other.roll) <= LARGEST_ROLL + ROLL_MARGIN:
                score = _uprightness(turned, other, looks)
                if score > highest:
                    best, highest = (turns, turned, found, other), score
    return best


def _uprightness(image: ByteArray, face: DetectedFace, looks: AttributeClassifier) -> float:
    return looks.score("upright", AlignedFace.of(image, face.landmarks))
