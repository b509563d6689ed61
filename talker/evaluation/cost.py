"""What speech to motion costs: seconds and memory, each in a process of its own, so that nothing else is counted."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talker.errors import DataError
from talker.media import audio
from talker.types import SpeakOptions, SpeechClip

CLIP = Path("talking") / "speech" / "speech_01.mp4"
DURATIONS_S = (5, 60, 3600)
BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024  # of the peak that the system counts


def table(data: Path) -> Iterator[str]:
    """The lines of the table; DataError when `data` lacks the clip that is repeated to each length."""
    if not (data / CLIP).is_file():
        raise DataError(f"{data} holds no {CLIP}; give the folder in which talking/ lies.")
    yield "| speech, s | imports and weights, s | speech to motion, s | processor, s | feeling and life, s | peak, MB |"
    yield "|---|---|---|---|---|---|"
    for seconds in DURATIONS_S:
        command = [sys.executable, "-m", __name__, str(data / CLIP), str(seconds)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        values = (found[name] for name in ("start_s", "speech_s", "processor_s", "feeling_s"))
        yield f"| {seconds} | " + " | ".join(f"{value:.1f}" for value in values) + f" | {found['peak_mb']:.0f} |"


def measure(path: Path, seconds: float) -> dict[str, float]:
    """Costs of `path`'s speech, repeated to `seconds`, from a process that has done nothing yet."""
    started = time.perf_counter()
    from talker.emotion.labels import label_code
    from talker.motion.articulation import prepare, speech_motion
    from talker.motion.composition import compose

    prepare()
    code = label_code("happy")
    ready = time.perf_counter()
    clip = audio.load_speech(path)
    clip = SpeechClip(np.resize(clip.samples, round(seconds * clip.sample_rate)), clip.sample_rate)
    before, processor = time.perf_counter(), time.process_time()
    motion = speech_motion(clip)
    spoken, processor_s = time.perf_counter(), time.process_time() - processor
    compose(motion, code, clip, SpeakOptions())
    return {
        "start_s": ready - started,
        "speech_s": spoken - before,
        "processor_s": processor_s,
        "feeling_s": time.perf_counter() - spoken,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT / 2**20,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print the costs of one clip as JSON.")
    parser.add_argument("path", type=Path)
    parser.add_argument("seconds", type=float)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.path, arguments.seconds)))
