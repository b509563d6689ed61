"""A judge of faces that had no part in making them: two published expression networks and a small regression.

The networks rank well and are badly calibrated, so a logistic regression on their log-probabilities, fitted to
reliably labelled photographs grouped by person, decides (`checkpoints/expression-judge`). On real photographs it finds
71 % (mean recall of 5 classes, 5 folds): a hit rate on rendered faces is to be read against that. Fear and disgust have
no usable judge: for them the likeliest of the networks' own seven classes counts, as an indication.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from safetensors.numpy import load_file, save_file
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from talker.errors import DataError
from talker.face.landmarks import FACE_LANDMARKS
from talker.types import ByteArray, FloatArray
from talker.weights import store

NAME = "fer + facex + regression"
# the order of `ExpressionClassifier.networks`
CLASSES = ("neutral", "happy", "sad", "angry", "surprised", "fear", "disgusted")
JUDGED = CLASSES[:5]
FER_ORDER = ("angry", "disgusted", "fear", "happy", "sad", "surprised", "neutral")
FACEX_ORDER = ("angry", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
DATA_NAMES = {
    "neutral": "neutral", "happiness": "happy", "sadness": "sad", "anger": "angry", "surprise": "surprised",
    "fear": "fear", "disgust": "disgusted",
}  # fmt: skip
CROP = 1.15  # sides of the square crop, in sides of the bounding box of the 468 mesh landmarks
SMALLEST = 1e-4  # probabilities are clipped here before their logarithm


@dataclass(frozen=True)
class Prediction:
    """One face, or the mean over the frames of a clip.

    log_judged: [5] log-probabilities in the order of `JUDGED`. log_networks: [7] the networks' mean, as in `CLASSES`.
    """

    log_judged: FloatArray
    log_networks: FloatArray

    @classmethod
    def mean(cls, predictions: Sequence[Prediction]) -> Prediction:
        """Of a clip's frames: the mean of their logarithms."""
        judged, networks = ([getattr(one, name) for one in predictions] for name in ("log_judged", "log_networks"))
        return cls(np.mean(judged, axis=0), np.mean(networks, axis=0))

    @property
    def label(self) -> str:
        """The likeliest of `JUDGED`."""
        return JUDGED[int(self.log_judged.argmax())]

    def reads_as(self, label: str) -> bool:
        """Whether `label` is the likeliest: of the five, or, for fear and disgust, of the networks' seven."""
        return label == (self.label if label in JUDGED else CLASSES[int(self.log_networks.argmax())])

    def log_probability(self, label: str) -> float:
        """Of one of `CLASSES`."""
        values, names = (self.log_judged, JUDGED) if label in JUDGED else (self.log_networks, CLASSES)
        return float(values[names.index(label)])


class ExpressionClassifier:
    """Reads one face at a time."""

    def __init__(self, weights: FloatArray, bias: FloatArray) -> None:
        self._weights, self._bias = weights, bias  # [14,5], [5]
        self._fer = _interpreter(store.fetch("judge_fer"))
        self._facex = _interpreter(store.fetch("judge_facex"))

    @classmethod
    def load(cls) -> ExpressionClassifier:
        """The judge with the regression of `checkpoints/expression-judge`."""
        tensors = load_file(store.checkpoint("expression-judge") / "model.safetensors")
        return cls(tensors["weights"], tensors["bias"])

    def networks(self, image: ByteArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Class probabilities [7] of both networks, in the order of `CLASSES`.

        image: [H,W,3]; landmarks: [478,3] px.
        """
        grey = grey_square(image, landmarks)
        small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA) / 127.5 - 1.0
        fer = _run(self._fer, small[None, :, :, None])
        facex = _run(self._facex, facex_input(grey))
        return fer[[FER_ORDER.index(name) for name in CLASSES]], facex[[FACEX_ORDER.index(name) for name in CLASSES]]

    def judge(self, image: ByteArray, landmarks: FloatArray) -> Prediction:
        """What the face at `landmarks` [478,3] px of the image reads as."""
        outputs = np.log(np.maximum(np.stack(self.networks(image, landmarks)), SMALLEST))  # [2,7]
        judged = log_softmax(outputs.reshape(-1) @ self._weights + self._bias)
        return Prediction(np.maximum(judged, np.log(SMALLEST)), outputs.mean(0))


def derive(data: Path, out: Path) -> None:
    """Fit the regression to `data`/expressions/judge_outputs.npz and write it; DataError when it isn't there."""
    features, labels, _ = load_outputs(data)
    fitted = _regression().fit(features, labels)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {"weights": fitted.coef_.T, "bias": fitted.intercept_}
    save_file(
        {name: np.ascontiguousarray(each, np.float32) for name, each in tensors.items()}, out / "model.safetensors"
    )
    facts = {"classes": JUDGED, "features": CLASSES, "photographs": len(labels), "recall": round(mean_recall(data), 3)}
    (out / "config.json").write_text(json.dumps(facts, indent=2) + "\n")


def load_outputs(data: Path) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """(log-probabilities [N, 14], index into `JUDGED` [N], person [N]) of the photographs of the judged classes."""
    path = data / "expressions" / "judge_outputs.npz"
    if not path.is_file():
        raise DataError(f"{data} holds no expressions/judge_outputs.npz.")
    with np.load(path, allow_pickle=False) as kept:
        columns = [[DATA_NAMES[str(name)] for name in kept["classes"]].index(name) for name in CLASSES]
        outputs = np.concatenate([kept["fer"][:, columns], kept["facex"][:, columns]], axis=1)  # [N, 14]
        labels = np.array([DATA_NAMES.get(str(name), "contempt") for name in kept["label"]])
        chosen = np.isin(labels, JUDGED)
        index = np.array([JUDGED.index(label) for label in labels[chosen]])
        return np.log(np.maximum(outputs[chosen], SMALLEST)), index, kept["person"][chosen]


def mean_recall(data: Path, folds: int = 5) -> float:
    """Mean recall of the judge on photographs of people it was not fitted to; 1 is perfect, 0.2 is chance."""
    features, labels, person = load_outputs(data)
    fold = person % folds
    guesses = np.empty_like(labels)
    for held_out in range(folds):
        test = fold == held_out
        guesses[test] = _regression().fit(features[~test], labels[~test]).predict(features[test])
    return float(np.mean([(guesses[labels == k] == k).mean() for k in range(len(JUDGED))]))


def _regression() -> LogisticRegression:
    return LogisticRegression(C=1.0, max_iter=1000, class_weight="balanced")


def _interpreter(path: Path) -> Interpreter:
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Interpreter, values: FloatArray) -> FloatArray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values.astype(np.float32))
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0], np.float32)


def facex_input(grey: FloatArray) -> FloatArray:
    """[1,200,200,3] a `grey_square` as facex's network takes it."""
    large = cv2.resize(grey, (200, 200), interpolation=cv2.INTER_AREA) / 255.0
    return np.repeat(large[None, :, :, None], 3, axis=3)


def square_around(landmarks: FloatArray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (px) of the square around the face mesh."""
    points = landmarks[:FACE_LANDMARKS, :2]
    centre = (points.min(0) + points.max(0)) / 2
    half = CROP * float((points.max(0) - points.min(0)).max()) / 2
    left, top, right, bottom = (round(float(value)) for value in (*(centre - half), *(centre + half)))
    return left, top, right, bottom


def grey_square(image: ByteArray, landmarks: FloatArray) -> FloatArray:
    """[s,s] 0..255 the square around the face mesh, continued with its edge where it leaves the picture."""
    left, top, right, bottom = square_around(landmarks)
    margin = max(0, -left, -top, right - image.shape[1], bottom - image.shape[0])
    padded = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    square = np.ascontiguousarray(padded[top + margin : bottom + margin, left + margin : right + margin])
    return cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
