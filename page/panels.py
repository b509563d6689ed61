"""Where the picture, the words and the settings come in."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from page.examples import EXAMPLES
from talker import SpeakOptions, Talker, TalkerError
from talker.portrait.outline import outline
from talker.types import SIZES

WANTED = "One face, looking roughly at the camera; the larger, the better."
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
SETTING_NAMES = (
    *LIFE,
    "still",
    "size",
    "fps",
    "wrinkles",
    "permissive",
    "face_index",
    "seed",
)  # options that aren't the feeling's


def look(talker: Talker, picture: str | None, face_index: float) -> tuple[Any, str]:
    """The found face outlined, or the reason why there is none."""
    if picture is None:
        return gr.update(visible=False), f"<p class='quiet'>{WANTED}</p>"
    try:
        portrait = talker.look(picture, int(face_index))
    except TalkerError as error:
        return gr.update(visible=False), f"<p class='bad' role='alert'>{html.escape(str(error))}</p>"
    others = f" {portrait.faces} faces are in the picture." if portrait.faces > 1 else ""
    sentence = f"<p class='good'>Found a face, {portrait.face_width:.0f} px wide.{others}</p>"
    return gr.update(value=outline(portrait), visible=True), sentence


def untouched(upload: ImageData | None) -> str | None:
    """The path of an uploaded picture, which Gradio has not opened: what is wrong with it is for Talker to say."""
    return upload.path if upload is not None else None


def picture_input(label: str, height: int) -> gr.Image:
    """A place for a picture, which hands on the path of the file as it came."""
    picture = gr.Image(
        type="filepath", sources=["upload", "webcam", "clipboard"], height=height, label=label, show_label=False
    )
    picture.preprocess = untouched  # type: ignore[assignment, method-assign]
    return picture


def heading(number: int, title: str) -> gr.HTML:
    """The title of a step."""
    return gr.HTML(f"<h2><b>{number}</b> {title}</h2>", padding=False)


def portrait_panel() -> dict[str, Any]:
    """Where the picture comes in, and what was found in it."""
    heading(1, "Portrait")
    picture = picture_input("Portrait", 280)
    sentence = gr.HTML(f"<p class='quiet'>{WANTED}</p>", padding=False)
    found = gr.Image(
        interactive=False, visible=False, height=200, label="The found face", show_label=False, buttons=[],
        elem_id="found",
    )  # fmt: skip
    examples = gr.Gallery(
        [(str(example.picture), example.caption) for example in EXAMPLES],
        columns=3, object_fit="cover", allow_preview=False, interactive=False,
        label="Examples", show_label=False, buttons=[], elem_id="examples",
    )  # fmt: skip
    return {"picture": picture, "examples": examples, "sentence": sentence, "found": found}


def words_panel() -> dict[str, Any]:
    """What shall be said: typed, uploaded or recorded."""
    heading(2, "Words")
    tab = gr.State("text")
    with gr.Tabs() as tabs:
        with gr.Tab("Type", id="text") as typing:
            text = gr.Textbox(
                "", lines=3, label="Words", show_label=False, elem_id="words",
                placeholder="What shall the person say? (English) Feelings can change on the way: "
                "[happy] We won! [sad:0.6] But it is over.",
            )  # fmt: skip
            voice = gr.Radio(["american", "british"], value="american", label="Voice")
        with gr.Tab("Upload or record", id="speech") as recording:
            speech = gr.Audio(
                sources=["upload", "microphone"], type="filepath", label="Speech", show_label=False, elem_id="speech"
            )
    typing.select(lambda: "text", None, tab, api_visibility="private")
    recording.select(lambda: "speech", None, tab, api_visibility="private")
    return {"tabs": tabs, "tab": tab, "speech": speech, "text": text, "voice": voice}


def settings_panel() -> dict[str, Any]:
    """Everything that has a sensible value already."""
    widgets: dict[str, Any] = {}
    with gr.Accordion("Liveliness", open=False):
        for name in LIFE:
            widgets[name] = gr.Slider(0, 2, 1, step=0.05, label=LIFE[name])
        widgets["still"] = gr.Checkbox(False, label="Keep the head still")
    with gr.Accordion("Picture, chance, settings file", open=False):
        names = [(SIZE_NAMES[size], size) for size in SIZES]
        widgets["size"] = gr.Dropdown(names, value="native", label="Size of the video")
        widgets["fps"] = gr.Radio([("25", 25), ("30", 30)], value=25, label="Frames per second")
        widgets["wrinkles"] = gr.Slider(0, 1, 0.5, step=0.05, label="Folds and wrinkles")
        widgets["permissive"] = gr.Checkbox(False, label="Only weights that allow commercial use")
        widgets["face_index"] = gr.Number(
            0, precision=0, minimum=0, label="Which face, when there are several (0: largest)"
        )
        widgets["seed"] = gr.Number(0, precision=0, minimum=0, label="Seed: the same number gives the same motion")
        widgets["settings"] = gr.File(
            label="Load settings.json of an earlier result", file_types=[".json"], height=90, elem_id="settings"
        )
    return widgets


def load_settings(path: str | None) -> list[Any]:
    """Values of the strength and of the settings' widgets, from a file that an earlier result gave."""
    if path is None:
        return [gr.skip()] * (1 + len(SETTING_NAMES))
    options = SpeakOptions.load(path)
    return [options.strength, *(getattr(options, name) for name in SETTING_NAMES)]
