"""What is seen of a run: preview, video, notes, plots and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from talker import FaceMotion, Portrait, Result, SpeakOptions
from talker.blendshapes import expand
from talker.face.landmark_motion import landmark_motion
from talker.media.image import save_image
from talker.media.livelink import save_livelink
from talker.media.provenance import Provenance
from talker.media.video import write_video
from talker.render.registry import chosen, quick
from talker.types import EMOTION_LABELS, ByteArray, EmotionCode, Video
from talker.web import texts
from talker.web.inputs import START
from talker.web.panels import heading
from talker.web.session import still_path

# what the plot shows: a plain name and the blendshapes whose mean it is
CURVES = {
    "jaw open": {"jawOpen": 1.0},
    "smile": {"mouthSmile": 0.5},
    "corners down": {"mouthFrown": 0.5},
    "brows up": {"browInnerUp": 1.0},
    "brows down": {"browDown": 0.5},
    "lids closed": {"eyeBlink": 0.5},
}
DOWNLOADS = (
    "talker.mp4", "preview.webp", "landmarks.mp4", "motion.npz", "motion-livelink.csv", "settings.json",
    "timeline.json", "talker.vtt",
)  # fmt: skip
SHOWN_FROM = 0.05  # an emotion that never reaches this probability is left out of its plot


def see_panel() -> dict[str, Any]:
    """The preview and the film in one place, and the buttons."""
    widgets: dict[str, Any] = {}
    heading(4, texts.SEE)
    with gr.Tabs(selected="preview", elem_id="views") as widgets["views"]:
        with gr.Tab(texts.PREVIEW, id="preview"):
            empty(texts.PREVIEW_EMPTY)
            widgets["preview"] = gr.Image(
                interactive=False, visible=False, height=400, label=texts.PREVIEW, show_label=False, buttons=[],
                elem_id="preview", format="webp",
            )  # fmt: skip
            widgets["preview_note"] = gr.HTML(padding=False, elem_id="preview-note")
        with gr.Tab(texts.VIDEO, id="film"):
            empty(texts.VIDEO_EMPTY)
            widgets["film"] = gr.Video(
                label=texts.VIDEO, show_label=False, autoplay=True, height=400, buttons=["download"], elem_id="film"
            )
    widgets["consent"] = gr.Checkbox(START.consent, label=texts.CONSENT, container=False, elem_id="consent")
    with gr.Row(elem_id="buttons"):
        widgets["start"] = gr.Button(texts.START, variant="primary", scale=4, min_width=150, elem_id="start")
        widgets["trial"] = gr.Button(texts.TRIAL, scale=3, min_width=150, elem_id="trial")
        widgets["halt"] = gr.Button(texts.STOP, scale=1, min_width=70, elem_id="halt")
    return widgets | result_panel()


def empty(sentence: str) -> gr.HTML:
    """What stands where something will be; page.css hides it once that is there."""
    return gr.HTML(f"<div class='nothing-yet'><p>{sentence}</p></div>", padding=False, elem_classes="placeholder")


def result_panel() -> dict[str, Any]:
    """Everything about the film, once there is one."""
    with gr.Column(visible=False, elem_id="about-film") as details:
        said = gr.Markdown(elem_id="said")
        files = gr.Files(label=texts.DOWNLOADS, interactive=False, elem_id="files")
        with gr.Accordion(texts.OVER_TIME, open=True):
            motion = gr.LinePlot(
                x="seconds", y="amount", color="what", y_lim=[0, 1], height=210, elem_id="plot",
                title=texts.FACE_PLOT, color_title=" ",
            )  # fmt: skip
            requested = gr.LinePlot(
                x="seconds", y="amount", color="what", y_lim=[0, 1.5], height=190, elem_id="feeling-plot",
                title=texts.FEELING_PLOT, color_title=" ",
            )  # fmt: skip
    return {"said": said, "motion_plot": motion, "feeling_plot": requested, "files": files, "details": details}


def notes(result: Result) -> str:
    """What was heard and how long it took, as a list."""
    length = len(result.motion) / result.motion.fps
    took = texts.TOOK.format(length=length, seconds=sum(result.timings.values()))
    return "\n".join(f"* {line}" for line in [*result.notes, took, texts.MARKED])


def curves(motion: FaceMotion) -> pd.DataFrame:
    """The motion's main blendshapes over time, one row per point of the plot."""
    moments = np.arange(len(motion)) / motion.fps
    named = {name: motion.blendshapes @ expand(weights) for name, weights in CURVES.items()}
    table = pd.DataFrame({"seconds": moments, **named})
    return table.melt("seconds", var_name="what", value_name="amount")


def feeling_over_time(code: EmotionCode, duration_s: float) -> pd.DataFrame:
    """How the emotion reads and how strong it is over time, one row per point of the plot."""
    rows = len(code.strength)
    if rows == 1:  # one emotion all along
        moments, rows_of = np.array([0.0, duration_s]), np.array([0, 0])
    else:
        rows_of = np.arange(min(rows, max(2, round(duration_s * code.rate_hz))))
        moments = rows_of / code.rate_hz
    likely = code.probabilities[rows_of]
    shown = {EMOTION_LABELS[i]: likely[:, i] for i in range(likely.shape[1]) if likely[:, i].max() >= SHOWN_FROM}
    table = pd.DataFrame({"seconds": moments, **shown, "strength": code.strength[rows_of]})
    return table.melt("seconds", var_name="what", value_name="amount")


def downloads(result: Result, portrait: Portrait, folder: Path) -> list[str]:
    """The files of a run: video, a preview for chats, motion and landmarks in several forms, settings."""
    from talker.media.film import write_preview  # MoviePy takes a second to import

    write_preview(result.video, folder / "preview.webp", seconds=2.5)
    result.motion.save(folder / "motion.npz")
    save_livelink(result.motion, folder / "motion-livelink.csv")
    moving = landmark_motion(portrait, result.motion)
    drawn = Video(moving.draw(), len(moving), moving.fps, moving.drawn_size, result.speech)
    write_video(drawn, folder / "landmarks.mp4", provenance=Provenance("landmarks"))
    result.options.save(folder / "settings.json")
    return [str(folder / name) for name in DOWNLOADS if (folder / name).exists()]


def still_file(request: gr.Request | None, image: ByteArray, options: SpeakOptions) -> str:
    """The path of a JPEG with a drawn still [H,W,3], marked; Gradio would encode a WebP while all others wait."""
    path = still_path(request)
    save_image(image, path, Provenance(chosen(quick(options.renderer)), repr(options)))
    return str(path)


def subtitles(result: Result, folder: Path) -> str | None:
    """The path of a WebVTT file with what was heard, or none when nothing was."""
    transcript = result.speech.transcript
    if transcript is None or not transcript.words:
        return None
    lines = ["WEBVTT", ""]
    words = transcript.words
    for start in range(0, len(words), 7):
        group = words[start : start + 7]
        lines += [f"{_clock(group[0].start_s)} --> {_clock(group[-1].end_s)}", " ".join(w.text for w in group), ""]
    path = folder / "talker.vtt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{rest:06.3f}"
