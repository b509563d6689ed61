"""Renderers against real video: a clip's most neutral frame is driven by the clip's own fitted motion.

Pairs of neighbouring frames, a fifth of all, are drawn and compared with the real ones; beside them stands the
*unmoved* neutral frame, which a renderer must beat to be of any use. Only the compared frames are held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.data.film_motion import Frame, Reenactment
from talker.data.speech_clips import GRID_SELF
from talker.errors import DataError, TalkerError
from talker.evaluation.film import Film
from talker.evaluation.metrics import METRICS, Recorder, compare_films, film_metrics
from talker.evaluation.picture_metrics import mouth_box, psnr
from talker.evaluation.pictures import Strip, face_cut, save_strips
from talker.face.detector import FaceDetector
from talker.options import SpeakOptions
from talker.render.generator_renderer import GeneratorRenderer
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import ByteArray

FRAME_STEP = 10
REPORT_CLIPS = ("grid/video/o_*.mp4", "talking/speech/*.mp4", "talking/mead/*.mp4")  # held-out people
TUNING_CLIPS = ("talking/expressions/*.mp4",)
COMPARED = ("picture/mouth_psnr", "picture/face_psnr", "picture/ssim", "picture/perceptual", "geometry/landmarks",
            "picture/identity", "picture/sharpness")  # fmt: skip
UNMOVED, GEOMETRY, GENERATOR = "unmoved", "geometry", "generator"


@dataclass(frozen=True)
class Redrawn:
    """The compared frames of a clip: the real film, and by system the drawn ones; the frame with the worst mouth."""

    name: str
    real: Film
    drawn: Mapping[str, Film]
    strip: Strip


def run(data: Path, record: Recorder, *, pictures: Path | None = None, tuning: bool = False) -> None:
    """The geometry renderer against the unmoved frame, over all clips of `data`; `tuning`: those that may be tuned on.

    pictures: folder for a picture of every clip's worst frame.
    """
    paths = clips(data, TUNING_CLIPS) if tuning else report_clips(data)
    _run(paths, record, (UNMOVED, GEOMETRY), pictures and pictures / "reenactment-worst.png")


def run_generator(data: Path, record: Recorder, *, pictures: Path | None = None) -> None:
    """The generator against the geometry alone, with the same motion."""
    _run(report_clips(data), record, (GEOMETRY, GENERATOR), pictures and pictures / "generator-worst.png")


def _run(paths: list[Path], record: Recorder, systems: tuple[str, str], sheet: Path | None) -> None:
    """Compare a system with the one before it, clip by clip."""
    strips = []
    with FaceDetector() as detector:
        for path in paths:
            try:
                redrawn = redraw(path, systems, detector)
            except TalkerError as error:
                record.note(f"{path.name} is left out: {error}")
                continue
            strips.append(redrawn.strip)
            score(redrawn, systems, record)
    if sheet is not None and strips:
        save_strips(strips, sheet)
        record.pictures.append(sheet)


def score(redrawn: Redrawn, systems: tuple[str, str], record: Recorder) -> None:
    """Record each system's means, and in which measures the second one comes nearer to the film than the first."""
    values = {}
    for system in systems:
        film = redrawn.drawn[system]
        values[system] = {one.metric: one.value for one in compare_films(film, redrawn.real, COMPARED)}
        starts = range(0, len(film) - 1, 2)
        pairs = [(film.part(slice(k, k + 2)), redrawn.real.part(slice(k, k + 2))) for k in starts]
        values[system]["picture/flicker"] = float(
            np.nanmean([film_metrics()["picture/flicker"](*pair) for pair in pairs])
        )
        for metric, value in values[system].items():
            record.add(metric, value, system)
            record.add(metric, value, f"{redrawn.name} {system}")
    for metric, value in values[systems[1]].items():
        row = METRICS[metric]
        record.add("wins/clips", float(row.miss(value) < row.miss(values[systems[0]][metric])), metric)


def report_clips(data: Path) -> list[Path]:
    """Films of held-out people in `data`. DataError when there are none."""
    return clips(data, REPORT_CLIPS)


def clips(data: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Films of `data` that match `patterns`, but those that are left out. DataError when there are none."""
    paths = [path for pattern in patterns for path in sorted(data.glob(pattern)) if path.stem != GRID_SELF]
    if not paths:
        raise DataError(f"{data} holds none of {', '.join(patterns)}.")
    return paths


def redraw(path: Path, systems: tuple[str, ...], detector: FaceDetector) -> Redrawn:
    """Drive the most neutral frame of a clip through the clip. FaceError when no frame shows the face."""
    film = Reenactment.of(path)
    geometry = GeometryRenderer(film.portrait, SpeakOptions())
    generator = GeneratorRenderer(film.portrait, SpeakOptions(), geometry=geometry) if GENERATOR in systems else None
    frames = list(film.frames(lambda number: number % FRAME_STEP < 2, geometry))
    if not frames:
        raise DataError(f"{path.name} has no frame in which the face can be seen.")
    places = film.landmarks[[frame.number for frame in frames]]
    real = Film([frame.image for frame in frames], places, np.zeros((len(frames), BLENDSHAPE_COUNT)), film.motion.fps)
    drawn = {}
    for system in systems:
        images = [_draw(system, film, frame, geometry, generator) for frame in frames]
        drawn[system] = Film.seen_near(images, places, real.fps, detector)
    last = drawn[systems[-1]]
    mouths = [
        psnr(one[part], two[part])
        for one, two, at in zip(last.frames, real.frames, places, strict=True) for part in [mouth_box(at, two)]
    ]  # fmt: skip
    worst = int(np.argmin(mouths))
    shown = [last.frames[worst], real.frames[worst], drawn[systems[0]].frames[worst]]
    title = (
        f"{path.stem}, frame {frames[worst].number}: {systems[-1]}, real, {systems[0]}; mouth {mouths[worst]:.1f} dB"
    )
    return Redrawn(path.stem, real, drawn, Strip(title, tuple(face_cut(one, places[worst]) for one in shown)))


def _draw(
    system: str, film: Reenactment, frame: Frame, geometry: GeometryRenderer, generator: GeneratorRenderer | None
) -> ByteArray:
    if system == UNMOVED:
        return film.portrait.image
    if generator is None or system == GEOMETRY:
        return geometry.frame(frame.blendshapes, frame.pose)
    return generator.refine(geometry.draw(frame.blendshapes, frame.pose), frame.blendshapes, frame.pose)
