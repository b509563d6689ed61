"""Whether glasses stay rigid: how far points marked on their rims move against the head in strong expressions.

The points were marked by hand on wearers that nothing was learnt or chosen on (`talker/data/rim_points.csv`).
"""

from __future__ import annotations

import csv
import dataclasses
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.interpolate import LinearNDInterpolator

import talker.data
from talker.data.faces import face_rows
from talker.emotion.labels import label_code
from talker.emotion.retargeting import retarget_to_portrait
from talker.errors import TalkerError
from talker.evaluation.metrics import Recorder
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.render.geometry import HeadGeometry
from talker.types import FaceAttributes, FloatArray, Portrait
from talker.weights.store import checkpoint

EXPRESSIONS = ("happy", "surprised", "angry")
MOST_MOVED = 0.015  # face widths
POINTS = Path(talker.data.__file__).with_name("rim_points.csv")


def rim_points() -> dict[str, FloatArray]:
    """[N,2] px of the picture, by its name without ending."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with open(POINTS, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            points[row["name"]].append((float(row["x"]), float(row["y"])))
    return {name: np.array(places) for name, places in points.items()}


def run(data: Path, record: Recorder) -> None:
    """Per wearer, how far the farthest rim point moves, as the glasses are noticed and as if they were not."""
    paths = {row.name: row.path for row in face_rows(data)}
    with FaceDetector() as detector:
        for name, points in rim_points().items():
            try:
                portrait = analyse(load_image(paths[name]), detector=detector)
            except TalkerError as error:
                record.note(f"{name} is refused: {error}")
                continue
            moved = rim_motion(portrait, points)
            record.add("rims/moved", moved, "noticed glasses")
            record.add("rims/moved", rim_motion(without_glasses(portrait), points), "as if unnoticed")
            record.add("rims/still", float(moved <= MOST_MOVED))
            if moved > MOST_MOVED:
                record.note(f"{name}, noticed as {portrait.attributes.glasses}: {moved:.3f} face widths")


def without_glasses(portrait: Portrait) -> Portrait:
    """The portrait as if its glasses had not been noticed."""
    return dataclasses.replace(portrait, attributes=FaceAttributes())


def rim_motion(portrait: Portrait, points: FloatArray) -> float:
    """How far (face widths) the picture's farthest-moving of `points` [N,2] px goes in any of the expressions."""
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    drawn = geometry.model.mask
    rest = geometry.rest_points[drawn]
    moved = []
    for label in EXPRESSIONS:
        code = retarget_to_portrait(label_code(label), portrait.source_expression)
        shape = geometry.shape(code.blendshape_offset[0]).points[drawn]
        steps = LinearNDInterpolator(rest, shape - rest)(points)
        moved.append(np.linalg.norm(steps[~np.isnan(steps[:, 0])], axis=1).max())
    return float(np.max(moved) / portrait.face_width)
