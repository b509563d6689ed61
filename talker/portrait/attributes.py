"""What a picture shows of a face beyond its shape: glasses, something before the mouth, paint instead of skin.

Each question is a linear score of hand-made features on crops that the landmarks align: gradients by direction (HOG,
Dalal & Triggs 2005), tones against the skin's own, and how often which contrasts occur. The weights were learnt from
labelled pictures by `talker.training.attributes`. One face costs a few milliseconds on one core.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import load_file

from talker.face.detector import View
from talker.face.landmarks import EYE_CORNERS, LANDMARK_MIRROR
from talker.loaded import loaded_once
from talker.types import ByteArray, FaceAttributes, FloatArray

CHECKPOINT, PERMISSIVE_CHECKPOINT = "attributes", "attributes-permissive"
SIDE, UNIT = 256, 64.0  # px of the aligned picture, and between the eyes' outer corners in it
MOUTH = (61, 291, 0, 17)  # landmarks whose mean is the mouth's middle
MOUTH_CORNERS = (61, 291)
EYES = ((33, 133), (362, 263))  # corners of the right and the left eye
SKIN = (50, 280, 205, 425, 1, 4, 5, 195)  # cheeks and nose
CONTRASTS = np.array([0.5, 1, 2, 4, 8, 16, 32, 64], np.float32)  # bounds of the contrast histograms, levels
OCTAVES = 3
# The brightest places of a face are the percentile BRIGHT of its pixels' largest channels. In 30 build portraits they
# have 155 levels and more; a face in which they have fewer than VERY_DARK is lit until they have EXPOSED.
BRIGHT, VERY_DARK, EXPOSED = 99.0, 110.0, 220.0


@dataclass(frozen=True)
class AlignedFace:
    """A face cut out upright: picture [256,256,3], and landmarks [478,2] px in it, `UNIT` px from eye to eye."""

    picture: ByteArray
    landmarks: FloatArray

    @classmethod
    def of(cls, image: ByteArray, landmarks: FloatArray) -> AlignedFace:
        """The face in `image` [H,W,3] with these landmarks [478,2 or 3] px."""
        points = np.asarray(landmarks[:, :2], np.float64)
        across = points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]]
        unit = max(float(np.linalg.norm(across)), 1.0)
        middle = (points[list(EYE_CORNERS)].mean(axis=0) + points[list(MOUTH_CORNERS)].mean(axis=0)) / 2
        view = View.square(middle, SIDE / UNIT * unit, float(np.arctan2(across[1], across[0])), SIDE)
        return cls(exposed(view.draw(image)), view.from_picture(points))

    def mirrored(self) -> AlignedFace:
        """The same face in a mirror."""
        points = self.landmarks[LANDMARK_MIRROR] * [-1.0, 1.0] + [SIDE - 1.0, 0.0]
        return AlignedFace(np.ascontiguousarray(self.picture[:, ::-1]), points)

    def part(self, landmarks: tuple[int, ...], width: float, size: tuple[int, int]) -> ByteArray:
        """A crop of `size` (w,h) px around the mean of some landmarks that shows `width` units."""
        centre = self.landmarks[list(landmarks)].mean(axis=0)
        scale = size[0] / (width * UNIT)
        offset = (np.array(size) - 1) / 2 - scale * centre
        matrix = np.column_stack([np.eye(2) * scale, offset])
        flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return cv2.warpAffine(self.picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def skin(self) -> FloatArray:
        """[3] its tone in Lab (of 8 bits)."""
        places = np.clip(self.landmarks[list(SKIN)], 0, SIDE - 1).astype(int)
        tones = cv2.cvtColor(self.picture[places[:, 1], places[:, 0]][None], cv2.COLOR_RGB2LAB)[0]
        skin: FloatArray = np.median(tones.astype(np.float32), axis=0)
        return skin


def exposed(picture: ByteArray) -> ByteArray:
    """A picture [H,W,3], made as bright as most if it is very dark: contrasts in the dark are as small as paint's."""
    brightest = float(np.percentile(picture.max(axis=2), BRIGHT))
    if brightest >= VERY_DARK:
        return picture
    lit: ByteArray = cv2.convertScaleAbs(picture, alpha=EXPOSED / max(brightest, 1.0))
    return lit


def glasses_features(face: AlignedFace) -> FloatArray:
    """[3780] edges around the eyes: rims, bridge and temples."""
    return _edges(face.part(EYE_CORNERS, 2.0, (128, 64)))


def hidden_eyes_features(face: AlignedFace) -> FloatArray:
    """[1812] edges and tones of the two eyes, as if both were right ones; dark or mirroring lenses have no iris."""
    skin = face.skin()
    both = []
    for eye, turned in zip(EYES, (face, face.mirrored()), strict=True):
        crop = turned.part(EYES[0], 0.75, (64, 64)) if eye != EYES[0] else face.part(eye, 0.75, (64, 64))
        both.append(np.concatenate([_edges(crop), _tones(crop, skin, 4)]))
    return np.mean(both, axis=0, dtype=np.float32)


def covered_mouth_features(face: AlignedFace) -> FloatArray:
    """[2148] edges of the lower face, and its tones against the skin's."""
    crop = face.part(MOUTH, 1.3, (64, 64))
    tones = _tones(crop, face.skin(), 8)
    return np.concatenate([_edges(crop), tones, np.abs(tones)])


def drawing_features(face: AlignedFace) -> FloatArray:
    """[125] how often which contrasts occur at three scales, and how many and which colours."""
    crop = face.part(EYE_CORNERS + MOUTH_CORNERS, 2.2, (128, 128))
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    parts: list[FloatArray] = []
    for _ in range(OCTAVES):
        slope = np.hypot(cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)) / 4
        bend = np.abs(cv2.Laplacian(lab, cv2.CV_32F))
        for contrast in (slope, bend):
            parts += [_shares(contrast[..., 0]), _shares(contrast[..., 1:].max(axis=-1))]
        lab = cv2.resize(lab, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    colours = len(np.unique((crop >> 3).astype(np.int32) @ [1024, 32, 1]))
    hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)
    for channel in (1, 2):
        counts = np.bincount(hsv[..., channel].ravel() // 32, minlength=8)
        parts.append(np.sqrt(counts / counts.sum()))
    return np.concatenate([*parts, [np.log(colours) / 10]]).astype(np.float32)


def upright_features(face: AlignedFace) -> FloatArray:
    """[1764] edges of the whole face."""
    return _edges(face.part(EYE_CORNERS + MOUTH_CORNERS, 2.0, (64, 64)))


FEATURES: dict[str, Callable[[AlignedFace], FloatArray]] = {
    "glasses": glasses_features,
    "hidden_eyes": hidden_eyes_features,
    "covered_mouth": covered_mouth_features,
    "drawing": drawing_features,
    "upright": upright_features,
}


@dataclass(frozen=True)
class AttributeClassifier:
    """weights: per question [F + 1], the last is the offset; a score above 0 means yes."""

    weights: dict[str, FloatArray]

    def score(self, question: str, face: AlignedFace) -> float:
        """How far the answer to a question of `FEATURES` is yes (above 0) or no; mean of the face and its mirror."""
        weights = self.weights[question]
        seen = [FEATURES[question](view) for view in (face, face.mirrored())]
        return float(np.mean(seen, axis=0) @ weights[:-1] + weights[-1])

    def attributes(self, face: AlignedFace) -> FaceAttributes:
        """What the picture shows."""
        glasses = "none"
        if self.score("glasses", face) > 0:
            glasses = "sunglasses" if self.score("hidden_eyes", face) > 0 else "clear"
        drawing, covered = self.score("drawing", face), self.score("covered_mouth", face)
        # a drawn mouth may be a mere line, and a mask looks drawn: the surer answer is taken
        return FaceAttributes(glasses, covered > max(drawing, 0.0), drawing > max(covered, 0.0))


@loaded_once
def load_attributes(folder: Path) -> AttributeClassifier:
    """The classifier that `talker.training.attributes` wrote into `folder`."""
    questions = json.loads((folder / "config.json").read_text())["questions"]
    weights = load_file(folder / "model.safetensors")
    return AttributeClassifier({question: weights[question] for question in questions})


_HOGS: dict[tuple[int, int], cv2.HOGDescriptor] = {}


def _edges(crop: ByteArray) -> FloatArray:
    """[F] directions of the gradients in cells of 8 px, as square roots."""
    size = crop.shape[1], crop.shape[0]
    if size not in _HOGS:
        _HOGS[size] = cv2.HOGDescriptor(size, (16, 16), (8, 8), (8, 8), 9)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return np.sqrt(_HOGS[size].compute(grey)).ravel()


def _tones(crop: ByteArray, skin: FloatArray, cells: int) -> FloatArray:
    """[cells * cells * 3] mean tone of each cell against the skin's, in Lab."""
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    grid = cv2.resize(lab, (cells, cells), interpolation=cv2.INTER_AREA)
    return ((grid - skin) / 64.0).ravel().astype(np.float32)


def _shares(contrast: FloatArray) -> FloatArray:
    """[9] square roots of the shares of pixels between the bounds `CONTRASTS`."""
    counts = np.bincount(np.searchsorted(CONTRASTS, contrast.ravel()), minlength=len(CONTRASTS) + 1)
    return np.sqrt(counts / contrast.size)
