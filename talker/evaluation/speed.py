"""How fast frames are drawn, where the time goes, and how much memory that takes.

Each size runs in a process of its own, so that its peak memory is its own. The stages are read off a profile of the
same frames drawn one by one in one thread, scaled to the time that they take without the profiler.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import skimage.data

from talker.blendshapes import BLENDSHAPE_COUNT, expand
from talker.evaluation.cost import peak_mb
from talker.evaluation.metrics import Recorder
from talker.media.video import write_video
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import FaceMotion, FloatArray, SpeechClip, Video

FRAMES = 100
WARM_UP = 5  # frames before the clock runs
FPS = 25.0
TARGETS_MS = {"crop512": 14.0, "crop1024": 36.0}  # a frame without the encoder, on two cores
# stage: (end of the file's name, function) of its calls, as a profile names them; none of them calls another
STAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "geometry": (("render/geometry.py", "shape"), ("render/head_warp.py", "displacement"),
                 ("render/head_warp.py", "sample")),
    "shading": (("render/light.py", "ratio"), ("render/light.py", "shade"), ("render/crease_removal.py", "source")),
    "flow": (("render/warp.py", "_flow"),),
    "background": (("render/background.py", "keep"),),
    "eyes": (("render/eyes.py", "draw"),),
    "mouth": (("render/mouth.py", "draw"),),
}  # fmt: skip


Calls = dict[tuple[str, int, str], tuple[int, int, float, float, object]]  # (file, line, name) to what a profile knows


@dataclass(frozen=True)
class Timing:
    """What one size takes.

    prepare_s: once per portrait. frame_ms: a frame of a film, several of which are drawn at the same time. stages_ms:
    what each stage takes of a frame drawn alone in one thread; what belongs to none is sampling the picture.
    encoded_ms: a frame of a film drawn and encoded. memory_mb: the process' peak.
    """

    size: str
    prepare_s: float
    frame_ms: float
    stages_ms: dict[str, float]
    encoded_ms: float
    memory_mb: float


def run(data: Path | None, record: Recorder, *, frames: int = FRAMES) -> None:
    """For 512 and 1024 px; no data is needed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        timings = list(pool.map(measure, TARGETS_MS, [frames] * len(TARGETS_MS)))
    for row in timings:
        for stage, value in row.stages_ms.items():
            record.add("speed/frame", value, f"{row.size}, {stage}")
        record.add("speed/frame", sum(row.stages_ms.values()), f"{row.size}, alone")
        record.add("speed/frame", row.frame_ms, f"{row.size}, of a film (asked: {TARGETS_MS[row.size]:g})")
        record.add("speed/frame", row.encoded_ms, f"{row.size}, of a film with the encoder")
        record.add("speed/prepare", row.prepare_s, row.size)
        record.add("cost/memory", row.memory_mb, row.size)
    record.note(f"{os.cpu_count()} cores; load average during the run {os.getloadavg()[0]:.1f}.")


def measure(size: str, frames: int = FRAMES) -> Timing:
    """Draw and encode `frames` frames of a speaking, nodding, blinking photograph at `size`."""
    portrait = analyse(skimage.data.astronaut())
    GeometryRenderer(portrait, SpeakOptions(size=size))  # compiles what is compiled on first use
    start = time.perf_counter()
    renderer = GeometryRenderer(portrait, SpeakOptions(size=size))
    prepare_s = time.perf_counter() - start
    motion = lively_motion(frames + WARM_UP)
    drawn = renderer.render(motion)
    for _ in range(WARM_UP):
        next(drawn)
    start = time.perf_counter()
    count = sum(1 for _ in drawn)
    frame_ms = 1e3 * (time.perf_counter() - start) / count
    stages = _stages(renderer, motion)
    encoded_ms = _encoded(renderer, motion)
    return Timing(size, prepare_s, frame_ms, stages, encoded_ms, peak_mb())


def lively_motion(frames: int) -> FaceMotion:
    """A motion that keeps every part of the face busy: jaw, smile, blinks, gaze and head swing at their own pace."""
    seconds = np.arange(frames) / FPS
    parts = {
        ("jawOpen",): 0.5 * _swing(seconds, 3.0),
        ("mouthPucker",): 0.4 * _swing(seconds, 1.3),
        ("mouthSmileLeft", "mouthSmileRight"): 0.6 * _swing(seconds, 0.4),
        ("browInnerUp",): 0.6 * _swing(seconds, 0.7),
        ("eyeBlinkLeft", "eyeBlinkRight"): _swing(seconds, 0.5) ** 6,
        ("eyeLookInLeft", "eyeLookOutRight"): 0.3 * _swing(seconds, 0.3),
    }
    blendshapes = np.zeros((frames, BLENDSHAPE_COUNT), np.float32)
    for names, values in parts.items():
        blendshapes += values[:, None] * expand(dict.fromkeys(names, 1.0))
    pose = np.zeros((frames, 6), np.float32)
    pose[:, :3] = 0.15 * np.stack([np.sin(2 * np.pi * rate * seconds) for rate in (0.5, 0.31, 0.23)], axis=1)
    return FaceMotion(blendshapes, pose, FPS)


def _swing(seconds: FloatArray, rate_hz: float) -> FloatArray:
    """0 at first, 1 in the middle of each period."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * seconds)


def _stages(renderer: GeometryRenderer, motion: FaceMotion) -> dict[str, float]:
    """Milliseconds of each stage of a frame that is drawn alone."""
    start = time.perf_counter()
    _draw_one_by_one(renderer, motion)
    alone_ms = 1e3 * (time.perf_counter() - start) / len(motion)
    profile = cProfile.Profile()
    profile.runcall(_draw_one_by_one, renderer, motion)
    calls = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = _seconds(calls, (("render/geometry_renderer.py", "frame"),))
    result = {stage: alone_ms * _seconds(calls, functions) / total for stage, functions in STAGES.items()}
    return result | {"sampling": alone_ms - sum(result.values())}


def _draw_one_by_one(renderer: GeometryRenderer, motion: FaceMotion) -> None:
    for blendshapes, pose in zip(motion.blendshapes, motion.pose, strict=True):
        renderer.frame(blendshapes, pose)


def _seconds(calls: Calls, functions: tuple[tuple[str, str], ...]) -> float:
    """Time in all calls of `functions`, with what they call."""
    found = [
        row[3] for (file, _, name), row in calls.items()
        if any(Path(file).as_posix().endswith(place) and name == wanted for place, wanted in functions)
    ]  # fmt: skip
    if len(found) != len(functions):
        raise ValueError(f"the profile does not show all of {functions}: did a stage change its name?")
    return float(sum(found))


def _encoded(renderer: GeometryRenderer, motion: FaceMotion) -> float:
    """Milliseconds of a frame from motion to file, with sound."""
    speech = SpeechClip(np.zeros(round(len(motion) / FPS * 16000), np.float32), 16000)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="talker-") as folder:
        video = Video(renderer.render(motion), len(motion), FPS, renderer.size, speech)
        write_video(video, Path(folder) / "speed.mp4")
    return 1e3 * (time.perf_counter() - start) / len(motion)
