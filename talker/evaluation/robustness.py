"""Every portrait under everything that can be asked of it: it must never fail, and must come back to itself.

Each of the 52 shapes at full strength and twelve head poses are drawn. Then the picture's own expression is asked for,
which draws mesh, eyes and mouth in full: it must give the picture. A sample of the portraits also goes the long way:
the drawn neutral face becomes a portrait of its own, which is asked for the expression that was taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_NAMES
from talker.data.portraits import portrait_paths
from talker.errors import TalkerError
from talker.evaluation.metrics import Recorder
from talker.evaluation.picture_metrics import face_area, psnr
from talker.evaluation.pictures import Strip, save_strips
from talker.evaluation.portraits import analysed
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.own_expression import to_relative_expression
from talker.types import ByteArray, FloatArray, Portrait

OPTIONS = SpeakOptions(size="crop256")
LEAST_PSNR = 34.0  # dB inside the face
LONG_WAY_EVERY = 6  # portraits
WORST_SHOWN = 24
STILL = np.zeros(6, np.float32)
YAW, PITCH, ROLL = 15.0, 10.0, 10.0  # degrees, the range that must work
# (yaw, pitch, roll) in parts of the range: each end of each axis, the corners, and two ways in between
POSES = (
    (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
    (1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1), (0.5, 0.5, -0.5), (-0.5, -0.5, 0.5),
)  # fmt: skip
# what broken code raises; a TalkerError would be wrong here, too
SLIPS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, cv2.error)


@dataclass(frozen=True)
class PortraitScores:
    """One portrait: what failed, how near its own expression comes to the picture, and the long way's result (dB).

    own: dB inside the face, 34 or more is asked. long_way: dB, None where it was not gone.
    pictures: the picture, its own expression drawn, the neutral face, and the long way's end where it was gone.
    """

    name: str
    failures: tuple[str, ...]
    own: float
    long_way: float | None
    pictures: tuple[ByteArray, ...]


def head_pose(yaw: float, pitch: float, roll: float) -> FloatArray:
    """[6] a turn by parts of the range, each -1..1: the axis-angle vector that a FaceMotion holds."""
    return np.array([*np.radians([pitch * PITCH, yaw * YAW, roll * ROLL]), 0, 0, 0], np.float32)


def run(data: Path, record: Recorder, *, pictures: Path | None = None) -> None:
    """Over all portraits of `data`; `pictures` is a folder for the ones that come back worst."""
    scored: list[PortraitScores] = []
    with FaceDetector() as detector:
        for name, portrait in analysed(portrait_paths(data), detector):
            if isinstance(portrait, TalkerError):
                record.note(f"{name} is refused: {portrait}")
                continue
            long_way = len(scored) % LONG_WAY_EVERY == 0
            scored.append(score_portrait(name, portrait, detector if long_way else None))
    scored.sort(key=lambda row: row.own)
    summarise(scored, record)
    if pictures is not None:
        titles = "picture, own expression, neutral, long way"
        worst = [Strip(f"{row.name}: {row.own:.1f} dB; {titles}", row.pictures) for row in scored[:WORST_SHOWN]]
        ways = sorted((row for row in scored if row.long_way is not None), key=lambda row: row.long_way or 0.0)
        strips = [Strip(f"{row.name}: {row.long_way:.1f} dB; {titles}", row.pictures) for row in ways[:WORST_SHOWN]]
        for sheet, rows in (("robustness-worst.png", worst), ("robustness-long-way.png", strips)):
            save_strips(rows, pictures / sheet)
            record.pictures.append(pictures / sheet)


def score_portrait(name: str, portrait: Portrait, detector: FaceDetector | None = None) -> PortraitScores:
    """Ask everything of one portrait; with a `detector` it also goes the long way."""
    cut = at_size(portrait, OPTIONS.size)
    try:
        renderer = GeometryRenderer(portrait, OPTIONS)
        own = renderer.frame(to_relative_expression(portrait.source_expression, portrait.source_expression), STILL)
        neutral = renderer.frame(np.zeros(BLENDSHAPE_COUNT, np.float32), STILL)
    except SLIPS as error:
        return PortraitScores(name, (f"preparing: {error!r}",), 0.0, None, (cut.image,))
    area = face_area(cut.landmarks, cut.image)
    pictures = [cut.image, own, neutral]
    long_way = None
    if detector is not None:
        back = _long_way(cut, neutral, detector)
        long_way = psnr(back[area], cut.image[area])
        pictures.append(back)
    return PortraitScores(name, tuple(failures(renderer)), psnr(own[area], cut.image[area]), long_way, tuple(pictures))


def failures(renderer: GeometryRenderer) -> Iterator[str]:
    """What of all that can be asked fails, in words."""
    asked = [(shape, row, STILL) for shape, row in zip(BLENDSHAPE_NAMES, np.eye(BLENDSHAPE_COUNT), strict=True)]
    asked += [(f"pose {pose}", np.zeros(BLENDSHAPE_COUNT), head_pose(*pose)) for pose in POSES]
    for what, expression, pose in asked:
        try:
            frame = renderer.frame(expression.astype(np.float32), pose)
        except SLIPS as error:
            yield f"{what}: {error!r}"
            continue
        if frame.shape[:2] != renderer.size[::-1] or frame.dtype != np.uint8:
            yield f"{what}: a frame of {frame.shape} {frame.dtype}"


def _long_way(portrait: Portrait, neutral: ByteArray, detector: FaceDetector) -> ByteArray:
    """The drawn neutral face [H,W,3] as a portrait of its own, asked for the expression that was taken away."""
    again = analyse(neutral, detector=detector)
    expression = (
        again.source_expression + portrait.source_expression
    )  # what is left in the neutral picture is the person's own
    return GeometryRenderer(again, SpeakOptions()).frame(
        to_relative_expression(expression, again.source_expression), STILL
    )


def summarise(scored: list[PortraitScores], record: Recorder) -> None:
    """Record portraits; `scored` begins with the worst."""
    own = [row.own for row in scored]
    record.add("robustness/failures", float(sum(bool(row.failures) for row in scored)), f"{len(scored)} portraits")
    record.add("robustness/own", min(own), "least")
    record.add("robustness/own", float(np.median(own)), "median")
    ways = [row.long_way for row in scored if row.long_way is not None]
    if ways:
        record.add("robustness/long_way", min(ways), "least")
        record.add("robustness/long_way", float(np.median(ways)), "median")
    for row in scored:
        if row.failures or row.own < LEAST_PSNR:
            record.note(f"{row.name}: {row.own:.1f} dB {'; '.join(row.failures)}".rstrip())
