"""The closed loop: does the landmark detector see on the drawn face the shape that was asked for?

Each of the 52 shapes is drawn alone at half and at full strength. Two witnesses look at the frame: the landmarks'
motion, which the asked shape must explain better than any other of its group, and the detector's own scores, of which
the asked one must rise most in its group. Shapes that the detector does not know are looked for on the drawn mesh. The
distances of lips, lids and brows must be those of the drawn mesh.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.data.portraits import building_portraits, reported_portraits
from talker.errors import TalkerError
from talker.evaluation.end_to_end import LIPS_APART, MEASURES
from talker.evaluation.film import find_near
from talker.evaluation.metrics import Recorder
from talker.evaluation.portraits import analysed, spread
from talker.face.detector import DetectedFace, FaceDetector
from talker.face.landmarks import FACE_LANDMARKS
from talker.options import SpeakOptions
from talker.render.crop import at_size
from talker.render.geometry import HeadGeometry
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import FloatArray, Portrait
from talker.weights.store import checkpoint

OPTIONS = SpeakOptions(size="crop512")
PORTRAITS = 8  # of those that may be tuned on, and as many of those that are reported
STRENGTHS = (0.5, 1.0)
NEAR = 0.02  # face widths: how far a distance may be from the mesh's
GROUPS = {"mouth": ("jaw", "mouth"), "brows": ("brow",), "eyes": ("eye",)}
# what the detector does not show at all, or hardly, on filmed faces either
UNSEEN = ("cheek", "noseSneer", "jawForward", "tongueOut", "mouthClose", "mouthFunnel", "eyeWide", "mouthDimple",
          "jawRight")  # fmt: skip
DISTANCES = (LIPS_APART, *(measure for measure in MEASURES if measure.name.endswith(("lids", "brows"))))


@dataclass(frozen=True)
class Case:
    """A shape drawn at a strength, and which shape either witness names; on the mesh both are one."""

    shape: str
    strength: float
    by_landmarks: str
    by_scores: str

    @property
    def seen(self) -> bool:
        """Whether a witness names the shape that was asked for."""
        return self.shape in (self.by_landmarks, self.by_scores)


@dataclass
class Tally:
    """What was seen on some portraits.

    cases: what the detector saw of shapes it knows. mesh: the same of the others, seen on the drawn mesh. distances:
    per measure, what the landmarks' change differs from the mesh's (face widths). lost: frames without a face.
    """

    cases: list[Case] = field(default_factory=list)
    mesh: list[Case] = field(default_factory=list)
    distances: dict[str, list[float]] = field(default_factory=lambda: {measure.name: [] for measure in DISTANCES})
    lost: list[str] = field(default_factory=list)


def run(data: Path, record: Recorder) -> None:
    """On portraits that may be tuned on and on the others."""
    sets = {
        "tuning": spread(building_portraits(data), PORTRAITS), "reported": spread(reported_portraits(data), PORTRAITS)
    }  # fmt: skip
    with FaceDetector() as detector:
        for name, chosen in sets.items():
            tally = Tally()
            for stem, portrait in analysed(chosen, detector):
                if isinstance(portrait, TalkerError):
                    record.note(f"{stem} is refused: {portrait}")
                else:
                    look(portrait, detector, tally, stem)
            summarise(tally, record, name)


def look(portrait: Portrait, detector: FaceDetector, tally: Tally, name: str = "") -> None:
    """Draw all shapes on one portrait and add what is seen to `tally`."""
    portrait = at_size(portrait, OPTIONS.size)
    renderer, geometry = GeometryRenderer(portrait, SpeakOptions()), HeadGeometry(portrait, checkpoint("face-model"))
    cases = [(name, strength) for name in BLENDSHAPE_NAMES for strength in STRENGTHS]
    asked = np.zeros((len(cases) + 1, BLENDSHAPE_COUNT), np.float32)  # the first is the neutral face
    for row, (shape, strength) in enumerate(cases, 1):
        asked[row, BLENDSHAPE_INDEX[shape]] = strength
    faces = _drawn_faces(renderer, portrait, asked, detector)
    if faces[0] is None:
        tally.lost.append(f"{name} neutral")
        return
    meshes = [geometry.shape(expression).points for expression in asked]
    drawn = [geometry.model.landmarks(mesh) for mesh in meshes]
    for (shape, strength), face, mesh, expected in zip(cases, faces[1:], meshes[1:], drawn[1:], strict=True):
        if shape.startswith(UNSEEN):
            nearest = explaining(_pictured(geometry.basis), mesh - meshes[0], list(BLENDSHAPE_NAMES))
            tally.mesh.append(Case(shape, strength, nearest, nearest))
        if face is None:
            tally.lost.append(f"{name} {shape} {strength:g}")
            continue
        if not shape.startswith(UNSEEN):
            tally.cases.append(_case(shape, strength, face, faces[0], geometry))
        for measure in DISTANCES:
            change = measure.of(face.landmarks) - measure.of(faces[0].landmarks)
            tally.distances[measure.name].append(change - measure.of(expected) + measure.of(drawn[0]))


def _drawn_faces(
    renderer: GeometryRenderer, portrait: Portrait, asked: FloatArray, detector: FaceDetector
) -> list[DetectedFace | None]:
    """What the detector finds on the frame of each row of `asked` [N,52]."""
    still = np.zeros(6, np.float32)
    return [find_near(detector, renderer.frame(expression, still), portrait.landmarks) for expression in asked]


def _case(shape: str, strength: float, face: DetectedFace, neutral: DetectedFace, geometry: HeadGeometry) -> Case:
    """What both witnesses say of a drawn face."""
    (stems,) = (stems for stems in GROUPS.values() if shape.startswith(stems))
    rivals = [name for name in BLENDSHAPE_NAMES if name.startswith(stems) and not name.startswith(UNSEEN)]
    moved = (face.landmarks - neutral.landmarks)[:FACE_LANDMARKS, :2]
    links = np.stack([geometry.model.landmarks(offsets)[:FACE_LANDMARKS] for offsets in geometry.basis])
    rise = face.blendshapes - neutral.blendshapes
    by_scores = max(rivals, key=lambda name: rise[BLENDSHAPE_INDEX[name]])
    return Case(shape, strength, explaining(_pictured(links), moved, rivals), by_scores)


def _pictured(basis: FloatArray) -> FloatArray:
    """[52,N,2] how shapes [52,N,3] (cm, y up) move points in a picture."""
    return basis[..., :2] * np.array([1.0, -1.0], np.float32)


def explaining(shapes: FloatArray, motion: FloatArray, rivals: list[str]) -> str:
    """Which of the `rivals` alone, at its best strength, explains most of a `motion` [N,2]; empty where nothing moves.

    shapes: [52,N,2] motion of each shape at full strength.
    """
    if np.linalg.norm(motion) < 1e-3:
        return ""
    along = np.einsum("vc,svc->s", motion, shapes) / np.maximum(np.linalg.norm(shapes, axis=(1, 2)), 1e-6)
    return max(rivals, key=lambda name: along[BLENDSHAPE_INDEX[name]])


def summarise(tally: Tally, record: Recorder, name: str) -> None:
    """Record what was seen on a set of portraits."""
    for case in tally.cases:
        (group,) = (group for group, stems in GROUPS.items() if case.shape.startswith(stems))
        for of in (f"{name}, all", f"{name}, {group} at {case.strength:g}"):
            record.add("shapes/landmarks", float(case.by_landmarks == case.shape), of)
            record.add("shapes/scores", float(case.by_scores == case.shape), of)
            record.add("shapes/seen", float(case.seen), of)
    record.add(
        "shapes/seen", [float(case.seen) for case in tally.mesh], f"{name}, unknown to the detector, on the mesh"
    )
    for measure, errors in tally.distances.items():
        record.add("shapes/distance", np.abs(errors), f"{name}, {measure}")
        record.add("shapes/far", (np.abs(errors) > NEAR).astype(float), f"{name}, {measure}")
    missed = Counter(case.shape for case in [*tally.cases, *tally.mesh] if not case.seen)
    if missed:
        record.note(
            f"{name}, seen by neither: " + ", ".join(f"{shape} {times}×" for shape, times in missed.most_common())
        )
    if tally.lost:
        record.note(f"{name}, no face found: {', '.join(tally.lost)}")
