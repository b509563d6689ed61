"""Talker as somebody has it who installs it: a wheel in a fresh environment, an empty folder, then no network."""

import os
import re
import resource
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PIL import Image
from skimage.data import astronaut

ROOT = Path(__file__).resolve().parents[1]
MAX_WHEEL_BYTES = 95_000_000
HELP_SECONDS, IMPORT_SECONDS = 1.0, 0.3
PATIENCE_SECONDS = 180
# stands in for a machine without a network: every Python process that sees it reaches itself only
NO_NETWORK = """
import socket

def guarded(original):
    def connect(self, address, *rest):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"no network: {address}")
        return original(self, address, *rest)
    return connect

socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
"""
pytestmark = pytest.mark.wheel


def docker_commands() -> list[str]:
    """What the Dockerfile runs as any user: installing, and fetching weights."""
    runs = re.findall(r"^RUN (.*)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return [command for command in runs if command.startswith(("pip", "talker"))]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a shell in a fresh environment where the Dockerfile's commands ran."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "environment", with_pip=True)
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    variables["PATH"] = f"{folder / 'environment' / 'bin'}{os.pathsep}{variables['PATH']}"
    variables["HOME"] = str(folder)
    commands = docker_commands()
    assert [command.split()[0] for command in commands] == ["pip", "talker"]
    for command in commands:
        subprocess.run(command, shell=True, cwd=ROOT, env=variables, check=True, capture_output=True)
    return variables


@pytest.fixture(scope="module")
def offline(installed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("offline")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    return installed | {"PYTHONPATH": str(folder), "PIP_NO_INDEX": "1"}


def seconds(*command: str, cwd: Path, env: dict[str, str]) -> float:
    """Processor time, the best of three runs: by the clock a busy machine would fail what an idle one does at once."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return best


def test_the_wheel_is_small_and_whole(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("assets", "checkpoints"):
        for path in (ROOT / folder).rglob("*"):
            assert path.is_dir() or f"talker/{path.relative_to(ROOT)}" in names
    assert "talker/py.typed" in names


def test_help_and_import_are_there_at_once(installed: dict[str, str], tmp_path: Path) -> None:
    nothing = seconds("python", "-c", "pass", cwd=tmp_path, env=installed)
    assert seconds("talker", "--help", cwd=tmp_path, env=installed) < HELP_SECONDS
    assert seconds("python", "-c", "import talker", cwd=tmp_path, env=installed) - nothing < IMPORT_SECONDS


@pytest.mark.parametrize("emotion", [["--emotion", "happy"], ["--emotion-text", "tired but proud"]])
def test_a_film_is_made_from_an_empty_folder_without_a_network(
    offline: dict[str, str], tmp_path: Path, emotion: list[str]
) -> None:
    Image.fromarray(astronaut()).save(tmp_path / "portrait.png")
    command = ["talker", "speak", "--portrait", "portrait.png", "--text", "Hello!", *emotion, "--out", "film.mp4"]
    ran = subprocess.run(command, cwd=tmp_path, env=offline, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.streams.video[0].frames > 10
    assert {path.name for path in tmp_path.iterdir()} == {"portrait.png", "film.mp4"}


def test_what_is_missing_without_a_network_is_named(offline: dict[str, str], tmp_path: Path) -> None:
    command = ["talker", "fetch"]
    empty = offline | {"TALKER_CACHE": str(tmp_path)}
    ran = subprocess.run(command, cwd=tmp_path, env=empty, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert all(name in ran.stderr for name in ("face_landmarker", "whisper_tiny_en", "sentence_encoder"))


@pytest.fixture
def page(offline: dict[str, str], tmp_path: Path) -> Iterator[str]:
    process = subprocess.Popen(["talker", "web", "--port", "7899"], cwd=tmp_path, env=offline)
    yield "http://127.0.0.1:7899"
    process.terminate()
    process.wait(20)


def test_the_page_opens(page: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(page, timeout=5) as response:
                assert b"Talker" in response.read()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the page did not answer")
