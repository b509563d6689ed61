"""What the page's functions do with what the widgets hold, with stand-ins behind them; and its examples and texts."""

import ast
import dataclasses
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.helpers import special_args
from PIL import Image
from stand_ins import FakeComponents

from talker import FaceMotion, SpeakOptions, Talker
from talker.emotion.catalogue import EMOTIONS
from talker.emotion.resolve import SOURCES
from talker.errors import FaceError
from talker.media import video_reader
from talker.media.image import load_image
from talker.options import AMOUNTS, RENDERERS, SIZES
from talker.types import EMOTION_LABELS
from talker.web import app, emotion_map, emotion_panel, faces, handlers, hosting, result, session, texts
from talker.web.examples import EXAMPLES
from talker.web.inputs import COMPARED_INPUTS, INPUTS, OPTIONS, START, PageInputs

ROOT = Path(__file__).resolve().parents[1]
VISITOR = SimpleNamespace(session_hash="one")
Run = Callable[..., tuple[Any, ...]]


@pytest.fixture
def picture(tmp_path: Path) -> str:
    Image.new("RGB", (80, 96), "brown").save(tmp_path / "portrait.png")
    return str(tmp_path / "portrait.png")


@pytest.fixture
def run(picture: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`handlers.speak` with stand-ins behind it; every widget as it starts, but for portrait, words and consent."""
    talker = Talker(FakeComponents().as_components())
    monkeypatch.setattr(talker, "fetch_weights", lambda progress, voice="": progress("the weights", 1, 2))
    monkeypatch.setattr(handlers, "TALKER", talker)
    monkeypatch.setattr(result, "landmark_motion", lambda portrait, motion: FakeLandmarks(len(motion), motion.fps))
    ready = dataclasses.replace(START, picture=picture, text="Hello", consent=True, strength=1.0)

    def speak(progress: Callable[..., None] = lambda *_, **__: None, seconds: float = 0, **changes: Any) -> Any:
        inputs = dataclasses.replace(ready, **changes)
        monkeypatch.setattr(handlers, "TRIAL_SECONDS", seconds)
        action = handlers.trial if seconds else handlers.speak
        return action(VISITOR, progress, *(getattr(inputs, name) for name in INPUTS))

    return speak


@dataclasses.dataclass
class FakeLandmarks:
    """Moving landmarks that are drawn as black frames."""

    count: int
    fps: float
    drawn_size: tuple[int, int] = (32, 32)

    def __len__(self) -> int:
        return self.count

    def draw(self) -> Any:
        return (np.zeros((32, 32, 3), np.uint8) for _ in range(self.count))


def test_a_run_gives_video_notes_plot_and_files(run: Run) -> None:
    said: list[str] = []
    film, notes, table, emotions, files = run(lambda *_, desc, **__: said.append(desc), strength=0.5)
    assert video_reader.open_video(film).frame_count == 25
    assert "Hello" in notes
    assert set(table["what"]) == set(result.CURVES)
    assert len(table) == 25 * len(result.CURVES)
    assert [Path(name).name for name in files] == [
        "talker.mp4",
        "preview.webp",
        "landmarks.mp4",
        "motion.npz",
        "motion-livelink.csv",
        "settings.json",
    ]
    assert SpeakOptions.load(files[5]).strength == 0.5
    assert len(FaceMotion.load(files[3])) == 25
    assert emotions[emotions["what"] == "strength"]["amount"].tolist() == [0.5, 0.5]
    assert said[0].startswith("Fetching the weights")
    assert said[1:6] == [texts.STAGES[name] for name in ("portrait", "speech", "emotion", "motion", "preparation")]
    assert said[-1] == texts.STAGES["rendering"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"picture": None}, "portrait"),
        ({"consent": False}, "confirm"),
        ({"text": " "}, "write what to say"),
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


@pytest.mark.parametrize("step", [texts.STAGES["motion"], texts.STAGES["rendering"]])
def test_stopping_ends_the_run_at_any_step_and_the_next_one_works(run: Run, step: str) -> None:
    def press_stop(*_: Any, desc: str, **__: Any) -> None:
        if desc == step:
            session.stop(VISITOR)

    with pytest.raises(gr.Error, match="Stopped"):
        run(press_stop)
    assert written_files() == []
    assert run()[0].endswith(".mp4")


def test_closing_the_page_ends_its_run(run: Run) -> None:
    with pytest.raises(gr.Error, match="Stopped"):
        run(lambda *_, **__: session.leave(VISITOR))


def test_a_trial_of_words_with_tags_starts_with_the_first_feeling(run: Run) -> None:
    _, notes, table, *_ = run(text="[sad] Hello [happy] there", seconds=0.5)
    assert "sad" in notes
    assert "Hello there" in notes
    assert table["seconds"].max() < 0.5


def test_the_face_is_outlined_or_the_reason_is_told(run: Run, picture: str) -> None:
    shown, sentence = handlers.look(VISITOR, picture, 0)
    assert "2 faces" in sentence
    original = np.asarray(Image.open(picture)).astype(int)
    drawn = shown["value"].astype(int)
    assert drawn.shape == original.shape
    assert np.array_equal(drawn[48, 40], original[48, 40]), "inside the face nothing changes"
    assert drawn[2, 2].sum() < original[2, 2].sum(), "outside it is darker"
    shown, sentence = handlers.look(VISITOR, "absent.png", 0)
    assert not shown["visible"]
    assert "absent.png" in sentence
    assert handlers.look(VISITOR, None, 0)[0]["visible"] is False


def test_a_click_chooses_the_nearest_face_that_can_talk(picture: str) -> None:
    boxes = [(60.0, 60.0, 80.0, 80.0), None, (0.0, 0.0, 20.0, 20.0)]

    def look(path: str, index: int = 0, *, allow_covered: bool = False) -> Any:
        assert allow_covered
        if boxes[index] is None:
            raise FaceError("too small")
        return SimpleNamespace(faces=3, face_box=boxes[index], image=np.zeros((96, 80, 3)), quarter_turns=0)

    talker: Any = SimpleNamespace(analyze_portrait=look)
    assert faces.face_at(talker, picture, 0, (5, 5), 40) == 2
    assert faces.face_at(talker, picture, 2, (35, 36), 40) == 0


def test_examples_fill_the_page() -> None:
    assert {example.inputs.source for example in EXAMPLES} == set(SOURCES) - {"timeline"}, "the changing one has tags"
    for index, example in enumerate(EXAMPLES):
        number, _, *values = app.choose(SimpleNamespace(index=index))
        filled = dict(zip(app.FILLED, values, strict=True))
        assert number == index
        assert example.thumbnail.is_file()
        assert filled["source"] == example.inputs.source
        for name in ("picture", "speech", "feeling_picture", "feeling_voice", "feeling_video"):
            assert filled[name] is None or Path(filled[name]).is_file()


def test_an_example_is_made_for_the_first_visitor_and_kept_for_the_others(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "EXAMPLE_FILMS", {})
    steps: list[str] = []
    first = handlers.example(VISITOR, lambda *_, desc, **__: steps.append(desc), 0)
    made = len(steps)
    second = handlers.example(SimpleNamespace(session_hash="two"), lambda *_, desc, **__: steps.append(desc), 0)
    assert first is second
    assert made == len(steps) > 0
    assert Path(first[0]).is_file()
    with pytest.raises(gr.Error, match="Stopped"):
        handlers.example(VISITOR, lambda *_, **__: session.stop(VISITOR), 1)
    assert len(list(session.results_folder().glob("example-*"))) == 1


def test_the_widgets_fit_the_functions_that_they_are_wired_to() -> None:
    page = app.build_page()
    named = {entry.api_name: entry for entry in page.fns.values()}
    for name, action in (("speak", handlers.speak), ("preview", handlers.preview), ("compare", handlers.compare)):
        inputs = named[name].inputs
        values, progress_index, *_ = special_args(action, list(range(len(inputs))), request=None)
        assert (progress_index == 1) == (name != "preview"), "Gradio shows its progress bar"
        inspect.signature(action).bind(*values)
    assert dict(zip(INPUTS, named["speak"].inputs, strict=False))["strength"].value == START.strength


def test_an_action_gets_what_was_given_and_its_own_arguments() -> None:
    @handlers.accepts("text", "seed")
    def action(first: int, inputs: PageInputs = START, last: str = "") -> tuple[int, str, int, str]:
        """Hand everything back."""
        return first, inputs.text, inputs.seed, last

    assert action(1, "words", 7, "end") == (1, "words", 7, "end")
    assert list(inspect.signature(action).parameters) == ["first", "text", "seed", "last"]


def test_every_setting_can_be_given() -> None:
    assert set(OPTIONS) <= set(INPUTS)
    assert set(AMOUNTS) == set(texts.LIFE)


def test_every_choice_has_a_title() -> None:
    assert set(texts.SOURCES) == set(emotion_panel.CONTROLS) == set(SOURCES)
    assert set(texts.EMOTIONS) == set(EMOTION_LABELS)
    assert set(texts.SIZES) == set(SIZES)
    assert [name for _, name in texts.RENDERER_CHOICES] == list(RENDERERS)


def test_sentences_are_kept_in_one_place() -> None:
    """No widget of the page has words of its own."""
    worded = ("label", "placeholder", "info", "title")
    for path in [ROOT / "app.py", *(ROOT / "talker" / "web").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("gr."):
                for keyword in node.keywords:
                    own = isinstance(keyword.value, ast.Constant) and str(keyword.value.value).isalpha()
                    assert keyword.arg not in worded or not own, f"{path.name}: {ast.unparse(node)}"


def test_the_map_names_what_it_can_without_covering_anything() -> None:
    drawn = emotion_map.drawing()
    assert drawn.count("<circle") == len(EMOTIONS) + 2, "a dot each, and the handle"
    assert all(f">{label}</text>" in drawn for label in EMOTION_LABELS)


def test_a_gpu_is_asked_for_only_where_spaces_lends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def function() -> int:
        return 1

    assert hosting.on_gpu(9)(function) is function
    lent: list[int] = []

    def lend(duration: int) -> Callable[[Any], Any]:
        lent.append(duration)
        return lambda wrapped: wrapped

    monkeypatch.setitem(hosting.sys.modules, "spaces", SimpleNamespace(GPU=lend, __spec__=object()))
    assert hosting.on_gpu(9)(function)() == 1
    assert lent == [9]


def test_every_source_asks_for_its_own_value(tmp_path: Path) -> None:
    inputs = PageInputs(
        emotion="happy", feeling_text="calm", feeling_picture="p.png", feeling_voice="v.wav", feeling_video="v.mp4",
        point="0,1", mix="sad=1", timeline=[[0, "happy", 1], ["", "", ""]],
    )  # fmt: skip
    values = {"label": "happy", "text": "calm", "picture": "p.png", "voice": "v.wav", "video": "v.mp4", "map": "0,1"}
    for source, value in (values | {"mix": "sad=1", "speech": ""}).items():
        asked = emotion_panel.asked(tmp_path, dataclasses.replace(inputs, source=source))
        assert (asked.source, asked.value) == (source, value)
    timeline = emotion_panel.asked(tmp_path, dataclasses.replace(inputs, source="timeline"))
    assert json.loads(Path(timeline.value).read_text()) == [{"start_s": 0.0, "emotion": "happy", "strength": 1.0}]


def previewed(**values: Any) -> tuple[Any, str]:
    inputs = dataclasses.replace(START, **{"consent": True} | values)
    shown: tuple[Any, str] = handlers.preview(VISITOR, *(getattr(inputs, name) for name in handlers.preview.inputs))
    return shown


def test_the_preview_shows_the_feeling_or_says_what_it_needs(run: Run, picture: str) -> None:
    image, sentence = previewed(picture=picture, emotion="sad", strength=1.0)
    weaker, _ = previewed(picture=picture, emotion="sad", strength=0.2)
    assert "sad" in sentence
    assert load_image(image["value"])[40, 40, 0] > load_image(weaker["value"])[40, 40, 0]
    assert not previewed(picture=None)[0]["visible"]
    assert "voice" in previewed(picture=picture, source="speech")[1]
    assert "Say what to feel" in previewed(picture=picture, source="text")[1]
    assert texts.PREVIEW_CONSENT in previewed(picture=picture, consent=False)[1].replace("&#x27;", "'")
    assert "grumpy" in previewed(picture=picture, emotion="grumpy")[1]
    image, sentence = previewed(picture=picture, consent="yes")
    assert not image["visible"]
    assert sentence == f"<p class='quiet'>{texts.PREVIEW_CONSENT}</p>"


def test_a_comparison_is_a_film_and_a_sheet(run: Run, picture: str) -> None:
    def compare(
        emotions: list[str], strengths: list[float], first_tab: bool = False, methods: list[str] | None = None
    ) -> tuple[str, str]:
        inputs = dataclasses.replace(START, picture=picture, text="Hello", consent=True, emotion="sad")
        values = [getattr(inputs, name) for name in COMPARED_INPUTS]
        made: tuple[str, str] = handlers.compare(
            VISITOR, lambda *_, **__: None, *values, None, emotions, "", first_tab, strengths, ["auto"], 3.0, methods
        )
        return made

    film, sheet = compare(["happy", "sad"], [0.5, 1.0])
    assert video_reader.open_video(film).size[0] > 3 * 200
    with Image.open(sheet) as opened:
        assert opened.height == 4 * (256 + 24)
    with Image.open(compare([], [1.0], first_tab=True)[1]) as opened:
        assert opened.height == 256 + 24
    with Image.open(compare(["happy", "sad"], [1.0], methods=["neutral"])[1]) as opened:
        assert opened.height == 256 + 24
    with pytest.raises(gr.Error, match="between 1 and"):
        compare([], [])


def written_files() -> list[Path]:
    return [path for path in (session.results_folder() / "one").rglob("*") if path.is_file() and path.name != "stop"]


def test_results_replace_the_sessions_own_and_go_with_it(run: Run) -> None:
    first = Path(run()[0])
    second = Path(run()[0])
    assert not first.exists()
    assert second.exists()
    session.leave(SimpleNamespace(session_hash="two"))
    assert second.exists()
    session.leave(VISITOR)
    assert not second.exists()


def test_what_failed_leaves_nothing(run: Run) -> None:
    with pytest.raises(gr.Error):
        run(strength=9)
    assert written_files() == []


def test_subtitles_are_what_was_heard(run: Run) -> None:
    run(subtitled=True)
    (written,) = session.results_folder().rglob("*.vtt")
    assert written.read_text() == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n"


def test_a_recording_is_asked_first_how_it_feels() -> None:
    assert emotion_panel.source_for("speech", START.source) == "speech"
    assert emotion_panel.source_for("text", "speech") == START.source
    assert emotion_panel.source_for("speech", "mix") == emotion_panel.source_for("text", "mix") == "mix"
