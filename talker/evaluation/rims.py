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
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.render.geometry import MASK_VERTICES, HeadGeometry
from talker.types import Appearance, FloatArray, Portrait
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


def run(data: Path) -> str:
    """The table: per wearer, how far the farthest rim point moves, with glasses noticed and without."""
    paths = {row.name: row.path for row in face_rows(data)}
    lines = ["| wearer | noticed as | moved by, face widths (unnoticed) |", "|---|---|---|"]
    still = []
    with FaceDetector() as detector:
        for name, points in rim_points().items():
            try:
                portrait = analyse(load_image(paths[name]), detector=detector)
            except TalkerError as error:
                lines.append(f"| {name} | refused: {error} | |")
                continue
            kept, free = rim_motion(portrait, points), rim_motion(without_glasses(portrait), points)
            still.append(kept <= MOST_MOVED)
            lines.append(f"| {name} | {portrait.appearance.glasses} | {kept:.3f} ({free:.3f}) |")
    lines.append(f"| all, {', '.join(EXPRESSIONS)} | | {np.sum(still)} of {len(still)} within {MOST_MOVED} |")
    return "\n".join(lines)


def without_glasses(portrait: Portrait) -> Portrait:
    """The portrait as if its glasses had not been noticed."""
    return dataclasses.replace(portrait, appearance=Appearance())


def rim_motion(portrait: Portrait, points: FloatArray) -> float:
    """How far (face widths) the picture's farthest-moving of `points` [N,2] px goes in any of the expressions."""
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    rest = geometry.rest_points[:MASK_VERTICES]
    moved = []
    for label in EXPRESSIONS:
        code = retarget_to_portrait(label_code(label), portrait.source_expression)
        shape = geometry.shape(code.blendshape_offset[0]).points[:MASK_VERTICES]
        steps = LinearNDInterpolator(rest, shape - rest)(points)
        moved.append(np.linalg.norm(steps[~np.isnan(steps[:, 0])], axis=1).max())
    return float(np.max(moved) / portrait.face_width)
