"""How it shall be said: the source of the feeling, with only that source's controls, and how strong it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from page.panels import heading, picture_input
from talker.emotion.request import SOURCES, EmotionRequest
from talker.errors import EmotionError
from talker.types import EMOTION_LABELS, MAX_STRENGTH

FEELINGS = EMOTION_LABELS[1:]  # what can be mixed; neutral is what is left
TIMELINE = [[0.0, "happy", 1.0], [1.5, "surprised", 1.0], [3.0, "sad", 0.8]]
READS_PEOPLE = "<p class='quiet'>The feeling is read from a {what}. Use recordings of people who agreed to it.</p>"
# in the order of the arguments of `asked`
VALUE_NAMES = (
    "source", "emotion", "feeling_text", "feeling_picture", "feeling_voice", "feeling_video", "mix", "timeline",
)  # fmt: skip
JOIN_SHARES = (
    f"(...shares) => {{ const names = {json.dumps(FEELINGS)}; "
    "return names.map((name, i) => [name, shares[i]]).filter(row => row[1] > 0)"
    ".map(row => row[0] + '=' + row[1]).join(', ') }"
)
SPLIT_SHARES = (
    f"(mix) => {json.dumps(FEELINGS)}.map(name => "
    "{ const row = mix.split(',').map(part => part.split('=')).find(row => row[0].trim() === name); "
    "return row ? Math.max(0, Math.min(1, parseFloat(row[1]) || 0)) : 0 })"
)


def feeling_panel() -> dict[str, Any]:
    """The source, its controls and the strength; the widgets by their names, and the groups that are shown in turn."""
    heading(3, "Feeling")
    choices = [(row.title, row.name) for row in SOURCES.values()]
    source = gr.Radio(choices, value="label", label="Where the feeling comes from", elem_id="source")
    widgets: dict[str, Any] = {"source": source}
    groups: dict[str, gr.Column] = {}
    for name in SOURCES:
        with gr.Column(visible=name == "label", elem_classes="feeling") as groups[name]:
            widgets |= CONTROLS[name]()
    widgets["strength"] = gr.Slider(0, MAX_STRENGTH, 0.8, step=0.05, label="Strength", elem_id="strength")
    # in the browser: the choice answers at once, and an example can make it, too
    source.change(
        lambda chosen: [gr.update(visible=name == chosen) for name in groups],
        source, list(groups.values()), queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    return widgets


def _label() -> dict[str, Any]:
    return {
        "emotion": gr.Radio(list(EMOTION_LABELS), value="happy", show_label=False, label="Emotion", elem_id="emotions")
    }


def _speech() -> dict[str, Any]:
    gr.HTML(
        "<p class='quiet'>The face follows what the voice sounds like, moment by moment. Best with a recording.</p>"
    )
    return {}


def _text() -> dict[str, Any]:
    text = gr.Textbox(
        "", label="Describe the feeling", placeholder="slightly nervous but happy; starts calm, ends in tears; 🙄",
        elem_id="feeling-text",
    )  # fmt: skip
    return {"feeling_text": text}


def _picture() -> dict[str, Any]:
    gr.HTML(READS_PEOPLE.format(what="face"))
    return {"feeling_picture": picture_input("A face that shows the feeling", 190)}


def _voice() -> dict[str, Any]:
    gr.HTML(READS_PEOPLE.format(what="voice"))
    return {"feeling_voice": gr.Audio(sources=["upload", "microphone"], type="filepath", label="A voice that has it")}


def _video() -> dict[str, Any]:
    gr.HTML(READS_PEOPLE.format(what="face"))
    film = gr.File(label="A video of a face that shows it", file_types=["video"], height=110)
    return {"feeling_video": film}


def _mix() -> dict[str, Any]:
    sliders = []
    with gr.Group(elem_id="mix"):
        for name in FEELINGS:
            start = {"happy": 0.6, "fear": 0.4}.get(name, 0.0)
            sliders.append(gr.Slider(0, 1, start, step=0.05, label=name, min_width=150, buttons=[]))
    mix = gr.Textbox("happy=0.6, fear=0.4", label="Shares", elem_id="shares")
    mix.change(None, mix, sliders, js=SPLIT_SHARES, api_visibility="private")
    for slider in sliders:
        slider.release(None, sliders, mix, js=JOIN_SHARES, api_visibility="private")
    return {"mix": mix}


def _timeline() -> dict[str, Any]:
    table = gr.Dataframe(
        TIMELINE, headers=["from second", "emotion", "strength"], datatype=["number", "str", "number"],
        column_count=3, type="array", interactive=True, label="Each row lasts until the next", buttons=[],
    )  # fmt: skip
    return {"timeline": table}


CONTROLS = {
    "speech": _speech,
    "label": _label,
    "text": _text,
    "picture": _picture,
    "voice": _voice,
    "video": _video,
    "mix": _mix,
    "timeline": _timeline,
}


def asked(
    folder: Path,
    source: str,
    emotion: str,
    text: str | None,
    picture: str | None,
    voice: str | None,
    video: str | None,
    mix: str | None,
    timeline: list[list[Any]] | None,
) -> EmotionRequest:
    """What the person asks for; a timeline is written into `folder`, where it is a download, too."""
    if source == "timeline":
        path = folder / "timeline.json"
        path.write_text(json.dumps(timeline_rows(timeline or []), indent=1) + "\n")
        return EmotionRequest(source, str(path))
    values = {"label": emotion, "text": text, "picture": picture, "voice": voice, "video": video, "mix": mix}
    return EmotionRequest(source, values.get(source) or "")


def timeline_rows(table: list[list[Any]]) -> list[dict[str, Any]]:
    """The rows of the timeline's table that hold an emotion. Raises EmotionError for a row with wrong numbers."""
    rows = []
    for number, (start, emotion, strength) in enumerate(table, 1):
        if not str(emotion or "").strip():
            continue
        try:
            rows.append({"start_s": float(start or 0), "emotion": str(emotion).strip(), "strength": float(strength)})
        except (TypeError, ValueError) as error:
            raise EmotionError(f"Row {number} of the timeline needs a second to start at and a strength.") from error
    return rows
