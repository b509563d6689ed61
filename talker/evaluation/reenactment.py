"""The renderer against real video: a clip's most neutral frame is driven by the clip's own fitted motion.

Every fifth frame is drawn and compared with the real one; beside it stands the *unmoved* neutral frame, which a
renderer must beat to be of any use. Films are streamed: one frame is held at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.data.film_motion import Reenactment, every
from talker.data.speech_clips import GRID_SELF
from talker.errors import DataError, TalkerError
from talker.evaluation.comparison import Comparer, Scores
from talker.evaluation.pictures import Strip, face_cut, save_strips
from talker.evaluation.recognition import FaceRecogniser
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import ByteArray

FRAME_STEP = 5
REPORT_CLIPS = ("grid/video/o_*.mp4", "talking/speech/*.mp4", "talking/mead/*.mp4")  # held-out people
TUNING_CLIPS = ("talking/expressions/*.mp4",)
SHARPNESS_RANGE = (0.8, 1.2)
TARGET = 0.9  # of the clips in which each measure shall beat the unmoved frame


@dataclass(frozen=True)
class ClipScores:
    """Means over a clip's frames for the drawn and for the unmoved picture, and the frame with the worst mouth.

    worst: drawn, real and unmoved face [h,w,3]. worst_frame: its number in the clip.
    """

    name: str
    drawn: Scores
    unmoved: Scores
    worst: tuple[ByteArray, ByteArray, ByteArray]
    worst_frame: int


def run(data: Path, *, pictures: Path | None = None, tuning: bool = False) -> str:
    """The table over all clips of `data`; with `tuning`, over the clips that may be tuned on.

    pictures: folder for a picture of every clip's worst frame.
    """
    paths = clips(data, TUNING_CLIPS) if tuning else report_clips(data)
    rows: list[ClipScores | str] = []
    with FaceDetector() as detector:
        comparer = Comparer(detector, FaceRecogniser())
        for path in paths:
            try:
                rows.append(score_clip(path, comparer))
            except TalkerError as error:
                rows.append(f"{path.name}: left out ({error})")
    scored = [row for row in rows if isinstance(row, ClipScores)]
    if pictures is not None and scored:
        strips = [
            Strip(f"{row.name}, frame {row.worst_frame}: drawn, real, unmoved; mouth {row.drawn.mouth_psnr:.1f} dB "
                  f"({row.unmoved.mouth_psnr:.1f})", row.worst)
            for row in scored
        ]  # fmt: skip
        save_strips(strips, pictures / "reenactment-worst.png")
    return _table(rows, scored)


def report_clips(data: Path) -> list[Path]:
    """Films of held-out people in `data`. DataError when there are none."""
    return clips(data, REPORT_CLIPS)


def clips(data: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Films of `data` that match `patterns`, but those that are left out. DataError when there are none."""
    paths = [path for pattern in patterns for path in sorted(data.glob(pattern)) if path.stem != GRID_SELF]
    if not paths:
        raise DataError(f"{data} holds none of {', '.join(patterns)}.")
    return paths


def score_clip(path: Path, comparer: Comparer) -> ClipScores:
    """Drive the most neutral frame of a clip through the clip and compare."""
    film = Reenactment.of(path)
    renderer = GeometryRenderer(film.portrait, SpeakOptions())
    drawn, unmoved = [], []
    worst, least, worst_frame = None, np.inf, -1
    for frame in film.frames(every(FRAME_STEP), renderer):
        real = comparer.real(frame.image, film.landmarks[frame.number])
        picture = renderer.frame(frame.blendshapes, frame.pose)
        drawn.append(comparer.compare(picture, real))
        unmoved.append(comparer.compare(film.portrait.image, real))
        if drawn[-1].mouth_psnr < least:
            least, worst_frame = drawn[-1].mouth_psnr, frame.number
            cuts = [face_cut(one, real.landmarks) for one in (picture, frame.image, film.portrait.image)]
            worst = (cuts[0], cuts[1], cuts[2])
    if worst is None:
        raise DataError(f"{path.name} has no frame in which the face can be seen.")
    return ClipScores(path.stem, Scores.mean(drawn), Scores.mean(unmoved), worst, worst_frame)


def _table(rows: list[ClipScores | str], scored: list[ClipScores]) -> str:
    lines = [
        "| clip | mouth PSNR dB (unmoved) | face PSNR dB (unmoved) | landmark error % (unmoved) | identity (unmoved) "
        "| sharpness ratio (unmoved) |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row if isinstance(row, str) else _line(row.name, row.drawn, row.unmoved) for row in rows]
    if not scored:
        return "\n".join(lines)
    lines.append(
        _line("mean", Scores.mean([row.drawn for row in scored]), Scores.mean([row.unmoved for row in scored]))
    )
    lines.append("")
    for name, wins in _wins(scored):
        verdict = "reached" if np.mean(wins) >= TARGET else "missed"
        lines.append(f"* {name} in {sum(wins)} of {len(wins)} clips ({np.mean(wins):.0%}; {TARGET:.0%} {verdict})")
    return "\n".join(lines)


def _line(name: str, one: Scores, other: Scores) -> str:
    return (
        f"| {name} | {one.mouth_psnr:.2f} ({other.mouth_psnr:.2f}) | {one.face_psnr:.2f} ({other.face_psnr:.2f}) | "
        f"{100 * one.landmarks:.2f} ({100 * other.landmarks:.2f}) | {one.identity:.3f} ({other.identity:.3f}) | "
        f"{one.sharpness:.2f} ({other.sharpness:.2f}) |"
    )


def _wins(rows: list[ClipScores]) -> Iterator[tuple[str, list[bool]]]:
    """What is asked of every clip, and in which clips it is so."""
    low, high = SHARPNESS_RANGE
    yield "mouth PSNR better than unmoved", [row.drawn.mouth_psnr > row.unmoved.mouth_psnr for row in rows]
    yield "face PSNR better than unmoved", [row.drawn.face_psnr > row.unmoved.face_psnr for row in rows]
    yield "landmarks nearer than unmoved", [row.drawn.landmarks < row.unmoved.landmarks for row in rows]
    yield "identity nearer than unmoved", [row.drawn.identity < row.unmoved.identity for row in rows]
    yield f"sharpness ratio within {low}–{high}", [low <= row.drawn.sharpness <= high for row in rows]
