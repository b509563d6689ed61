"""The tab that takes a talking video: another feeling, or other words, for the person in it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr

from talker.options import EDIT_STRENGTHS, LONGER_SPEECH
from talker.speech.voices import VOICES
from talker.types import EMOTION_LABELS, VideoResult
from talker.web import texts
from talker.web.panels import quiet

OWN, WORDS, FIRST_TAB = "own", "words", "first tab"  # beside the labels
TASKS = ("feeling", "words")
NOTHING_YET = f"<div class='nothing-yet'><p>{texts.EDIT_EMPTY}</p></div>"
# both films at the same moment, one over the other; the line is dragged
DIVIDER = """<div class="divided" style="--at: 50%">
<video src="{before}" muted playsinline preload="auto" aria-label="{filmed}"></video>
<video src="{after}" controls autoplay playsinline aria-label="{edited}"
 onplay="const o = this.previousElementSibling; o.currentTime = this.currentTime; o.play()"
 onpause="this.previousElementSibling.pause()"
 onseeking="this.previousElementSibling.currentTime = this.currentTime"
 ontimeupdate="const o = this.previousElementSibling;
  if (Math.abs(o.currentTime - this.currentTime) > 0.08) o.currentTime = this.currentTime"></video>
<input type="range" min="0" max="100" value="50" aria-label="{line}"
 oninput="this.parentElement.style.setProperty('--at', this.value + '%')"></div>"""


def video_panel() -> dict[str, Any]:
    """What goes in, the frame under the cursor, and what comes out."""
    quiet(texts.EDIT_HINT)
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            film = gr.Video(
                sources=["upload", "webcam"], label=texts.FILM, height=340, elem_id="edit-film", buttons=[],
            )  # fmt: skip
            moment = gr.Slider(0, 1, 0, step=0.01, label=texts.MOMENT, elem_id="edit-moment")
            frame = gr.Image(
                interactive=False, visible=False, label=texts.FRAME, height=300, buttons=[], elem_id="edit-frame",
                format="webp",
            )  # fmt: skip
            sentence = quiet(texts.FRAME_HINT)
            face_at = gr.Textbox("", visible=False)
        with gr.Column(scale=5, min_width=300):
            widgets = _choices()
        with gr.Column(scale=7, min_width=320, elem_id="edit-result"):
            shown = gr.HTML(NOTHING_YET, padding=False, elem_id="edit-divided")
            consent = gr.Checkbox(False, label=texts.EDIT_CONSENT, container=False, elem_id="edit-consent")
            with gr.Row():
                start = gr.Button(texts.EDIT_START, variant="primary", scale=4, elem_id="edit-start")
                halt = gr.Button(texts.STOP, scale=1, min_width=70, elem_id="edit-halt")
            made = gr.File(label=texts.DOWNLOADS, interactive=False, height=90, elem_id="edit-made")
            said = gr.Markdown(elem_id="edit-said")
    own = {
        "film": film, "moment": moment, "frame": frame, "sentence": sentence, "face_at": face_at, "shown": shown,
        "permission": consent, "start": start, "halt": halt, "made": made, "said": said,
    }  # fmt: skip
    return widgets | own


def _choices() -> dict[str, Any]:
    """What shall become of the film."""
    task = gr.Radio(
        list(zip(texts.EDIT_TASKS, TASKS, strict=True)), value=TASKS[0], show_label=False, elem_id="edit-task"
    )
    with gr.Column(visible=False) as words:
        text = gr.Textbox("", lines=2, label=texts.WORDS, placeholder=texts.WORDS_PLACEHOLDER, elem_id="edit-words")
        names = [(voice.title, voice.name) for voice in VOICES.values()]
        voice = gr.Dropdown(names, value="american", label=texts.VOICE, allow_custom_value=True)
        speech = gr.Audio(sources=["upload", "microphone"], type="filepath", label=texts.OR_SPEECH)
        longer = gr.Radio(
            list(zip(texts.LONGER, LONGER_SPEECH, strict=True)), value=LONGER_SPEECH[0], label=texts.LONGER_LABEL
        )
    labels = [(texts.EMOTIONS[label], label) for label in EMOTION_LABELS]
    others = [(texts.OWN_FEELING, OWN), (texts.IN_WORDS, WORDS), (texts.FIRST_TAB, FIRST_TAB)]
    emotion = gr.Radio([*labels, *others], value="happy", label=texts.FEELING, elem_id="edit-emotion")
    described = gr.Textbox(
        "", visible=False, label=texts.DESCRIBE, placeholder=texts.DESCRIBE_PLACEHOLDER, elem_id="edit-described"
    )
    strength = gr.Slider(*EDIT_STRENGTHS, 0.8, step=0.05, label=texts.STRENGTH, info=texts.EDIT_STRENGTH)
    task.change(
        lambda chosen: gr.update(visible=chosen == TASKS[1]), task, words, queue=False, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    emotion.change(
        lambda chosen: gr.update(visible=chosen == WORDS), emotion, described, queue=False, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    return {
        "task": task, "words": text, "spoken_by": voice, "recording": speech, "longer": longer, "feeling": emotion,
        "described": described, "amount": strength,
    }  # fmt: skip


def divided(before: str | Path, after: str | Path) -> str:
    """Both films, one over the other, with a line that is dragged."""
    addresses = {name: html.escape(f"gradio_api/file={path}") for name, path in (("before", before), ("after", after))}
    return DIVIDER.format(**addresses, filmed=texts.FILMED, edited=texts.EDITED, line=texts.DIVIDE)


def video_notes(result: VideoResult) -> str:
    """What was found and how long it took, as a list."""
    took = texts.TOOK.format(length=len(result.motion) / result.motion.fps, seconds=sum(result.timings.values()))
    return "\n".join(f"* {line}" for line in [*result.notes, took, texts.MARKED])
