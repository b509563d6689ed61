"""Trains checkpoints/appearance: glasses, covered mouths, drawings and upright faces from labelled pictures.

Each question of `talker.portrait.appearance` is a logistic regression on its features. Wearers of glasses are the
labelled ones; what covers mouths is painted on, drawings are made from photographs, and faces are turned upside down.
Only pictures that figures are not reported on teach, and the offset of each score is chosen on people left out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from talker.cache import cache_path, load, save
from talker.data.appearance_labels import UNCLEAR, AppearanceLabel, label_of
from talker.data.drawings import STYLES, draw
from talker.data.faces import FaceRow, face_rows
from talker.data.occluders import PAINTERS, cover
from talker.data.picture_augmentation import augment_picture
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.appearance import FEATURES, SIDE, UNIT, AlignedFace
from talker.types import FloatArray

FOLDS = 5
HIDDEN, BARE = 0.6, 0.1  # a mouth counts as covered from the first share of its lips on, as free up to the second
NEAR_MOUTH = (0.5, 0.9)  # units beside the mouth: what lies there covers nothing
WEARER_VARIANTS = 6  # of each picture with glasses, which are rare
DRAWN_SHARE = 0.35  # of the photographs become drawings
ALIGNED_VERSION = 1
Sample = tuple[AlignedFace, bool, bool]  # the face, the answer, and whether it is a picture as it came


@dataclass(frozen=True)
class Question:
    """How one question is learnt.

    samples: what a labelled face teaches. ridge: the inverse of the penalty. false_share: of the pictures as they came
    whose answer is no, how many may score above 0 when their people were left out.
    """

    samples: Callable[[AlignedFace, AppearanceLabel, np.random.Generator], Iterator[Sample]]
    ridge: float
    false_share: float


@dataclass(frozen=True)
class Samples:
    """features: [N,F]. answers, plain: [N] bool. people: [N] whose face it is."""

    features: FloatArray
    answers: np.ndarray
    plain: np.ndarray
    people: np.ndarray

    def of(self, people: set[str]) -> Samples:
        """The samples of these people."""
        chosen = np.isin(self.people, list(people))
        return Samples(*(getattr(self, field.name)[chosen] for field in dataclasses.fields(self)))


@dataclass(frozen=True)
class _Aligned:
    """What the cache holds of every face that was found: pictures [N,256,256,3], landmarks [N,478,2], names [N]."""

    names: np.ndarray
    pictures: np.ndarray
    landmarks: np.ndarray


def train(data: Path, out: Path) -> None:
    """Write the classifier that learnt from all building faces of `data`, and beside it the permissive one."""
    faces = aligned_faces(data)
    rows = [row for row in face_rows(data) if not row.reported and row.name in faces]
    permissive = {row.person for row in rows if row.permissive}
    samples = {name: collect(question, name, rows, faces) for name, question in QUESTIONS.items()}
    for folder, taught in ((out, rows), (permissive_folder(out), [row for row in rows if row.permissive])):
        weights = {}
        for name, question in QUESTIONS.items():
            part = samples[name] if folder == out else samples[name].of(permissive)
            weights[name] = learn(question, part)
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
    noes = held_out[samples.plain & ~samples.answers]
    weights = regression(samples.features, samples.answers, question.ridge)
    weights[-1] -= np.quantile(noes, 1.0 - question.false_share)
    return weights.astype(np.float32)


def collect(question: Question, name: str, rows: list[FaceRow], faces: dict[str, AlignedFace]) -> Samples:
    """Features and answers of everything that the rows teach; the same for the same rows."""
    features, answers, plain, people = [], [], [], []
    for row in rows:
        rng = np.random.default_rng(list(row.name.encode()))
        for face, answer, as_it_came in question.samples(faces[row.name], label_of(row.name), rng):
            features.append(FEATURES[name](face))
            answers.append(answer)
            plain.append(as_it_came)
            people.append(row.person)
    return Samples(np.array(features, np.float32), np.array(answers), np.array(plain), np.array(people))


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


def aligned_faces(data: Path) -> dict[str, AlignedFace]:
    """The largest face of every picture of `data`, aligned, by the picture's name; found once and cached."""
    rows = face_rows(data)
    path = cache_path("aligned-faces", ALIGNED_VERSION, [row.path for row in rows])
    if not path.is_file():
        found: list[tuple[str, AlignedFace]] = []
        with FaceDetector() as detector:
            for row in rows:
                image = load_image(row.path)
                faces = detector.detect(image)
                if faces:
                    found.append((row.name, AlignedFace.of(image, faces[0].landmarks)))
        pictures, landmarks = zip(*((face.picture, face.landmarks) for _, face in found), strict=True)
        names = np.array([name for name, _ in found])
        save(path, _Aligned(names, np.array(pictures), np.array(landmarks, np.float32)))
    stored = load(path)
    rows_of = zip(stored["names"], stored["pictures"], stored["landmarks"], strict=True)
    return {str(name): AlignedFace(picture, landmarks.astype(np.float64)) for name, picture, landmarks in rows_of}


def varied(face: AlignedFace, rng: np.random.Generator, *, shift: float = 0.04, growth: float = 0.06) -> AlignedFace:
    """The face as another camera and another detector would have it, perhaps mirrored."""
    picture = augment_picture(face.picture, rng)
    middle = np.full(2, SIDE / 2)
    factor, angle = np.exp(rng.normal(0, growth)), rng.normal(0, 0.03)
    turn = factor * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    landmarks = (face.landmarks - middle) @ turn + middle + rng.normal(0, shift * UNIT, 2)
    moved = AlignedFace(picture, landmarks)
    return moved.mirrored() if rng.random() < 0.5 else moved


def _glasses(face: AlignedFace, label: AppearanceLabel, rng: np.random.Generator) -> Iterator[Sample]:
    if label.glasses != UNCLEAR:
        wears = label.glasses != "none"
        yield face, wears, True
        for _ in range(WEARER_VARIANTS if wears else 1):
            yield varied(face, rng), wears, False


def _hidden_eyes(face: AlignedFace, label: AppearanceLabel, rng: np.random.Generator) -> Iterator[Sample]:
    if label.glasses != UNCLEAR:
        hidden = label.glasses == "sunglasses"
        yield face, hidden, label.glasses == "clear"
        for _ in range(WEARER_VARIANTS if label.glasses != "none" else 0):
            yield varied(face, rng), hidden, False


def _covered_mouth(face: AlignedFace, label: AppearanceLabel, rng: np.random.Generator) -> Iterator[Sample]:
    if label.mouth != "free":
        if label.mouth == "covered":
            yield face, True, True
        return
    yield face, False, True
    yield varied(face, rng), False, False
    kinds = rng.permutation(list(PAINTERS))
    for kind, away in ((kinds[0], 0.0), (kinds[1], rng.choice([0.0, rng.uniform(*NEAR_MOUTH)]))):
        picture, hidden = cover(face.picture, face.landmarks, str(kind), rng, away=away)
        if hidden > HIDDEN or hidden < BARE:
            yield varied(dataclasses.replace(face, picture=picture), rng), hidden > HIDDEN, False


def _drawing(face: AlignedFace, label: AppearanceLabel, rng: np.random.Generator) -> Iterator[Sample]:
    if label.medium != "photograph":
        if label.medium == "drawing":
            yield face, True, True
        return
    yield face, False, True
    yield varied(face, rng), False, True
    if rng.random() < DRAWN_SHARE:
        style = str(rng.choice(list(STYLES)))
        drawn = dataclasses.replace(face, picture=draw(face.picture, face.landmarks, style, rng))
        yield drawn, True, False
        yield varied(drawn, rng), True, False


def _upright(face: AlignedFace, label: AppearanceLabel, rng: np.random.Generator) -> Iterator[Sample]:
    """Faces as they are, and upside-down ones in which the landmarks lie like in an upright face."""
    if rng.random() < 0.2:
        face = dataclasses.replace(face, picture=cover(face.picture, face.landmarks, "mask", rng)[0])
    elif rng.random() < 0.2:
        style = str(rng.choice(["comic", "vector", "pencil"]))
        face = dataclasses.replace(face, picture=draw(face.picture, face.landmarks, style, rng))
    yield varied(face, rng), True, False
    turned = AlignedFace(np.ascontiguousarray(face.picture[::-1, ::-1]), face.landmarks)
    yield varied(turned, rng, shift=0.12, growth=0.15), False, True


QUESTIONS: dict[str, Question] = {
    "glasses": Question(_glasses, 0.001, 0.005),
    "hidden_eyes": Question(_hidden_eyes, 0.01, 0.05),
    "covered_mouth": Question(_covered_mouth, 0.0005, 0.005),
    "drawing": Question(_drawing, 0.1, 0.006),
    "upright": Question(_upright, 0.001, 0.001),
}
