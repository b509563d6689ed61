"""What the page does when something is pressed or changed: widgets in, widgets out, `Talker` in between."""

from __future__ import annotations

import dataclasses
import functools
import html
import shutil
import tempfile
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from talker import SpeechClip, Talker, TalkerError
from talker.emotion.resolve import DEFAULT, Emotion, EmotionRequest, resolve
from talker.emotion.timeline import split_tags
from talker.evaluation.methods import Given
from talker.journal import as_job
from talker.media.audio import load_speech
from talker.pipeline import NEEDED_WEIGHTS
from talker.speech.analysis import SpeechAnalysis
from talker.speech.voices import find_voice
from talker.types import ByteArray, EmotionCode
from talker.web import faces, texts
from talker.web.about import NEEDED, weights_table
from talker.web.compare import before_and_after, compared, shortened
from talker.web.consent import may_animate
from talker.web.emotion_panel import asked
from talker.web.examples import EXAMPLES
from talker.web.fairness import STILLS, modestly
from talker.web.hosting import on_gpu
from talker.web.inputs import COMPARED_INPUTS, INPUTS, PREVIEW_INPUTS, PageInputs, accepts
from talker.web.progress import Shown
from talker.web.result import curves, downloads, feeling_over_time, notes, still_file, subtitles
from talker.web.session import errors_as_toasts, missing, remember, results_folder, run_of
from talker.weights import registry, store

TALKER = Talker()
SILENCE = SpeechClip(np.zeros(10 * 16000, np.float32), 16000)  # what a timeline runs along in a preview
GPU_SECONDS = 60
TRIAL_SECONDS = 1.5
Film = tuple[Any, str, pd.DataFrame, pd.DataFrame, list[str]]
EXAMPLE_FILMS: dict[int, Film] = {}
EXAMPLE_LOCK = threading.Lock()  # who comes while the page warms up waits for the same film


@as_job
@accepts(*INPUTS)
@on_gpu(GPU_SECONDS)
@modestly
def speak(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    inputs: PageInputs = PageInputs(),  # noqa: B008 - frozen
) -> Film:
    """Make a video of the portrait saying the words with the emotion; gives video, notes, plots and files.

    Args:
        picture: the portrait, a photograph of one person.
        text: what to say, in English; or give `speech`, a sound file.
        source: where the emotion comes from: label, text, map, mix, timeline, speech, picture, voice or video.
        emotion: for the source label, one of the eight emotions.
        feeling_text: for the source text, a description such as "slightly nervous but happy".
        strength: of the emotion, 0 to 1.5.
        consent: true: this face may be animated.
    """
    return talked(request, progress, inputs)


@as_job
@accepts(*INPUTS)
@on_gpu(GPU_SECONDS)
@modestly
def trial(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    inputs: PageInputs = PageInputs(),  # noqa: B008 - frozen
) -> Film:
    """Make the first moment of the video that `speak` makes of the same inputs, which is there much sooner."""
    return talked(request, progress, inputs, TRIAL_SECONDS)


def talked(request: gr.Request, progress: gr.Progress, inputs: PageInputs, seconds: float = 0.0) -> Film:
    """The video, or its first `seconds` when these aren't 0, once all that it needs is given."""
    if inputs.picture is None:
        raise missing(texts.PICTURE_FIRST)
    if not may_animate(inputs.consent, inputs.picture):
        raise missing(texts.CONSENT_FIRST)
    if not inputs.recorded and not (inputs.text or "").strip():
        raise missing(texts.WORDS_FIRST)
    remember(request, *inputs.files())
    with run_of(request, "talk") as (folder, stopped), Shown(progress, stopped) as show:
        return made(inputs, folder, show, seconds)


@as_job
@modestly
def example(
    request: gr.Request | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    number: float = 0,
) -> Film:
    """The video of an example by its number, which is made when somebody asks for it first and then kept.

    Args:
        number: its place in the gallery, from 0.
    """
    chosen = int(number) % len(EXAMPLES)
    with run_of(request, "talk") as (_, stopped), EXAMPLE_LOCK, Shown(progress, stopped) as show:
        if chosen not in EXAMPLE_FILMS:
            folder = Path(tempfile.mkdtemp(prefix="example-", dir=results_folder()))
            try:
                EXAMPLE_FILMS[chosen] = made(EXAMPLES[chosen].inputs, folder, show)
            finally:
                if chosen not in EXAMPLE_FILMS:
                    shutil.rmtree(folder, ignore_errors=True)
        return EXAMPLE_FILMS[chosen]


def made(inputs: PageInputs, folder: Path, show: Shown, seconds: float = 0.0) -> Film:
    """The video, or its first `seconds` when these aren't 0, and everything that is shown of it."""
    TALKER.fetch_weights(show.fetching, inputs.voice)
    picture = inputs.picture or ""
    requested: Emotion = asked(folder, inputs)
    clip = heard(inputs, seconds, show, requested) if seconds or inputs.recorded else None
    if clip and not inputs.recorded:  # the words are a sound already, so their tags have to be read here
        requested = first_tag(inputs.text) or requested
    result = TALKER.speak(
        picture, clip, text=None if clip else inputs.text, voice=inputs.voice, emotion=requested,
        options=inputs.options(), out=folder / "talker.mp4", progress=show.drawing, stage=show.stage,
    )  # fmt: skip
    written = subtitles(result, folder) if inputs.subtitled else None
    film = gr.Video(str(result.video), subtitles=written) if written else str(result.video)
    emotions = feeling_over_time(result.emotion.scaled(result.options.strength), result.speech.duration_s)
    files = downloads(result, TALKER.portrait_for(picture, inputs.options()), folder)
    return film, notes(result), curves(result.motion), emotions, files


@as_job
@accepts(*PREVIEW_INPUTS)
@STILLS.first()
def preview(request: gr.Request, inputs: PageInputs) -> tuple[Any, str]:
    """A still of this person with the emotion, or a sentence that says what it needs.

    Args:
        consent: true: this face may be animated.
    """
    remember(request, *inputs.files())
    if inputs.picture is None:
        return gr.update(visible=False), ""
    if not may_animate(inputs.consent, inputs.picture):
        return gr.update(visible=False), f"<p class='quiet'>{texts.PREVIEW_CONSENT}</p>"
    if inputs.source == "speech" and not inputs.recorded:
        return gr.update(), f"<p class='quiet'>{texts.PREVIEW_FROM_SPEECH}</p>"
    options = inputs.options()
    written = tempfile.TemporaryDirectory(prefix="talker-") if inputs.source == "timeline" else nullcontext("")
    try:
        with written as folder:
            requested = asked(Path(folder), inputs)
            if requested.source != "speech" and not requested.value:
                return gr.update(), f"<p class='quiet'>{texts.PREVIEW_UNSAID}</p>"
            clip = load_speech(inputs.speech) if inputs.recorded and inputs.speech else SILENCE
            speech = SpeechAnalysis(clip)
            code = TALKER.encode_emotion(requested, speech, permissive=inputs.permissive)
        image = TALKER.preview(TALKER.portrait_for(inputs.picture, options), code, options)
    except TalkerError as error:
        return gr.update(), f"<p class='bad' role='alert'>{html.escape(str(error))}</p>"
    return gr.update(
        value=still_file(request, image, options), visible=True
    ), f"<p class='quiet'>{html.escape(code.source)}</p>"


@as_job
def listen(
    voice: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
) -> Any:
    """Let a voice say a sentence of its language.

    Args:
        voice: the name of a voice, or a mixture such as heart=.7,george=.3.
    """
    with errors_as_toasts():
        TALKER.fetch_weights(Shown(progress).fetching, voice)
        clip = TALKER.load_speech(text=texts.VOICE_SAMPLES[find_voice(voice).language.code], voice=voice).clip
    return gr.update(value=(clip.sample_rate, (clip.samples * 32767).astype(np.int16)), visible=True)


def heard(inputs: PageInputs, seconds: float, show: Shown, emotion: Emotion = DEFAULT) -> SpeechAnalysis:
    """The speech, or its first `seconds` when these aren't 0; typed words sound of the emotion."""
    show.stage("speech")
    if inputs.recorded:
        return shortened(TALKER.load_speech(inputs.speech), seconds)
    words, tags = split_tags(inputs.text)
    speech = TALKER.load_speech(None, words, inputs.voice, emotion=emotion, tags=tags, options=inputs.options())
    return shortened(speech, seconds)


def first_tag(text: str) -> EmotionCode | None:
    """The feeling of the first tag in the words."""
    tags = split_tags(text)[1]
    return resolve(tags[0].emotion).scaled(tags[0].strength) if tags else None


@as_job
@accepts(*COMPARED_INPUTS)
@modestly
def compare(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    inputs: PageInputs = PageInputs(),  # noqa: B008 - frozen
    others: list[str] | None = None,
    emotions: list[str] | None = None,
    described: str = "",
    first_tab: bool = False,
    strengths: list[float] | None = None,
    renderers: list[str] | None = None,
    seconds: float = 3.0,
    methods: list[str] | None = None,
) -> tuple[str, str]:
    """Emotions side by side, as a film and a contact sheet; an example's portrait and words where none are given.

    Args:
        picture: the portrait. others: more portraits, which say the same.
        emotions: labels. described: emotions in words, one a line. first_tab: also what `source` says.
        strengths: each 0 to 1.5. renderers: what draws them; all of these are combined.
        seconds: how much of the speech.
        methods: in place of emotions: neutral, eamm, amigo, hifi, cem, cmet (docs/methods.md).
    """
    if not may_animate(inputs.consent, inputs.picture, *(others or [])):
        raise missing(texts.CONSENT_FIRST)
    remember(request, *inputs.files(), *(others or []))
    with run_of(request, "compare") as (folder, stopped), Shown(progress, stopped) as show:
        TALKER.fetch_weights(show.fetching)
        if not inputs.recorded and not (inputs.text or "").strip():
            inputs = dataclasses.replace(inputs, text=EXAMPLES[0].inputs.text)
        words = [*(emotions or []), *(line.strip() for line in described.splitlines() if line.strip())]
        wanted: dict[str, str | EmotionRequest] = {word: word for word in words}
        if first_tab:
            request_of_tab = asked(folder, inputs)
            wanted[request_of_tab.title] = request_of_tab
        clip = heard(inputs, seconds, show)
        pictures = [inputs.picture or str(EXAMPLES[0].picture), *(others or [])]
        own = {"words": inputs.feeling_text, "film": inputs.feeling_video, "voice": inputs.feeling_voice}
        given = Given(**{name: type(getattr(Given, name))(value) for name, value in own.items() if value})
        return compared(
            TALKER, pictures, clip, wanted, strengths or [], renderers or [], inputs.options(), folder, show.comparing,
            methods or (), given,
        )  # fmt: skip


@as_job
@STILLS.first()
def before_after(
    request: gr.Request, picture: str | None, emotion: str, strength: float, consent: bool = False
) -> tuple[ByteArray, ByteArray]:
    """The photograph and the person with the emotion; an example's where there is no picture, or no consent.

    Args:
        consent: true: this face may be animated.
    """
    remember(request, picture)
    if not may_animate(consent, picture):
        picture = None
    with errors_as_toasts():
        return before_and_after(TALKER, picture or str(EXAMPLES[0].picture), emotion, strength)


@as_job
@modestly
def batch(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    archive: str | None = None,
    consent: bool = False,
) -> tuple[str, str]:
    """Make every video that the manifest in a zip lists; gives a zip with the videos and a report, and a sentence.

    Args:
        archive: a zip with manifest.csv (or .json) and the files that it names.
        consent: true: these faces may be animated.
    """
    if archive is None:
        raise missing(texts.BATCH_FIRST)
    if consent is not True:
        raise missing(texts.CONSENT_FIRST)
    remember(request, archive)
    from talker.batch import pack, read_manifest, run_batch, unpack

    with run_of(request, "batch") as (folder, stopped), Shown(progress, stopped) as show:
        with tempfile.TemporaryDirectory(prefix="talker-") as scratch:
            jobs = read_manifest(unpack(archive, Path(scratch) / "given"))
            TALKER.fetch_weights(show.fetching)
            done = run_batch(TALKER, jobs, Path(scratch) / "made", show.batching)
            pack(Path(scratch) / "made", folder / "videos.zip")
        return str(folder / "videos.zip"), texts.BATCH_DONE.format(made=done, count=len(jobs))


@as_job
def fetch_weights(progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - how Gradio asks for a progress bar
    """Fetch what the page needs and lacks; gives the table of what is there."""
    show = Shown(progress)
    with errors_as_toasts():
        for name in NEEDED:
            store.fetch(name, functools.partial(show.fetching, registry.ASSETS[name].title))
    return weights_table()


@as_job
def fetch_extras(progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - how Gradio asks for a progress bar
    """Fetch what nothing needs but some things use; gives the table of what is there."""
    show = Shown(progress)
    with errors_as_toasts():
        for name, extra in registry.EXTRAS.items():
            store.fetch_extra(name, functools.partial(show.fetching, extra.title))
    return weights_table()


@as_job
@STILLS.first()
def look(request: gr.Request, picture: str | None, face_index: int = 0) -> tuple[Any, str]:
    """Outline the face that was found, or say why there is none."""
    remember(request, picture)
    return faces.look(TALKER, picture, int(face_index or 0))


def pick(event: gr.SelectData, picture: str | None, face_index: int, shown: ByteArray | None) -> int:
    """The face that was clicked in the outlined picture."""
    if picture is None or shown is None:
        return face_index
    return faces.face_at(TALKER, picture, int(face_index or 0), event.index, shown.shape[1])


def warm_up() -> None:
    """Make the first example's film, and so load and compile everything; without weights there is nothing to load."""
    if all(store.is_there(name) for name in NEEDED_WEIGHTS):
        example(None)
