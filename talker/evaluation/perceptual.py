"""How unlike two faces look to a network: distances of its features, as in LPIPS, in a network that no loss has used.

The network is facex's expression classifier (a MobileNetV2); at four depths the features of both faces are scaled to
length 1 at every place, and their squared distance is averaged (Zhang et al., "The Unreasonable Effectiveness of Deep
Features as a Perceptual Metric", 2018, without the learnt weights).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from talker.evaluation.expression_classifier import facex_input, grey_square, square_around
from talker.face.landmarks import OUTER_LIPS
from talker.types import ByteArray, FloatArray
from talker.weights import store

Part: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom of the network's picture, 0..1
WHOLE: Part = (0.0, 0.0, 1.0, 1.0)
AROUND_MOUTH = 0.35  # mouth widths
LAYERS = ("block_2_add/add", "block_5_add/add", "block_9_add/add", "block_12_add/add")  # 50², 25², 12², 12² places


class Perceiver:
    """Turns faces into features whose distance says how unlike they look."""

    def __init__(self) -> None:
        path = str(store.fetch("judge_facex"))
        self._network = Interpreter(path, num_threads=1, experimental_preserve_all_tensors=True)
        self._network.allocate_tensors()
        self._layers = [
            next(row["index"] for row in self._network.get_tensor_details() if row["name"].endswith(name))
            for name in LAYERS
        ]

    def features(self, image: ByteArray, landmarks: FloatArray) -> list[FloatArray]:
        """Of the face at `landmarks` [478,3] px of `image` [H,W,3], per layer [h,w,C], of length 1 at each place."""
        picture = facex_input(grey_square(image, landmarks))
        self._network.set_tensor(self._network.get_input_details()[0]["index"], picture)
        self._network.invoke()
        found = [np.asarray(self._network.get_tensor(index)[0], np.float32) for index in self._layers]
        return [layer / np.maximum(np.linalg.norm(layer, axis=-1, keepdims=True), 1e-6) for layer in found]


def mouth_part(landmarks: FloatArray) -> Part:
    """Where in the network's picture of a face with `landmarks` [478,3] px its mouth lies, with some skin around it."""
    left, top, right, bottom = square_around(landmarks)
    lips = (landmarks[list(OUTER_LIPS), :2] - (left, top)) / (right - left, bottom - top)
    around = AROUND_MOUTH * float(np.ptp(lips[:, 0]))
    low, high = np.clip([lips.min(axis=0) - around, lips.max(axis=0) + around], 0.0, 1.0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def distance(one: list[FloatArray], other: list[FloatArray], part: Part = WHOLE) -> float:
    """How unlike two faces look, or a part of them: 0 is the same picture."""
    return float(np.mean([_within(np.square(a - b).sum(-1), part).mean() for a, b in zip(one, other, strict=True)]))


def _within(places: FloatArray, part: Part) -> FloatArray:
    """The `places` [h,w] whose middles lie in a part; one of them at least."""
    height, width = places.shape
    left, top, right, bottom = (round(x * n) for x, n in zip(part, (width, height, width, height), strict=True))
    return places[top : max(bottom, top + 1), left : max(right, left + 1)]
