"""The tab "Live": the microphone goes in, and a face that says the same comes back while one speaks."""

from __future__ import annotations

from typing import Any

import gradio as gr

from talker.options import MAX_STRENGTH, SpeakOptions
from talker.resources import resource
from talker.types import EMOTION_LABELS
from talker.web import texts
from talker.web.panels import picture_input, quiet

SCRIPT = resource("assets/live.js")
STAGE = "<canvas id='live-face' width='512' height='512' aria-label='{label}'></canvas><p id='live-said' class='quiet' \
role='status'>{hint}</p>"
CHANGED = "(emotion, words, strength) => { window.talkerLive.feel(words.trim() || emotion, strength) }"


def live_panel() -> dict[str, Any]:
    """Whose face, what it feels, and the face itself."""
    with gr.Row():
        with gr.Column(scale=4, min_width=300):
            picture = picture_input(texts.PORTRAIT, 220, "live-picture")
            quiet(texts.LIVE_HINT)
            emotions = [(texts.EMOTIONS[label], label) for label in EMOTION_LABELS]
            emotion = gr.Radio(emotions, value="happy", label=texts.EMOTION, elem_id="live-emotion")
            words = gr.Textbox("", label=texts.DESCRIBE, elem_id="live-words", placeholder=texts.DESCRIBE_PLACEHOLDER)
            strength = gr.Slider(0, MAX_STRENGTH, 0.8, step=0.05, label=texts.STRENGTH, elem_id="live-strength")
            label = gr.Checkbox(False, label=texts.LABEL, container=False, elem_id="live-label")
            loud = gr.Checkbox(False, label=texts.LIVE_LOUD, container=False, elem_id="live-loud")
            consent = gr.Checkbox(False, label=texts.CONSENT, container=False, elem_id="live-consent")
            with gr.Row():
                start = gr.Button(texts.LIVE_START, variant="primary", scale=3, elem_id="live-start")
                stop = gr.Button(texts.STOP, scale=1, min_width=70, elem_id="live-stop")
        with gr.Column(scale=6, min_width=320):
            gr.HTML(STAGE.format(label=texts.TABS["live"], hint=texts.LIVE_EMPTY), padding=False)
    word = gr.Textbox("", visible=False)
    return {
        "picture": picture, "emotion": emotion, "words": words, "strength": strength, "label": label, "loud": loud,
        "consent": consent, "start": start, "stop": stop, "word": word,
    }  # fmt: skip


def wire_live(widgets: dict[str, Any], admit: Any) -> None:
    """What the tab's widgets do; `admit` gives the ticket for picture, emotion, words, strength, label and consent."""
    names = ("picture", "emotion", "words", "strength", "label", "consent")
    emotion_inputs = [widgets[name] for name in ("emotion", "words", "strength")]
    widgets["start"].click(
        admit, [widgets[name] for name in names], widgets["word"], concurrency_id="looks", api_visibility="private",
    ).success(
        None, [widgets["word"], widgets["loud"]], None, js="(word, loud) => { window.talkerLive.start(word, loud) }"
    )  # fmt: skip
    widgets["stop"].click(None, None, None, js="() => { window.talkerLive.stop() }")
    widgets["loud"].change(None, widgets["loud"], None, js="(loud) => { window.talkerLive.hear(loud) }")
    gr.on(
        [widgets["emotion"].change, widgets["words"].submit, widgets["words"].blur, widgets["strength"].change],
        None, emotion_inputs, None, js=CHANGED,
    )  # fmt: skip


def live_options(label: bool, strength: float) -> SpeakOptions:
    """How a live face is drawn."""
    return SpeakOptions(size="crop512", label=bool(label), strength=float(strength))


def live_script() -> str:
    """What the page's head needs for the tab."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
