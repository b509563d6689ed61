"""A judge of faces that had no part in making them: two published expression networks and a small regression.

The networks rank well and are badly calibrated, so a logistic regression on their log-probabilities, fitted to
reliably labelled photographs grouped by person, decides. On real photographs it finds 71 % (mean recall of 5 classes,
5 folds): a hit rate on rendered faces is to be read against that. Fear and disgust have no usable judge: for them only
the networks' own log-probabilities are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from sklearn.linear_model import LogisticRegression

from talker.errors import DataError
from talker.face.landmarks import FACE_LANDMARKS
from talker.types import ByteArray, FloatArray
from talker.weights import store

CLASSES = (
    "neutral",
    "happy",
    "sad",
    "angry",
    "surprised",
    "fear",
    "disgusted",
)  # order of `ExpressionClassifier.networks`
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
    """probabilities: [5] in the order of `JUDGED`. log_networks: [7] mean log-probability of both networks."""

    probabilities: FloatArray
    log_networks: FloatArray

    @property
    def label(self) -> str:
        """The likeliest of `JUDGED`."""
        return JUDGED[int(self.probabilities.argmax())]


class ExpressionClassifier:
    """Reads one face at a time."""

    def __init__(self, regression: LogisticRegression) -> None:
        self._regression = regression
        self._fer = _interpreter(store.fetch("judge_fer"))
        self._facex = _interpreter(store.fetch("judge_facex"))

    @classmethod
    def fit(cls, data: Path) -> ExpressionClassifier:
        """Fit the regression to `data`/expressions/judge_outputs.npz. Raises DataError when it isn't there."""
        features, labels, _ = load_outputs(data)
        return cls(_regression().fit(features, labels))

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
        outputs = np.stack(self.networks(image, landmarks))  # [2, 7]
        logarithms = np.log(np.maximum(outputs, SMALLEST))
        return Prediction(self._regression.predict_proba(logarithms.reshape(1, -1))[0], logarithms.mean(0))


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


def grey_square(image: ByteArray, landmarks: FloatArray) -> FloatArray:
    """[s,s] 0..255 the square around the face mesh, continued with its edge where it leaves the picture."""
    points = landmarks[:FACE_LANDMARKS, :2]
    centre = (points.min(0) + points.max(0)) / 2
    half = CROP * float((points.max(0) - points.min(0)).max()) / 2
    left, top, right, bottom = (round(float(value)) for value in (*(centre - half), *(centre + half)))
    margin = max(0, -left, -top, right - image.shape[1], bottom - image.shape[0])
    padded = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    square = np.ascontiguousarray(padded[top + margin : bottom + margin, left + margin : right + margin])
    return cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
