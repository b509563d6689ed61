"""The web page: `python app.py`. Widgets wired to `Talker`, and nothing else."""

from __future__ import annotations

import html
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing leaves the machine

import gradio as gr
import matplotlib.cbook
import numpy as np
import pandas as pd
import skimage
from gradio.data_classes import ImageData

from talker import FaceMotion, Result, SpeakOptions, Talker, TalkerError
from talker.blendshapes import expand
from talker.errors import CancelledError
from talker.media.livelink import save_livelink
from talker.portrait.outline import outline
from talker.types import EMOTION_LABELS, MAX_STRENGTH, SIZES

WANTED = "One face, looking roughly at the camera; the larger, the better."
ASSETS = Path(__file__).resolve().parent / "assets"
TALKER = Talker()
STOPPED: set[str] = set()  # sessions whose run shall end
RESULTS = tempfile.TemporaryDirectory(prefix="talker-")  # gone when the page is closed
RUNNING = threading.Lock()  # one run at a time: the models are shared
SCROLL_TO_RESULT = "() => { if (innerWidth < 900) document.querySelector('#result').scrollIntoView() }"
DAY = 24 * 3600  # s; results are kept that long


@dataclass(frozen=True)
class Example:
    """A row of the example gallery: a picture that everybody may use, and what it could say."""

    picture: Path
    caption: str
    text: str
    emotion: str
    strength: float


EXAMPLES = (
    Example(
        Path(skimage.__file__).parent / "data" / "astronaut.png",
        "Eileen Collins (NASA)",
        "From up here you can see no borders at all. I wish everyone could look at it once.",
        "happy",
        0.8,
    ),
    Example(
        Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)),
        "Grace Hopper (US Navy)",
        "We have always done it this way? That is the most dangerous phrase in the language.",
        "contempt",
        1.0,
    ),
)
# what the plot shows: a plain name and the blendshapes whose mean it is
CURVES = {
    "jaw open": {"jawOpen": 1.0},
    "smile": {"mouthSmile": 0.5},
    "corners down": {"mouthFrown": 0.5},
    "brows up": {"browInnerUp": 1.0},
    "brows down": {"browDown": 0.5},
    "lids closed": {"eyeBlink": 0.5},
}
LIFE = {
    "head": "Head motion",
    "blinks": "Blinks",
    "gaze": "Wandering eyes",
    "brows": "Brows stress words",
    "mouth": "Lip motion",
}
SIZE_NAMES = {
    "native": "The whole picture",
    "crop256": "Head and shoulders, 256 px",
    "crop512": "Head and shoulders, 512 px",
    "crop1024": "Head and shoulders, 1024 px",
}


@contextmanager
def errors_as_toasts() -> Iterator[None]:
    """Show what a TalkerError says to the person, and stop."""
    try:
        yield
    except CancelledError:
        raise gr.Error("Stopped.", title="Talker", duration=4, print_exception=False) from None
    except TalkerError as error:
        raise gr.Error(str(error), title="That won't work", duration=12, print_exception=False) from error


def look(picture: str | None, face_index: float) -> tuple[Any, str]:
    """Outline the found face, or say why there is none."""
    if picture is None:
        return gr.update(visible=False), f"<p class='quiet'>{WANTED}</p>"
    try:
        with RUNNING:
            portrait = TALKER.look(picture, int(face_index))
    except TalkerError as error:
        return gr.update(visible=False), f"<p class='bad'>{html.escape(str(error))}</p>"
    others = f" {portrait.faces} faces are in the picture." if portrait.faces > 1 else ""
    sentence = f"<p class='good'>Found a face, {portrait.face_width:.0f} px wide.{others}</p>"
    return gr.update(value=outline(portrait), visible=True), sentence


def choose(event: gr.SelectData) -> tuple[str, Any, str, str, str, float]:
    """Fill the page with the example that was clicked."""
    example = EXAMPLES[event.index]
    picture = str(example.picture)
    return picture, gr.update(selected="text"), "text", example.text, example.emotion, example.strength


def animate(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    picture: str | None = None,
    tab: str = "text",
    speech: str | None = None,
    text: str = "",
    voice: str = "american",
    emotion: str = EMOTION_LABELS[0],
    consent: bool = False,
    strength: float = 1.0,
    head: float = 1.0,
    blinks: float = 1.0,
    gaze: float = 1.0,
    brows: float = 1.0,
    mouth: float = 1.0,
    still: bool = False,
    size: str = "native",
    wrinkles: float = 0.5,
    face_index: int = 0,
    seed: int = 0,
) -> tuple[str, str, pd.DataFrame, list[str]]:
    """Make the video; widgets in, widgets out."""
    session = request.session_hash or ""
    STOPPED.discard(session)
    if picture is None:
        raise gr.Error("Please choose a portrait first.", title="Talker", print_exception=False)
    if not consent:
        raise gr.Error("Please confirm that you may animate this face.", title="Talker", print_exception=False)
    spoken = speech is not None and (tab == "speech" or not text.strip())

    def show(done: int, total: int, what: str = "Rendering") -> None:
        if session in STOPPED:
            raise CancelledError("Stopped by the person at the page.")
        progress((done, total), desc=what, unit="frames" if what == "Rendering" else "bytes")

    folder = Path(tempfile.mkdtemp(dir=RESULTS.name))
    with errors_as_toasts(), RUNNING:
        options = SpeakOptions(
            strength=strength, head=head, blinks=blinks, gaze=gaze, brows=brows, mouth=mouth, still=still,
            size=size, wrinkles=wrinkles, face_index=int(face_index), seed=int(seed),
        )  # fmt: skip
        TALKER.fetch_weights(lambda what, done, total: show(done, total, f"Fetching {what}"))
        progress(0, desc="Looking and listening")
        result = TALKER.speak(
            picture,
            speech if spoken else None,
            text=None if spoken else text,
            voice=voice,
            emotion=emotion,
            options=options,
            out=folder / "talker.mp4",
            progress=show,
        )
        return str(result.video), notes(result), curves(result.motion), downloads(result, folder)


def stop(request: gr.Request) -> None:
    """End the run of this session at its next frame."""
    STOPPED.add(request.session_hash or "")


def notes(result: Result) -> str:
    """What was heard and how long it took, as a list."""
    seconds = sum(result.timings.values())
    length = len(result.motion) / result.motion.fps
    lines = [*result.notes, f"{length:.1f} s of video in {seconds:.1f} s."]
    return "\n".join(f"* {line}" for line in lines)


def curves(motion: FaceMotion) -> pd.DataFrame:
    """The motion's main blendshapes over time, one row per point of the plot."""
    moments = np.arange(len(motion)) / motion.fps
    named = {name: motion.blendshapes @ expand(weights) for name, weights in CURVES.items()}
    table = pd.DataFrame({"seconds": moments, **named})
    return table.melt("seconds", var_name="what", value_name="amount")


def downloads(result: Result, folder: Path) -> list[str]:
    """The files of a run: video, motion, motion for Live Link Face, settings."""
    result.motion.save(folder / "motion.npz")
    save_livelink(result.motion, folder / "motion-livelink.csv")
    result.options.save(folder / "settings.json")
    names = ("motion.npz", "motion-livelink.csv", "settings.json")
    return [str(result.video), *(str(folder / name) for name in names)]


def untouched(upload: ImageData | None) -> str | None:
    """The path of an uploaded picture, which Gradio has not opened."""
    return upload.path if upload is not None else None


def portrait_panel() -> dict[str, Any]:
    """Where the picture comes in, and what was found in it."""
    gr.HTML("<h2><b>1</b> Portrait</h2>", padding=False)
    picture = gr.Image(type="filepath", sources=["upload", "webcam", "clipboard"], height=280, show_label=False)
    picture.preprocess = untouched  # type: ignore[assignment, method-assign]  # what is wrong with it is for Talker to say
    examples = gr.Gallery(
        [(str(example.picture), example.caption) for example in EXAMPLES],
        columns=4, height=116, object_fit="cover", allow_preview=False, interactive=False,
        show_label=False, buttons=[], elem_id="examples",
    )  # fmt: skip
    sentence = gr.HTML(f"<p class='quiet'>{WANTED}</p>", padding=False)
    found = gr.Image(interactive=False, visible=False, height=220, show_label=False, buttons=[], elem_id="found")
    return {"picture": picture, "examples": examples, "sentence": sentence, "found": found}


def words_panel() -> dict[str, Any]:
    """What shall be said: typed, uploaded or recorded."""
    gr.HTML("<h2><b>2</b> Words</h2>", padding=False)
    tab = gr.State("text")
    with gr.Tabs() as tabs:
        with gr.Tab("Type", id="text") as typing:
            text = gr.Textbox(lines=3, show_label=False, placeholder="What shall the person say? (English)")
            voice = gr.Radio(["american", "british"], value="american", label="Voice")
        with gr.Tab("Upload or record", id="speech") as recording:
            speech = gr.Audio(sources=["upload", "microphone"], type="filepath", show_label=False)
    typing.select(lambda: "text", None, tab, api_visibility="private")
    recording.select(lambda: "speech", None, tab, api_visibility="private")
    return {"tabs": tabs, "tab": tab, "speech": speech, "text": text, "voice": voice}


def feeling_panel() -> dict[str, Any]:
    """How it shall be said."""
    gr.HTML("<h2><b>3</b> Feeling</h2>", padding=False)
    emotion = gr.Radio(list(EMOTION_LABELS), value="happy", show_label=False, elem_id="emotions")
    strength = gr.Slider(0, MAX_STRENGTH, 0.8, step=0.05, label="Strength")
    return {"emotion": emotion, "strength": strength}


def settings_panel() -> dict[str, Any]:
    """Everything that has a sensible value already."""
    widgets: dict[str, Any] = {}
    with gr.Accordion("Liveliness", open=False):
        for name in LIFE:
            widgets[name] = gr.Slider(0, 2, 1, step=0.05, label=LIFE[name])
        widgets["still"] = gr.Checkbox(False, label="Keep the head still")
    with gr.Accordion("Picture and chance", open=False):
        names = [(SIZE_NAMES[size], size) for size in SIZES]
        widgets["size"] = gr.Dropdown(names, value="native", label="Size of the video")
        widgets["wrinkles"] = gr.Slider(0, 1, 0.5, step=0.05, label="Folds and wrinkles")
        widgets["face_index"] = gr.Number(
            0, precision=0, minimum=0, label="Which face, when there are several (0: largest)"
        )
        widgets["seed"] = gr.Number(0, precision=0, minimum=0, label="Seed: the same number gives the same motion")
    return widgets


OPTION_NAMES = ("strength", *LIFE, "still", "size", "wrinkles", "face_index", "seed")  # in the order of `animate`


def build_page() -> gr.Blocks:
    """The whole page."""
    with gr.Blocks(title="Talker", fill_width=True, delete_cache=(DAY, DAY)) as page:
        gr.HTML((ASSETS / "header.html").read_text(encoding="utf-8"), elem_id="header", padding=False)
        with gr.Row(elem_id="stage"):
            with gr.Column(scale=5, min_width=300):
                widgets = portrait_panel()
            with gr.Column(scale=6, min_width=320):
                widgets |= words_panel() | feeling_panel()
                consent = gr.Checkbox(
                    label="I may animate this face: mine, with consent, or nobody's.",
                    container=False,
                    elem_id="consent",
                )
                with gr.Row():
                    start = gr.Button("Make it talk", variant="primary", scale=4, elem_id="start")
                    halt = gr.Button("Stop", scale=1, min_width=80)
                widgets |= settings_panel()
            with gr.Column(scale=8, min_width=320, elem_id="result"):
                gr.HTML("<h2><b>4</b> Result</h2>", padding=False)
                film = gr.Video(show_label=False, autoplay=True, height=460, buttons=["download"], elem_id="film")
                said = gr.Markdown(elem_id="said")
                plot = gr.LinePlot(
                    x="seconds", y="amount", color="what", y_lim=[0, 1], height=230, visible=False, elem_id="plot"
                )
                files = gr.Files(label="Downloads", interactive=False, visible=False)
        filled = [widgets[name] for name in ("picture", "tabs", "tab", "text", "emotion", "strength")]
        widgets["examples"].select(choose, None, filled, api_visibility="private")
        picture, face_index = widgets["picture"], widgets["face_index"]
        shown = [widgets["found"], widgets["sentence"]]
        gr.on([picture.change, face_index.change], look, [picture, face_index], shown, api_name="look")
        given = [widgets[name] for name in ("picture", "tab", "speech", "text", "voice", "emotion")]
        settings = [widgets[name] for name in OPTION_NAMES]
        run = start.click(animate, [*given, consent, *settings], [film, said, plot, files], api_name="speak")
        run.success(lambda: [gr.update(visible=True)] * 2, None, [plot, files], api_visibility="private")
        start.click(js=SCROLL_TO_RESULT, api_visibility="private")
        halt.click(stop, queue=False, api_visibility="private")
    return page


def theme() -> gr.themes.Base:
    """Warm accents on quiet greys; only fonts that the computer has, so that it works offline."""
    fonts = ["Avenir Next", "Inter", "Segoe UI", "system-ui", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.orange,
        secondary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill="linear-gradient(100deg, *primary_500, #e5484d)",
        button_primary_background_fill_hover="linear-gradient(100deg, *primary_400, #e5484d)",
        button_primary_background_fill_dark="linear-gradient(100deg, *primary_500, #e5484d)",
        button_primary_background_fill_hover_dark="linear-gradient(100deg, *primary_400, #e5484d)",
        button_primary_text_color="white",
        body_background_fill="*neutral_50",
        block_border_width="1px",
        block_shadow="0 1px 3px rgb(0 0 0 / 6%)",
        slider_color="*primary_500",
    )


if __name__ == "__main__":
    build_page().launch(
        theme=theme(), css_paths=ASSETS / "page.css", footer_links=["api", "settings"], max_file_size="200mb"
    )
