"""Does the background stay where it is while the head turns?

On portraits, the pixels that the matte takes for background before and after a turn are compared with the unmoved
picture, drawn with and without the still background. That trusts the matte; films don't: there, everything but the
face is compared with the real frame.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from talker.data.film_motion import Reenactment, every
from talker.data.portraits import reported_portraits
from talker.errors import TalkerError
from talker.evaluation.metrics import Recorder
from talker.evaluation.picture_metrics import face_box, psnr
from talker.evaluation.pictures import Strip, save_strips
from talker.evaluation.portraits import analysed
from talker.evaluation.reenactment import report_clips
from talker.evaluation.robustness import POSES, head_pose
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.own_expression import to_relative_expression
from talker.types import ByteArray, Portrait

OPTIONS = SpeakOptions(size="crop512")
FRAME_STEP = 10  # of a film
EDGE = 0.04  # of the face width: nearer to the head nothing is sure to be background
WORST_SHOWN = 24


@dataclass(frozen=True)
class Turned:
    """One portrait's background over all poses: PSNR in dB (78 where every pixel is the picture's) and share of pixels.

    still, moving: PSNR with and without the still background. same: pixels that equal the picture's, 1 is perfect.
    worst: picture, turned without and with, in the pose with the lowest PSNR.
    """

    name: str
    still: float
    moving: float
    same: float
    worst: tuple[ByteArray, ByteArray, ByteArray]


def run(data: Path, record: Recorder, *, pictures: Path | None = None) -> None:
    """Over the portraits and films of `data`; `pictures` is a folder for the backgrounds that move most."""
    turned = []
    with FaceDetector() as detector:
        for name, portrait in analysed(reported_portraits(data), detector):
            if isinstance(portrait, Portrait) and (found := turn(name, at_size(portrait, OPTIONS.size))) is not None:
                turned.append(found)
    for metric in ("still", "moving", "same"):
        record.add(f"background/{metric}", [getattr(row, metric) for row in turned], "portraits")
    record.add("wins/clips", [float(row.still > row.moving) for row in turned], "still background, portraits")
    if pictures is not None:
        worst = sorted(turned, key=lambda row: row.still)[:WORST_SHOWN]
        strips = [Strip(f"{row.name}: {row.moving:.1f} to {row.still:.1f} dB", row.worst) for row in worst]
        save_strips(strips, pictures / "background-worst.png", columns=2)
        record.pictures.append(pictures / "background-worst.png")
    for path in report_clips(data):
        try:
            still, moving, unmoved = film_surroundings(path)
        except TalkerError as error:
            record.note(f"{path.stem} is left out: {error}")
            continue
        for metric, value in (("still", still), ("moving", moving), ("unmoved", unmoved)):
            record.add(f"background/{metric}", value, "films, all but the face")
        record.add("wins/clips", float(still > moving), "still background, films")


def turn(name: str, portrait: Portrait) -> Turned | None:
    """Turn a portrait to every pose; None where no background is seen."""
    still = GeometryRenderer(portrait, SpeakOptions())
    moving = GeometryRenderer(portrait, SpeakOptions(), still_background=False)
    opaque = np.ceil(np.maximum(portrait.image, 16) * still.opacity()[..., None]).astype(np.uint8)
    drawn_matte = GeometryRenderer(dataclasses.replace(portrait, image=opaque), SpeakOptions(), still_background=False)
    rest = to_relative_expression(portrait.source_expression, portrait.source_expression)
    reach = 2 * round(EDGE * portrait.face_width) + 1
    scores: list[tuple[float, float, float]] = []
    worst = (np.inf, (portrait.image, portrait.image, portrait.image))
    for pose in (head_pose(*parts) for parts in POSES):
        there = np.maximum(opaque, drawn_matte.frame(rest, pose)).max(axis=2)
        background = cv2.dilate(there, np.ones((reach, reach), np.uint8)) == 0
        if not background.any():
            continue
        before, after = moving.frame(rest, pose), still.frame(rest, pose)
        real = portrait.image[background]
        scores.append((
            psnr(after[background], real), psnr(before[background], real),
            float((after[background] == real).all(axis=1).mean()),
        ))  # fmt: skip
        worst = min(worst, (scores[-1][0], (portrait.image, before, after)), key=lambda row: row[0])
    if not scores:
        return None
    after_db, before_db, same = np.mean(scores, axis=0)
    return Turned(name, float(after_db), float(before_db), float(same), worst[1])


def film_surroundings(path: Path) -> tuple[float, float, float]:
    """PSNR (dB) of all but the face against the frames of a film: still background, moving one, unmoved picture."""
    film = Reenactment.of(path)
    still = GeometryRenderer(film.portrait, SpeakOptions())
    moving = GeometryRenderer(film.portrait, SpeakOptions(), still_background=False)
    scores = []
    for frame in film.frames(every(FRAME_STEP), still):
        around = np.ones(frame.image.shape[:2], bool)
        around[face_box(film.landmarks[frame.number], frame.image)] = False
        motion = frame.blendshapes, frame.pose
        shown = still.frame(*motion), moving.frame(*motion), film.portrait.image
        scores.append([psnr(picture[around], frame.image[around]) for picture in shown])
    first, second, third = np.mean(scores, axis=0)
    return float(first), float(second), float(third)
