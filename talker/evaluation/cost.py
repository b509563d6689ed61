"""What speech to motion costs: seconds and memory, each in a process of its own, so that nothing else is counted."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from talker.errors import DataError
from talker.evaluation.metrics import Recorder
from talker.media import audio
from talker.options import SpeakOptions
from talker.types import FloatArray

CLIP = Path("talking") / "speech" / "speech_01.mp4"
SOUNDS = ((5, 44100, 48000), (60, 44100, 48000), (600, 44100, 48000), (3600, 16000, 48000), (3600, 44100, 16000))
# s, Hz of the file, highest rate at which it is kept
LONGEST_S = 3601.0
BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024  # of the peak that the system counts


def run(data: Path, record: Recorder) -> None:
    """DataError when `data` lacks the clip that is repeated to each length."""
    if not (data / CLIP).is_file():
        raise DataError(f"{data} holds no {CLIP}; give the folder in which talking/ lies.")
    clip = audio.load_speech(data / CLIP)
    for seconds, rate, highest in SOUNDS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            _write(audio.resample(clip.samples, clip.sample_rate, rate), rate, seconds, path)
            command = [sys.executable, "-m", __name__, str(path), str(highest)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        name = f"{seconds} s, {rate / 1000:g} kHz" + (f", kept at {highest / 1000:g}" if highest < rate else "")
        for metric, value in found.items():
            record.add(f"cost/{metric}", value, name)


def _write(samples: FloatArray, rate: int, seconds: int, path: Path) -> None:
    """The sound, repeated to a length, as a 16-bit file."""
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        left = seconds * rate
        while left > 0:
            file.write(samples[:left])
            left -= len(samples)


def measure(path: Path, highest_rate: int) -> dict[str, float]:
    """Costs of a sound file's motion, everything that the process ever holds included."""
    started = time.perf_counter()
    from talker.emotion.labels import label_code
    from talker.motion.articulation import prepare, speech_motion
    from talker.motion.composition import compose
    from talker.speech.analysis import SpeechAnalysis

    prepare()
    code = label_code("happy")
    ready = time.perf_counter()
    clip = audio.load_speech(path, max_seconds=LONGEST_S, highest_rate=highest_rate)
    before, processor = time.perf_counter(), time.process_time()
    speech = SpeechAnalysis(clip)
    motion = speech_motion(speech)
    spoken, processor_s = time.perf_counter(), time.process_time() - processor
    compose(motion, code, speech, SpeakOptions())
    return {
        "start": ready - started,
        "speech": spoken - before,
        "processor": processor_s,
        "compose": time.perf_counter() - spoken,
        "memory": peak_mb(),
    }


def peak_mb() -> float:
    """Largest resident size of this process so far.

    Where there is only getrusage to ask, the process that started this one is counted, too.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))  # VmHWM:  123456 kB
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print the costs of a sound file as JSON.")
    parser.add_argument("path", type=Path)
    parser.add_argument("highest_rate", type=int)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.path, arguments.highest_rate)))
