"""Labelled faces for the emotion space: measurements of photographs, and faces rendered from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.errors import DataError
from talker.types import FloatArray

PHOTOGRAPH_FEELINGS = {
    "neutral": "neutral", "happiness": "happy", "sadness": "sad", "anger": "angry", "surprise": "surprised",
    "fear": "fear", "disgust": "disgusted", "contempt": "contempt",
}  # fmt: skip
LANDMARK_UNIT = 8192  # the file's integers per eye-corner distance


@dataclass(frozen=True)
class FaceRecords:
    """Measured faces: landmarks [N,478,3] (y down), detector's blendshapes [N,52], emotion [N], person [N]."""

    landmarks: FloatArray
    blendshapes: FloatArray
    emotion: np.ndarray
    person: np.ndarray

    def __len__(self) -> int:
        return len(self.emotion)

    def where(self, chosen: np.ndarray) -> FaceRecords:
        """The faces that `chosen` (mask or indices) picks."""
        return FaceRecords(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def load_photographs(data: Path, most_per_feeling: int = 400, seed: int = 0) -> FaceRecords:
    """The reliably labelled photographs, at most `most_per_feeling` of each.

    Raises DataError when the measurements aren't there.
    """
    path = data / "expressions" / "expressions.npz"
    if not path.is_file():
        raise DataError(f"{data} holds no expressions/expressions.npz.")
    with np.load(path, allow_pickle=False) as measured:
        labels, reliable = measured["label"], measured["reliable"]
        random = np.random.default_rng(seed)
        chosen = np.concatenate(
            [random.permutation(np.flatnonzero(reliable & (labels == name)))[:most_per_feeling]
             for name in PHOTOGRAPH_FEELINGS]
        )  # fmt: skip
        blendshapes = np.zeros((len(chosen), BLENDSHAPE_COUNT), np.float32)
        for column, name in enumerate(measured["blendshape_names"]):
            if name in BLENDSHAPE_INDEX:
                blendshapes[:, BLENDSHAPE_INDEX[str(name)]] = measured["blendshapes"][chosen, column]
        return FaceRecords(
            measured["landmarks"][chosen].astype(np.float32) / LANDMARK_UNIT,
            blendshapes,
            np.array([PHOTOGRAPH_FEELINGS[str(name)] for name in labels[chosen]]),
            np.array([f"photograph/{person}" for person in measured["person"][chosen]]),
        )


def join_faces(*parts: FaceRecords) -> FaceRecords:
    """All records in one."""
    return FaceRecords(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in FaceRecords.__dataclass_fields__)
    )
