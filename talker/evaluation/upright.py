"""Turned pictures: whether a face is found as in the upright picture, whichever way the picture is turned.

Every report portrait is turned by twelve angles; its landmarks, turned back, are compared with the upright fit's.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from talker.data.portraits import reported_portraits
from talker.errors import TalkerError
from talker.evaluation.metrics import Recorder
from talker.evaluation.portraits import analysed
from talker.face.detector import FaceDetector
from talker.face.landmarks import turned_points
from talker.portrait.analyse import analyse
from talker.types import ByteArray, FloatArray, Portrait

ANGLES = range(0, 360, 30)  # degrees, counter-clockwise
MOST_APART = 0.03  # face widths, mean over the landmarks
LONGER_SIDE = 512  # px of the pictures that are turned
GROUND = (128, 128, 128)


def run(data: Path, record: Recorder) -> None:
    """Per angle, how far landmarks lie from the upright picture's; notes say who lies too far."""
    with FaceDetector() as detector:
        for name, portrait in analysed(reported_portraits(data), detector):
            if isinstance(portrait, TalkerError):
                record.note(f"{name} is refused upright: {portrait}")
                continue
            for angle in ANGLES:
                apart = landmarks_apart(portrait, angle, detector)
                record.add("upright/within", float(apart <= MOST_APART), f"{angle}°")
                record.add("upright/within", float(apart <= MOST_APART), "all")
                if np.isfinite(apart):
                    record.add("upright/apart", apart, f"{angle}°")
                if apart > MOST_APART:
                    record.note(f"{name} at {angle}°: {apart:.2f} face widths")


def landmarks_apart(portrait: Portrait, angle: float, detector: FaceDetector) -> float:
    """Mean distance, in face widths, of the landmarks found in the turned picture; infinite where it is refused."""
    scale = min(1.0, LONGER_SIDE / max(portrait.image.shape[:2]))
    image = cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    turned, matrix = turned_picture(image, angle)
    try:
        found = analyse(turned, detector=detector)
    except TalkerError:
        return np.inf
    places = turned_points(found.landmarks[:, :2], found.image.shape, -found.quarter_turns)
    back = cv2.invertAffineTransform(matrix)
    places = places @ back[:, :2].T + back[:, 2]
    upright = (portrait.landmarks[:, :2] + 0.5) * scale - 0.5
    return float(np.linalg.norm(places - upright, axis=1).mean() / (portrait.face_width * scale))


def turned_picture(image: ByteArray, angle: float) -> tuple[ByteArray, FloatArray]:
    """The picture turned counter-clockwise by `angle` degrees on a grey ground, and the matrix [2,3] that does it."""
    height, width = image.shape[:2]
    cosine, sine = abs(np.cos(np.radians(angle))), abs(np.sin(np.radians(angle)))
    size = int(np.ceil(width * cosine + height * sine - 1e-6)), int(np.ceil(width * sine + height * cosine - 1e-6))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    matrix[:, 2] += [(size[0] - width) / 2, (size[1] - height) / 2]
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderValue=GROUND), matrix
