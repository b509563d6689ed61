"""Broken files by the thousand through everything that reads files: only TalkerErrors may come of it.

Each input is made from a healthy file by flipping bits, cutting, splicing and overwriting numbers, and depends on its
number alone, so that `attempt(number)` repeats any of them. They are read in a process of their own, so that a crash is
a line in the table.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from talker.batch import read_manifest, unpack
from talker.emotion.labels import label_code
from talker.emotion.timeline import load_timeline
from talker.errors import TalkerError
from talker.evaluation.fuzz_seeds import seeds
from talker.evaluation.metrics import Recorder
from talker.machine import peak_mb
from talker.media.audio import load_speech
from talker.media.image import damage_note, is_picture, load_image
from talker.media.video_reader import open_video
from talker.options import SpeakOptions
from talker.types import FaceMotion

INPUTS = 12_000
START_SECONDS, HANGS_AFTER = 180.0, 20.0  # s until the first input begins, and for each
PEAK_MB = 1500.0  # that a reader may need
NUMBERS = (0, 1, 2, 127, 128, 255, 32767, 65535, 2**31 - 1, 2**32 - 1, 2**63 - 1)
Content = bytearray


def run(data: Path | None, record: Recorder) -> None:
    """Run the whole fuzz and record its table."""
    record.note("\n" + table(data))


def table(data: Path | None = None, *, count: int = INPUTS, first: int = 0) -> str:
    """The table over `count` inputs from number `first` on, made of built-in seeds and of the files in `data`."""
    found = _Findings()
    number = first
    while number < first + count:
        number = _watch(number, first + count, data, found)
    return "\n".join(found.table())


def work(first: int, end: int, data: str = "") -> None:
    """Read inputs `first` to `end`, and print a line for each before and after; an unexpected exception ends that."""
    folder = Path(data) if data else None
    _all_seeds(folder)
    for number in range(first, end):
        sys.stdout.write(f"{number} begins\n")
        sys.stdout.flush()
        kind, outcome = attempt(number, folder)
        sys.stdout.write(f"{number} {kind} {outcome} {peak_mb():.0f}\n")
        sys.stdout.flush()


def attempt(number: int, data: Path | None = None) -> tuple[str, str]:
    """(kind, "read" or "refused") of one input. Raises what its reader raises beside TalkerErrors."""
    kind, name, content = broken(number, data)
    with tempfile.TemporaryDirectory(prefix="talker-fuzz-") as folder:
        path = Path(folder) / f"input.{name}"
        path.write_bytes(content)
        (Path(folder) / "a.png").touch()  # which the manifests name
        try:
            READERS[kind](path)
        except TalkerError:
            return kind, "refused"
    return kind, "read"


def broken(number: int, data: Path | None = None) -> tuple[str, str, bytes]:
    """(kind of reader, end of the name, content) of the input with that number."""
    rng = np.random.default_rng(number)
    files = _all_seeds(data)
    kind = tuple(READERS)[rng.choice(len(READERS), p=SHARES)]
    own = files[kind]
    name, healthy = own[rng.integers(len(own))]
    content = bytearray(healthy)
    for _ in range(rng.integers(1, 4)):
        if content:
            _MUTATIONS[rng.integers(len(_MUTATIONS))](content, rng, own)
    if rng.random() < ODD_READER:  # a picture where a sound is asked for, and so on
        kind = tuple(READERS)[rng.integers(len(READERS))]
    return kind, name, bytes(content)


def _flip(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    for place in rng.integers(len(content), size=rng.integers(1, 20)):
        content[place] ^= 1 << int(rng.integers(8))


def _flip_early(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    """Headers decide most."""
    for place in rng.integers(min(len(content), 200), size=rng.integers(1, 6)):
        content[place] = int(rng.integers(256))


def _cut(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    del content[int(rng.integers(len(content))) :]


def _leave_out(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    start = int(rng.integers(len(content)))
    del content[start : start + int(rng.integers(1, 200))]


def _repeat(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    start = int(rng.integers(len(content)))
    content[start:start] = content[start : start + int(rng.integers(1, 400))]


def _splice(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    other = own[rng.integers(len(own))][1]
    start, end = sorted(int(place) for place in rng.integers(len(other) + 1, size=2))
    place = int(rng.integers(len(content)))
    content[place : place + end - start] = other[start:end]


def _number(content: Content, rng: np.random.Generator, own: tuple[tuple[str, bytes], ...]) -> None:
    """An extreme whole number over 1, 2, 4 or 8 bytes, either end first."""
    width = int(2 ** rng.integers(4))
    value = NUMBERS[rng.integers(len(NUMBERS))] % 256**width
    place = int(rng.integers(len(content)))
    content[place : place + width] = value.to_bytes(width, "big" if rng.random() < 0.5 else "little")


_MUTATIONS = (_flip, _flip_early, _cut, _leave_out, _repeat, _splice, _number)


def _read_picture(path: Path) -> None:
    is_picture(path)
    damage_note(path)
    load_image(path)


def _read_video(path: Path) -> None:
    for _ in open_video(path, fps=25.0):
        pass


READERS: dict[str, Callable[[Path], object]] = {
    "picture": _read_picture,
    "sound": load_speech,
    "video": _read_video,
    "motion": FaceMotion.load,
    "settings": SpeakOptions.load,
    "timeline": lambda path: load_timeline(path, 3.0, lambda _: label_code("neutral")),
    "manifest": read_manifest,
    "archive": lambda path: unpack(path, path.parent / "unpacked"),
}
SHARES = (0.3, 0.25, 0.2, 0.05, 0.05, 0.05, 0.05, 0.05)
ODD_READER = 0.03


@functools.cache
def _all_seeds(data: Path | None) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """The built-in seeds by kind, with the files of `data` under the kinds that can read them."""
    files = seeds()
    for path in sorted(data.iterdir()) if data is not None else ():
        for kind, read in READERS.items():
            with contextlib.suppress(TalkerError):
                read(path)
                files[kind] += ((path.name, path.read_bytes()),)
    return files


@dataclass
class _Findings:
    """What came of the inputs so far."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    peak_mb: float = 0.0
    problems: list[str] = field(default_factory=list)

    def table(self) -> list[str]:
        """Rows of Markdown, and a line for every problem."""
        rows = ["| kind | inputs | read all the same | refused in words |", "|---|---|---|---|"]
        for kind in READERS:
            read, refused = self.outcomes[kind, "read"], self.outcomes[kind, "refused"]
            rows.append(f"| {kind} | {read + refused} | {read} | {refused} |")
        rows.append(f"\nPeak memory {self.peak_mb:.0f} MB; problems (0 wanted): {len(self.problems)}")
        return rows + [f"* {problem}" for problem in self.problems]


def _watch(first: int, end: int, data: Path | None, found: _Findings) -> int:
    """Let a process read inputs from `first` on; the number to go on with after it has ended, by itself or by force."""
    code = f"from talker.evaluation.fuzz import work; work({first}, {end}, {str(data or '')!r})"
    with tempfile.TemporaryFile("w+", errors="replace") as complaints:
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True) as process:
            number, problem = _follow(process, first, found)
        if not problem and number < end:
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or [""])[-1]
            problem = f"ends the process with {process.returncode}: {last}"
    if not problem:
        return number
    found.problems.append(f"input {number} {problem}")
    return number + 1


def _follow(process: subprocess.Popen[str], first: int, found: _Findings) -> tuple[int, str]:
    """The input that the process was at when it ended, and why it was ended by force, if it was."""
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_forward, args=(process.stdout, lines), daemon=True).start()
    number, patience = first, START_SECONDS
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            process.kill()
            return number, f"hangs for {HANGS_AFTER:.0f} s"
        if not line:
            return number, ""
        number, patience = int(line.split()[0]), HANGS_AFTER
        if line.split()[1] != "begins":
            _, kind, outcome, peak = line.split()
            found.outcomes[kind, outcome] += 1
            found.peak_mb = max(found.peak_mb, float(peak))
            if float(peak) > PEAK_MB:
                process.kill()
                return number, f"takes the memory to {peak} MB"
            number += 1


def _forward(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Every line, and an empty one at the end."""
    for line in stream:
        lines.put(line)
    lines.put("")
