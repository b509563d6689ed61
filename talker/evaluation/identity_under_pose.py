"""Does a head that turns stay the same person? Judged by a face-recognition network.

Every portrait that may be reported on is turned to the ends of the range. The distance of the drawn face's embedding to
the picture's must stay below the one under which two pictures count as one person. What different people's distance is
stands beside it, so that the network is seen to know them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from talker.data.portraits import reported_portraits
from talker.emotion.labels import label_code
from talker.errors import TalkerError
from talker.evaluation.film import find_near
from talker.evaluation.metrics import Recorder
from talker.evaluation.pictures import Strip, face_cut, save_strips
from talker.evaluation.portraits import analysed
from talker.evaluation.recognition import SAME_PERSON, FaceRecogniser, distance
from talker.evaluation.robustness import POSES, head_pose
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.own_expression import to_relative_expression
from talker.types import EMOTION_LABELS, ByteArray, FloatArray, Portrait

OPTIONS = SpeakOptions(size="crop256")  # the network looks at 150 px
WORST_SHOWN = 24


@dataclass(frozen=True)
class Drawn:
    """One drawn frame: of whom, doing what, how far from the picture's embedding (NaN when no face is found)."""

    name: str
    what: str
    distance: float
    pictures: tuple[ByteArray, ByteArray]


def run(data: Path, record: Recorder, *, pictures: Path | None = None) -> None:
    """Over the portraits of `data`; `pictures` is a folder for the frames that look least like the person."""
    embeddings: list[FloatArray] = []
    drawn: list[Drawn] = []
    recogniser = FaceRecogniser()
    with FaceDetector() as detector:
        for name, portrait in analysed(reported_portraits(data), detector):
            if isinstance(portrait, TalkerError):
                record.note(f"{name} is refused: {portrait}")
                continue
            viewer = Viewer(name, at_size(portrait, OPTIONS.size), detector, recogniser)
            embeddings.append(viewer.embedding)
            own = to_relative_expression(portrait.source_expression, portrait.source_expression)
            drawn += [viewer.draw("turned", own, head_pose(*pose)) for pose in POSES]
            still = np.zeros(6, np.float32)
            drawn += [viewer.draw(label, label_code(label).blendshape_offset[0], still) for label in EMOTION_LABELS]
    for row in drawn:
        note(record, row)
    apart = [distance(one, other) for one, other in combinations(embeddings, 2)]
    record.add("identity/distance", apart, "different portraits")
    record.add("identity/same", [float(each < SAME_PERSON) for each in apart], "different portraits")
    if pictures is not None:
        worst = sorted(drawn, key=lambda row: -np.nan_to_num(row.distance, nan=9.0))[:WORST_SHOWN]
        strips = [Strip(f"{row.name} {row.what}: {row.distance:.2f}", row.pictures) for row in worst]
        save_strips(strips, pictures / "identity-worst.png", columns=4)
        record.pictures.append(pictures / "identity-worst.png")


def note(record: Recorder, row: Drawn) -> None:
    """Add a drawn frame; one in which no face is found counts as another person."""
    same = row.distance < SAME_PERSON
    record.add("identity/distance", row.distance, row.what)
    record.add("identity/same", float(same), row.what)
    if not same:
        record.note(f"{row.name} {row.what}: {row.distance:.3f}")


class Viewer:
    """One portrait, drawn and looked at by the network."""

    def __init__(self, name: str, portrait: Portrait, detector: FaceDetector, recogniser: FaceRecogniser) -> None:
        self._name, self._portrait, self._detector, self._recogniser = name, portrait, detector, recogniser
        self._renderer = GeometryRenderer(portrait, SpeakOptions())
        self.embedding = recogniser.embed(portrait.image, portrait.landmarks)

    def draw(self, what: str, expression: FloatArray, pose: FloatArray) -> Drawn:
        """The portrait with this expression [52] and head pose [6]."""
        frame = self._renderer.frame(expression, pose)
        face = find_near(self._detector, frame, self._portrait.landmarks)
        apart = np.nan
        if face is not None:
            apart = distance(self._recogniser.embed(frame, face.landmarks), self.embedding)
        landmarks = self._portrait.landmarks
        return Drawn(self._name, what, apart, (face_cut(self._portrait.image, landmarks), face_cut(frame, landmarks)))
