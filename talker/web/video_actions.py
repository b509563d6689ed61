"""What the tab of talking videos does."""

from __future__ import annotations

import functools
import html
import tempfile
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np

from talker import Portrait, Talker, TalkerError
from talker.emotion.resolve import Emotion
from talker.errors import InputError
from talker.journal import as_job
from talker.media.provenance import marked
from talker.media.video_reader import frame_at
from talker.options import SpeakOptions, VideoOptions
from talker.types import ByteArray
from talker.web import texts
from talker.web.emotion_panel import asked
from talker.web.fairness import STILLS, modestly
from talker.web.handlers import TALKER
from talker.web.hosting import on_gpu
from talker.web.inputs import FEELING_INPUTS, PageInputs, accepts
from talker.web.progress import Shown
from talker.web.session import missing, remember, run_of
from talker.web.video import FIRST_TAB, OWN, TASKS, WORDS, divided, video_notes

GPU_SECONDS = 120
KEPT_FRAMES = 16
LAST_MOMENT = 0.999  # of a film's length
LINE = (90, 200, 250)  # colour of the line around the chosen face


@functools.lru_cache(maxsize=KEPT_FRAMES)
def seen(talker: Talker, film: str, seconds: float, point: str) -> Portrait:
    """The chosen face in the frame at `seconds`. Raises VideoError or FaceError."""
    from talker.face.detector import FaceDetector

    image, _ = frame_at(film, seconds)
    where, index = parsed_point(point), 0
    if where is not None:
        with FaceDetector() as detector:
            faces = detector.detect(image)
        if faces:
            index = int(np.argmin([np.linalg.norm(face.centre - where[1:]) for face in faces]))
    return talker.components.analyse(image, index, False)


@functools.lru_cache(maxsize=KEPT_FRAMES)
def seconds_at(film: str, moment: float) -> float:
    """Seconds from the start of a film to a `moment` 0..1 of it."""
    return round(min(moment, LAST_MOMENT) * frame_at(film, 0.0)[1], 2)


def edited_frame(talker: Talker, portrait: Portrait, wanted: Emotion | None, amount: float) -> tuple[ByteArray, str]:
    """The frame [H,W,3] of a filmed face with an emotion, and how it read before."""
    from talker.emotion.model import emotion_model
    from talker.emotion.picture import face_code
    from talker.motion.editing import Performance, with_emotion
    from talker.render.video_renderer import SharedLook

    present = face_code(emotion_model().space, portrait.landmarks[None], portrait.detected_blendshapes[None])
    code = None if wanted is None else talker.encode_emotion(wanted)
    filmed = Performance(portrait.source_expression[None], 25.0)
    face = with_emotion(filmed, code, amount, present=present)[0]
    picture = SharedLook.of([portrait], [], SpeakOptions()).draw(portrait, face)
    return marked(picture), present.source.removeprefix("picture: ")


@as_job
@accepts(*FEELING_INPUTS)
@STILLS.first()
def edit_frame(
    request: gr.Request,
    inputs: PageInputs,
    film: str | None = None,
    moment: float = 0.0,
    face_at: str = "",
    feeling: str = "happy",
    described: str = "",
    amount: float = 0.8,
    permission: bool = False,
) -> tuple[Any, str]:
    """One frame of a talking video with another emotion, or a sentence that says what it needs.

    Args:
        film: the video. moment: which frame, 0 (the first) to 1 (the last). face_at: "seconds,x,y" of the person.
        feeling: a label; "own" for what the video shows itself; "words" for `described`; "first tab" for `source`.
        amount: strength, -1 to 2. permission: true: the people in this video may be animated.
    """
    remember(request, film, *inputs.files())
    if film is None:
        return gr.update(value=None, visible=False), _sentence(texts.FRAME_HINT)
    try:
        portrait = seen(TALKER, film, seconds_at(film, moment), face_at)
        picture, sentence = portrait.image, _sentence(texts.PREVIEW_CONSENT)
        if permission is True:
            with tempfile.TemporaryDirectory(prefix="talker-") as folder:
                wanted = chosen_emotion(feeling, described, inputs, Path(folder))
                picture, present = edited_frame(TALKER, portrait, wanted, amount)
            sentence = _sentence(texts.FILMED_FEELING.format(feeling=present))
        if portrait.faces > 1:
            picture = _framed(picture, portrait)
            sentence += _sentence(texts.FRAME_SEVERAL.format(faces=portrait.faces))
    except TalkerError as error:
        return gr.update(visible=False), f"<p class='bad' role='alert'>{html.escape(str(error))}</p>"
    return gr.update(value=np.ascontiguousarray(np.rot90(picture, -portrait.quarter_turns)), visible=True), sentence


def pick_person(event: gr.SelectData, film: str | None, moment: float) -> str:
    """The point that was clicked in the frame."""
    if film is None:
        return ""
    x, y = event.index
    return f"{seconds_at(film, moment)},{x},{y}"


@as_job
@accepts(*FEELING_INPUTS)
@on_gpu(GPU_SECONDS)
@modestly
def edit(
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio asks for a progress bar
    inputs: PageInputs = PageInputs(),  # noqa: B008 - frozen
    film: str | None = None,
    task: str = TASKS[0],
    feeling: str = "happy",
    described: str = "",
    amount: float = 0.8,
    face_at: str = "",
    words: str = "",
    spoken_by: str = "american",
    recording: str | None = None,
    longer: str = "loop",
    permission: bool = False,
) -> tuple[str, str, str]:
    """A talking video with another emotion, or with other words; gives the comparison, the file and notes.

    Args:
        film: the video. task: "feeling" changes the emotion; "words" dubs it and shows the emotion on top.
        feeling: a label; "own" for what the video shows itself; "words" for `described`; "first tab" for `source`.
        amount: strength, -1 to 2. face_at: "seconds,x,y" of the person's face, when there are several.
        words, spoken_by: what is said from now on, and in which voice; or recording: a sound file.
        longer: "loop", "ping-pong" or "hold", where the new words are longer than the video.
        permission: true: the people in this video may be animated.
    """
    if film is None:
        raise missing(texts.FILM_FIRST)
    if permission is not True:
        raise missing(texts.EDIT_CONSENT_FIRST)
    if task == TASKS[1] and not recording and not words.strip():
        raise missing(texts.WORDS_FIRST)
    remember(request, film, recording, *inputs.files())
    with run_of(request, "edit") as (folder, stopped), Shown(progress, stopped) as show:
        options = VideoOptions(
            strength=amount, point=parsed_point(face_at), longer=longer, permissive=inputs.permissive
        )
        wanted = chosen_emotion(feeling, described, inputs, folder)
        out = folder / "talker.mp4"
        if task == TASKS[0]:
            result = TALKER.edit(film, wanted, options=options, out=out, progress=show.drawing, stage=show.stage)
        else:
            TALKER.fetch_weights(show.fetching, spoken_by)
            result = TALKER.dub(
                film, recording, text=None if recording else words, voice=spoken_by, emotion=wanted, options=options,
                out=out, progress=show.drawing, stage=show.stage,
            )  # fmt: skip
    return divided(film, out), str(out), video_notes(result)


def chosen_emotion(feeling: str, described: str, inputs: PageInputs, folder: Path) -> Emotion | None:
    """What the choice of the tab stands for; None for what the film shows itself."""
    if feeling == OWN:
        return None
    if feeling == FIRST_TAB:
        return asked(folder, inputs)
    return described if feeling == WORDS and described.strip() else feeling


def parsed_point(point: str) -> tuple[float, float, float] | None:
    """Seconds, x and y (px) of "2.5,310,200"; None for an empty text. Raises InputError for anything else."""
    if not point.strip():
        return None
    try:
        seconds, x, y = (float(part) for part in point.split(","))
    except ValueError as error:
        raise InputError(f"A point is three numbers, seconds, x and y, not {point!r}.") from error
    return seconds, x, y


def _sentence(text: str) -> str:
    return f"<p class='quiet'>{html.escape(text)}</p>"


def _framed(picture: ByteArray, portrait: Portrait) -> ByteArray:
    """The frame with a line around the chosen face."""
    left, top, right, bottom = (round(edge) for edge in portrait.face_box)
    return cv2.rectangle(picture.copy(), (left, top), (right, bottom), LINE, max(2, round(portrait.face_width / 80)))
