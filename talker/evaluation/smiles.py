"""Smiles against the truth: people photographed neutral and smiling, each drawn from the other picture.

The smiling photograph is drawn neutral and the neutral one happy at strength 1, as somebody would who uses Talker. Five
measures of the face, fine texture around the mouth and a perceptual distance say how near that comes to the photograph
that exists. The people are those of the London set that nothing learns from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from talker import Talker
from talker.data.face_fits import fit_faces, fitted, usable
from talker.data.faces import FaceRow, face_rows
from talker.emotion.retargeting import retarget_to_portrait
from talker.errors import DataError
from talker.evaluation import perceptual
from talker.evaluation.metrics import Recorder
from talker.face.detector import Landmarker
from talker.face.landmarks import CHIN, NOSE_BRIDGE, OUTER_LIPS
from talker.motion.composition import peak_expression
from talker.options import SpeakOptions
from talker.render.generator_renderer import GeneratorRenderer
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import ByteArray, EmotionCode, FloatArray, Portrait

EYE_CORNERS = (33, 263)  # the outer ones: their distance is the unit of all measures
MOUTH_CORNERS = (61, 291)
Measure: TypeAlias = Sequence[tuple[Sequence[int], Sequence[int]]]
# pairs of groups of landmarks, whose mean distance is measured
MEASURES: Mapping[str, Measure] = {
    "eye aperture": (((159, 386), (145, 374)),),
    "mouth width": (((61,), (291,)),),
    "lip gap": (((13,), (14,)),),
    "corner height": (((0, 17), MOUTH_CORNERS),),
    "lip height": (((0,), (13,)), ((14,), (17,))),
}
HAPPY = "happy"
SQUARE = 256  # px of an aligned face, whose eye corners lie so far apart:
EYES_APART = 96
AROUND = 0.55  # mouth widths around the lips: where stubble and folds are compared
FINE, COARSE = 0.8, 3.0  # px in the aligned face: texture lies between these blurs
NEAR = 0.25  # of the real change: a drawn one this near is as people's, or one inside the 95 % interval of theirs
STILL = np.zeros(6, np.float32)


@dataclass(frozen=True)
class Face:
    """A picture [H,W,3] of a face with its landmarks [478,3] px."""

    image: ByteArray
    landmarks: FloatArray

    @classmethod
    def of(cls, portrait: Portrait) -> Face:
        """A photograph."""
        return cls(portrait.image, portrait.landmarks)

    def measures(self) -> FloatArray:
        """[5] `MEASURES` in distances of the eyes' outer corners; heights count down the face."""
        return face_measures(self.landmarks[:, :2], MEASURES)

    def aligned(self) -> tuple[FloatArray, FloatArray]:
        """The face as a grey square [SQUARE,SQUARE] with its eyes in one place, and its landmarks [478,2] there."""
        left, right = self.landmarks[list(EYE_CORNERS), :2]
        across = right - left
        scale, angle = EYES_APART / float(np.linalg.norm(across)), float(np.degrees(np.arctan2(across[1], across[0])))
        middle = (left + right) / 2
        matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), angle, scale)
        matrix[:, 2] += np.array([SQUARE / 2, SQUARE / 3]) - middle
        grey = cv2.cvtColor(self.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        square = cv2.warpAffine(grey, matrix, (SQUARE, SQUARE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        return square, self.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]

    def texture(self) -> float:
        """Logarithm of the contrast of fine structure around the lips."""
        square, places = self.aligned()
        light = np.log(square + 8.0)
        fine = cv2.GaussianBlur(light, (0, 0), FINE) - cv2.GaussianBlur(light, (0, 0), COARSE)
        lips = np.round(cv2.convexHull(places[list(OUTER_LIPS)].astype(np.float32))).astype(np.int32)
        outside = np.ones(square.shape, np.uint8)
        cv2.fillConvexPoly(outside, lips, 0)
        away = cv2.distanceTransform(outside, cv2.DIST_L2, 3)
        width = float(np.linalg.norm(np.subtract(*places[list(MOUTH_CORNERS)])))
        return float(np.log(fine[(away > 0.08 * width) & (away < AROUND * width)].std()))


def face_measures(landmarks: FloatArray, table: Mapping[str, Measure]) -> FloatArray:
    """[M] the measures of a `table` in distances of the eyes' outer corners; heights count down the face.

    landmarks: [478,2], or [478,3] of heads that may be turned.
    """
    left, right = landmarks[list(EYE_CORNERS)]
    apart = float(np.linalg.norm(right - left))
    across = (right - left) / apart
    down = landmarks[CHIN] - landmarks[NOSE_BRIDGE]
    down = down - (down @ across) * across
    down /= np.linalg.norm(down)
    found = []
    for name, pairs in table.items():
        ends = [[landmarks[list(group)].mean(0) for group in pair] for pair in pairs]
        direction = across if name == "mouth width" else down
        found.append(sum((lower - upper) @ direction for upper, lower in ends))
    return np.array(found) / apart


def run(data: Path, record: Recorder) -> None:
    """Every pair of the report split. DataError when there are none."""
    pairs = reported_pairs(face_rows(data))
    if not pairs:
        raise DataError(f"{data} holds no pairs of neutral and smiling photographs to report on.")
    happy, perceiver = Talker().encode_emotion(HAPPY), perceptual.Perceiver()
    with Landmarker() as landmarker:
        for way, smiles in (("taken out", False), ("put in", True)):
            changes: list[tuple[FloatArray, FloatArray]] = []
            for neutral, smiling in pairs:
                source, truth = (neutral, smiling) if smiles else (smiling, neutral)
                before, real = Face.of(source), Face.of(truth)
                pictures = drawn(source, happy if smiles else None)
                found = {name: landmarker.look(picture)[:1] for name, picture in pictures.items()}
                if not all(found.values()):
                    record.note(f"A face with its smile {way} was not found.")
                    continue
                made = {name: Face(pictures[name], looks[0].landmarks) for name, looks in found.items()}
                faces = {f"smile {way}, {name}": face for name, face in made.items()} | {f"smile not {way}": before}
                texture, features = real.texture(), perceiver.features(real.image, real.landmarks)
                mouth = perceptual.mouth_part(real.landmarks)
                for name, face in faces.items():
                    record.add("smiles/texture", abs(face.texture() - texture), name)
                    seen = perceiver.features(face.image, face.landmarks)
                    record.add("smiles/perceptual", 1000 * perceptual.distance(seen, features), name)
                    record.add("smiles/mouth_perceptual", 1000 * perceptual.distance(seen, features, mouth), name)
                plain, start = made[GeometryRenderer.name].measures(), before.measures()
                changes.append((plain - start, real.measures() - start))
            record_changes(np.array(changes), way, record)
    record.note(f"{len(pairs)} people. Changes in distances of the eyes' outer corners.")


def drawn(source: Portrait, emotion: EmotionCode | None) -> dict[str, ByteArray]:
    """The person [H,W,3] with an emotion at strength 1, or neutral, by each renderer's name."""
    asked = np.zeros_like(source.source_expression)
    if emotion is not None:
        asked = peak_expression(retarget_to_portrait(emotion, source.source_expression))
    refining = GeneratorRenderer(source, SpeakOptions())
    plain = refining.geometry.draw(asked, STILL)
    return {GeometryRenderer.name: plain.frame, GeneratorRenderer.name: refining.refine(plain, asked, STILL)}


def record_changes(changes: FloatArray, way: str, record: Recorder) -> None:
    """How measures changed, [N,2,5] drawn and real, and whether the drawn mean is one that people have."""
    for name, (made, real) in zip(MEASURES, changes.transpose(2, 1, 0), strict=True):
        mean, truth = float(made.mean()), float(real.mean())
        low, high = bootstrap(real)
        record.add("smiles/drawn_change", made, f"{way}: {name}")
        record.add("smiles/true_change", real, f"{way}: {name}")
        record.add("smiles/as_people", float(abs(mean - truth) <= NEAR * abs(truth) or low <= mean <= high), way)


def reported_pairs(rows: Sequence[FaceRow]) -> list[tuple[Portrait, Portrait]]:
    """(neutral, smiling) of each person of the report split who was photographed both ways; fits are made and kept."""
    people: dict[str, list[FaceRow]] = {}
    for row in rows:
        if row.collection == "london" and row.reported:
            people.setdefault(row.person, []).append(row)
    fit_faces([row for both in people.values() for row in both])
    pairs = []
    for both in people.values():
        neutral, smiling = (
            [fitted(row) for row in both if row.name.endswith(word)][:1] for word in ("neutral", "smiling")
        )
        for one, other in zip(neutral, smiling, strict=True):
            if one is not None and other is not None and usable(one) and usable(other):
                pairs.append((one, other))
    return pairs


def bootstrap(values: FloatArray, repeats: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean."""
    draws = np.random.default_rng(seed).choice(values, (repeats, len(values)))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
