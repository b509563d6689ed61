"""Turned pictures: whether a face is found as in the upright picture, whichever way the picture is turned.

Every report portrait is turned by twelve angles; its landmarks, turned back, are compared with the upright fit's.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from talker.data.portraits import reported_portraits
from talker.errors import TalkerError
from talker.evaluation.portraits import analysed
from talker.face.detector import FaceDetector
from talker.face.landmarks import turned_points
from talker.portrait.analyse import analyse
from talker.types import ByteArray, FloatArray, Portrait

ANGLES = range(0, 360, 30)  # degrees, counter-clockwise
MOST_APART = 0.03  # face widths, mean over the landmarks
LONGER_SIDE = 512  # px of the pictures that are turned
GROUND = (128, 128, 128)


def run(data: Path) -> str:
    """The table: per angle, how far landmarks lie from the upright picture's, and who lies too far."""
    apart: dict[int, list[float]] = {angle: [] for angle in ANGLES}
    worst: list[str] = []
    with FaceDetector() as detector:
        for name, portrait in analysed(reported_portraits(data), detector):
            if isinstance(portrait, TalkerError):
                worst.append(f"* {name} is refused upright: {portrait}")
                continue
            for angle in ANGLES:
                away = landmarks_apart(portrait, angle, detector)
                apart[angle].append(away)
                if away > MOST_APART:
                    worst.append(f"* {name} at {angle}°: {away:.2f} face widths")
    lines = ["| turned by | landmarks apart, median / most (face widths) | within 3 % |", "|---|---|---|"]
    for angle, values in apart.items():
        share = np.mean(np.array(values) <= MOST_APART)
        lines.append(f"| {angle}° | {np.median(values):.4f} / {np.max(values):.4f} | {share:.0%} of {len(values)} |")
    every = np.concatenate(list(apart.values()))
    lines.append(f"| all | {np.median(every):.4f} / {every.max():.4f} | {np.mean(every <= MOST_APART):.1%} |")
    return "\n".join([*lines, *worst])


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
