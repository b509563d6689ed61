"""Whether glasses, covered mouths and drawings are noticed, and nothing else is taken for them.

Glasses: five folds of people over all labelled faces, then the shipped weights on wearers that nothing was learnt from.
Covered mouths and drawings: things painted on, and drawings made from, faces that nothing was learnt from, with
landmarks found again in the new picture; and the real ones there are.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talker.data.appearance_labels import UNCLEAR, label_of
from talker.data.drawings import STYLES, draw
from talker.data.faces import FaceRow, face_rows
from talker.data.occluders import PAINTERS, cover
from talker.errors import TalkerError
from talker.evaluation.pictures import Strip, save_strips
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.portrait.appearance import CHECKPOINT, FEATURES, AlignedFace, AppearanceClassifier, load_appearance
from talker.training.appearance import (
    HIDDEN,
    PAINTED,
    PLAIN,
    QUESTIONS,
    Samples,
    TaughtFace,
    aligned_faces,
    collect,
    fold_scores,
)
from talker.types import ByteArray, Portrait
from talker.weights.store import checkpoint

MOST_FALSE = 0.01
EACH = 40  # faces that each occluder and each style is tried on
SHOWN = 24
Faces = dict[str, TaughtFace]


def run(data: Path, *, pictures: Path | None = None) -> str:
    """The table; `pictures` is a folder for what was not noticed, and for what was taken for something."""
    rows, faces = face_rows(data), aligned_faces(data)
    shipped = load_appearance(checkpoint(CHECKPOINT))
    with FaceDetector() as detector:
        lines = ["| what | found | false alarms |", "|---|---|---|"]
        lines += _glasses_in_folds([row for row in rows if row.name in faces], faces)
        usable = dict(_portraits([row for row in rows if row.reported], detector))
        reported = [row for row in rows if row.name in usable]
        lines += _labelled(reported, usable)
        lines += _made(reported, usable, detector, pictures)
    lines.append(f"| milliseconds a question | {_milliseconds(shipped, next(iter(faces.values())).face)} | |")
    return "\n".join(lines)


def _portraits(rows: list[FaceRow], detector: FaceDetector) -> Iterator[tuple[str, Portrait]]:
    """Each picture that is accepted as a portrait: what is refused anyway can be no false alarm."""
    for row in rows:
        try:
            yield row.name, analyse(load_image(row.path), detector=detector)
        except TalkerError:
            continue


def _glasses_in_folds(rows: list[FaceRow], faces: Faces) -> Iterator[str]:
    """Wearers found when their people were left out, at the threshold that a hundredth of the others passes."""
    samples = collect(QUESTIONS["glasses"], "glasses", rows, faces)
    samples = samples.where(samples.kinds != PAINTED)
    scores = fold_scores(samples, QUESTIONS["glasses"].ridge)
    yield _at_one_percent(f"glasses, five folds of people over all {len(rows)} faces", samples, scores)


def _at_one_percent(what: str, samples: Samples, scores: np.ndarray) -> str:
    plain = samples.kinds == PLAIN
    wearers, others = scores[plain & samples.answers], scores[plain & ~samples.answers]
    threshold = np.quantile(others, 1.0 - MOST_FALSE)
    return f"| {what} | {_share(wearers > threshold)} | {_share(others > threshold)} (set) |"


def _labelled(rows: list[FaceRow], usable: dict[str, Portrait]) -> Iterator[str]:
    """The shipped weights on labelled report faces."""
    shown = {row.name: usable[row.name].appearance for row in rows}
    labels = {row.name: label_of(row.name) for row in rows}
    clear = [name for name in shown if labels[name].glasses != UNCLEAR]
    worn = np.array([shown[name].glasses != "none" for name in clear])
    truth = np.array([labels[name].glasses != "none" for name in clear])
    yield f"| glasses, report faces, shipped weights | {_share(worn[truth])} | {_share(worn[~truth])} |"
    dark = np.array([shown[name].glasses == "sunglasses" for name in clear])
    sun = np.array([labels[name].glasses == "sunglasses" for name in clear])
    yield f"| of these: eyes behind dark glasses | {_share(dark[sun])} | {_share(dark[~sun])} |"
    free = np.array([shown[name].mouth_covered for name in shown if labels[name].mouth == "free"])
    photographs = np.array([shown[name].drawn for name in shown if labels[name].medium == "photograph"])
    yield f"| uncovered mouths and photographs, report faces | | {_share(free)}, {_share(photographs)} |"


def _made(
    rows: list[FaceRow], usable: dict[str, Portrait], detector: FaceDetector, pictures: Path | None
) -> Iterator[str]:
    """What is painted before mouths and what is drawn from photographs; refusals count as found."""
    rng = np.random.default_rng(0)
    plain = [usable[row.name] for row in rows if label_of(row.name).mouth == "free"]
    missed: list[Strip] = []
    totals: dict[str, list[bool]] = {"mouth_covered": [], "drawn": []}
    for question, kinds in (("mouth_covered", PAINTERS), ("drawn", STYLES)):
        for kind in kinds:
            found = []
            for index in rng.choice(len(plain), min(EACH, len(plain)), replace=False):
                picture = _changed(plain[index], question, kind, rng)
                if picture is None:
                    continue
                found.append(_noticed(picture, question, detector))
                if not found[-1]:
                    missed.append(Strip(f"{kind}, not noticed", (plain[index].image, picture)))
            totals[question] += found
            yield f"| {question}: {kind} | {_share(np.array(found))} | |"
        yield f"| **{question}, all kinds** | {_share(np.array(totals[question]))} | |"
    if pictures is not None:
        save_strips(missed[:SHOWN], pictures / "appearance-missed.png")


def _changed(portrait: Portrait, question: str, kind: str, rng: np.random.Generator) -> ByteArray | None:
    """The portrait with something before its mouth, or drawn; None where the thing hides too little."""
    if question == "drawn":
        return draw(portrait.image, portrait.landmarks, kind, rng)
    picture, hidden = cover(portrait.image, portrait.landmarks, kind, rng)
    return picture if hidden > HIDDEN else None


def _noticed(picture: ByteArray, question: str, detector: FaceDetector) -> bool:
    try:
        return bool(getattr(analyse(picture, detector=detector).appearance, question))
    except TalkerError:
        return True  # refused, with a sentence


def _milliseconds(classifier: AppearanceClassifier, face: AlignedFace) -> str:
    """Processor time of each question."""
    parts = []
    for question in FEATURES:
        start = time.process_time()
        for _ in range(20):
            classifier.score(question, dataclasses.replace(face))
        parts.append(f"{question} {(time.process_time() - start) / 20 * 1000:.1f}")
    return ", ".join(parts)


def _share(hits: np.ndarray) -> str:
    return f"{hits.mean():.1%} ({hits.sum()} of {len(hits)})" if len(hits) else "none"
