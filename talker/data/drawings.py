"""Drawings and paintings made from photographed faces: they teach and test what tells a drawing from a photograph."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from talker.face.landmarks import (
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from talker.types import ByteArray, FloatArray

Style = Callable[[ByteArray, FloatArray, np.random.Generator], ByteArray]
NOSE = (168, 6, 197, 195, 5, 4, 98)
SUBPIXELS = 4  # bits of the fixed-point coordinates that OpenCV draws with


def draw(image: ByteArray, landmarks: FloatArray, style: str, rng: np.random.Generator) -> ByteArray:
    """The picture [H,W,3] in a `style` of `STYLES`; landmarks: [478,2 or 3] px of its face."""
    return STYLES[style](image, np.asarray(landmarks[:, :2], np.float64), rng)


def _stylised(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Smooth areas between hard edges, as in a digital painting."""
    return cv2.stylization(image, sigma_s=float(rng.uniform(40, 120)), sigma_r=float(rng.uniform(0.3, 0.7)))


def _comic(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Few tones and black outlines."""
    flat = image
    for _ in range(int(rng.integers(2, 6))):
        flat = cv2.bilateralFilter(flat, 7, float(rng.uniform(20, 60)), 7)
    levels = int(rng.integers(4, 9))
    flat = np.clip((flat.astype(np.float32) * levels / 256).round() * 256 / levels, 0, 255).astype(np.uint8)
    grey = cv2.medianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), int(rng.choice([3, 5, 7])))
    block = int(rng.choice([7, 9, 11]))
    ink = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, float(rng.uniform(3, 9))
    )
    ink = cv2.GaussianBlur(ink, (0, 0), 0.6).astype(np.float32)[..., None] / 255
    return (flat * ink).astype(np.uint8)


def _flat(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Areas of one colour each, as in a print or a vector tracing."""
    smooth = cv2.pyrMeanShiftFiltering(image, float(rng.uniform(6, 14)), float(rng.uniform(15, 35)))
    pixels = smooth.reshape(-1, 3).astype(np.float32)
    count = int(rng.integers(5, 14))
    sample = pixels[rng.integers(len(pixels), size=2000)]
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    palette = cv2.kmeans(sample, count, None, criteria, 1, cv2.KMEANS_PP_CENTERS)[2]  # [count,3]
    nearest = ((pixels[:, None] - palette) ** 2).sum(axis=-1).argmin(axis=1)
    return cv2.medianBlur(palette[nearest].reshape(image.shape).astype(np.uint8), 5)


def _oil(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Daubs of paint."""
    return cv2.xphoto.oilPainting(image, int(rng.integers(3, 6)), 1)


def _pencil(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Strokes of a pencil, grey or coloured."""
    grey, colour = cv2.pencilSketch(
        image, sigma_s=float(rng.uniform(20, 80)), sigma_r=float(rng.uniform(0.05, 0.12)), shade_factor=0.05
    )
    return colour if rng.random() < 0.5 else cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def _vector(image: ByteArray, landmarks: FloatArray, rng: np.random.Generator) -> ByteArray:
    """A face of plain shapes on a plain ground, with eyes as large as in cartoons."""
    canvas = np.empty_like(image)
    canvas[:] = rng.integers(0, 256, 3)
    unit = float(np.ptp(landmarks[:, 0]))
    middle = landmarks.mean(axis=0)
    skin = _pixel_median(image, landmarks[[50, 280, 205, 425]]) * rng.uniform(0.8, 1.2)
    ink = rng.integers(0, 80, 3).astype(float)
    outline = max(1, round(rng.uniform(0.0, 0.02) * unit))
    outlined = rng.random() < 0.6
    hair = rng.integers(0, 256, 3)
    size = (int(rng.uniform(0.55, 0.75) * unit), int(rng.uniform(0.7, 0.95) * unit))
    cv2.ellipse(canvas, np.int32(middle - [0, 0.15 * unit]).tolist(), size, 0, 0, 360, hair.tolist(), -1, cv2.LINE_AA)

    def polygon(points: FloatArray, colour: FloatArray, border: bool = outlined) -> None:
        fixed = [np.round(points * 2**SUBPIXELS).astype(np.int32)]
        cv2.fillPoly(canvas, fixed, np.clip(colour, 0, 255).tolist(), cv2.LINE_AA, SUBPIXELS)
        if border:
            cv2.polylines(canvas, fixed, True, ink.tolist(), outline, cv2.LINE_AA, SUBPIXELS)

    polygon(landmarks[list(FACE_OVAL)], skin)
    grow, iris = rng.uniform(1.0, 2.0), rng.integers(0, 256, 3).astype(float)
    for eye, ring in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        shape, centre = landmarks[list(eye)], landmarks[list(eye)].mean(axis=0)
        polygon(centre + (shape - centre) * [grow, grow * rng.uniform(1, 1.3)], np.full(3, 250.0), True)
        radius = float(np.linalg.norm(landmarks[ring[1]] - landmarks[ring[0]])) * grow
        for share, colour in ((1.0, iris), (0.5, np.full(3, 10.0)), (0.2, np.full(3, 255.0))):
            circle = np.stack([np.cos(np.linspace(0, 6.28, 24)), np.sin(np.linspace(0, 6.28, 24))], axis=1)
            polygon(centre - (0.35 * radius if share < 0.3 else 0) + circle * radius * share, colour, False)
    for brow in (RIGHT_BROW, LEFT_BROW):
        polygon(landmarks[list(brow[:5]) + list(brow[:4:-1])], np.asarray(hair, float) * 0.6, False)
    line = [np.round(landmarks[list(NOSE[int(rng.integers(5)) :])]).astype(np.int32)]
    cv2.polylines(canvas, line, False, (skin * 0.7).tolist(), outline, cv2.LINE_AA)
    lips = np.array([190.0, 70, 80]) * rng.uniform(0.6, 1.2)
    polygon(landmarks[list(OUTER_LIPS)], lips)
    polygon(landmarks[list(INNER_LIPS)], np.full(3, rng.choice([40.0, 245.0])), False)
    return canvas


def _pixel_median(image: ByteArray, places: FloatArray) -> FloatArray:
    """[3] median colour of the pixels at places [N,2] px."""
    inside = np.clip(places, 0, np.array(image.shape[1::-1]) - 1).astype(int)
    colour: FloatArray = np.median(image[inside[:, 1], inside[:, 0]].astype(np.float64), axis=0)
    return colour


STYLES: dict[str, Style] = {
    "stylised": _stylised,
    "comic": _comic,
    "flat": _flat,
    "oil": _oil,
    "pencil": _pencil,
    "vector": _vector,
}
