"""The photographs of faces in a data folder: whose they are, what may be done with them, and the face fitted to each.

A fit costs a tenth of a second, so each is kept as a file of its own in the cache; a run that is stopped goes on where
it was. Portraits (`DIR/portraits`) are rows like the pictures of `DIR/faces`.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.errors import DataError, TalkerError
from talker.face.camera import rotation_matrix
from talker.files import replaced_when_done
from talker.media.image import load_image
from talker.types import FaceFit, Portrait, Progress
from talker.weights import store

PERMISSIVE_SETS = ("sfhq_t2i", "london", "portraits")  # whose licences allow commercial use
PAIRED_REPORTED = (0, 3, 6)  # last digits of the London people that are reported on
FIRST_REPORTED_PORTRAIT = 151
LARGEST_ERROR = 0.016  # of a fit, in face widths: beyond it the landmarks do not describe a face that the model knows
LARGEST_TURN = 30.0  # degrees to the side, or up and down
CHUNK = 16  # faces that a process fits before it reports
FIT_VERSION = 1


@dataclass(frozen=True)
class FaceRow:
    """One picture.

    path: of the picture. collection: the set that it comes from. person: the same for two pictures of one person.
    reported: whether figures are reported on it, so that nothing may be learnt or tuned on it. mouth_gap: between the
    inner lips, in mouth widths (NaN where the index has none).
    """

    path: Path
    collection: str
    person: str
    reported: bool
    mouth_gap: float = float("nan")

    @property
    def name(self) -> str:
        """Of the file, without its ending: unique in the data folder."""
        return self.path.stem

    @property
    def permissive(self) -> bool:
        """Whether weights that learnt from it may be used commercially."""
        return self.collection in PERMISSIVE_SETS


def face_rows(data: Path) -> list[FaceRow]:
    """All pictures of `data`/faces and `data`/portraits, in order. DataError when there are none."""
    rows = [*_indexed(data / "faces"), *_portraits(data / "portraits")]
    if not rows:
        raise DataError(f"{data} holds neither faces/index.csv nor portraits/*.jpg.")
    return rows


def _indexed(folder: Path) -> Iterator[FaceRow]:
    index = folder / "index.csv"
    if not index.is_file():
        return
    with open(index, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            path = folder / line["file"]
            number = int("".join(filter(str.isdigit, path.stem.split("_")[-1])) or 0)
            if line["set"] == "london":
                person = f"london_{line['pair']}"
                reported = int("".join(filter(str.isdigit, line["pair"])) or 0) % 10 in PAIRED_REPORTED
            else:
                person, reported = path.stem, number % 10 == 0
            yield FaceRow(path, line["set"], person, reported, float(line["inner_lip_gap_over_mouth_width"] or "nan"))


def _portraits(folder: Path) -> Iterator[FaceRow]:
    for number, path in enumerate(sorted(folder.glob("*.jpg")), start=1):
        yield FaceRow(path, "portraits", path.stem, number >= FIRST_REPORTED_PORTRAIT)


def fit_faces(rows: Iterable[FaceRow], *, processes: int = 1, progress: Progress | None = None) -> None:
    """Fit the face model to every picture that has not been fitted yet; slow, and safe to interrupt."""
    missing = [row for row in rows if not _kept(row).is_file()]
    chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        for done, _ in enumerate(pool.map(_fit, chunks), start=1):
            if progress:
                progress(min(done * CHUNK, len(missing)), len(missing))


def fitted(row: FaceRow) -> Portrait | None:
    """The picture with its fit; None where no usable face was found. DataError when it was not fitted yet."""
    path = _kept(row)
    if not path.is_file():
        raise DataError(f"{row.path} has no fit yet; make the fits with: python -m talker prepare faces.")
    with np.load(path, allow_pickle=False) as stored:
        values = dict(stored)
    if "landmarks" not in values:
        return None
    fit = FaceFit(
        identity=values["identity"], expression=values["expression"], rotation=values["rotation"],
        translation=values["translation"], scale=float(values["scale"]), error=float(values["error"]),
    )  # fmt: skip
    box = tuple(float(value) for value in values["box"])
    return Portrait(
        load_image(row.path), values["landmarks"], fit, values["scores"], (box[0], box[1], box[2], box[3]),
        int(values["faces"]),
    )  # fmt: skip


def usable(portrait: Portrait | None) -> bool:
    """Whether the face can teach: found, well described by the model, and turned to the camera."""
    if portrait is None or portrait.fit.error > LARGEST_ERROR:
        return False
    ahead = rotation_matrix(portrait.fit.rotation)[:, 2]
    return bool(np.degrees(np.arccos(np.clip(ahead[2], -1, 1))) <= LARGEST_TURN)


def _fit(rows: list[FaceRow]) -> None:
    from talker.face.detector import FaceDetector  # only fitting needs the detector
    from talker.portrait.analyse import analyse

    with FaceDetector() as detector:
        for row in rows:
            try:
                portrait = analyse(load_image(row.path), detector=detector)
            except TalkerError:
                _store(row, {})
            else:
                fit = {field.name: getattr(portrait.fit, field.name) for field in dataclasses.fields(portrait.fit)}
                assert portrait.detected_blendshapes.shape == (BLENDSHAPE_COUNT,)
                _store(
                    row,
                    fit
                    | {"landmarks": portrait.landmarks.astype(np.float32), "scores": portrait.detected_blendshapes,
                       "box": np.array(portrait.face_box), "faces": portrait.faces},
                )  # fmt: skip


def _store(row: FaceRow, values: dict[str, object]) -> None:
    with replaced_when_done(_kept(row)) as scratch:
        np.savez(scratch, **{name: np.asarray(value) for name, value in values.items()})


@functools.cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _kept(row: FaceRow) -> Path:
    """Where its fit lies in the cache: changes with the picture's content."""
    return store.cache_folder() / f"faces-{FIT_VERSION}" / f"{row.name}-{_digest(row.path)}.npz"
