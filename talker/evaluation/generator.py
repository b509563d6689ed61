"""The generator against the geometry alone, on real film of people that nothing was trained or tuned on.

Both draw the same frames of the same motion. Beside what `comparison` measures stand the perceptual distance of a
network that no loss has used, and flicker: how far the change from one frame to the next differs from the film's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from talker.data.film_motion import Reenactment
from talker.errors import DataError, TalkerError
from talker.evaluation import perceptual
from talker.evaluation.comparison import Comparer, RealFrame, Scores, face_area
from talker.evaluation.perceptual import Perceiver
from talker.evaluation.pictures import Strip, face_cut, save_strips
from talker.evaluation.recognition import FaceRecogniser
from talker.evaluation.reenactment import SHARPNESS_RANGE, report_clips
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.generator_renderer import GeneratorRenderer
from talker.types import ByteArray

FRAME_STEP = 10
SHOWN = 20  # frames on the sheet
LEAST_GAIN_DB, LEAST_PERCEPTUAL_GAIN = 1.0, 0.1
COLUMNS = ("mouth PSNR dB", "face PSNR dB", "landmark error %", "sharpness ratio", "identity",
           "perceptual distance ×1000", "flicker")  # fmt: skip
FACTORS = np.array([1, 1, 100, 1, 1, 1000, 1])  # from what is measured to what is shown


@dataclass(frozen=True)
class ClipRow:
    """Means over a clip's frames, in the order of `COLUMNS`, and the frame in which the mouth is widest open."""

    name: str
    geometry: np.ndarray
    generator: np.ndarray
    strip: Strip


@dataclass(frozen=True)
class Instruments:
    """The networks that look at the pictures."""

    comparer: Comparer
    perceiver: Perceiver

    def measure(self, picture: ByteArray, real: RealFrame) -> list[float]:
        """Everything but flicker, of one frame."""
        scores: Scores = self.comparer.compare(picture, real)
        seen = [self.perceiver.features(one, real.landmarks) for one in (picture, real.image)]
        return [*astuple(scores), perceptual.distance(*seen)]


def run(data: Path, *, pictures: Path | None = None) -> str:
    """The table over all clips of `data`; `pictures` is a folder for the sheet source | geometry | generator | real."""
    rows: list[ClipRow] = []
    refused: list[str] = []
    with FaceDetector() as detector:
        instruments = Instruments(Comparer(detector, FaceRecogniser()), Perceiver())
        for path in report_clips(data):
            try:
                rows.append(score_clip(path, instruments))
            except TalkerError as error:
                refused.append(f"* {path.name}: left out ({error})")
    if pictures is not None:
        spread = [rows[round(place)] for place in np.linspace(0, len(rows) - 1, min(SHOWN, len(rows)))]
        save_strips([row.strip for row in spread], pictures / "generator.png")
    return "\n".join([*_table(rows), *refused])


def score_clip(path: Path, instruments: Instruments) -> ClipRow:
    """Draw every tenth frame of a clip, and the one after it, both ways. DataError when there is none."""
    film = Reenactment.of(path)
    generator = GeneratorRenderer(film.portrait, SpeakOptions())
    measured: list[tuple[list[float], list[float]]] = []
    flicker: list[list[float]] = []
    last: list[ByteArray] = []
    widest, strip = -1.0, None
    for frame in film.frames(lambda number: number % FRAME_STEP < 2, generator.geometry):
        index, image = frame.number, frame.image
        drawn = generator.geometry.draw(frame.blendshapes, frame.pose)
        pictures = [drawn.frame, generator.refine(drawn, *frame[:3]), image]
        landmarks = film.landmarks[index]
        if index % FRAME_STEP == 0:
            real = instruments.comparer.real(image, landmarks)
            measured.append((instruments.measure(pictures[0], real), instruments.measure(pictures[1], real)))
            opening = float(np.linalg.norm(landmarks[13, :2] - landmarks[14, :2]))
            if opening > widest:
                shown = (film.portrait.image, *pictures)
                cuts = tuple(face_cut(one, landmarks) for one in shown)
                widest, strip = opening, Strip(f"{path.stem}, frame {index}: source, geometry, generator, real", cuts)
        elif last:
            area = face_area(landmarks, image)
            steps = [(now.astype(np.float32) - before)[area] for now, before in zip(pictures, last, strict=True)]
            flicker.append([float(np.abs(step - steps[2]).mean()) for step in steps[:2]])
        last = pictures if index % FRAME_STEP == 0 else []
    if strip is None:
        raise DataError(f"{path.name} has no frame in which the face can be seen.")
    means = np.nanmean(np.array(measured), axis=0)  # [2,6]
    both = np.concatenate([means, np.array(flicker).mean(0)[:, None] if flicker else np.full((2, 1), np.nan)], axis=1)
    return ClipRow(path.stem, both[0], both[1], strip)


def _table(rows: list[ClipRow]) -> Iterator[str]:
    yield "Each cell: generator (geometry alone)."
    yield ""
    yield f"| clip | {' | '.join(COLUMNS)} |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    generator, geometry = (np.array([getattr(row, name) for row in rows]) for name in ("generator", "geometry"))
    for row in rows:
        yield _line(row.name, row.generator, row.geometry)
    mean, before = np.nanmean(generator, axis=0), np.nanmean(geometry, axis=0)
    yield _line("mean", mean, before)
    yield ""
    gain, nearer = mean[0] - before[0], 1 - mean[5] / before[5]
    low, high = SHARPNESS_RANGE
    asked = (
        (f"mouth PSNR {gain:+.2f} dB (≥ +{LEAST_GAIN_DB:g} asked)", gain >= LEAST_GAIN_DB),
        (f"perceptual distance {-nearer:+.1%} (≤ -{LEAST_PERCEPTUAL_GAIN:.0%} asked)", nearer >= LEAST_PERCEPTUAL_GAIN),
        (f"sharpness ratio {mean[3]:.2f} ({low}–{high} asked)", low <= mean[3] <= high),
        (f"face PSNR {mean[1] - before[1]:+.2f} dB (not worse asked)", mean[1] >= before[1]),
        (f"identity {mean[4] - before[4]:+.4f} (not worse asked)", mean[4] <= before[4]),
        (f"flicker {mean[6] - before[6]:+.3f} levels (not worse asked)", mean[6] <= before[6]),
    )
    yield from (f"* {text}: {'reached' if met else 'missed'}" for text, met in asked)
    yield f"* mouth PSNR better in {int((generator[:, 0] > geometry[:, 0]).sum())} of {len(rows)} clips"


def _line(name: str, one: np.ndarray, other: np.ndarray) -> str:
    cells = [f"{a:.2f} ({b:.2f})" if k != 4 else f"{a:.3f} ({b:.3f})" for k, (a, b) in
             enumerate(zip(one * FACTORS, other * FACTORS, strict=True))]  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"
