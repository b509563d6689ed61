"""The whole pipeline, measured on what comes out: does the drawn face do what motion and emotion asked for?

The landmark detector looks at the finished frames. The mouth's opening is compared with the opening that the motion
asked for, and each emotion's landmarks with where the face model says its row of blendshapes moves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data

from talker.data.portraits import portrait_paths
from talker.emotion.labels import label_code
from talker.evaluation.metrics import Recorder
from talker.face.detector import FaceDetector
from talker.face.landmarks import EYE_CORNERS, FACE_LANDMARKS
from talker.face.model import load_face_model
from talker.media.image import load_image
from talker.motion.lips import LipGeometry
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import EMOTION_LABELS, FaceMotion, FloatArray, Portrait
from talker.weights import store

SENTENCE = "My mother baked five big blueberry pies. What a wonderful thing to remember!"
PORTRAITS = (3, 8, 11, 34, 51)  # of the tuning portraits: different ages, skins, expressions and turns
LEAST_MOTION = 0.012  # face widths: a smaller asked motion is not judged
CHIN = 152


@dataclass(frozen=True)
class Measure:
    """A distance on the face: between the means of two groups of landmarks along the face's vertical or horizontal."""

    name: str
    first: tuple[int, ...]
    second: tuple[int, ...]
    vertical: bool = True

    def of(self, landmarks: FloatArray) -> float:
        """The distance in face widths for landmarks [478,2 or 3], y down."""
        across = landmarks[EYE_CORNERS[1], :2] - landmarks[EYE_CORNERS[0], :2]
        across = across / np.linalg.norm(across)
        down = np.array([-across[1], across[0]])
        width = np.ptp(landmarks[:FACE_LANDMARKS, :2] @ across)
        apart = landmarks[list(self.second), :2].mean(0) - landmarks[list(self.first), :2].mean(0)
        return float(apart @ (down if self.vertical else across) / width)


LIPS_APART = Measure("lips apart", (13, 82, 312), (14, 87, 317))
MEASURES = (
    Measure("inner brows", (55, 285), EYE_CORNERS),
    Measure("outer brows", (70, 300), EYE_CORNERS),
    Measure("right lids", (159, 160, 158), (145, 144, 153)),
    Measure("left lids", (386, 385, 387), (374, 380, 373)),
    Measure("right corner", EYE_CORNERS, (61,)),
    Measure("left corner", EYE_CORNERS, (291,)),
    Measure("mouth width", (61,), (291,), vertical=False),
    LIPS_APART,
    Measure("jaw", EYE_CORNERS, (CHIN,)),
)


def run(data: Path | None, record: Recorder) -> None:
    """For a photograph that a package carries and, with `data`, for five more portraits.

    A measure counts when the emotion's row asks for enough motion, and is right when the drawn face moved the same way
    and at least a third as far.
    """
    talker = Talker()
    portraits = [("astronaut", talker.analyze_portrait(skimage.data.astronaut()))]
    if data is not None:
        chosen = [portrait_paths(data)[number - 1] for number in PORTRAITS]
        portraits += [(path.stem, talker.analyze_portrait(load_image(path))) for path in chosen]
    for name, portrait in portraits:
        record.add("asked/mouth_r", mouth_correlation(talker, portrait), name)
        for label in EMOTION_LABELS:
            judged, wrong = emotion_verdict(portrait, label)
            record.add("asked/measures", [1.0] * (judged - len(wrong)) + [0.0] * len(wrong), name)
            if wrong:
                record.note(f"{name}, {label}: {', '.join(wrong)}")


def mouth_correlation(talker: Talker, portrait: Portrait) -> float:
    """Pearson r of the lip opening in the frames with what a spoken sentence's motion asks for; 1 is perfect."""
    clip = talker.load_speech(text=SENTENCE)
    options = SpeakOptions(still=True)
    motion = talker.animate(clip, talker.encode_emotion("neutral"), options)
    found = drawn_landmarks(portrait, motion)
    opening = [LIPS_APART.of(landmarks) for landmarks in found]
    return float(np.corrcoef(opening, LipGeometry.load().opening_of(motion.blendshapes))[0, 1])


def drawn_landmarks(portrait: Portrait, motion: FaceMotion) -> list[FloatArray]:
    """Landmarks [478,3] found in each drawn frame."""
    renderer = GeometryRenderer(portrait, SpeakOptions())
    with FaceDetector() as detector:
        return [detector.detect(frame)[0].landmarks for frame in renderer.render(motion)]


def emotion_verdict(portrait: Portrait, label: str) -> tuple[int, list[str]]:
    """How many measures the emotion's row moves, and those that the drawn face did not move so; none is perfect."""
    displacement = label_code(label).blendshape_offset[0]
    motion = FaceMotion(np.stack([np.zeros_like(displacement), displacement]), np.zeros((2, 6), np.float32))
    found = drawn_landmarks(portrait, motion)
    asked = _asked(portrait, displacement)
    judged, wrong = 0, []
    for measure, wanted in zip(MEASURES, asked, strict=True):
        got = measure.of(found[1]) - measure.of(found[0])
        if measure is LIPS_APART:  # lips that touch can't come nearer
            wanted = max(wanted, -measure.of(found[0]))
        if abs(wanted) >= LEAST_MOTION:
            judged += 1
            if got / wanted < 1 / 3:
                wrong.append(f"{measure.name} {got:+.3f} for {wanted:+.3f}")
    return judged, wrong


def _asked(portrait: Portrait, displacement: FloatArray) -> Sequence[float]:
    """How far the face model says that each measure moves."""
    model = load_face_model(store.checkpoint("face-model"))
    shape = model.shape(portrait.fit.identity)
    before, after = (model.landmarks(mesh) * [1, -1, 1] for mesh in (shape, shape + model.offsets(displacement)))
    return [measure.of(after) - measure.of(before) for measure in MEASURES]
