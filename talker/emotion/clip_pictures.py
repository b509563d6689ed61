"""CLIP's picture side as a second opinion of the picture tower, where CLIP's weights are on this machine.

A small head from CLIP's view of a face to the emotion space is fitted at first use to faces that this project's own
renderer draws: the catalogue's emotions on portraits that come with its dependencies. A head fitted to all portraits
but one must read the one left out, at other strengths; the second opinion counts only when that goes well enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

from talker.emotion.catalogue import EMOTIONS
from talker.emotion.clip import EXTRA, ClipTower, clip_tower, heads_file, keep_heads, ridge
from talker.emotion.labels import label_code
from talker.emotion.space import EmotionSpace
from talker.errors import AssetError
from talker.types import EMOTION_LABELS, ByteArray, EmotionCode, FloatArray
from talker.weights import store

ENOUGH = 0.6  # of the faces left out must read as their label; 1/8 is chance
SHARE = 0.25  # of the point of a picture that CLIP decides; the rest is the picture tower's
FEELINGS_DRAWN = tuple(emotion.name for emotion in EMOTIONS[:14])  # the eight labels and C-MET's six
STRENGTHS, CHECK_STRENGTHS = (0.6, 1.2), (0.5, 0.9)
SQUARE, MARGIN = 224, 1.3  # px; of the square around the landmarks
# Codes -> of each portrait: its landmarks [478, 3] px, and the portrait [H, W, 3] with each of the codes.
DrawFaces = Callable[[Sequence[EmotionCode]], Iterator[tuple[FloatArray, Sequence[ByteArray]]]]


@dataclass(frozen=True)
class PictureHead:
    """CLIP and the linear way from its view to the space: points = (view - mean) @ weight + bias, normalised."""

    tower: ClipTower
    mean: FloatArray  # [view]
    weight: FloatArray  # [view, width]
    bias: FloatArray  # [width]

    def place(self, squares: ByteArray) -> FloatArray:
        """Points [N, width] of faces that fill squares [N, S, S, 3]."""
        return self.points(self.tower.encode_pictures(squares))

    def points(self, views: FloatArray) -> FloatArray:
        """Points [N, width] of what CLIP sees [N, view]."""
        points = (views - self.mean) @ self.weight + self.bias
        return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


def with_second_opinion(
    space: EmotionSpace, points: FloatArray, image: ByteArray, landmarks: FloatArray, draw: DrawFaces
) -> tuple[FloatArray, str]:
    """The picture tower's points [1, width], with CLIP's where CLIP is here and good enough, and a note about that.

    image: [H, W, 3]. landmarks: [478, 3] px in it. draw: draws the faces that the head is fitted to at first use.
    """
    weights = store.extra(EXTRA)
    if weights is None:
        return points, ""
    head, note = _opinion(space, weights, draw)
    if head is None:
        return points, note
    mixed = (1.0 - SHARE) * points + SHARE * head.place(face_square(image, landmarks)[None])
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True), note


@lru_cache(maxsize=2)
def _opinion(space: EmotionSpace, weights: Path, draw: DrawFaces) -> tuple[PictureHead | None, str]:
    try:
        tower = clip_tower(weights)
    except AssetError as error:
        return None, f"without a second opinion: {error}"
    head, score = fitted_head(space, tower, draw)
    found = f"{tower.name} read {score:.0%} of the drawn faces left out"
    if score < ENOUGH:
        return None, f"without a second opinion: {found}, {ENOUGH:.0%} are asked"
    return head, f"with {tower.name} as second opinion"


def fitted_head(space: EmotionSpace, tower: ClipTower, draw: DrawFaces) -> tuple[PictureHead, float]:
    """The head, and its score on the faces left out: from the cache or found now."""
    kept = heads_file("pictures", space, tower, [FEELINGS_DRAWN, STRENGTHS, CHECK_STRENGTHS])
    if kept.is_file():
        values = load_file(kept)
        return PictureHead(tower, values["mean"], values["weight"], values["bias"]), float(values["score"])
    taught = [(name, strength) for name in FEELINGS_DRAWN for strength in STRENGTHS]
    check = [(name, strength) for name in EMOTION_LABELS for strength in CHECK_STRENGTHS]
    codes = [label_code(name, strength) for name, strength in taught + check]
    views = []  # of each portrait [N, view]
    for landmarks, frames in draw(codes):
        views.append(tower.encode_pictures(np.stack([face_square(frame, landmarks) for frame in frames])))
    targets = np.stack([space.key(name) for name, _ in taught])  # [taught, width]
    labels = [EMOTION_LABELS.index(name) for name, _ in check]
    seen = [rows[: len(taught)] for rows in views]
    right = []
    for index, rows in enumerate(views):
        head = _fit(tower, seen[:index] + seen[index + 1 :], targets)
        guesses = space.read(head.points(rows[len(taught) :])).probabilities.argmax(1)
        right.append(float(np.mean(guesses == labels)))
    head, score = _fit(tower, seen, targets), float(np.mean(right))
    values = {"mean": head.mean, "weight": head.weight, "bias": head.bias, "score": np.array(score)}
    keep_heads({name: torch.from_numpy(value) for name, value in values.items()}, kept)
    return head, score


def face_square(image: ByteArray, landmarks: FloatArray) -> ByteArray:
    """[S, S, 3] the face with landmarks [478, 3] px in an image [H, W, 3]; black beyond the image."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    middle, half = (low + high) / 2.0, MARGIN * float((high - low).max()) / 2.0
    box = [round(float(value)) for value in (*(middle - half), *(middle + half))]
    square = Image.fromarray(image).crop((box[0], box[1], box[2], box[3]))
    return np.asarray(square.resize((SQUARE, SQUARE), Image.Resampling.BICUBIC))


def _fit(tower: ClipTower, views: Sequence[FloatArray], targets: FloatArray) -> PictureHead:
    """A head fitted to what CLIP sees [taught, view] of each portrait; `targets` [taught, width] is what it shows."""
    return PictureHead(tower, *ridge(np.concatenate(views), np.tile(targets, (len(views), 1))))
