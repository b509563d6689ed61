"""The real page, driven by a real browser. Needs Chromium and `pip install playwright`; skipped without them."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from page.examples import ADMIRAL, ASTRONAUT
from talker.media import provenance

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
PATIENCE_MS = 120_000
# brightness of the film's current frame and its length, as the page itself sees them
SEEN = """async () => {
  const film = document.querySelector('#film video');
  await film.play();
  await new Promise(done => setTimeout(done, 600));
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 32;
  const pen = canvas.getContext('2d');
  pen.drawImage(film, 0, 0, 32, 32);
  const values = pen.getImageData(0, 0, 32, 32).data;
  return {brightness: values.reduce((a, b) => a + b) / values.length, seconds: film.duration, at: film.currentTime};
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {"GRADIO_SERVER_PORT": url.rsplit(":", 1)[1]}
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    tab = visit(browser, address)
    yield tab
    tab.context.close()


def visit(browser: Any, address: str) -> Any:
    """A visitor of their own with the page open."""
    tab = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(address)
    tab.wait_for_selector("#start")
    tab.wait_for_timeout(500)
    return tab


def choose_portrait(page: Any, picture: Path) -> None:
    page.set_input_files("input[type=file] >> nth=0", str(picture))
    page.wait_for_selector("#preview img")


def test_a_person_makes_a_portrait_talk(page: Any) -> None:
    choose_portrait(page, ASTRONAUT)
    before = page.get_attribute("#preview img", "src")
    page.click("#emotions label:has-text('angry')")
    page.wait_for_function("old => document.querySelector('#preview img').src !== old", arg=before)
    page.fill("#words textarea", "Hello, how are you?")
    page.check("#consent input")
    page.click("#start")
    page.wait_for_selector("#film video")
    seen = page.evaluate(SEEN)
    assert 1.0 < seen["seconds"] < 4.0
    assert seen["at"] > 0.2
    assert seen["brightness"] > 60
    page.wait_for_selector("#files a")
    with page.expect_download() as download:
        page.click("#files a >> nth=0")
    assert provenance.is_generated(download.value.path())


def test_each_source_shows_only_its_controls_and_previews(page: Any) -> None:
    choose_portrait(page, ASTRONAUT)
    controls = {
        "Text": "#feeling-text",
        "Mix": "#mix",
        "Timeline": "text=Each row lasts",
        "Picture": "text=read from a face",
        "Voice": "text=A voice that has it",
        "Video": "text=A video of a face",
        "From the speech": "text=moment by moment",
        "Label": "#emotions",
    }
    for source, control in controls.items():
        page.click(f"#source label:text-is('{source}'), #source label:has(span:text-is('{source}'))")
        page.wait_for_selector(f"{control} >> visible=true")
        others = [other for name, other in controls.items() if name in ("Mix", "Label", "Text") and name != source]
        page.wait_for_function(
            "others => others.every(o => !document.querySelector(o)?.offsetParent)",
            arg=[other for other in others if other != control],
        )


def test_the_example_with_a_mixture_moves_the_text_of_its_shares(page: Any) -> None:
    page.click("#examples .thumbnail-item >> nth=3")
    page.wait_for_selector("#preview img")
    page.wait_for_selector("text=mixture: happy 0.5, fear 0.5")


def test_a_file_that_is_no_picture_is_explained(page: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.png"
    wrong.write_text("not a picture")
    page.set_input_files("input[type=file] >> nth=0", str(wrong))
    page.wait_for_selector("p.bad")
    page.click("#start")
    page.wait_for_selector(".toast-body")


def test_stopping_gives_the_page_back(page: Any) -> None:
    choose_portrait(page, ADMIRAL)
    page.fill("#words textarea", "This is a long sentence. " * 8)
    page.check("#consent input")
    page.click("#start")
    page.wait_for_selector("text=Rendering")
    page.click("#halt")
    page.wait_for_selector(".toast-body:has-text('Stopped')", timeout=5000)


def test_two_visitors_get_their_own_results(browser: Any, address: str) -> None:
    tabs = [visit(browser, address) for _ in range(2)]
    for tab, words, picture in zip(tabs, ("One.", "Two, and some more words."), (ASTRONAUT, ADMIRAL), strict=True):
        choose_portrait(tab, picture)
        tab.fill("#words textarea", words)
        tab.check("#consent input")
    for tab in tabs:
        tab.click("#start")
    seen = []
    for tab in tabs:
        tab.wait_for_selector("#film video")
        seen.append(tab.evaluate(SEEN)["seconds"])
        tab.context.close()
    assert seen[0] < seen[1] - 0.4
