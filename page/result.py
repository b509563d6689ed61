"""What a run gives: video, notes, plots and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from page.panels import heading
from talker import FaceMotion, Result
from talker.blendshapes import expand
from talker.media.livelink import save_livelink
from talker.types import EMOTION_LABELS, EmotionCode

# what the plot shows: a plain name and the blendshapes whose mean it is
CURVES = {
    "jaw open": {"jawOpen": 1.0},
    "smile": {"mouthSmile": 0.5},
    "corners down": {"mouthFrown": 0.5},
    "brows up": {"browInnerUp": 1.0},
    "brows down": {"browDown": 0.5},
    "lids closed": {"eyeBlink": 0.5},
}
SHOWN_FROM = 0.05  # a feeling that never reaches this probability is left out of its plot


def result_panel() -> dict[str, Any]:
    """The film and everything about it."""
    heading(5, "Result")
    film = gr.Video(label="Video", show_label=False, autoplay=True, height=440, buttons=["download"], elem_id="film")
    said = gr.Markdown(elem_id="said")
    files = gr.Files(label="Downloads", interactive=False, visible=False, elem_id="files")
    with gr.Accordion("Over time", open=True, visible=False) as plots:
        motion = gr.LinePlot(
            x="seconds",
            y="amount",
            color="what",
            y_lim=[0, 1],
            height=210,
            elem_id="plot",
            title="The face",
            color_title=" ",
        )
        feeling = gr.LinePlot(
            x="seconds", y="amount", color="what", y_lim=[0, 1.5], height=190, elem_id="feeling-plot",
            title="The feeling", color_title=" ",
        )  # fmt: skip
    return {"film": film, "said": said, "motion_plot": motion, "feeling_plot": feeling, "files": files, "plots": plots}


def notes(result: Result) -> str:
    """What was heard and how long it took, as a list."""
    seconds = sum(result.timings.values())
    length = len(result.motion) / result.motion.fps
    lines = [*result.notes, f"{length:.1f} s of video in {seconds:.1f} s.", "Marked as generated in its metadata."]
    return "\n".join(f"* {line}" for line in lines)


def curves(motion: FaceMotion) -> pd.DataFrame:
    """The motion's main blendshapes over time, one row per point of the plot."""
    moments = np.arange(len(motion)) / motion.fps
    named = {name: motion.blendshapes @ expand(weights) for name, weights in CURVES.items()}
    table = pd.DataFrame({"seconds": moments, **named})
    return table.melt("seconds", var_name="what", value_name="amount")


def feeling_over_time(code: EmotionCode, duration_s: float) -> pd.DataFrame:
    """How the feeling reads and how strong it is over time, one row per point of the plot."""
    rows = len(code.strength)
    if rows == 1:  # one feeling all along
        moments, rows_of = np.array([0.0, duration_s]), np.array([0, 0])
    else:
        rows_of = np.arange(min(rows, max(2, round(duration_s * code.rate_hz))))
        moments = rows_of / code.rate_hz
    likely = code.probabilities[rows_of]
    shown = {EMOTION_LABELS[i]: likely[:, i] for i in range(likely.shape[1]) if likely[:, i].max() >= SHOWN_FROM}
    table = pd.DataFrame({"seconds": moments, **shown, "strength": code.strength[rows_of]})
    return table.melt("seconds", var_name="what", value_name="amount")


def downloads(result: Result, folder: Path) -> list[str]:
    """The files of a run: video, a preview for chats, motion, motion for Live Link Face, settings."""
    from talker.media.film import write_preview  # MoviePy takes a second to import

    write_preview(result.video, folder / "preview.gif", seconds=2.5)
    result.motion.save(folder / "motion.npz")
    save_livelink(result.motion, folder / "motion-livelink.csv")
    result.options.save(folder / "settings.json")
    names = ["talker.mp4", "preview.gif", "motion.npz", "motion-livelink.csv", "settings.json", "timeline.json"]
    return [str(folder / name) for name in names if (folder / name).exists()]


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
