"""The real page, driven by a real browser: needs Chromium, e.g. Debian's package `chromium`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from playwright.sync_api import sync_playwright

from talker.media import provenance
from talker.web import texts
from talker.web.examples import ADMIRAL, ASTRONAUT, EXAMPLES, LOUD, SURPRISE
from talker.web.serving import Server, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.browser
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
def server() -> Iterator[Server]:
    with served() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    assert CHROMIUM, "install Chromium: apt-get install chromium"
    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    tab = visit(browser, server)
    yield tab
    tab.context.close()


def visit(browser: Any, server: Server, width: int = 1440) -> Any:
    """A visitor of their own with the page open."""
    tab = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(server.url)
    tab.wait_for_selector("#start")
    tab.wait_for_timeout(500)
    return tab


def choose_portrait(page: Any, picture: Path) -> None:
    page.check("#consent input")
    page.set_input_files("#picture input[type=file]", str(picture))
    page.wait_for_selector("#preview img")
    page.wait_for_selector("#found img")


def choose_source(page: Any, name: str) -> None:
    page.click(f"#source label:has(span:text-is('{texts.SOURCES[name]}'))")


def changed_preview(page: Any, before: str) -> str:
    """The address of the next preview."""
    page.wait_for_function("old => document.querySelector('#preview img').src !== old", arg=before)
    return str(page.get_attribute("#preview img", "src"))


def make_it_talk(page: Any, words: str = "Hi!") -> Any:
    """What the page itself sees of the finished film."""
    page.fill("#words textarea", words)
    page.check("#consent input")
    page.click("#start")
    page.wait_for_selector("#film video")
    page.wait_for_selector("#files a")
    return page.evaluate(SEEN)


def test_an_example_plays_after_one_click(page: Any) -> None:
    page.click("#examples .thumbnail-item >> nth=0")
    page.wait_for_selector("#film video")
    seen = page.evaluate(SEEN)
    assert seen["seconds"] > 3
    assert seen["brightness"] > 60
    assert page.input_value("#words textarea") == EXAMPLES[0].inputs.text


def test_a_person_makes_a_portrait_talk(page: Any) -> None:
    choose_portrait(page, ASTRONAUT)
    before = page.get_attribute("#preview img", "src")
    page.click("#emotions label:has-text('Angry')")
    changed_preview(page, before)
    seen = make_it_talk(page, "Hello, how are you?")
    assert 1.0 < seen["seconds"] < 4.0
    assert seen["at"] > 0.2
    assert seen["brightness"] > 60
    names = page.locator("#files a").all_inner_texts()
    assert len(names) >= 6
    with page.expect_download() as download:
        page.click("#files a >> nth=0")
    assert provenance.is_generated(download.value.path())


def test_a_recording_talks_with_the_feeling_that_it_has(page: Any) -> None:
    choose_portrait(page, ASTRONAUT)
    page.click(f"button[role=tab]:text-is('{texts.RECORD}')")
    page.set_input_files("#speech input[type=file]", str(LOUD))
    page.wait_for_selector("#speech button[aria-label='Play'], #speech .waveform-container")
    page.wait_for_selector(f"text={texts.READS_SPEECH} >> visible=true")  # a recording says itself how it feels
    page.check("#consent input")
    page.click("#trial")
    page.wait_for_selector("#film video")
    assert page.evaluate(SEEN)["seconds"] == pytest.approx(1.5, abs=0.2)


def tried(page: Any, before: str | None) -> str:
    """The address of the next trial film, which plays and is not black."""
    page.click("#trial")
    page.wait_for_function(
        "old => { const film = document.querySelector('#film video'); return film && film.src && film.src !== old }",
        arg=before,
    )
    seen = page.evaluate(SEEN)
    assert seen["brightness"] > 60
    assert seen["seconds"] == pytest.approx(1.5, abs=0.2)
    return str(page.get_attribute("#film video", "src"))


def hand_in(page: Any, source: str) -> None:
    """Give the source what it reads the emotion from."""
    files = {"picture": ASTRONAUT, "voice": LOUD, "video": SURPRISE}
    if source in files:
        page.set_input_files(f"#feeling-{source} input[type=file]", str(files[source]))
    elif source == "text":
        page.fill("#feeling-text textarea, #feeling-text input", "slightly nervous")
        page.press("#feeling-text textarea, #feeling-text input", "Enter")
    elif source == "mix":
        page.fill("#shares textarea, #shares input", "sad=1")
    elif source == "label":
        page.click("#emotions label:has-text('Disgusted')")


@pytest.mark.parametrize("source", [source for source in texts.SOURCES if source != "speech"])
def test_each_source_shows_its_feeling_and_makes_a_film(page: Any, source: str) -> None:
    choose_portrait(page, ADMIRAL)
    page.fill("#words textarea", "Now you can see what I feel.")
    page.check("#consent input")
    before = str(page.get_attribute("#preview img", "src"))
    page.click("#emotions label:has-text('Angry')")  # no source that follows looks like that
    shown = changed_preview(page, before)
    choose_source(page, source)
    hand_in(page, source)
    changed_preview(page, shown)
    page.click("#views button[role=tab]:has-text('Video')")
    tried(page, None)
    controls = {
        "map": "#map",
        "mix": "#mix",
        "text": "#feeling-text",
        "picture": "#feeling-picture",
        "label": "#emotions",
    }
    for name, control in controls.items():
        assert (page.locator(f"{control} >> visible=true").count() > 0) == (name == source)


def test_the_map_is_clicked_and_moved_by_keys(page: Any) -> None:
    choose_portrait(page, ADMIRAL)
    shown = str(page.get_attribute("#preview img", "src"))
    choose_source(page, "map")
    shown = changed_preview(page, shown)
    page.wait_for_selector("#map svg >> visible=true")
    page.click("#map svg", position={"x": 40, "y": 40})
    shown = changed_preview(page, shown)
    page.press("#map svg", "ArrowDown")
    changed_preview(page, shown)


def test_a_telephone_keeps_the_face_in_sight_while_the_feeling_is_chosen(browser: Any, server: Server) -> None:
    tab = visit(browser, server, 390)
    choose_portrait(tab, ASTRONAUT)
    tab.locator("#strength").scroll_into_view_if_needed()
    tab.locator("#start").scroll_into_view_if_needed()
    tab.wait_for_timeout(300)
    face = tab.locator("#preview img").bounding_box()
    assert 0 <= face["y"] < face["y"] + face["height"] < 450
    tab.context.close()


def test_the_strength_and_the_settings_of_a_file_are_taken_over(page: Any, tmp_path: Path) -> None:
    choose_portrait(page, ASTRONAUT)
    shown = str(page.get_attribute("#preview img", "src"))
    (tmp_path / "settings.json").write_text(json.dumps({"strength": 1.4, "seed": 5}))
    page.click(f"text={texts.MORE}")
    page.set_input_files("#settings input[type=file]", str(tmp_path / "settings.json"))
    changed_preview(page, shown)
    assert float(page.input_value("#strength input[type=number]")) == 1.4


def test_one_of_two_people_is_chosen_by_a_click(page: Any, tmp_path: Path) -> None:
    couple = Image.new("RGB", (1024, 512))
    couple.paste(Image.open(ASTRONAUT).convert("RGB"), (0, 0))
    couple.paste(Image.open(ADMIRAL).convert("RGB").crop((0, 0, 512, 512)), (512, 0))
    couple.save(tmp_path / "couple.png")
    choose_portrait(page, tmp_path / "couple.png")
    page.wait_for_selector("p.good:has-text('2 faces')")
    shown = str(page.get_attribute("#preview img", "src"))
    box = page.locator("#found img").bounding_box()
    page.mouse.click(box["x"] + 0.22 * box["width"], box["y"] + box["height"] / 2)
    changed_preview(page, shown)


def test_files_that_are_no_pictures_and_no_sounds_are_explained(page: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.png"
    wrong.write_text("not a picture")
    page.set_input_files("#picture input[type=file]", str(wrong))
    page.wait_for_selector("p.bad")
    page.fill("#words textarea", "Hi!")
    page.check("#consent input")
    page.click("#start")
    page.wait_for_selector(".toast-body:has-text('notes.png')")
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 16000)
    page.set_input_files("#picture input[type=file]", str(ASTRONAUT))
    page.wait_for_selector("#found img")
    page.click(f"button[role=tab]:text-is('{texts.RECORD}')")
    page.set_input_files("#speech input[type=file]", str(tmp_path / "silence.wav"))
    page.wait_for_selector("#speech button[aria-label='Play'], #speech .waveform-container")
    page.click("#start")
    page.wait_for_selector(".toast-body:has-text('silen')")


def test_stopping_gives_the_page_back_at_once(page: Any) -> None:
    choose_portrait(page, ADMIRAL)
    page.fill("#words textarea", "This is a long sentence. " * 8)
    page.check("#consent input")
    page.click("#start")
    page.wait_for_selector(f"#film :text('{texts.STAGES['rendering']}')")
    page.click("#halt")
    page.wait_for_selector(".toast-body:has-text('Stopped')", timeout=5000)
    page.wait_for_selector("#film [data-testid='status-tracker'].hide", state="attached", timeout=5000)
    assert page.locator("#film video").count() == 0
    assert make_it_talk(page)["brightness"] > 60


def test_two_visitors_get_their_own_results(browser: Any, server: Server) -> None:
    tabs = [visit(browser, server) for _ in range(2)]
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


def open_tab(tab: Any, title: str) -> None:
    """A telephone's window has no room for all tabs: the last ones are in a menu."""
    button = tab.locator(f"button[role=tab]:text-is('{title}') >> visible=true")
    if not button.count():
        tab.click(".overflow-menu > button")
        button = tab.locator(f".overflow-dropdown button:text-is('{title}')")
    button.click()


@pytest.mark.parametrize("width", [390, 1440])
def test_no_tab_is_wider_than_the_window(browser: Any, server: Server, width: int) -> None:
    tab = visit(browser, server, width)
    for title in texts.TABS.values():
        open_tab(tab, title)
        tab.wait_for_timeout(300)
        assert tab.evaluate("document.documentElement.scrollWidth") == width, title
    tab.context.close()
