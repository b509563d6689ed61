"""Trains checkpoints/attributes: glasses, covered mouths, drawings and upright faces from labelled pictures.

Each question of `talker.portrait.attributes` is a logistic regression on its features. Wearers of glasses are the
labelled ones; what covers mouths is painted on, drawings are made from photographs, and faces are turned upside down.
Only pictures that figures are not reported on teach, and the offset of each score is chosen on people left out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from talker.cache import cache_path, load, save
from talker.data.attribute_labels import UNCLEAR, AttributeLabel, label_of
from talker.data.drawings import STYLES, draw
from talker.data.faces import FaceRow, face_rows
from talker.data.occluders import PAINTERS, cover
from talker.data.painted_glasses import paint_glasses
from talker.data.picture_augmentation import augment_picture
from talker.face.detector import FaceDetector, Landmarker
from talker.media.image import load_image
from talker.portrait.attributes import FEATURES, SIDE, UNIT, AlignedFace
from talker.types import ByteArray, FloatArray

FOLDS = 5
HIDDEN, BARE = 0.6, 0.1  # a mouth counts as covered from the first share of its lips on, as free up to the second
NEAR_MOUTH = (0.5, 0.9)  # units beside the mouth: what lies there covers nothing
WEARER_VARIANTS = 6  # of each picture with glasses, which are rare
DRAWN_SHARE = 0.6  # of the photographs become drawings
DRAWN_SIZES = (1.0, 1.0, 1.6, 2.2)  # strokes are as fine as in drawings that are so many times as large
ALIGNED_VERSION = 2
PLAIN, VARIED, PAINTED = "plain", "varied", "painted"  # as it came, as another camera's, with painted glasses
Sample = tuple[AlignedFace, bool, str]  # the face, the answer, and one of these


@dataclass(frozen=True)
class TaughtFace:
    """A labelled face, and where the landmarker sees a face when it stands on its head: [478,2] px, None if right."""

    face: AlignedFace
    inverted: FloatArray | None
    label: AttributeLabel


@dataclass(frozen=True)
class Question:
    """How one question is learnt.

    samples: what a face teaches. ridge: the inverse of the penalty. false_share: of the pictures as they came
    whose answer is no, how many may score above 0 when their people were left out.
    """

    samples: Callable[[TaughtFace, np.random.Generator], Iterator[Sample]]
    ridge: float
    false_share: float


@dataclass(frozen=True)
class Samples:
    """features: [N,F]. answers: [N] bool. kinds: [N] plain, varied or painted. people: [N] whose face it is."""

    features: FloatArray
    answers: np.ndarray
    kinds: np.ndarray
    people: np.ndarray

    def where(self, chosen: np.ndarray) -> Samples:
        """The samples chosen by [N] bool."""
        return Samples(*(getattr(self, field.name)[chosen] for field in dataclasses.fields(self)))


@dataclass(frozen=True)
class _Aligned:
    """What the cache holds of every face that was found: names [N], pictures [N,256,256,3], landmarks [N,478,2].

    inverted: [N,478,2] where the landmarker sees a face in the picture upside down, NaN where it sees the right one.
    """

    names: np.ndarray
    pictures: np.ndarray
    landmarks: np.ndarray
    inverted: np.ndarray


def train(data: Path, out: Path) -> None:
    """Write the classifier that learnt from all building faces of `data`, and beside it the permissive one."""
    faces = aligned_faces(data)
    rows = [row for row in face_rows(data) if not row.reported and row.name in faces]
    permissive = [row.person for row in rows if row.permissive]
    samples = {name: collect(question, name, rows, faces) for name, question in QUESTIONS.items()}
    for folder, taught in ((out, rows), (permissive_folder(out), [row for row in rows if row.permissive])):
        weights = {}
        for name, question in QUESTIONS.items():
            drawn_from = samples[name]
            chosen = drawn_from.kinds != PAINTED if folder == out else np.isin(drawn_from.people, permissive)
            weights[name] = learn(question, drawn_from.where(chosen))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(weights, folder / "model.safetensors")
        sets = sorted({row.collection for row in taught})
        config = {"questions": list(weights), "pictures": len(taught), "sets": sets}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def permissive_folder(folder: Path) -> Path:
    """Where the variant lies that learnt from sets with clear licences only."""
    return folder.with_name(f"{folder.name}-permissive")


def learn(question: Question, samples: Samples) -> FloatArray:
    """[F + 1] weights of a question; a score above 0 means yes."""
    held_out = fold_scores(samples, question.ridge)
    noes = held_out[(samples.kinds == PLAIN) & ~samples.answers]
    weights = regression(samples.features, samples.answers, question.ridge)
    weights[-1] -= np.quantile(noes, 1.0 - question.false_share)
    return weights.astype(np.float32)


def collect(question: Question, name: str, rows: list[FaceRow], faces: dict[str, TaughtFace]) -> Samples:
    """Features and answers of everything that the rows teach; the same for the same rows."""
    features, answers, kinds, people = [], [], [], []
    for row in rows:
        rng = np.random.default_rng(list(row.name.encode()))
        for face, answer, kind in question.samples(faces[row.name], rng):
            features.append(FEATURES[name](face))
            answers.append(answer)
            kinds.append(kind)
            people.append(row.person)
    return Samples(np.array(features, np.float32), np.array(answers), np.array(kinds), np.array(people))


def fold_scores(samples: Samples, ridge: float) -> FloatArray:
    """[N] scores from regressions that have not seen the sample's person."""
    scores = np.zeros(len(samples.answers))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for taught, tested in folds.split(samples.features, samples.answers, samples.people):
        weights = regression(samples.features[taught], samples.answers[taught], ridge)
        scores[tested] = samples.features[tested] @ weights[:-1] + weights[-1]
    return scores


def regression(features: FloatArray, answers: np.ndarray, ridge: float) -> FloatArray:
    """[F + 1] weights on the features as they are, and the offset."""
    scaler = StandardScaler().fit(features)
    fitted = LogisticRegression(C=ridge, class_weight="balanced", max_iter=200).fit(scaler.transform(features), answers)
    weights = fitted.coef_[0] / scaler.scale_
    return np.append(weights, fitted.intercept_[0] - weights @ scaler.mean_)


def aligned_faces(data: Path) -> dict[str, TaughtFace]:
    """The largest face of every picture of `data`, aligned, by the picture's name; found once and cached."""
    rows = face_rows(data)
    path = cache_path("aligned-faces", ALIGNED_VERSION, [row.path for row in rows])
    if not path.is_file():
        found: list[tuple[str, ByteArray, FloatArray, FloatArray]] = []
        with FaceDetector() as detector, Landmarker() as landmarker:
            for row in rows:
                image = load_image(row.path)
                faces = detector.detect(image)
                if faces:
                    face = AlignedFace.of(image, faces[0].landmarks)
                    found.append((row.name, face.picture, face.landmarks, _inverted(face, landmarker)))
        save(path, _Aligned(*(np.array(column) for column in zip(*found, strict=True))))
    stored = load(path)
    return {
        str(name): TaughtFace(
            AlignedFace(picture, landmarks), None if np.isnan(inverted).any() else inverted, label_of(str(name))
        )
        for name, picture, landmarks, inverted in zip(
            *(stored[field.name] for field in dataclasses.fields(_Aligned)), strict=True
        )
    }


def _inverted(face: AlignedFace, landmarker: Landmarker) -> FloatArray:
    """[478,2] px where the landmarker sees an upright face in the picture upside down; NaN where it doesn't."""
    seen = landmarker.look(_upside_down(face.picture))
    wrong = seen and abs(seen[0].roll) < np.pi / 2
    return seen[0].landmarks[:, :2] if wrong else np.full_like(face.landmarks, np.nan)


def _upside_down(picture: ByteArray) -> ByteArray:
    return np.ascontiguousarray(picture[::-1, ::-1])


def varied(face: AlignedFace, rng: np.random.Generator, *, shift: float = 0.04, growth: float = 0.06) -> AlignedFace:
    """The face as another camera and another detector would have it, perhaps mirrored."""
    picture = augment_picture(face.picture, rng)
    middle = np.full(2, SIDE / 2)
    factor, angle = np.exp(rng.normal(0, growth)), rng.normal(0, 0.03)
    turn = factor * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    landmarks = (face.landmarks - middle) @ turn + middle + rng.normal(0, shift * UNIT, 2)
    moved = AlignedFace(picture, landmarks)
    return moved.mirrored() if rng.random() < 0.5 else moved


def _glasses(taught: TaughtFace, rng: np.random.Generator) -> Iterator[Sample]:
    face, glasses = taught.face, taught.label.glasses
    if glasses == UNCLEAR:
        return
    wears = glasses != "none"
    yield face, wears, PLAIN
    for _ in range(WEARER_VARIANTS if wears else 1):
        yield varied(face, rng), wears, VARIED
    if not wears:
        painted = dataclasses.replace(face, picture=paint_glasses(face.picture, face.landmarks, rng))
        yield varied(painted, rng), True, PAINTED


def _hidden_eyes(taught: TaughtFace, rng: np.random.Generator) -> Iterator[Sample]:
    face, glasses = taught.face, taught.label.glasses
    if glasses != UNCLEAR:
        hidden = glasses == "sunglasses"
        yield face, hidden, PLAIN if glasses == "clear" else VARIED
        for _ in range(WEARER_VARIANTS if glasses != "none" else 0):
            yield varied(face, rng), hidden, VARIED


def _covered_mouth(taught: TaughtFace, rng: np.random.Generator) -> Iterator[Sample]:
    face = taught.face
    if taught.label.mouth != "free":
        if taught.label.mouth == "covered":
            yield face, True, PLAIN
        return
    yield face, False, PLAIN
    yield varied(face, rng), False, VARIED
    kinds = rng.permutation(list(PAINTERS))
    for kind, away in ((kinds[0], 0.0), (kinds[1], rng.choice([0.0, rng.uniform(*NEAR_MOUTH)]))):
        picture, hidden = cover(face.picture, face.landmarks, str(kind), rng, away=away)
        if hidden > HIDDEN or hidden < BARE:
            yield varied(dataclasses.replace(face, picture=picture), rng), hidden > HIDDEN, VARIED


def _drawing(taught: TaughtFace, rng: np.random.Generator) -> Iterator[Sample]:
    face = taught.face
    if taught.label.medium != "photograph":
        if taught.label.medium == "drawing":
            yield face, True, PLAIN
        return
    yield face, False, PLAIN
    yield varied(face, rng), False, PLAIN  # what other cameras make of a photograph must not pass for a drawing either
    if rng.random() < DRAWN_SHARE:
        drawn = _drawn(face, str(rng.choice(list(STYLES))), float(rng.choice(DRAWN_SIZES)), rng)
        yield drawn, True, VARIED
        yield varied(drawn, rng), True, VARIED


def _drawn(face: AlignedFace, style: str, size: float, rng: np.random.Generator) -> AlignedFace:
    """The face as a drawing that was `size` times as large."""
    large = cv2.resize(face.picture, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    drawn = draw(large, (face.landmarks + 0.5) * size - 0.5, style, rng)
    return dataclasses.replace(face, picture=cv2.resize(drawn, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _upright(taught: TaughtFace, rng: np.random.Generator) -> Iterator[Sample]:
    """Faces as they are, and what the landmarker takes for faces in pictures that stand on their head."""
    face = taught.face
    if rng.random() < 0.2:
        face = dataclasses.replace(face, picture=cover(face.picture, face.landmarks, "mask", rng)[0])
    elif rng.random() < 0.2:
        face = _drawn(face, str(rng.choice(["comic", "vector", "pencil"])), 1.0, rng)
    yield varied(face, rng), True, VARIED
    if taught.inverted is not None:
        turned = AlignedFace.of(_upside_down(taught.face.picture), taught.inverted)
        yield turned, False, PLAIN
        yield varied(turned, rng), False, PLAIN


QUESTIONS: dict[str, Question] = {
    "glasses": Question(_glasses, 0.001, 0.009),
    "hidden_eyes": Question(_hidden_eyes, 0.01, 0.05),
    "covered_mouth": Question(_covered_mouth, 0.0005, 0.005),
    "drawing": Question(_drawing, 0.1, 0.006),
    "upright": Question(_upright, 0.001, 0.001),
}
