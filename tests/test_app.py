"""The web page: it starts at once, its examples exist, and its functions do what the widgets say."""

import inspect
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.helpers import special_args
from PIL import Image
from stand_ins import FakeRooms

import app
from talker import FaceMotion, SpeakOptions, Talker
from talker.media import video

ROOT = Path(__file__).resolve().parents[1]
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
    film, notes, plot, files = run(lambda *_, desc, **__: said.append(desc), strength=0.5)
    assert video.open_video(film).frame_count == 25
    assert "Hello" in notes
    table = plot["value"]
    assert set(table["what"]) == set(app.CURVES)
    assert len(table) == 25 * len(app.CURVES)
    assert [Path(name).name for name in files["value"]] == [
        "talker-happy.mp4",
        "motion.npz",
        "motion-livelink.csv",
        "settings.json",
    ]
    assert SpeakOptions.load(files["value"][3]).strength == 0.5
    assert len(FaceMotion.load(files["value"][1])) == 25
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
    assert len(named["settings"]) == len(app.OPTION_NAMES)


def test_the_page_is_up_in_seconds() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port)}
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - start < START_SECONDS:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5) as response:
                    assert b"Talker" in response.read()
                    return
            except urllib.error.URLError:
                time.sleep(0.2)
        pytest.fail(f"the page was not there after {START_SECONDS:.0f} s")
    finally:
        server.terminate()
        server.wait(10)
