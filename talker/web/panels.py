"""Where the picture, the words and the settings come in."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from talker import SpeakOptions
from talker.options import LIP_MODELS, RENDERERS, SIZES
from talker.speech.voices import VOICES
from talker.web import texts
from talker.web.examples import EXAMPLES
from talker.web.inputs import OPTIONS, START


def untouched(upload: ImageData | None) -> str | None:
    """The path of an uploaded picture, which Gradio has not opened: what is wrong with it is for Talker to say."""
    return upload.path if upload is not None else None


def picture_input(label: str, height: int, elem_id: str | None = None) -> gr.Image:
    """A place for a picture, which hands on the path of the file as it came."""
    picture = gr.Image(
        type="filepath", sources=["upload", "webcam", "clipboard"], height=height, label=label, show_label=False,
        elem_id=elem_id,
    )  # fmt: skip
    vars(picture)["preprocess"] = untouched
    return picture


def heading(number: int, title: str) -> gr.HTML:
    """The title of a step."""
    return gr.HTML(f"<h2><b>{number}</b> {title}</h2>", padding=False)


def quiet(sentence: str) -> gr.HTML:
    """A remark."""
    return gr.HTML(f"<p class='quiet'>{sentence}</p>", padding=False)


def examples_strip() -> gr.Gallery:
    """The examples, one beside the other."""
    gr.HTML(f"<p class='quiet'><b>{texts.EXAMPLES}</b> {texts.EXAMPLES_HINT}</p>", padding=False)
    return gr.Gallery(
        [(str(example.thumbnail), example.caption) for example in EXAMPLES],
        columns=len(EXAMPLES), object_fit="cover", allow_preview=False, interactive=False,
        label=texts.EXAMPLES, show_label=False, buttons=[], container=False, elem_id="examples",
    )  # fmt: skip


def portrait_panel() -> dict[str, Any]:
    """Where the picture comes in; once a face was found, the outlined picture takes its place (see page.css)."""
    heading(1, texts.PORTRAIT)
    picture = picture_input(texts.PORTRAIT, 300, "picture")
    found = gr.Image(
        interactive=False, visible=False, height=300, label=texts.PORTRAIT, show_label=False, buttons=[],
        elem_id="found",
    )  # fmt: skip
    sentence = quiet(texts.WANTED)
    another = gr.Button(texts.ANOTHER, size="sm", elem_id="another")
    another.click(lambda: None, None, picture, queue=False, api_visibility="private")
    return {"picture": picture, "sentence": sentence, "found": found}


def words_panel() -> dict[str, Any]:
    """What shall be said: typed, uploaded or recorded."""
    heading(2, texts.WORDS)
    tab = gr.State(START.tab)
    with gr.Tabs() as tabs:
        with gr.Tab(texts.TYPE, id="text") as typing:
            text = gr.Textbox(
                START.text, lines=3, label=texts.WORDS, show_label=False, elem_id="words",
                placeholder=f"{texts.WORDS_PLACEHOLDER}\n{texts.WORDS_HINT}",
            )  # fmt: skip
            with gr.Row(equal_height=True):
                names = [(voice.title, voice.name) for voice in VOICES.values()]
                voice = gr.Dropdown(
                    names, value=START.voice, label=texts.VOICE, info=texts.VOICE_HINT, allow_custom_value=True,
                    scale=4, elem_id="voice",
                )  # fmt: skip
                listen = gr.Button(texts.LISTEN, size="sm", scale=1, min_width=90, elem_id="listen")
            sample = gr.Audio(visible=False, autoplay=True, label=texts.VOICE, buttons=[], elem_id="voice-sample")
        with gr.Tab(texts.RECORD, id="speech") as recording:
            speech = gr.Audio(
                sources=["upload", "microphone"], type="filepath", label=texts.SPEECH, show_label=False,
                elem_id="speech",
            )  # fmt: skip
    typing.select(lambda: "text", None, tab, queue=False, api_visibility="private")
    recording.select(lambda: "speech", None, tab, queue=False, api_visibility="private")
    return {
        "tabs": tabs, "tab": tab, "typing": typing, "recording": recording, "speech": speech, "text": text,
        "voice": voice, "listen": listen, "sample": sample,
    }  # fmt: skip


def settings_panel() -> dict[str, Any]:
    """Everything that has a sensible value already."""
    widgets: dict[str, Any] = {}
    with gr.Accordion(texts.LIVELINESS, open=False):
        for name, title in texts.LIFE.items():
            widgets[name] = gr.Slider(0, 2, getattr(START, name), step=0.05, label=title)
        widgets["still"] = gr.Checkbox(START.still, label=texts.STILL)
    with gr.Accordion(texts.MORE, open=False):
        sizes = [(texts.SIZES[size], size) for size in SIZES]
        widgets["size"] = gr.Dropdown(sizes, value=START.size, label=texts.SIZE)
        widgets["renderer"] = gr.Dropdown(
            texts.RENDERER_CHOICES, value=START.renderer, label=texts.RENDERER, visible=len(RENDERERS) > 2
        )
        converters = [(texts.LIP_MODELS[name], name) for name in LIP_MODELS]
        widgets["converter"] = gr.Radio(  # nobody is asked while there is one
            converters, value=START.converter, label=texts.CONVERTER, visible=len(converters) > 1
        )
        widgets["voice_speed"] = gr.Slider(0.5, 2, START.voice_speed, step=0.05, label=texts.VOICE_SPEED)
        widgets["plain_voice"] = gr.Checkbox(START.plain_voice, label=texts.PLAIN_VOICE)
        widgets["fps"] = gr.Radio([("25", 25), ("30", 30)], value=25, label=texts.FPS)
        widgets["wrinkles"] = gr.Slider(0, 1, START.wrinkles, step=0.05, label=texts.WRINKLES)
        widgets["subtitled"] = gr.Checkbox(START.subtitled, label=texts.SUBTITLES, elem_id="subtitled")
        widgets["label"] = gr.Checkbox(START.label, label=texts.LABEL, elem_id="label")
        widgets["allow_covered"] = gr.Checkbox(START.allow_covered, label=texts.ALLOW_COVERED)
        widgets["permissive"] = gr.Checkbox(START.permissive, label=texts.PERMISSIVE)
        widgets["face_index"] = gr.Number(START.face_index, precision=0, minimum=0, label=texts.FACE_INDEX)
        widgets["seed"] = gr.Number(START.seed, precision=0, minimum=0, label=texts.SEED)
        widgets["settings"] = gr.File(label=texts.SETTINGS, file_types=[".json"], height=130, elem_id="settings")
    return widgets


def load_settings(path: str | None) -> list[Any]:
    """Values of the strength and of the settings' widgets, from a file that an earlier result gave."""
    if path is None:
        return [gr.skip()] * len(OPTIONS)
    options = SpeakOptions.load(path)
    return [getattr(options, name) for name in OPTIONS]
