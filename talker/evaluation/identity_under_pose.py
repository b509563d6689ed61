"""Does a head that turns stay the same person? Judged by a face-recognition network.

Every portrait that may be reported on is turned to the ends of the range. The distance of the drawn face's embedding to
the picture's must stay below the one under which two pictures count as one person. What different people's distance is
stands beside it, so that the network is seen to know them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from talker.data.portraits import reported_portraits
from talker.emotion.labels import label_code
from talker.errors import TalkerError
from talker.evaluation.comparison import find_near
from talker.evaluation.pictures import Strip, face_cut, save_strips
from talker.evaluation.portraits import analysed
from talker.evaluation.recognition import SAME_PERSON, FaceRecogniser, distance
from talker.evaluation.robustness import PITCH, POSES, ROLL, YAW, head_pose
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.crop import at_size
from talker.render.geometry import to_relative_expression
from talker.render.geometry_renderer import GeometryRenderer
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


def run(data: Path, *, pictures: Path | None = None) -> str:
    """The table over the portraits of `data`; `pictures` is a folder for the frames that look least like the person."""
    embeddings: list[FloatArray] = []
    turns: list[Drawn] = []
    emotions: list[Drawn] = []
    lines = []
    recogniser = FaceRecogniser()
    with FaceDetector() as detector:
        for name, portrait in analysed(reported_portraits(data), detector):
            if isinstance(portrait, TalkerError):
                lines.append(f"* {name} is refused: {portrait}")
                continue
            viewer = Viewer(name, at_size(portrait, OPTIONS.size), detector, recogniser)
            embeddings.append(viewer.embedding)
            rest = to_relative_expression(portrait.source_expression, portrait.source_expression)
            turns += [viewer.draw(f"turned {pose}", rest, head_pose(*pose)) for pose in POSES]
            for label in EMOTION_LABELS:
                displacement = label_code(label).blendshape_offset[0]
                emotions.append(viewer.draw(label, displacement, np.zeros(6, np.float32)))
    if pictures is not None:
        worst = sorted([*turns, *emotions], key=lambda row: -np.nan_to_num(row.distance, nan=9.0))[:WORST_SHOWN]
        strips = [Strip(f"{row.name} {row.what}: {row.distance:.2f}", row.pictures) for row in worst]
        save_strips(strips, pictures / "identity-worst.png", columns=4)
    apart = np.array([distance(one, other) for one, other in combinations(embeddings, 2)])
    return "\n".join([*_table(turns, emotions, apart), *lines])


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


def _table(turns: list[Drawn], emotions: list[Drawn], apart: FloatArray) -> Iterator[str]:
    yield f"| distance to the picture | mean | largest | below {SAME_PERSON:g} |"
    yield "|---|---|---|---|"
    rows = [(f"turned within ±{YAW:g}° yaw, ±{PITCH:g}° pitch, ±{ROLL:g}° roll", turns)]
    rows += [(label, [row for row in emotions if row.what == label]) for label in EMOTION_LABELS]
    for title, drawn in rows:
        if not drawn:
            continue
        found = np.array([row.distance for row in drawn])
        within = np.nan_to_num(found, nan=9.0) < SAME_PERSON
        yield f"| {title} | {np.nanmean(found):.3f} | {np.nanmax(found):.3f} | {within.sum()} of {len(found)} |"
    if len(apart):
        yield f"| different portraits | {apart.mean():.3f} | {apart.max():.3f} | {np.mean(apart < SAME_PERSON):.0%} |"
    yield ""
    over = [row for row in turns if not row.distance < SAME_PERSON]
    yield from (f"* {row.name} {row.what}: {row.distance:.3f}" for row in over)
