"""Comparisons: portraits × emotions × strengths × renderers, with the same sound and the same chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from talker import SpeakOptions, Talker
from talker.emotion.resolve import EmotionRequest
from talker.errors import InputError
from talker.evaluation.methods import METHODS, Given
from talker.media.audio import beginning
from talker.media.provenance import marked
from talker.options import RENDERERS
from talker.speech.analysis import SpeechAnalysis
from talker.types import EMOTION_LABELS, ByteArray, Progress
from talker.web import texts
from talker.web.panels import quiet
from talker.web.result import empty

MOST_CELLS = 24
CELL_SIZE = "crop256"
NAMES = [(texts.EMOTIONS[label], label) for label in EMOTION_LABELS]


def compare_panel() -> dict[str, Any]:
    """What is compared, and the results."""
    quiet(texts.COMPARE_HINT)
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            emotions = gr.CheckboxGroup(NAMES, value=list(EMOTION_LABELS), label=texts.COMPARED_EMOTIONS)
            described = gr.Textbox("", label=texts.ALSO, lines=2, placeholder=texts.ALSO_PLACEHOLDER)
            first_tab = gr.Checkbox(False, label=texts.FIRST_TAB, elem_id="first-tab")
            with gr.Accordion(texts.COMPARED_METHODS, open=False):
                known = [(f"{name}: {method.paper}", name) for name, method in METHODS.items()]
                methods = gr.CheckboxGroup(known, label=texts.COMPARED_METHODS, show_label=False, elem_id="methods")
            strengths = gr.CheckboxGroup([0.5, 1.0, 1.5], value=[1.0], label=texts.STRENGTHS)
            known = texts.RENDERER_CHOICES
            renderers = gr.CheckboxGroup(
                known, value=["auto"], label=texts.RENDERER, visible=len(RENDERERS) > 2, elem_id="renderers"
            )
            seconds = gr.Slider(1, 10, 3, step=0.5, label=texts.SECONDS)
            with gr.Accordion(texts.OTHERS, open=False):
                others = gr.File(
                    label=texts.OTHERS, show_label=False, file_count="multiple", file_types=["image"], height=130,
                    elem_id="others",
                )  # fmt: skip
            start = gr.Button(texts.COMPARE, variant="primary", elem_id="compare-start")
        with gr.Column(scale=9, min_width=320, elem_id="compared"):
            empty(texts.COMPARE_EMPTY)
            film = gr.Video(
                label=texts.COMPARED_FILM, show_label=False, buttons=["download"], height=420, elem_id="grid-film"
            )
            sheet = gr.Image(
                label=texts.COMPARED_SHEET, show_label=False, interactive=False, buttons=["download", "fullscreen"],
                type="filepath", elem_id="grid-sheet",
            )  # fmt: skip
    gr.HTML(f"<h2>{texts.BEFORE_AFTER}</h2><p class='quiet'>{texts.BEFORE_AFTER_HINT}</p>", padding=False)
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            shown = gr.Radio(NAMES, value="happy", label=texts.EMOTION, show_label=False, elem_id="shown")
        with gr.Column(scale=9, min_width=320):
            slider = gr.ImageSlider(
                label=texts.BEFORE_AFTER, show_label=False, height=500, buttons=[], elem_id="before-after"
            )
    return {
        "others": others, "emotions": emotions, "described": described, "first_tab": first_tab,
        "strengths": strengths, "renderers": renderers, "seconds": seconds, "methods": methods,
        "start": start, "film": film, "sheet": sheet, "shown": shown, "slider": slider,
    }  # fmt: skip


def compared(
    talker: Talker,
    pictures: list[str],
    speech: SpeechAnalysis,
    emotions: Mapping[str, str | EmotionRequest],
    strengths: list[float],
    renderers: list[str],
    options: SpeakOptions,
    folder: Path,
    progress: Progress,
    methods: Sequence[str] = (),
    given: Given | None = None,
) -> tuple[str, str]:
    """Paths of the film and of the contact sheet. Raises InputError for nothing, and for too much, to compare.

    methods: the papers', in place of emotions; given: what they take theirs from, by default home-made examples.
    """
    from talker.evaluation.contact_sheet import cells, method_cells, write_sheet  # MoviePy takes a second to import

    each = len(methods) if methods else len(emotions) * len(strengths) * max(1, len(renderers))
    if not 1 <= len(pictures) * each <= MOST_CELLS:
        raise InputError(texts.TOO_MANY.format(most=MOST_CELLS, count=len(pictures) * each))
    options = dataclasses.replace(options, size=CELL_SIZE)
    portraits = [talker.portrait_for(picture, options) for picture in pictures]
    if methods:
        rows = method_cells(portraits, methods, options, given or Given())
    else:
        rows = cells(portraits, emotions, strengths, options, renderers)
    film, sheet = folder / "comparison.mp4", folder / "comparison.png"
    write_sheet(talker, rows, speech, sheet, lambda done, total: progress(done, 2 * total))
    write_sheet(talker, rows, speech, film, lambda done, total: progress(total + done, 2 * total))
    return str(film), str(sheet)


def before_and_after(talker: Talker, picture: str, emotion: str, strength: float) -> tuple[ByteArray, ByteArray]:
    """The photograph's head and shoulders, and the same with an emotion."""
    from talker.render.crop import at_size  # brings the renderer, which the page doesn't need to open

    portrait = talker.analyze_portrait(picture)
    after = talker.preview(portrait, emotion, SpeakOptions(strength=strength))
    return np.rot90(at_size(portrait, "crop512").image, -portrait.quarter_turns), marked(after)


def shortened(speech: SpeechAnalysis, seconds: float) -> SpeechAnalysis:
    """The beginning of the speech; all of it when it is shorter."""
    short = seconds and seconds < speech.duration_s
    return SpeechAnalysis(beginning(speech.clip, seconds)) if short else speech
