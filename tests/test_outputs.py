"""What is written never costs what was there: no output over an input, nothing half done, whatever ends the run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from stand_ins import RATE, FakeComponents

from talker import Talker
from talker.cli import ERROR_CODE, main
from talker.emotion.resolve import EmotionRequest
from talker.errors import InputError
from talker.files import prepare_outputs

TESTS = Path(__file__).resolve().parent
SLOW_RUN = """
import sys, time
sys.path.insert(0, sys.argv[1])
from stand_ins import FakeRenderer, FakeComponents
from talker import Talker
from talker.cli import main

def render(self, motion, plain=FakeRenderer.render):
    for number, frame in enumerate(plain(self, motion)):
        if number == 12:
            print("drawing", flush=True)
        time.sleep(0.05)
        yield frame

FakeRenderer.render = render
sys.exit(main(sys.argv[2:], Talker(FakeComponents().as_components())))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (80, 96), "brown").save(tmp_path / "anna.png")
    soundfile.write(tmp_path / "hello.wav", np.random.default_rng(0).standard_normal(RATE) * 0.1, RATE)
    (tmp_path / "settings.json").write_text("{}")
    return tmp_path


def speak(folder: Path, *arguments: str, speech: str = "hello.wav") -> list[str]:
    start = ["speak", "--portrait", str(folder / "anna.png"), "--speech", str(folder / speech), *arguments]
    return [*start, "--options", str(folder / "settings.json")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--out", "HELLO.mp4"],
        ["--out", "linked.mp4"],
        ["--out", "hard.mp4"],
        ["--out", "o.mp4", "--csv", "anna.png"],
        ["--out", "o.mp4", "--csv", "../FOLDER/anna.png"],
        ["--out", "o.mp4", "--csv", "ANNA.png"],
        ["--out", "o.mp4", "--csv", "o.mp4"],
        ["--out", "o.mp4", "--csv", "m.csv", "--landmarks", "M.csv"],
        ["--out", "o.mp4", "--motion", "settings.json"],
        ["--out", "o.mp4", "--landmark-video", "o.mp4"],
        ["--out", "o.mp4", "--preview", "p.avi"],
        ["--out", "o.mp4", "--emotion-image", "other.png", "--motion", "other.png"],
        ["--out", "o.mp4", "--timeline", "t.json", "--motion", "t.json"],
    ],
    ids=" ".join,
)
def test_no_output_is_an_input_or_another_output(
    folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "hello.wav").rename(folder / "hello.mp4")
    (folder / "linked.mp4").symlink_to(folder / "hello.mp4")
    (folder / "hard.mp4").hardlink_to(folder / "hello.mp4")
    before = contents(folder)
    placed = [word.replace("FOLDER", folder.name) for word in arguments]
    placed = [word if word.startswith("--") else str(folder / word) for word in placed]
    assert main(speak(folder, *placed, speech="hello.mp4"), Talker(FakeComponents().as_components())) == ERROR_CODE
    assert "can't be written" in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize("verb", ["sheet", "compare"])
def test_sheets_and_comparisons_spare_what_they_read(folder: Path, verb: str) -> None:
    before = contents(folder)
    arguments = [verb, "--portrait", str(folder / "anna.png"), "--text", "Hi", "--out", str(folder / "anna.png")]
    assert main(arguments, Talker(FakeComponents().as_components())) == ERROR_CODE
    assert contents(folder) == before


def test_the_library_spares_its_inputs_too(folder: Path) -> None:
    talker = Talker(FakeComponents().as_components())
    (folder / "hello.wav").rename(folder / "hello.mp4")
    with pytest.raises(InputError, match="would be lost"):
        talker.speak(folder / "anna.png", folder / "hello.mp4", out=folder / "hello.mp4")
    with pytest.raises(InputError, match="would be lost"):
        request = EmotionRequest("video", str(folder / "hello.mp4"))
        talker.speak(folder / "anna.png", text="Hi", emotion=request, out=folder / "hello.mp4")


def test_an_output_may_take_the_place_of_an_earlier_one(folder: Path) -> None:
    for _ in range(2):
        out = ["--out", str(folder / "o.mp4"), "--csv", str(folder / "o.csv"), "--motion", str(folder / "o.npz")]
        assert main(speak(folder, *out), Talker(FakeComponents().as_components())) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_at_once(folder: Path) -> None:
    folder.chmod(0o500)
    with pytest.raises(InputError, match="permission denied"):
        prepare_outputs([folder / "o.mp4"])


def test_odd_names_are_errors_of_the_family(tmp_path: Path) -> None:
    for name in ("a\0.mp4", "x" * 5000 + "/o.mp4"):
        with pytest.raises(InputError, match="can't be written"):
            prepare_outputs([tmp_path / name])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_ends_a_run_leaves_nothing_half_written(folder: Path, number: signal.Signals) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the tests run where this signal is ignored")
    before = contents(folder)
    command = [sys.executable, "-c", SLOW_RUN, str(TESTS), *speak(folder, "--out", str(folder / "o.mp4"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "drawing\n"
        assert any(name.startswith(".talker-") for name in contents(folder))
        process.send_signal(number)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "stopped" in complaint
    assert contents(folder) == before


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_any_name_can_be_printed_anywhere(folder: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", SLOW_RUN, str(TESTS), *speak(folder, "--out", str(folder / "中文.mp4"))]
    run = subprocess.run(command, capture_output=True, env=os.environ | environment, check=True)
    assert (folder / "中文.mp4").is_file()
    assert b".mp4: 25 frames" in run.stdout


def test_signals_that_are_ignored_stay_so(folder: Path) -> None:
    """`nohup` ignores SIGHUP so that a run outlives its terminal."""
    command = ["nohup", sys.executable, "-c", SLOW_RUN, str(TESTS), *speak(folder, "--out", str(folder / "o.mp4"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        process.communicate(timeout=20)
    assert process.returncode == 0
