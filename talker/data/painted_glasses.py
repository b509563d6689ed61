"""Glasses painted on a face: thin, rimless and pale ones above all, which few labelled pictures show."""

from __future__ import annotations

import cv2
import numpy as np

from talker.data.occluders import Place
from talker.face.landmarks import LEFT_EYE, RIGHT_EYE
from talker.types import ByteArray, FloatArray

TEMPLES = (127, 356)  # landmarks at the face's sides, where the arms go
CORNERS = 48  # of a lens' outline


def paint_glasses(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """The picture [H,W,3] of a face with these landmarks [478,2 or 3] px, now wearing glasses."""
    place = Place.of(image, landmarks)
    width, height = rng.uniform(0.19, 0.3), rng.uniform(0.12, 0.27)  # half, in units
    power, sink = rng.uniform(2.0, 5.0), rng.uniform(0.0, 0.1)  # from ellipse to rounded rectangle; below the eyes
    lenses = [_lens(place, eye, width, height, power, sink) for eye in (RIGHT_EYE, LEFT_EYE)]
    ink = rng.choice([0.0, 40.0, 110.0, 200.0]) + rng.uniform(-20, 20, 3) + rng.uniform(0, 30)
    thick = rng.choice([0.008, 0.014, 0.03, 0.05])
    strokes = np.zeros(image.shape[:2], np.uint8)
    rimless = rng.random() < 0.3
    if not rimless or rng.random() < 0.5:
        for lens in lenses:
            upper = lens[: CORNERS // 2 + 1] if rng.random() < 0.2 else np.vstack([lens, lens[:1]])
            _stroke(strokes, upper, thick if not rimless else 0.006, place.unit)
    right, left = lenses
    bridge = np.array([right[0], (right[0] + left[CORNERS // 2]) / 2 - 0.03 * place.unit * place.axes[1]])
    _stroke(strokes, np.vstack([bridge, left[CORNERS // 2]]), max(thick, 0.012), place.unit)
    for start, temple in ((right[CORNERS // 2], TEMPLES[0]), (left[0], TEMPLES[1])):
        _stroke(strokes, np.stack([start, place.landmarks[temple]]), max(thick, 0.012), place.unit)
    opacity = cv2.GaussianBlur(strokes, (0, 0), 0.6).astype(np.float32)[..., None] / 255 * rng.uniform(0.45, 1.0)
    glass = np.max([place.fill(lens) for lens in lenses], axis=0)[..., None]
    lit = image * (1 + rng.uniform(-0.15, 0.1) * glass) + rng.uniform(0, 20) * glass
    return np.clip(lit * (1 - opacity) + ink * opacity + 0.5, 0, 255).astype(np.uint8)


def _lens(place: Place, eye: tuple[int, ...], width: float, height: float, power: float, sink: float) -> FloatArray:
    """[CORNERS,2] px: a superellipse around an eye that begins on the picture's right and goes over the top."""
    angles = -np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    across, down = np.cos(angles), np.sin(angles)
    shape = np.stack(
        [width * np.sign(across) * np.abs(across) ** (2 / power), height * np.sign(down) * np.abs(down) ** (2 / power)],
        axis=1,
    )
    outline: FloatArray = (
        place.landmarks[list(eye)].mean(axis=0) + place.unit * (shape + np.array([0.0, sink])) @ place.axes
    )
    return outline


def _stroke(strokes: ByteArray, points: FloatArray, width: float, unit: float) -> None:
    fixed = [np.round(points * 16).astype(np.int32)]
    cv2.polylines(strokes, fixed, False, 255, max(1, round(width * unit)), cv2.LINE_AA, 4)
