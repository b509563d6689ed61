"""The face fitted to each photograph: a tenth of a second each, kept as files of their own in the cache.

A run that is stopped goes on where it was.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.data.faces import FaceRow
from talker.errors import DataError, TalkerError
from talker.face.camera import rotation_matrix
from talker.files import replaced_when_done
from talker.media.image import load_image
from talker.types import FaceFit, Portrait, Progress
from talker.weights import store
from talker.workers import worker_processes

LARGEST_ERROR = 0.016  # of a fit, in face widths: beyond it the landmarks do not describe a face that the model knows
LARGEST_TURN = 30.0  # degrees to the side, or up and down
CHUNK = 16  # faces that a process fits before it reports
FIT_VERSION = 1


def fit_faces(rows: Iterable[FaceRow], *, processes: int = 1, progress: Progress | None = None) -> None:
    """Fit the face model to every picture that has not been fitted yet; slow, and safe to interrupt."""
    missing = [row for row in rows if not _kept(row).is_file()]
    chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
    with worker_processes(processes) as pool:
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
        np.savez(scratch, allow_pickle=False, **{name: np.asarray(value) for name, value in values.items()})


@functools.cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _kept(row: FaceRow) -> Path:
    """Where its fit lies in the cache: changes with the picture's content."""
    return store.cache_folder() / f"faces-{FIT_VERSION}" / f"{row.name}-{_digest(row.path)}.npz"
