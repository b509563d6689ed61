"""Comparisons: portraits × emotions × strengths, with the same sound and the same chance."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gradio as gr

from page.panels import picture_input
from talker import SpeakOptions, Talker
from talker.errors import InputError
from talker.media.audio import beginning
from talker.types import EMOTION_LABELS, ByteArray, Progress, SpeechClip

MOST_CELLS = 24
CELL_SIZE = "crop256"


def compare_panel() -> dict[str, Any]:
    """What is compared, and the results."""
    gr.HTML("<p class='quiet'>With the portrait and the words of the first tab: same sound, same chance.</p>")
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            other = picture_input("A second portrait, if you like", 190)
            gr.HTML("<p class='quiet'>Above: a second portrait, if you like.</p>", padding=False)
            emotions = gr.CheckboxGroup(list(EMOTION_LABELS), value=list(EMOTION_LABELS), label="Emotions")
            described = gr.Textbox("", label="Also, in words (one a line)", lines=2, placeholder="tired but proud")
            strengths = gr.CheckboxGroup([0.5, 1.0, 1.5], value=[1.0], label="Strengths")
            seconds = gr.Slider(1, 10, 3, step=0.5, label="Seconds of the speech")
            start = gr.Button("Compare", variant="primary", elem_id="compare-start")
        with gr.Column(scale=9, min_width=320):
            film = gr.Video(
                label="All at the same time", show_label=False, buttons=["download"], height=420, elem_id="grid-film"
            )
            sheet = gr.Image(
                label="Six moments of each",
                show_label=False,
                interactive=False,
                buttons=["download", "fullscreen"],
                type="filepath",
            )
    gr.HTML("<h2>Before and after</h2><p class='quiet'>The photograph, and the person with the feeling.</p>")
    with gr.Row():
        shown = gr.Radio(list(EMOTION_LABELS), value="happy", label="Emotion", scale=1, min_width=240)
        slider = gr.ImageSlider(label="Before and after", show_label=False, height=420, buttons=[], scale=2)
    return {
        "other": other, "emotions": emotions, "described": described, "strengths": strengths, "seconds": seconds,
        "start": start, "film": film, "sheet": sheet, "shown": shown, "slider": slider,
    }  # fmt: skip


def compared(
    talker: Talker,
    pictures: list[str],
    clip: SpeechClip,
    emotions: list[str],
    strengths: list[float],
    options: SpeakOptions,
    folder: Path,
    progress: Progress,
) -> tuple[str, str]:
    """Paths of the film and of the contact sheet. Raises InputError for nothing, and for too much, to compare."""
    from talker.evaluation.sheet import cells, write_sheet  # MoviePy takes a second to import

    count = len(pictures) * len(emotions) * len(strengths)
    if not 1 <= count <= MOST_CELLS:
        raise InputError(f"Please choose between 1 and {MOST_CELLS} faces to compare; these are {count}.")
    options = dataclasses.replace(options, size=CELL_SIZE)
    portraits = [talker.look(picture) for picture in pictures]
    rows = cells(portraits, emotions, strengths, options)
    film, sheet = folder / "comparison.mp4", folder / "comparison.png"
    write_sheet(talker, rows, clip, sheet, lambda done, total: progress(done, 2 * total))
    write_sheet(talker, rows, clip, film, lambda done, total: progress(total + done, 2 * total))
    return str(film), str(sheet)


def before_and_after(talker: Talker, picture: str, emotion: str, strength: float) -> tuple[ByteArray, ByteArray]:
    """The photograph's head and shoulders, and the same with a feeling."""
    from talker.render.crop import at_size  # brings the renderer, which the page doesn't need to open

    portrait = talker.look(picture)
    after = talker.preview(portrait, emotion, SpeakOptions(strength=strength))
    return at_size(portrait, "crop512").image, after


def shortened(clip: SpeechClip, seconds: float) -> SpeechClip:
    """The beginning of a clip; all of it when it is shorter."""
    return beginning(clip, seconds) if seconds and seconds < clip.duration_s else clip
