"""How near one picture of a face is to another: measures that several evaluations share."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import cv2
import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.evaluation.recognition import FaceRecogniser, distance
from talker.face.detector import DetectedFace, FaceDetector
from talker.face.landmarks import FACE_LANDMARKS, FACE_OVAL, OUTER_LIPS
from talker.types import BoolArray, ByteArray, FloatArray

MOUTH_MARGIN = 0.12  # of the face's width around the lips


@dataclass(frozen=True)
class Scores:
    """How near a picture is to a real frame.

    mouth_psnr, face_psnr: dB, higher is better, identical is 78. landmarks: mean distance in face widths, 0 is
    perfect. sharpness: ratio of Laplacian energy to the real frame's, 1 is perfect. identity: distance of the
    recogniser's embeddings, 0 is perfect. The last three are NaN where no face is found in the picture.
    """

    mouth_psnr: float
    face_psnr: float
    landmarks: float
    sharpness: float
    identity: float

    @classmethod
    def mean(cls, scores: list[Scores]) -> Scores:
        """Of several frames, without what is not known."""
        return cls(*(float(value) for value in np.nanmean([astuple(one) for one in scores], axis=0)))


@dataclass(frozen=True)
class RealFrame:
    """A frame of real video, what is known of it, and the embedding [128] of its face."""

    image: ByteArray
    landmarks: FloatArray
    embedding: FloatArray


class Comparer:
    """Compares pictures with real frames; holds the two networks that look at faces."""

    def __init__(self, detector: FaceDetector, recogniser: FaceRecogniser) -> None:
        self._detector, self._recogniser = detector, recogniser

    def real(self, image: ByteArray, landmarks: FloatArray) -> RealFrame:
        """A frame [H,W,3] with its landmarks [478,3], ready to be compared with."""
        return RealFrame(image, landmarks, self._recogniser.embed(image, landmarks))

    def compare(self, picture: ByteArray, real: RealFrame) -> Scores:
        """`picture` [H,W,3] against a real frame of the same size."""
        landmarks = real.landmarks[:, :2]
        width = float(np.ptp(landmarks[:, 0]))
        mouth = box(landmarks[list(OUTER_LIPS)], MOUTH_MARGIN * width, picture)
        face = box(landmarks, 0.0, picture)
        found = find_near(self._detector, picture, real.landmarks)
        error, identity = np.nan, np.nan
        if found is not None:
            apart = found.landmarks[:FACE_LANDMARKS, :2] - landmarks[:FACE_LANDMARKS]
            error = float(np.linalg.norm(apart, axis=1).mean() / width)
            identity = distance(self._recogniser.embed(picture, found.landmarks), real.embedding)
        sharpness = laplacian(picture[face]) / max(laplacian(real.image[face]), 1e-6)
        return Scores(
            psnr(picture[mouth], real.image[mouth]), psnr(picture[face], real.image[face]), error, sharpness, identity
        )


def find_near(detector: FaceDetector, picture: ByteArray, landmarks: FloatArray) -> DetectedFace | None:
    """The face that lies about where `landmarks` [478,3] are; much faster than searching the whole picture."""
    return detector.refine(picture, DetectedFace(landmarks, np.zeros(BLENDSHAPE_COUNT, np.float32)))


def box(points: FloatArray, margin: float, image: ByteArray) -> tuple[slice, slice]:
    """Rows and columns of the rectangle around `points` [N,2] px, `margin` px wider, inside the picture."""
    low = np.maximum(points.min(0) - margin, 0).astype(int)
    high = np.minimum(points.max(0) + margin, [image.shape[1], image.shape[0]]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


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
