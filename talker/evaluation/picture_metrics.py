"""How near a film's frames are to the real ones: pixels, structure, sharpness, identity, flicker and seams."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from talker.evaluation import perceptual
from talker.evaluation.film import Film
from talker.evaluation.metrics import computes
from talker.evaluation.recognition import FaceRecogniser, distance
from talker.face.landmarks import FACE_OVAL, OUTER_LIPS
from talker.types import BoolArray, ByteArray, FloatArray

MOUTH_MARGIN = 0.12  # of the face's width around the lips
SEAM = 0.03  # of the face's width: half the width of the band along its outline
Box = tuple[slice, slice]


def box(points: FloatArray, margin: float, image: ByteArray) -> Box:
    """Rows and columns of the rectangle around `points` [N,2] px, `margin` px wider, inside the picture."""
    low = np.maximum(points.min(0) - margin, 0).astype(int)
    high = np.minimum(points.max(0) + margin, [image.shape[1], image.shape[0]]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def face_box(landmarks: FloatArray, image: ByteArray) -> Box:
    """Rows and columns of the face's box; landmarks: [478,2 or 3] px."""
    return box(landmarks[:, :2], 0.0, image)


def mouth_box(landmarks: FloatArray, image: ByteArray) -> Box:
    """Rows and columns of the mouth's surroundings."""
    return box(landmarks[list(OUTER_LIPS), :2], MOUTH_MARGIN * float(np.ptp(landmarks[:, 0])), image)


def face_area(landmarks: FloatArray, image: ByteArray) -> BoolArray:
    """[H,W] the pixels inside the face's oval."""
    area = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(area, [np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32)], 1)
    return area > 0


def psnr(one: ByteArray, other: ByteArray) -> float:
    """Peak signal-to-noise ratio in dB of equally large pictures or lists of pixels; higher is nearer, 78 the end."""
    error = np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2)
    return float(10 * np.log10(255.0**2 / max(float(error), 1e-3)))


def laplacian(image: ByteArray) -> float:
    """Standard deviation of the Laplacian of `image` [H,W,3]: how sharp it is."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).std())


def quality(film: Film, where: Callable[[FloatArray, ByteArray], Box]) -> float:
    """Mean sharpness of a part of the frames (grey levels)."""
    pairs = zip(film.frames, film.landmarks, strict=True)
    return float(
        np.mean([laplacian(image[where(places, image)]) for image, places in pairs if np.isfinite(places[0, 0])])
    )


def _aligned(film: Film, real: Film) -> Iterator[tuple[ByteArray, ByteArray, FloatArray]]:
    """(frame, real frame, real landmarks) wherever the real face was seen."""
    for image, truth, places in zip(film.frames, real.frames, real.landmarks, strict=True):
        if np.isfinite(places[0, 0]):
            yield image, truth, places


@computes("picture/mouth_psnr")
def mouth_psnr(film: Film, real: Film) -> float:
    """Mean PSNR (dB) around the real lips."""
    return _mean_psnr(film, real, mouth_box)


@computes("picture/face_psnr")
def face_psnr(film: Film, real: Film) -> float:
    """Mean PSNR (dB) of the real face's box."""
    return _mean_psnr(film, real, face_box)


def _mean_psnr(film: Film, real: Film, where: Callable[[FloatArray, ByteArray], Box]) -> float:
    found = [psnr(one[part], other[part]) for one, other, at in _aligned(film, real) for part in [where(at, other)]]
    return float(np.mean(found))


@computes("picture/ssim")
def ssim(film: Film, real: Film) -> float:
    """Mean structural similarity of the face's box in grey; perfect: 1."""
    found = []
    for one, other, places in _aligned(film, real):
        part = face_box(places, other)
        grey = [cv2.cvtColor(image[part], cv2.COLOR_RGB2GRAY) for image in (one, other)]
        found.append(structural_similarity(*grey))
    return float(np.mean(found))


@computes("picture/perceptual")
def perceptual_distance(film: Film, real: Film) -> float:
    """Mean distance in the features of an expression network, ×1000; perfect: 0."""
    perceiver = _perceiver()
    pairs = (
        [perceiver.features(image, places) for image in (one, other)] for one, other, places in _aligned(film, real)
    )
    return 1e3 * float(np.mean([perceptual.distance(one, other) for one, other in pairs]))


@computes("picture/sharpness")
def sharpness(film: Film, real: Film) -> float:
    """Laplacian energy of the face over the real film's; perfect: 1."""
    return _sharpness(film, real, face_box)


@computes("picture/mouth_sharpness")
def mouth_sharpness(film: Film, real: Film) -> float:
    """The same of the mouth."""
    return _sharpness(film, real, mouth_box)


def _sharpness(film: Film, real: Film, where: Callable[[FloatArray, ByteArray], Box]) -> float:
    parts = [(one[part], other[part]) for one, other, at in _aligned(film, real) for part in [where(at, other)]]
    return float(np.mean([laplacian(one) / max(laplacian(other), 1e-6) for one, other in parts]))


@computes("picture/identity")
def identity(film: Film, real: Film) -> float:
    """Mean distance of the recogniser's embeddings; perfect: 0; frames without a face are left out."""
    network = recogniser()
    found = []
    for image, places, (_, truth, real_places) in zip(film.frames, film.landmarks, _aligned(film, real), strict=False):
        if np.isfinite(places[0, 0]):
            found.append(distance(network.embed(image, places), network.embed(truth, real_places)))
    return float(np.mean(found)) if found else float("nan")


@computes("picture/flicker")
def flicker(film: Film, real: Film) -> float:
    """Mean difference of the change from frame to frame to the real film's, inside the face (levels); perfect: 0."""
    found, last = [], None
    for one, other, places in _aligned(film, real):
        now = one.astype(np.float32), other.astype(np.float32)
        if last is not None:
            step = (now[0] - last[0]) - (now[1] - last[1])
            found.append(float(np.abs(step[face_area(places, other)]).mean()))
        last = now
    return float(np.mean(found)) if found else float("nan")


@computes("picture/seam")
def seam(film: Film, real: Film) -> float:
    """Contrast (Sobel) in a band along the face's outline over the real film's; perfect: 1."""
    energies = []
    for one, other, places in _aligned(film, real):
        band = np.zeros(other.shape[:2], np.uint8)
        outline = np.round(places[list(FACE_OVAL), :2]).astype(np.int32)
        cv2.polylines(band, [outline], True, 1, thickness=max(1, round(2 * SEAM * float(np.ptp(places[:, 0])))))
        energies.append([float(_contrast(image)[band > 0].mean()) for image in (one, other)])
    mean = np.mean(energies, axis=0)
    return float(mean[0] / max(mean[1], 1e-6))


def _contrast(image: ByteArray) -> FloatArray:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


@functools.cache
def recogniser() -> FaceRecogniser:
    """The judge of identity, loaded once."""
    return FaceRecogniser()


@functools.cache
def _perceiver() -> perceptual.Perceiver:
    return perceptual.Perceiver()
