"""The tab "Live" in a real browser, with a microphone that plays a file: needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import sync_playwright
from test_browser import CHROMIUM, PATIENCE_MS

from talker.media.audio import at_rate
from talker.speech.voice import say
from talker.web import texts
from talker.web.serving import served

pytestmark = pytest.mark.browser
FIGURES = "window.talkerLive.figures()"
PIXELS = """() => {
  const canvas = document.getElementById('live-face')
  return Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)
}"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    assert CHROMIUM, "install Chromium: apt-get install chromium"
    words = at_rate(say("Good morning! I have been waiting for this, maybe for a long time."), 48000).samples
    soundfile.write(tmp_path / "microphone.wav", np.concatenate([words, np.zeros(24000)]), 48000)
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    sound = f"--use-file-for-fake-audio-capture={tmp_path / 'microphone.wav'}"
    with served() as server, sync_playwright() as engine:
        browser = engine.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *fake, sound, "--autoplay-policy=no-user-gesture-required"]
        )
        tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(server.url)
        tab.wait_for_selector("#start")
        tab.click(f"button[role=tab]:has-text('{texts.TABS['live']}')")
        tab.wait_for_selector("#live-start")
        yield tab
        browser.close()


def seen(page: Any) -> np.ndarray:
    """What the canvas shows."""
    return np.array(page.evaluate(PIXELS), np.float32)


def test_a_microphone_moves_a_face(page: Any) -> None:
    page.click("#live-start")
    page.wait_for_function(f"() => {FIGURES} && {FIGURES}.shown > 25")
    first = seen(page)
    assert first.std() > 20
    page.wait_for_timeout(700)
    assert np.abs(seen(page) - first).max() > 30  # it moves
    page.click(f"#live-emotion label:has-text('{texts.EMOTIONS['angry']}')")
    page.wait_for_timeout(2000)
    shown = page.evaluate(FIGURES)["shown"]
    page.wait_for_timeout(1000)
    assert page.evaluate(FIGURES)["shown"] > shown
    assert page.inner_text("#live-said") == "Speak: the face follows."
    page.fill("#live-words textarea", "proud " * 500)  # which is too long, and said so
    page.press("#live-words textarea", "Enter")
    page.wait_for_function("() => !document.getElementById('live-said').textContent.startsWith('Speak')")
    page.click("#live-stop")
    page.wait_for_function(f"() => {FIGURES} === null")


def test_nobodys_face_is_animated_without_consent(page: Any) -> None:
    page.set_input_files(
        "#live-picture input[type=file]", str(Path(__file__).parent / "data/failing/ordinary_face.jpg")
    )
    page.wait_for_selector("#live-picture img")
    page.click("#live-start")
    page.wait_for_selector(f"text={texts.CONSENT_FIRST[:30]}")
    assert page.evaluate(FIGURES) is None
