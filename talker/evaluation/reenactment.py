"""The renderer against real video: a clip's most neutral frame is driven by the clip's own fitted motion.

Every fifth frame is drawn and compared with the real one; beside it stands the *unmoved* neutral frame, which a
renderer must beat to be of any use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from talker.errors import DataError, TalkerError
from talker.face.detector import FaceDetector
from talker.face.landmarks import OUTER_LIPS
from talker.face.tracking import FaceTrack, track_video
from talker.media.video import open_video
from talker.render.renderer import Renderer
from talker.types import ByteArray, FloatArray, Portrait, SpeakOptions

FRAME_STEP = 5
REPORT_CLIPS = ("grid/video/o_*.mp4", "talking/speech/*.mp4", "talking/mead/*.mp4")  # held-out people
TUNING_CLIPS = ("talking/expressions/*.mp4",)
EXCLUDED = ("o_bbaf2n",)  # the training speaker
MOUTH_MARGIN = 0.12  # of the face's width around the lips


@dataclass(frozen=True)
class Scores:
    """How near a picture is to the real frame.

    mouth_psnr, face_psnr: dB, higher is better, identical is infinite. landmarks: mean distance in face widths, 0 is
    perfect. sharpness: ratio of Laplacian energy to the real frame's, 1 is perfect.
    """

    mouth_psnr: float
    face_psnr: float
    landmarks: float
    sharpness: float


@dataclass(frozen=True)
class ClipScores:
    """Means over a clip's frames, for the drawn and for the unmoved picture."""

    name: str
    drawn: Scores
    unmoved: Scores


def run(data: Path, *, tuning: bool = False) -> str:
    """The table over all clips of `data`; with `tuning`, over the clips that may be tuned on."""
    patterns = TUNING_CLIPS if tuning else REPORT_CLIPS
    paths = [path for pattern in patterns for path in sorted(data.glob(pattern)) if path.stem not in EXCLUDED]
    if not paths:
        raise DataError(f"{data} holds none of {', '.join(patterns)}.")
    rows: list[ClipScores | str] = []
    for path in paths:
        try:
            rows.append(score_clip(path))
        except TalkerError as error:
            rows.append(f"{path.name}: left out ({error})")
    return _table(rows)


def score_clip(path: Path) -> ClipScores:
    """Drive the most neutral frame of a clip through the clip and compare."""
    track = track_video(path)
    start = most_neutral(track)
    frames = list(enumerate(open_video(path)))
    portrait = portrait_of(track, start, frames[start][1])
    renderer = Renderer(portrait, SpeakOptions())
    motion = track.motion(start)
    drawn, unmoved = [], []
    with FaceDetector() as detector:
        for index, real in frames[::FRAME_STEP]:
            if index == start or not track.detected[index]:
                continue
            expression = relative_to_own_gaze(motion.blendshapes[index], portrait.rest)
            picture = renderer.frame(expression, motion.pose[index])
            drawn.append(_compare(picture, real, track.landmarks[index], detector))
            unmoved.append(_compare(portrait.image, real, track.landmarks[index], detector))
    if not drawn:
        raise DataError(f"{path.name} has no frame in which the face can be seen.")
    return ClipScores(path.stem, _mean(drawn), _mean(unmoved))


def most_neutral(track: FaceTrack) -> int:
    """The frame with the least expression among those that face the camera best."""
    turn = np.linalg.norm(track.fit.rotation, axis=1)
    effort = np.abs(track.fit.expression).sum(axis=1) + 2.0 * (turn - turn.min()) + 1e3 * ~track.detected
    return int(np.argmin(effort))


def portrait_of(track: FaceTrack, index: int, image: ByteArray) -> Portrait:
    """One frame of a tracked clip as a portrait."""
    landmarks = track.landmarks[index]
    (left, top), (right, bottom) = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    box = (float(left), float(top), float(right), float(bottom))
    return Portrait(image, landmarks, track.fit.frame(index), track.scores[index], box)


def relative_to_own_gaze(expression: FloatArray, rest: FloatArray) -> FloatArray:
    """[52] tracked expression as the renderer takes it: gaze relative to where the portrait looks."""
    result = expression.copy()
    gaze = slice(1, 5), slice(8, 12)
    for rows in gaze:
        result[rows] -= rest[rows]
    return result


def _compare(picture: ByteArray, real: ByteArray, landmarks: FloatArray, detector: FaceDetector) -> Scores:
    lips = landmarks[list(OUTER_LIPS), :2]
    width = float(np.ptp(landmarks[:, 0]))
    mouth = _box(lips, MOUTH_MARGIN * width, real.shape)
    face = _box(landmarks[:, :2], 0.0, real.shape)
    found = detector.detect(picture)
    distance = np.nan
    if found:
        distance = float(np.linalg.norm(found[0].landmarks[:468, :2] - landmarks[:468, :2], axis=1).mean() / width)
    ratio = _laplacian(picture[face]) / max(_laplacian(real[face]), 1e-6)
    return Scores(_psnr(picture[mouth], real[mouth]), _psnr(picture[face], real[face]), distance, ratio)


def _box(points: FloatArray, margin: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    low = np.maximum(points.min(0) - margin, 0).astype(int)
    high = np.minimum(points.max(0) + margin, [shape[1], shape[0]]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _psnr(one: ByteArray, other: ByteArray) -> float:
    error = np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2)
    return float(10 * np.log10(255.0**2 / max(float(error), 1e-3)))


def _laplacian(image: ByteArray) -> float:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).std())


def _mean(scores: list[Scores]) -> Scores:
    values = np.array([[s.mouth_psnr, s.face_psnr, s.landmarks, s.sharpness] for s in scores])
    mouth, face, landmarks, sharpness = np.nanmean(values, axis=0)
    return Scores(float(mouth), float(face), float(landmarks), float(sharpness))


def _table(rows: list[ClipScores | str]) -> str:
    lines = [
        "| clip | mouth PSNR dB (unmoved) | face PSNR dB (unmoved) | landmark error % (unmoved) | sharpness ratio |",
        "|---|---|---|---|---|",
    ]
    lines += [row if isinstance(row, str) else _line(row) for row in rows]
    scored = [row for row in rows if isinstance(row, ClipScores)]
    wins = list(_wins(scored))
    for name, share in zip(
        ("mouth PSNR", "face PSNR", "landmarks"), np.mean(wins, axis=0) if wins else [], strict=False
    ):
        lines.append(f"{name}: better than the unmoved frame in {share:.0%} of {len(scored)} clips")
    return "\n".join(lines)


def _line(row: ClipScores) -> str:
    one, other = row.drawn, row.unmoved
    return (
        f"| {row.name} | {one.mouth_psnr:.2f} ({other.mouth_psnr:.2f}) | {one.face_psnr:.2f} ({other.face_psnr:.2f}) | "
        f"{100 * one.landmarks:.2f} ({100 * other.landmarks:.2f}) | {one.sharpness:.2f} |"
    )


def _wins(rows: list[ClipScores]) -> Iterator[tuple[bool, bool, bool]]:
    for row in rows:
        one, other = row.drawn, row.unmoved
        yield (
            one.mouth_psnr > other.mouth_psnr,
            one.face_psnr > other.face_psnr,
            one.landmarks < other.landmarks,
        )
