"""How it shall be said: the source of the emotion, with only that source's controls, and how strong it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from talker.emotion.resolve import DEFAULT, EmotionRequest
from talker.errors import EmotionError
from talker.options import MAX_STRENGTH
from talker.types import EMOTION_LABELS
from talker.web import texts
from talker.web.emotion_map import emotion_map
from talker.web.inputs import START, PageInputs
from talker.web.panels import heading, picture_input, quiet

EMOTIONS = EMOTION_LABELS[1:]  # what can be mixed; neutral is what is left
TIMELINE = [[0.0, "happy", 1.0], [1.5, "surprised", 1.0], [3.0, "sad", 0.8]]
JOIN_SHARES = (
    f"(...shares) => {{ const names = {json.dumps(EMOTIONS)}; "
    "return names.map((name, i) => [name, shares[i]]).filter(row => row[1] > 0)"
    ".map(row => row[0] + '=' + row[1]).join(', ') }"
)
SPLIT_SHARES = (
    f"(mix) => {json.dumps(EMOTIONS)}.map(name => "
    "{ const row = mix.split(',').map(part => part.split('=')).find(row => row[0].trim() === name); "
    "return row ? Math.max(0, Math.min(1, parseFloat(row[1]) || 0)) : 0 })"
)


def feeling_panel() -> dict[str, Any]:
    """The source, its controls and the strength; the widgets by their names."""
    heading(3, texts.FEELING)
    choices = [(title, name) for name, title in texts.SOURCES.items()]
    source = gr.Radio(choices, value=START.source, label=texts.SOURCE, show_label=False, elem_id="source")
    widgets: dict[str, Any] = {"source": source}
    groups: dict[str, gr.Column] = {}
    for name in texts.SOURCES:
        with gr.Column(visible=name == START.source, elem_classes="feeling") as groups[name]:
            widgets |= CONTROLS[name]()
    widgets["strength"] = gr.Slider(
        0, MAX_STRENGTH, START.strength, step=0.05, label=texts.STRENGTH, elem_id="strength"
    )
    source.change(
        lambda chosen: [gr.update(visible=name == chosen) for name in groups],
        source, list(groups.values()), queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    return widgets


def source_for(tab: str, source: str) -> str:
    """The source to start with once the words come from `tab`: a recording says itself how it feels.

    Whoever has chosen another source than the other tab's first one keeps it.
    """
    first, other = (DEFAULT.source, START.source) if tab == "speech" else (START.source, DEFAULT.source)
    return first if source == other else source


def _label() -> dict[str, Any]:
    names = [(texts.EMOTIONS[label], label) for label in EMOTION_LABELS]
    return {"emotion": gr.Radio(names, value=START.emotion, show_label=False, label=texts.EMOTION, elem_id="emotions")}


def _speech() -> dict[str, Any]:
    quiet(texts.READS_SPEECH)
    return {}


def _text() -> dict[str, Any]:
    text = gr.Textbox(
        START.feeling_text, label=texts.DESCRIBE, placeholder=texts.DESCRIBE_PLACEHOLDER, elem_id="feeling-text"
    )
    return {"feeling_text": text}


def _picture() -> dict[str, Any]:
    quiet(texts.READS_FACE)
    return {"feeling_picture": picture_input(texts.FACE_WITH_IT, 190, "feeling-picture")}


def _voice() -> dict[str, Any]:
    quiet(texts.READS_VOICE)
    sound = gr.Audio(
        sources=["upload", "microphone"], type="filepath", label=texts.VOICE_WITH_IT, elem_id="feeling-voice"
    )
    return {"feeling_voice": sound}


def _video() -> dict[str, Any]:
    quiet(texts.READS_FACE)
    film = gr.File(label=texts.VIDEO_WITH_IT, file_types=["video"], height=110, elem_id="feeling-video")
    return {"feeling_video": film}


def _map() -> dict[str, Any]:
    return {"point": emotion_map()}


def _mix() -> dict[str, Any]:
    sliders = []
    starts = dict(part.split("=") for part in START.mix.split(", "))
    with gr.Group(elem_id="mix"):
        for name in EMOTIONS:
            sliders.append(
                gr.Slider(
                    0, 1, float(starts.get(name, 0)), step=0.05, label=texts.EMOTIONS[name], min_width=150, buttons=[]
                )
            )
    mix = gr.Textbox(START.mix, label=texts.SHARES, elem_id="shares")
    mix.change(None, mix, sliders, js=SPLIT_SHARES, api_visibility="private")
    for slider in sliders:
        slider.release(None, sliders, mix, js=JOIN_SHARES, api_visibility="private")
    return {"mix": mix}


def _timeline() -> dict[str, Any]:
    table = gr.Dataframe(
        TIMELINE, headers=list(texts.TIMELINE_HEAD), datatype=["number", "str", "number"],
        column_count=3, type="array", interactive=True, label=texts.TIMELINE, buttons=[], elem_id="timeline",
    )  # fmt: skip
    return {"timeline": table}


CONTROLS = {
    "speech": _speech,
    "label": _label,
    "text": _text,
    "picture": _picture,
    "voice": _voice,
    "video": _video,
    "map": _map,
    "mix": _mix,
    "timeline": _timeline,
}


def asked(folder: Path, inputs: PageInputs) -> EmotionRequest:
    """What the person asks for; a timeline is written into `folder`, where it is a download, too."""
    if inputs.source == "timeline":
        path = folder / "timeline.json"
        path.write_text(json.dumps(timeline_rows(inputs.timeline or []), indent=1) + "\n")
        return EmotionRequest(inputs.source, str(path))
    values = {
        "label": inputs.emotion,
        "text": inputs.feeling_text,
        "picture": inputs.feeling_picture,
        "voice": inputs.feeling_voice,
        "video": inputs.feeling_video,
        "map": inputs.point,
        "mix": inputs.mix,
    }
    return EmotionRequest(inputs.source, values.get(inputs.source) or "")


def timeline_rows(table: list[list[Any]]) -> list[dict[str, Any]]:
    """The rows of the timeline's table that hold an emotion. Raises EmotionError for a row with wrong numbers."""
    rows = []
    for number, (start, emotion, strength) in enumerate(table, 1):
        if not str(emotion or "").strip():
            continue
        try:
            rows.append({"start_s": float(start or 0), "emotion": str(emotion).strip(), "strength": float(strength)})
        except (TypeError, ValueError) as error:
            raise EmotionError(texts.TIMELINE_ROW.format(row=number)) from error
    return rows
