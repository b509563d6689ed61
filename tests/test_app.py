"""The web page: it starts at once, its examples exist, and its functions do what the widgets say."""

import inspect
import json
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
from page import actions, feeling, result, session
from talker import FaceMotion, SpeakOptions, Talker
from talker.emotion.request import SOURCES
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
    monkeypatch.setattr(actions, "TALKER", talker)

    def animate(progress: Callable[..., None] = lambda *_, **__: None, **changes: Any) -> tuple[Any, ...]:
        given = {"picture": picture, "tab": "text", "speech": None, "text": "Hello", "voice": "american"}
        given |= dict.fromkeys(feeling.VALUE_NAMES) | {"source": "label", "emotion": "happy"}
        given |= {"consent": True, "subtitled": False, "seconds": 0.0} | SETTINGS | changes
        return actions.animate(SimpleNamespace(session_hash="one"), progress, *given.values())

    return animate


def test_a_run_gives_video_notes_plot_and_files(run: Run) -> None:
    said: list[str] = []
    film, notes, table, feelings, files = run(lambda *_, desc, **__: said.append(desc), strength=0.5)
    assert video.open_video(film).frame_count == 25
    assert "Hello" in notes
    assert set(table["what"]) == set(result.CURVES)
    assert len(table) == 25 * len(result.CURVES)
    assert [Path(name).name for name in files] == [
        "talker.mp4",
        "preview.gif",
        "motion.npz",
        "motion-livelink.csv",
        "settings.json",
    ]
    assert SpeakOptions.load(files[4]).strength == 0.5
    assert len(FaceMotion.load(files[2])) == 25
    assert feelings[feelings["what"] == "strength"]["amount"].tolist() == [0.5, 0.5]
    assert "Fetching the weights" in said
    assert said[-1] == "Rendering"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"picture": None}, "portrait"),
        ({"consent": False}, "confirm"),
        ({"emotion": "grumpy"}, "grumpy"),
        ({"source": "timeline", "timeline": [["soon", "happy", 1]]}, "Row 1"),
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
            session.stop(SimpleNamespace(session_hash="one"))

    with pytest.raises(gr.Error, match="Stopped"):
        run(press_stop)
    assert run()[0].endswith(".mp4")


def test_the_face_is_outlined_or_the_reason_is_told(run: Run, picture: str) -> None:
    shown, sentence = actions.found(picture, 0)
    assert "2 faces" in sentence
    original = np.asarray(Image.open(picture)).astype(int)
    drawn = shown["value"].astype(int)
    assert drawn.shape == original.shape
    assert np.array_equal(drawn[48, 40], original[48, 40]), "inside the face nothing changes"
    assert drawn[2, 2].sum() < original[2, 2].sum(), "outside it is darker"
    shown, sentence = actions.found("absent.png", 0)
    assert not shown["visible"]
    assert "absent.png" in sentence
    assert actions.found(None, 0)[0]["visible"] is False


def test_examples_fill_the_page() -> None:
    assert len(app.EXAMPLES) >= 2
    for index, example in enumerate(app.EXAMPLES):
        filled = dict(zip(app.FILLED, app.choose(SimpleNamespace(index=index)), strict=True))
        assert Path(filled["picture"]).is_file()
        assert filled["text"] == example.text
        assert filled["source"] == example.source
        assert filled[app.EXAMPLE_WIDGETS[example.source]] == example.feeling


def test_the_widgets_fit_the_function_that_they_are_wired_to() -> None:
    page = app.build_page()
    (speak,) = [entry for entry in page.fns.values() if entry.api_name == "speak"]
    widgets: list[Any] = list(range(len(speak.inputs)))
    filled, progress_index, *_ = special_args(actions.animate, widgets, request=None)
    named = inspect.signature(actions.animate).bind(*filled).arguments
    assert progress_index == 1, "Gradio shows its progress bar"
    assert tuple(named)[-len(app.OPTION_NAMES) :] == app.OPTION_NAMES
    assert len(named) == 2 + len(speak.inputs)


def test_every_source_asks_for_its_own_value(tmp_path: Path) -> None:
    values = {"label": "happy", "text": "calm", "picture": "p.png", "voice": "v.wav", "video": "v.mp4", "mix": "sad=1"}
    for source, value in values.items():
        asked = feeling.asked(tmp_path, source, *values.values(), None)
        assert (asked.source, asked.value) == (source, value)
    assert set(feeling.CONTROLS) == set(SOURCES)
    timeline = feeling.asked(tmp_path, "timeline", *values.values(), [[0, "happy", 1], ["", "", ""]])
    assert json.loads(Path(timeline.value).read_text()) == [{"start_s": 0.0, "emotion": "happy", "strength": 1.0}]


def test_the_preview_shows_the_feeling_or_says_what_it_needs(run: Run, picture: str) -> None:
    image, sentence = actions.preview(picture, emotion="sad", strength=1.0)
    weaker, _ = actions.preview(picture, emotion="sad", strength=0.2)
    assert "sad" in sentence
    assert image["value"][40, 40, 0] > weaker["value"][40, 40, 0]
    assert "portrait" in actions.preview(None)[1]
    assert "voice" in actions.preview(picture, source="speech")[1]
    assert "grumpy" in actions.preview(picture, emotion="grumpy")[1]


def test_a_comparison_is_a_film_and_a_sheet(run: Run, picture: str) -> None:
    request = SimpleNamespace(session_hash="one")
    film, sheet = actions.compare(
        request, lambda *_, **__: None, picture, None, "text", None, "Hello", "american",
        ["happy", "sad"], "", [0.5, 1.0], 3.0, True, 0,
    )  # fmt: skip
    assert video.open_video(film).size[0] > 3 * 200
    with Image.open(sheet) as opened:
        assert opened.height == 4 * (256 + 24)
    with pytest.raises(gr.Error, match="between 1 and"):
        actions.compare(request, lambda *_, **__: None, picture, text="Hello", emotions=[], strengths=[], consent=True)


def test_results_replace_the_sessions_own_and_go_with_it(run: Run) -> None:
    first = Path(run()[0])
    second = Path(run()[0])
    assert not first.exists()
    assert second.exists()
    session.leave(SimpleNamespace(session_hash="two"))
    assert second.exists()
    session.leave(SimpleNamespace(session_hash="one"))
    assert not second.exists()


def test_what_failed_leaves_nothing(run: Run) -> None:
    with pytest.raises(gr.Error):
        run(strength=9)
    assert [path for path in Path(session.RESULTS.name).rglob("*") if path.is_file()] == []


def test_subtitles_are_what_was_heard(run: Run) -> None:
    run(subtitled=True)
    (written,) = Path(session.RESULTS.name).rglob("*.vtt")
    assert written.read_text() == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n"


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
