"""`talker bench`: what a film costs, stage by stage, and how fast a frame is drawn.

Every case runs in processes of its own, several times, so that start-up and peak memory are its own; medians are
given. Processor time says what a machine has to do, wall time what somebody waits. Frames of the two versions of a
program are compared on one machine, one after the other: `--json` keeps a run, `--compare` shows ratios to it.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, expand
from talker.errors import InputError
from talker.example_faces import ASTRONAUT
from talker.machine import peak_mb
from talker.options import SpeakOptions
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import FaceMotion, FloatArray, Portrait, SpeechClip
from talker.workers import worker_processes

SENTENCE = "Good morning! I have been waiting for this, maybe for a long time. Shall we begin with the first page?"
FRAMES, WARM_UP = 100, 5  # frames of a film that is drawn without an encoder, and before the clock runs
FPS = 25.0
# stage of a frame: (end of the file's name, function) of its calls, as a profile names them; none calls another
STAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "geometry": (("render/geometry.py", "shape"), ("render/head_warp.py", "displacement"),
                 ("render/head_warp.py", "sample")),
    "shading and creases": (("render/light.py", "ratio"), ("render/crease_removal.py", "source")),
    "flow": (("render/warp.py", "_flow"),),
    "eyes": (("render/eyes.py", "draw"),),
    "mouth": (("render/mouth.py", "draw"),),
}  # fmt: skip
REST = "sampling and background"  # what belongs to none of these


Calls = dict[tuple[str, int, str], tuple[int, int, float, float, object]]  # (file, line, name) to what a profile knows
Costs = dict[str, float]  # what was measured, with its unit at the end of the name, to its value


def bench(
    sizes: Sequence[str],
    seconds: Sequence[int],
    portrait: Path | None = None,
    *,
    repeats: int = 3,
    keep: Path | None = None,
    compare: Path | None = None,
    profile: Path | None = None,
) -> None:
    """Print what a frame costs at each of the `sizes`, and films of so many `seconds` of speech.

    portrait: whose face; an example's when None. keep: JSON of what was measured. compare: such a file of an earlier
    run, to which ratios are shown. profile: where a profile of frames drawn one by one is written.
    """
    before, face = _read(compare) if compare else {}, portrait or ASTRONAUT
    if profile:
        _profile(GeometryRenderer(_face(face), SpeakOptions(size=sizes[0]))).dump_stats(profile)
    measured: dict[str, Costs] = {}
    for size, length in product(sizes, (None, *seconds)):
        name = f"frame {size}" if length is None else f"film {size} {length} s"
        measured[name] = median_costs(face, size, length, repeats)
        for cost, value in measured[name].items():
            then = before.get(name, {}).get(cost)
            ratio = f"   {value / then:.2f} x" if then else ""
            print(f"{name:22} {cost:28} {value:10.2f}{ratio}")
    print(f"{os.cpu_count()} cores")
    if keep:
        keep.write_text(json.dumps(measured, indent=2) + "\n")


def median_costs(portrait: Path, size: str, seconds: int | None, repeats: int) -> Costs:
    """Medians over `repeats` runs, each in a process of its own: of a frame, or of a film of so many `seconds`."""
    runs = []
    for _ in range(repeats):
        with worker_processes(1) as pool:
            measure = pool.submit(frame_costs, portrait, size) if seconds is None else pool.submit(
                film_costs, portrait, size, seconds
            )  # fmt: skip
            runs.append(measure.result())
    return {cost: float(np.median([run[cost] for run in runs])) for cost in runs[0]}


def film_costs(portrait: Path, size: str, seconds: float) -> Costs:
    """What this process needs for a film of a spoken sentence, said again and again, from its start on."""
    started = time.perf_counter()
    from talker import Talker

    talker, options = Talker(), SpeakOptions(size=size)
    clip = talker.load_speech(text=SENTENCE).clip
    ready, processor = time.perf_counter(), time.process_time()
    shown: list[float] = []
    with tempfile.TemporaryDirectory(prefix="talker-") as folder:
        samples = np.resize(clip.samples, round(seconds * clip.sample_rate))
        result = talker.speak(
            portrait,
            SpeechClip(samples, clip.sample_rate),
            emotion="happy",
            options=options,
            out=Path(folder) / "film.mp4",
            progress=lambda done, total: shown.append(time.perf_counter()),
        )
    costs = {f"{stage} s": taken for stage, taken in result.timings.items()}
    return costs | {
        "start s": ready - started,
        "first frame s": shown[0] - ready,
        "whole s": time.perf_counter() - ready,
        "processor s": time.process_time() - processor,
        "frames/s": len(result.motion) / result.timings["rendering"],
        "peak memory MB": peak_mb(),
    }


def frame_costs(portrait: Path, size: str, frames: int = FRAMES) -> Costs:
    """What a frame of a speaking, nodding, blinking face costs, and each of its stages, without an encoder."""
    face = _face(portrait)
    GeometryRenderer(face, SpeakOptions(size=size)).frame(face.source_expression, np.zeros(6))  # compiles
    start = time.process_time()
    renderer = GeometryRenderer(face, SpeakOptions(size=size))
    prepared = time.process_time() - start
    drawn = renderer.render(lively_motion(frames + WARM_UP))
    for _ in range(WARM_UP):
        next(drawn)
    start, processor = time.perf_counter(), time.process_time()
    count = sum(1 for _ in drawn)
    film_s, processor_s = time.perf_counter() - start, time.process_time() - processor
    calls: Calls = pstats.Stats(_profile(renderer, frames)).stats  # type: ignore[attr-defined]
    alone = _seconds(calls, (("render/geometry_renderer.py", "frame"),))
    shares = {stage: _seconds(calls, functions) / alone for stage, functions in STAGES.items()}
    shares[REST] = 1.0 - sum(shares.values())
    per_frame = 1e3 * processor_s / count
    return {
        "prepare, processor s": prepared,
        "processor ms": per_frame,
        "frames/s": count / film_s,
        **{f"{stage} ms": share * per_frame for stage, share in shares.items()},
        "peak memory MB": peak_mb(),
    }


def _face(path: Path) -> Portrait:
    from talker.media.image import load_image
    from talker.portrait.analyse import analyse

    return analyse(load_image(path))


def _profile(renderer: GeometryRenderer, frames: int = FRAMES) -> cProfile.Profile:
    """A profile of frames drawn one by one, in this thread."""
    profile = cProfile.Profile()
    profile.runcall(_draw_one_by_one, renderer, lively_motion(frames))
    return profile


def _read(path: Path) -> Mapping[str, Costs]:
    """The measurements of an earlier run; InputError when `path` holds none."""
    try:
        found = json.loads(path.read_text())
        return {name: {cost: float(value) for cost, value in costs.items()} for name, costs in found.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} holds no measurements of `talker bench --json` ({error}).") from error


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
