"""Batches by several workers: nothing is lost and nothing is made twice, whoever dies."""

from __future__ import annotations

import csv
import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from stand_ins import FakeComponents

from talker import SpeechClip, Talker
from talker.batch import JOURNAL, REPORT, read_manifest, run_batch
from talker.components import Components, Feel
from talker.crew import TRIES, Crew, on_ray, processes
from talker.errors import InputError
from talker.media import video
from talker.media.video_reader import open_video

ROOT = Path(__file__).resolve().parents[1]


class DeadlyWords(FakeComponents):
    """Workers that say "die" die, once or always; other words take a moment."""

    def say(self, text: str, voice: str, speed: float, feel: Feel | None) -> SpeechClip:
        word, _, marker = text.partition(" ")
        if word == "die" or (word == "stumble" and not Path(marker).exists()):
            if marker:
                Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        return super().say(text, voice, speed, feel)


def deadly() -> Talker:
    return Talker(components())


@functools.cache
def components() -> Components:
    return DeadlyWords().as_components()


def jobs_file(folder: Path, *texts: str, portrait: str = "anna.png") -> Path:
    Image.new("RGB", (80, 96), "brown").save(folder / "anna.png")
    path = folder / "jobs.jsonl"
    path.write_text("\n".join(json.dumps({"portrait": portrait, "text": text}) for text in texts) + "\n\n")
    return path


def report(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / REPORT).read_text().splitlines()))


def run(folder: Path, listed: Path, crew: Crew | None = None) -> int:
    return run_batch(deadly(), read_manifest(listed), folder / "out", crew=crew)


def made(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "out").glob("*.mp4")}


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    listed = jobs_file(tmp_path, "one", "two", "three")
    assert run(tmp_path, listed) == 3
    first = made(tmp_path)
    (tmp_path / "out" / "002.mp4").unlink()
    with open(tmp_path / "out" / JOURNAL, "a") as file:
        file.write('{"003.mp4": {"jo')  # killed in the middle of a line
    listed.write_text(listed.read_text().replace("three", "another"))
    assert run(tmp_path, listed) == 3
    second = made(tmp_path)
    assert second["001.mp4"] == first["001.mp4"] and second["003.mp4"] > first["003.mp4"]
    Image.new("RGB", (80, 97), "brown").save(tmp_path / "anna.png")  # what all of them show
    assert run(tmp_path, listed) == 3
    assert all(made(tmp_path)[name] > then for name, then in second.items())
    assert [line["video"] for line in report(tmp_path / "out")] == ["001.mp4", "002.mp4", "003.mp4"]


def test_a_full_disk_is_told_and_the_same_command_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = jobs_file(tmp_path, "one", "two", "three")
    written = video.FilmWriter.add

    def full(self: Any, image: Any, sound: Any = None) -> None:
        if self.frames == 10 and len(list((tmp_path / "out").glob("0*.mp4"))) == 1:
            raise OSError(28, "No space left on device")
        written(self, image, sound)

    with monkeypatch.context() as patch:
        patch.setattr(video.FilmWriter, "add", full)
        assert run(tmp_path, listed) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [JOURNAL, "001.mp4", REPORT]
    assert "No space left" in report(tmp_path / "out")[1]["problem"]
    first = (tmp_path / "out" / "001.mp4").stat().st_mtime_ns
    assert run(tmp_path, listed) == 3
    assert (tmp_path / "out" / "001.mp4").stat().st_mtime_ns == first


@pytest.mark.cluster
def test_a_worker_that_dies_takes_only_its_own_job(tmp_path: Path) -> None:
    listed = jobs_file(tmp_path, "one", "die", "two", f"stumble {tmp_path / 'stumbled'}", "three")
    assert run(tmp_path, listed, processes(2, deadly)) == 4
    problems = [line["problem"] for line in report(tmp_path / "out")]
    assert f"died {TRIES} times" in problems[1]
    assert [bool(problem) for problem in problems] == [False, True, False, False, False]
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 4


def test_no_processes_are_none() -> None:
    with pytest.raises(InputError, match="one process or more"):
        processes(0)


def broken_jobs(folder: Path, good: int) -> Path:
    """`good` jobs, and five that can't be made, in between."""
    listed = jobs_file(folder, *(f"number {number}" for number in range(good)))
    (folder / "broken.png").write_bytes(b"no picture")
    rows = listed.read_text().splitlines()[:good]
    for place, row in enumerate(
        (
            {"portrait": "broken.png", "text": "Hi"}, {"portrait": "absent.png", "text": "Hi"}, {"text": "Hi"},
            {"portrait": "anna.png", "text": "Hi", "strength": 9}, {"portrait": "anna.png", "speech": "broken.png"},
        )
    ):  # fmt: skip
        rows.insert(7 * place, json.dumps(row))
    listed.write_text("\n".join(rows))
    return listed


def expect_all_but_five(out: Path) -> None:
    lines = report(out)
    assert len(lines) == 60
    assert sum(not line["problem"] for line in lines) == len(list(out.glob("*.mp4"))) == 55
    assert all(open_video(path).frame_count == 25 for path in out.glob("*.mp4"))
    assert not [path for path in out.iterdir() if path.name.startswith(".talker-") and path.name != JOURNAL]


@pytest.mark.cluster
def test_sixty_jobs_with_a_killed_batch_and_killed_workers(tmp_path: Path) -> None:
    """The whole batch is killed on its way, then one of its workers; the same command finishes it."""
    listed, out = broken_jobs(tmp_path, 55), tmp_path / "out"
    program = (
        "import sys; from test_crew import deadly; from talker.batch import read_manifest, run_batch;"
        "from talker.crew import processes; from pathlib import Path\n"
        "if __name__ == '__main__': run_batch(deadly(), read_manifest(sys.argv[1]), sys.argv[2], "
        "crew=processes(2, deadly))"
    )
    script = tmp_path / "batch.py"
    script.write_text(program)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    for victim in ("batch", "worker", "nobody"):
        batch = subprocess.Popen([sys.executable, str(script), str(listed), str(out)], env=environment)
        have = len(list(out.glob("0*.mp4")))
        while victim != "nobody" and len(list(out.glob("0*.mp4"))) < have + 8 and batch.poll() is None:
            time.sleep(0.02)
        if victim == "batch":
            batch.kill()
        elif victim == "worker":
            children = Path(f"/proc/{batch.pid}/task/{batch.pid}/children").read_text().split()
            os.kill(int(children[-1]), signal.SIGKILL)
        batch.wait(300)
    expect_all_but_five(out)


@pytest.mark.cluster
def test_sixty_jobs_on_ray_with_a_killed_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    listed, out = broken_jobs(tmp_path, 54), tmp_path / "out"
    stumbling = {"portrait": "anna.png", "text": f"stumble {tmp_path / 'stumbled'}"}
    listed.write_text(f"{listed.read_text()}\n{json.dumps(stumbling)}")
    run(tmp_path, listed, on_ray("local", deadly))
    assert (tmp_path / "stumbled").exists()  # a worker died there
    expect_all_but_five(out)
