"""The web page: it starts at once, its examples exist, and its functions do what the widgets say."""

import inspect
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.helpers import special_args
from gradio_client import Client, handle_file
from PIL import Image
from stand_ins import FakeRooms

import app
from talker import FaceMotion, SpeakOptions, Talker
from talker.media import provenance, video

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
START_SECONDS = 15.0
SETTINGS: dict[str, Any] = {name: getattr(SpeakOptions(), name) for name in app.OPTION_NAMES}
Run = Callable[..., tuple[Any, ...]]


@pytest.fixture
def picture(tmp_path: Path) -> str:
    Image.new("RGB", (80, 96), "brown").save(tmp_path / "portrait.png")
    return str(tmp_path / "portrait.png")


@pytest.fixture
def run(picture: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`app.animate` with stand-ins behind it and every widget at its start."""
    talker = Talker(FakeRooms().as_rooms())
    monkeypatch.setattr(talker, "fetch_weights", lambda progress: progress("the weights", 1, 2))
    monkeypatch.setattr(app, "TALKER", talker)

    def animate(progress: Callable[..., None] = lambda *_, **__: None, **changes: Any) -> tuple[Any, ...]:
        given = {"picture": picture, "tab": "text", "speech": None, "text": "Hello", "voice": "american"}
        given |= {"emotion": "happy", "consent": True} | SETTINGS | changes
        return app.animate(SimpleNamespace(session_hash="one"), progress, *given.values())

    return animate


def test_a_run_gives_video_notes_plot_and_files(run: Run) -> None:
    said: list[str] = []
    film, notes, table, files = run(lambda *_, desc, **__: said.append(desc), strength=0.5)
    assert video.open_video(film).frame_count == 25
    assert "Hello" in notes
    assert set(table["what"]) == set(app.CURVES)
    assert len(table) == 25 * len(app.CURVES)
    assert [Path(name).name for name in files] == [
        "talker.mp4",
        "motion.npz",
        "motion-livelink.csv",
        "settings.json",
    ]
    assert SpeakOptions.load(files[3]).strength == 0.5
    assert len(FaceMotion.load(files[1])) == 25
    assert "Fetching the weights" in said
    assert said[-1] == "Rendering"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"picture": None}, "portrait"),
        ({"consent": False}, "confirm"),
        ({"emotion": "grumpy"}, "grumpy"),
        ({"picture": "absent.png"}, "absent"),
        ({"tab": "speech", "speech": "absent.wav"}, "absent"),
        ({"strength": 9}, "strength"),
    ],
    ids=lambda value: str(value),
)
def test_what_is_wrong_becomes_a_toast(run: Run, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        run(**changes)


def test_stopping_ends_the_run_and_the_next_one_works(run: Run) -> None:
    def press_stop(*_: Any, desc: str, **__: Any) -> None:
        if desc == "Rendering":
            app.stop(SimpleNamespace(session_hash="one"))

    with pytest.raises(gr.Error, match="Stopped"):
        run(press_stop)
    assert run()[0].endswith(".mp4")


def test_the_face_is_outlined_or_the_reason_is_told(run: Run, picture: str) -> None:
    shown, sentence = app.look(picture, 0)
    assert "2 faces" in sentence
    original = np.asarray(Image.open(picture)).astype(int)
    drawn = shown["value"].astype(int)
    assert drawn.shape == original.shape
    assert np.array_equal(drawn[48, 40], original[48, 40]), "inside the face nothing changes"
    assert drawn[2, 2].sum() < original[2, 2].sum(), "outside it is darker"
    shown, sentence = app.look("absent.png", 0)
    assert not shown["visible"]
    assert "absent.png" in sentence
    assert app.look(None, 0)[0]["visible"] is False


def test_examples_fill_the_page() -> None:
    assert len(app.EXAMPLES) >= 2
    for index, example in enumerate(app.EXAMPLES):
        path, _, tab, text, emotion, strength = app.choose(SimpleNamespace(index=index))
        assert Path(path).is_file()
        assert (tab, text, emotion, strength) == ("text", example.text, example.emotion, example.strength)


def test_the_widgets_fit_the_function_that_they_are_wired_to() -> None:
    page = app.build_page()
    (speak,) = [entry for entry in page.fns.values() if entry.api_name == "speak"]
    widgets: list[Any] = list(range(len(speak.inputs)))
    filled, progress_index, *_ = special_args(app.animate, widgets, request=None)
    named = inspect.signature(app.animate).bind(*filled).arguments
    assert progress_index == 1, "Gradio shows its progress bar"
    assert tuple(named)[-len(app.OPTION_NAMES) :] == app.OPTION_NAMES
    assert len(named) == 2 + len(speak.inputs)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the real page answers, started as the README says, not longer than START_SECONDS ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {"GRADIO_SERVER_PORT": url.rsplit(":", 1)[1]}
    start = time.perf_counter()
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not answers(url):
            assert time.perf_counter() - start < START_SECONDS
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return b"Talker" in response.read()
    except urllib.error.URLError:
        return False


def test_the_page_looks_at_a_picture_for_another_program(address: str) -> None:
    found, sentence = Client(address, verbose=False).predict(
        picture=handle_file(str(app.EXAMPLES[0].picture)), face_index=0, api_name="/look"
    )
    assert found["visible"]
    assert "Found a face" in sentence


def test_the_readme_tells_other_programs_what_to_do(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (snippet,) = re.findall(r"^```python\n(from gradio_client.*?)^```", README, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Image.open(app.EXAMPLES[0].picture).crop((96, 0, 352, 256)).save("portrait.jpg")
    spoken: dict[str, Any] = {}
    exec(snippet.replace("http://127.0.0.1:7860", address).replace("Hello there.", "Hi!"), spoken)
    assert provenance.is_generated(spoken["files"][0])
