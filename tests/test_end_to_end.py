"""The whole road with nothing faked: what a newcomer's first command must give, and what bad input gives."""

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image
from skimage.data import astronaut, coffee

from talker import FaceMotion
from talker.blendshapes import BLENDSHAPE_INDEX
from talker.cli import main
from talker.speech.voice import say

ROOT = Path(__file__).resolve().parents[1]
TEXT = "Good morning! I have been waiting for this moment, and here it finally is."
MAX_SECONDS = 60.0
MAX_BYTES = 2.5e9


# runs a module as `python -m` does and keeps what the system knows of the process at its end (getrusage would count
# the memory of the process that started it, too)
LAUNCHER = """
import atexit, runpy, sys
from pathlib import Path
kept = Path(sys.argv.pop(1))
atexit.register(lambda: kept.write_text(Path("/proc/self/status").read_text()))
runpy.run_module("talker", run_name="__main__", alter_sys=True)
"""


def speak(folder: Path, name: str) -> Path:
    """Run the command line in a process of its own, as a newcomer does."""
    Image.fromarray(astronaut()).save(folder / "portrait.png")
    status = folder / "status.txt"
    command = [sys.executable, "-c", LAUNCHER, str(status)]
    command += ["speak", "--portrait", str(folder / "portrait.png"), "--text", TEXT]
    command += ["--emotion", "happy", "--strength", "0.8", "--seed", "1", "--out", str(folder / f"{name}.mp4")]
    command += ["--motion", str(folder / f"{name}.npz")]
    process = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    assert (process.returncode, process.stderr) == (0, "")
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))  # VmHWM:  123456 kB
    assert int(peak.split()[1]) * 1024 < MAX_BYTES
    return folder / f"{name}.mp4"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    start = time.perf_counter()
    path = speak(tmp_path_factory.mktemp("road"), "one")
    assert time.perf_counter() - start < MAX_SECONDS
    return path


def test_the_film_is_what_was_promised(film: Path) -> None:
    expected = say(TEXT).duration_s
    with av.open(str(film)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (picture.width, picture.height) == (512, 512)
        assert picture.average_rate == Fraction(25)
        for stream in (picture, sound):
            assert float(stream.duration * stream.time_base) == pytest.approx(expected, abs=0.04)


def test_the_same_seed_gives_the_same_motion_bit_for_bit(film: Path) -> None:
    again = speak(film.parent, "two")
    assert again.with_suffix(".npz").read_bytes() == film.with_suffix(".npz").read_bytes()


def test_the_motion_is_alive_and_in_range(film: Path) -> None:
    motion = FaceMotion.load(film.with_suffix(".npz"))
    assert motion.blendshapes.min() >= -0.5
    assert motion.blendshapes.max() <= 1.5
    assert np.ptp(motion.blendshapes[:, BLENDSHAPE_INDEX["jawOpen"]]) > 0.1
    assert motion.blendshapes[:, BLENDSHAPE_INDEX["eyeBlinkLeft"]].max() > 0.7
    assert np.degrees(np.ptp(motion.pose[:, :3], axis=0)).max() > 1.0
    steps = np.abs(np.diff(motion.pose[:, :3], axis=0))
    assert np.degrees(steps.max()) < 3.0, "the head doesn't jump between frames"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--text", "Hello", "--portrait", "coffee.png"], "No face"),
        (["--text", "Hello", "--portrait", "speech.txt"], "not a picture"),
        (["--text", "Hello", "--portrait", "portrait.png", "--face-index", "5"], "face"),
        (["--text", "   ", "--portrait", "portrait.png"], "text"),
        (["--text", "... ?!", "--portrait", "portrait.png"], "pronounced"),
        (["--text", "Hello", "--voice", "klingon", "--portrait", "portrait.png"], "klingon"),
        (["--speech", "silence.wav", "--portrait", "portrait.png"], "silent"),
        (["--speech", "speech.txt", "--portrait", "portrait.png"], "not a sound"),
        (["--speech", "coffee.png", "--portrait", "portrait.png"], "not a sound file"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else None,
)
def test_bad_input_gives_one_line_and_no_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut()).save("portrait.png")
    Image.fromarray(coffee()).save("coffee.png")
    Path("speech.txt").write_text("Dear reader")
    soundfile.write("silence.wav", np.zeros(16000), 16000)
    assert main(["speak", "--out", "out.mp4", *more]) == 2
    said = capfd.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not Path("out.mp4").exists()
