"""Does the background stay where it is while the head turns?

On portraits, the pixels that the matte takes for background before and after a turn are compared with the unmoved
picture, drawn with and without the still background. That trusts the matte; films don't: there, everything but the
face is compared with the real frame.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from talker.data.film_motion import Reenactment, every
from talker.data.portraits import reported_portraits
from talker.errors import TalkerError
from talker.evaluation.comparison import box, psnr
from talker.evaluation.pictures import Strip, save_strips
from talker.evaluation.portraits import analysed
from talker.evaluation.reenactment import report_clips
from talker.evaluation.robustness import POSES, head_pose
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.crop import at_size
from talker.render.geometry import to_relative_expression
from talker.render.geometry_renderer import GeometryRenderer
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


def run(data: Path, *, pictures: Path | None = None) -> str:
    """The tables over the portraits and films of `data`; `pictures` is a folder for the backgrounds that move most."""
    turned = []
    with FaceDetector() as detector:
        for name, portrait in analysed(reported_portraits(data), detector):
            if isinstance(portrait, Portrait) and (found := turn(name, at_size(portrait, OPTIONS.size))) is not None:
                turned.append(found)
    if pictures is not None:
        worst = sorted(turned, key=lambda row: row.still)[:WORST_SHOWN]
        strips = [Strip(f"{row.name}: {row.moving:.1f} to {row.still:.1f} dB", row.worst) for row in worst]
        save_strips(strips, pictures / "background-worst.png", columns=2)
    films = []
    for path in report_clips(data):
        try:
            films.append((path.stem, *film_surroundings(path)))
        except TalkerError as error:
            films.append((f"{path.stem}, left out: {error}", np.nan, np.nan, np.nan))
    return "\n".join([*_portrait_table(turned), "", *_film_table(films)])


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
        around[box(film.landmarks[frame.number][:, :2], 0.0, frame.image)] = False
        motion = frame.blendshapes, frame.pose
        shown = still.frame(*motion), moving.frame(*motion), film.portrait.image
        scores.append([psnr(picture[around], frame.image[around]) for picture in shown])
    first, second, third = np.mean(scores, axis=0)
    return float(first), float(second), float(third)


def _portrait_table(rows: list[Turned]) -> Iterator[str]:
    yield "| portraits | still background: mean / least PSNR dB | moving: mean / least | pixels as in the picture |"
    yield "|---|---|---|---|"
    still, moving = (np.array([getattr(row, name) for row in rows]) for name in ("still", "moving"))
    same = np.mean([row.same for row in rows])
    cells = [str(len(rows)), *(f"{one.mean():.1f} / {one.min():.1f}" for one in (still, moving)), f"{same:.0%}"]
    yield f"| {' | '.join(cells)} |"
    yield ""
    yield f"* nearer to the picture than the moving one in {np.sum(still > moving)} of {len(rows)}"


def _film_table(rows: list[tuple[str, float, float, float]]) -> Iterator[str]:
    yield "| film, all but the face | still background PSNR dB | moving | unmoved picture |"
    yield "|---|---|---|---|"
    mean = ("mean", *(float(value) for value in np.nanmean([row[1:] for row in rows], axis=0)))
    yield from (f"| {name} | {one:.2f} | {two:.2f} | {three:.2f} |" for name, one, two, three in [*rows, mean])
    yield ""
    known = [row for row in rows if not np.isnan(row[1])]
    yield f"* the still one is nearer than the moving one in {sum(row[1] > row[2] for row in known)} of {len(known)}"
