"""What the page does when something is pressed or changed: widgets in, widgets out, `Talker` in between."""

from __future__ import annotations

import functools
import html
import tempfile
import threading
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from page.about import weights_table
from page.compare import before_and_after, compared, shortened
from page.examples import EXAMPLES
from page.feeling import asked
from page.panels import load_settings, look
from page.result import curves, downloads, feeling_over_time, notes, subtitles
from page.session import errors_as_toasts, run_of
from talker import SpeakOptions, SpeechClip, Talker, TalkerError, hub
from talker.errors import CancelledError
from talker.media.audio import load_speech
from talker.types import EMOTION_LABELS, ByteArray

TALKER = Talker()
SILENCE = SpeechClip(np.zeros(10 * 16000, np.float32), 16000)  # what a timeline runs along in a preview


def animate(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    picture: str | None = None,
    tab: str = "text",
    speech: str | None = None,
    text: str = "",
    voice: str = "american",
    source: str = "label",
    emotion: str = EMOTION_LABELS[0],
    feeling_text: str = "",
    feeling_picture: str | None = None,
    feeling_voice: str | None = None,
    feeling_video: str | None = None,
    mix: str = "",
    timeline: list[list[Any]] | None = None,
    consent: bool = False,
    subtitled: bool = False,
    seconds: float = 0.0,
    strength: float = 1.0,
    head: float = 1.0,
    blinks: float = 1.0,
    gaze: float = 1.0,
    brows: float = 1.0,
    mouth: float = 1.0,
    still: bool = False,
    size: str = "native",
    fps: float = 25.0,
    wrinkles: float = 0.5,
    permissive: bool = False,
    face_index: int = 0,
    seed: int = 0,
) -> tuple[Any, str, pd.DataFrame, pd.DataFrame, list[str]]:
    """Make the video; widgets in, widgets out."""
    portrait = checked_portrait(picture, consent)
    with run_of(request, "talk") as (folder, stopped):
        options = SpeakOptions(
            strength=strength, head=head, blinks=blinks, gaze=gaze, brows=brows, mouth=mouth, still=still,
            size=size, fps=float(fps), wrinkles=wrinkles, permissive=permissive,
            face_index=int(face_index), seed=int(seed),
        )  # fmt: skip
        show = Shown(progress, stopped)
        TALKER.fetch_weights(show.fetching)
        progress(0, desc="Looking and listening")
        feeling = asked(
            folder, source, emotion, feeling_text, feeling_picture, feeling_voice, feeling_video, mix, timeline
        )
        clip = heard(tab, speech, text, voice, seconds) if seconds or is_recorded(tab, speech, text) else None
        result = TALKER.speak(
            portrait, clip, text=None if clip else text, voice=voice, emotion=feeling, options=options,
            out=folder / "talker.mp4", progress=show.rendering,
        )  # fmt: skip
        written = subtitles(result, folder) if subtitled else None
        film = gr.Video(str(result.video), subtitles=written) if written else str(result.video)
        feelings = feeling_over_time(result.emotion, result.speech.duration_s)
        return film, notes(result), curves(result.motion), feelings, downloads(result, folder)


def preview(
    picture: str | None,
    tab: str = "text",
    speech: str | None = None,
    source: str = "label",
    emotion: str = EMOTION_LABELS[0],
    feeling_text: str = "",
    feeling_picture: str | None = None,
    feeling_voice: str | None = None,
    feeling_video: str | None = None,
    mix: str = "",
    timeline: list[list[Any]] | None = None,
    strength: float = 1.0,
    wrinkles: float = 0.5,
    permissive: bool = False,
    face_index: int = 0,
) -> tuple[Any, str]:
    """A still of this person with the feeling, or a sentence that says what it needs."""
    if picture is None:
        return gr.update(visible=False), "<p class='quiet'>Choose a portrait to see the feeling on it.</p>"
    recorded = is_recorded(tab, speech, "")
    if source == "speech" and not recorded:
        return gr.update(), "<p class='quiet'>The feeling is read from the voice when the video is made.</p>"
    options = SpeakOptions(strength=strength, wrinkles=wrinkles, permissive=permissive, face_index=int(face_index))
    try:
        with tempfile.TemporaryDirectory(prefix="talker-") as folder:
            feeling = asked(
                Path(folder), source, emotion, feeling_text, feeling_picture, feeling_voice, feeling_video, mix,
                timeline,
            )  # fmt: skip
            clip = load_speech(speech) if recorded and speech else SILENCE
            code = TALKER.feel(feeling, clip=clip, permissive=permissive)
        image = TALKER.preview(TALKER.look(picture, options.face_index), code, options)
    except TalkerError as error:
        return gr.update(), f"<p class='bad' role='alert'>{html.escape(str(error))}</p>"
    return gr.update(value=image, visible=True), f"<p class='quiet'>{html.escape(code.source)}</p>"


class Shown:
    """Progress on the page; ends the run when its person has asked for that."""

    def __init__(self, progress: gr.Progress, stopped: threading.Event) -> None:
        self._progress = progress
        self._stopped = stopped

    def rendering(self, done: int, total: int) -> None:
        """Frames."""
        self._show(done, total, "Rendering", "frames")

    def comparing(self, done: int, total: int) -> None:
        """Faces of a comparison."""
        self._show(done, total, "Comparing", "faces")

    def fetching(self, what: str, done: int, total: int) -> None:
        """Bytes of weights."""
        self._show(done, total, f"Fetching {what}", "bytes")

    def _show(self, done: int, total: int, what: str, unit: str) -> None:
        if self._stopped.is_set():
            raise CancelledError("Stopped by the person at the page.")
        self._progress((done, total), desc=what, unit=unit)


def checked_portrait(picture: str | None, consent: bool) -> str:
    """The portrait's path; a toast unless there is one, and the consent to animate it."""
    if picture is None:
        raise gr.Error("Please choose a portrait first.", title="Talker", print_exception=False)
    if not consent:
        raise gr.Error("Please confirm that you may animate this face.", title="Talker", print_exception=False)
    return picture


def is_recorded(tab: str, speech: str | None, text: str) -> bool:
    """Whether the speech is a sound, and not typed."""
    return speech is not None and (tab == "speech" or not (text or "").strip())


def heard(tab: str, speech: str | None, text: str, voice: str, seconds: float) -> SpeechClip:
    """The speech, or its first `seconds` when these aren't 0."""
    recorded = is_recorded(tab, speech, text)
    return shortened(TALKER.hear(speech if recorded else None, None if recorded else text, voice), seconds)


def compare(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    picture: str | None = None,
    other: str | None = None,
    tab: str = "text",
    speech: str | None = None,
    text: str = "",
    voice: str = "american",
    emotions: list[str] | None = None,
    described: str = "",
    strengths: list[float] | None = None,
    seconds: float = 3.0,
    consent: bool = False,
    seed: int = 0,
) -> tuple[str, str]:
    """A film and a contact sheet of portraits × emotions × strengths."""
    portrait = checked_portrait(picture, consent)
    with run_of(request, "compare") as (folder, stopped):
        show = Shown(progress, stopped)
        TALKER.fetch_weights(show.fetching)
        from talker.emotion.timeline import split_tags  # brings torch, which the page doesn't need to open

        spoken = split_tags(text or "")[0]
        words = [*(emotions or []), *(line.strip() for line in described.splitlines() if line.strip())]
        clip = heard(tab, speech, spoken, voice, seconds)
        pictures = [path for path in (portrait, other) if path is not None]
        options = SpeakOptions(seed=int(seed))
        return compared(TALKER, pictures, clip, words, strengths or [], options, folder, show.comparing)


def before_after(picture: str | None, emotion: str, strength: float) -> tuple[ByteArray, ByteArray] | None:
    """The photograph and the person with the feeling."""
    with errors_as_toasts():
        return before_and_after(TALKER, picture, emotion, strength) if picture else None


def fetch_all(progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - how Gradio asks for a progress bar
    """Fetch every asset that is missing, and show what is there."""
    show = Shown(progress, threading.Event())
    with errors_as_toasts():
        for name, asset in hub.ASSETS.items():
            hub.fetch(name, functools.partial(show.fetching, asset.title))
    return weights_table()


def found(picture: str | None, face_index: float = 0) -> tuple[Any, str]:
    """Outline the found face, or say why there is none."""
    return look(TALKER, picture, face_index)


def loaded_settings(path: str | None) -> list[Any]:
    """Fill the page with the settings of an earlier result."""
    with errors_as_toasts():
        return load_settings(path)


def warm_up() -> None:
    """Compile and load what the first visitor would wait for; without weights there is nothing to load yet."""
    if hub.is_there("face_landmarker"):
        portrait = TALKER.look(EXAMPLES[0].picture)
        TALKER.preview(portrait, EMOTION_LABELS[0], SpeakOptions())
