"""The one object behind every entry point: a portrait, some speech and an emotion go in, a video comes out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from talker.emotion.request import DEFAULT, EmotionRequest, named_or_described, read_emotion
from talker.emotion.retargeting import retarget_to_portrait
from talker.emotion.timeline import split_tags, tagged_code
from talker.errors import InputError, MotionError
from talker.media.audio import load_speech
from talker.media.image import ImageSource, load_image
from talker.media.provenance import labelled
from talker.media.video import check_video_path, write_video
from talker.options import LIP_MODELS, MAX_STRENGTH, SpeakOptions
from talker.render.registry import Renderer, create_renderer, quick
from talker.types import (
    ByteArray,
    EmotionCode,
    FaceMotion,
    FloatArray,
    Portrait,
    Progress,
    Result,
    SpeechClip,
    Transcript,
    Video,
)
from talker.weights import store

NEEDED_WEIGHTS = ("face_landmarker", "whisper_tiny_en")
PREVIEW_SIZE = "crop512"  # large enough to judge a face, small enough to be there at once
KEPT_PORTRAITS, KEPT_RENDERERS = 6, 3  # a page that several people use switches between them
Emotion = str | EmotionCode | EmotionRequest  # a label, an emotion, or anything that one can be read from
Value = TypeVar("Value")
FetchProgress = Callable[[str, int, int], None]  # (what, done bytes, total bytes)


@dataclass(frozen=True)
class Components:
    """What the pipeline is made of; tests and experiments hand in others. Heavy ones are imported at first use."""

    analyse: Callable[[ByteArray, int], Portrait]
    say: Callable[[str, str], SpeechClip]
    transcribe: Callable[[SpeechClip], Transcript]
    label_code: Callable[[str, float, bool], EmotionCode]
    speech_motion: Callable[[SpeechClip, EmotionCode, SpeakOptions], FaceMotion]
    compose: Callable[[FaceMotion, EmotionCode, SpeechClip, SpeakOptions], FaceMotion]
    create_renderer: Callable[[Portrait, SpeakOptions], Renderer]
    read_emotion: Callable[[EmotionRequest, SpeechClip | None, bool], EmotionCode]
    peak_expression: Callable[[EmotionCode], FloatArray]

    @classmethod
    def default(cls) -> Components:
        """The components of this project."""
        return cls(
            _analyse, _say, _transcribe, _label_code, _speech_motion, _compose, create_renderer, _read, _peak_expression
        )


class Recent:
    """The last few values of a slow step; each is worked out once, also when several threads ask at the same time."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made now when it isn't among the last few."""
        with self._lock:
            if key not in self._values:
                value = make()
                self._values[key] = value
                if len(self._values) > self._kept:
                    self._values.popitem(last=False)
            self._values.move_to_end(key)
            return self._values[key]  # type: ignore[return-value]


class Talker:
    """Makes portraits talk.

    >>> Talker().speak("portrait.jpg", text="Hello, it is good to see you.", emotion="happy", out="hello.mp4")

    Every step is a method of its own, so that a caller can stop between them, show what was found, or bring its own
    motion. Portraits that were analysed and prepared lately are remembered. Several threads may use one Talker.
    """

    def __init__(self, components: Components | None = None) -> None:
        self.components = components or Components.default()
        self._portraits = Recent(KEPT_PORTRAITS)
        self._renderers = Recent(KEPT_RENDERERS)

    def speak(
        self,
        portrait: ImageSource | Portrait,
        speech: str | Path | SpeechClip | None = None,
        *,
        text: str | None = None,
        voice: str = "american",
        emotion: Emotion = DEFAULT,
        options: SpeakOptions | None = None,
        out: str | Path = "talker.mp4",
        progress: Progress | None = None,
        stage: Callable[[str], None] | None = None,
    ) -> Result:
        """Write the video of the portrait saying `speech`, or `text` in an offline voice, with an emotion.

        emotion: by default what the speech itself sounds like, moment by moment; read speech sounds of nothing.

        text: may hold tags such as "[happy] We won! [sad:0.6] But it is over."; they take the place of `emotion`.
        progress: called with (frames done, frames in all); a `CancelledError` raised from it stops the work.
        stage: called with the name of each step before it starts, and may stop the work in the same way.

        Raises a TalkerError when something handed in can't be used; then there is no output file.
        """
        options = options or SpeakOptions()
        timings: dict[str, float] = {}
        check_video_path(out)
        with _timed(timings, "portrait", stage):
            face = portrait if isinstance(portrait, Portrait) else self.analyze_portrait(portrait, options.face_index)
        with _timed(timings, "speech", stage):
            spoken, tags = split_tags(text) if text is not None else (None, [])
            clip = self.load_speech(speech, spoken, voice)
        with _timed(timings, "emotion", stage):
            if tags and clip.transcript is not None:
                emotion = tagged_code(tags, clip.transcript, clip.duration_s, named_or_described)
            code = self.encode_emotion(emotion, options.strength, clip, portrait=face, permissive=options.permissive)
        with _timed(timings, "motion", stage):
            motion = self.animate(clip, code, options)
        with _timed(timings, "preparation", stage):
            renderer = self.create_renderer(face, options)
        with _timed(timings, "rendering", stage):
            self.write_video(renderer, motion, clip, out, progress, label=options.label)
        notes = _notes(face, clip, code, options, renderer)
        return Result(Path(out), motion, clip, code, options, timings, notes)

    def fetch_weights(self, progress: FetchProgress | None = None) -> None:
        """Download what is not in the cache yet, so that later steps don't wait; AssetError when it can't be had."""
        for name in NEEDED_WEIGHTS:
            store.fetch(name, functools.partial(progress, store.ASSETS[name].title) if progress else None)

    def analyze_portrait(self, picture: ImageSource, face_index: int = 0) -> Portrait:
        """Find and fit the face in a picture; ImageError or FaceError says what is wrong with it."""
        image = load_image(picture)
        key = f"{hashlib.sha256(image.tobytes()).hexdigest()} {image.shape} {face_index}"
        return self._portraits.get(key, lambda: self.components.analyse(image, face_index))

    def load_speech(
        self, speech: str | Path | SpeechClip | None = None, text: str | None = None, voice: str = "american"
    ) -> SpeechClip:
        """Speech with its transcript, from a file, a clip or a line of text; exactly one of both is given."""
        if (speech is None) == (text is None):
            raise InputError("Give either speech or text, and only one of them.")
        if text is not None:
            return self.components.say(text, voice)
        clip = speech if isinstance(speech, SpeechClip) else load_speech(speech or "")
        return clip if clip.transcript is not None else clip.with_transcript(self.components.transcribe(clip))

    def encode_emotion(
        self,
        emotion: Emotion,
        strength: float = 1.0,
        clip: SpeechClip | None = None,
        *,
        portrait: Portrait | None = None,
        permissive: bool = False,
    ) -> EmotionCode:
        """The feeling of a label at `strength` (0..1.5); a code's own strength is multiplied by it.

        clip: the speech, which some requests are read from or run along.
        portrait: whose face will show it; what the picture itself expresses is then taken into account.
        """
        if isinstance(emotion, str):
            code = self.components.label_code(emotion, strength, permissive)
        else:
            code = (
                emotion if isinstance(emotion, EmotionCode) else self.components.read_emotion(emotion, clip, permissive)
            )
            code = dataclasses.replace(code, strength=np.clip(code.strength * strength, 0, MAX_STRENGTH))
        return code if portrait is None else retarget_to_portrait(code, portrait.source_expression)

    def animate(self, clip: SpeechClip, emotion: EmotionCode, options: SpeakOptions) -> FaceMotion:
        """What the face does while it says `clip` with that emotion; the same for the same seed."""
        return self.components.compose(self.components.speech_motion(clip, emotion, options), emotion, clip, options)

    def create_renderer(self, portrait: Portrait, options: SpeakOptions) -> Renderer:
        """Everything about a portrait that does not depend on the frame, done once for the same look."""
        look = SpeakOptions(size=options.size, renderer=options.renderer, wrinkles=options.wrinkles)
        key = (id(portrait), look)  # the portrait is kept beside its animator, so that its id stays its own
        return self._renderers.get(key, lambda: (portrait, self.components.create_renderer(portrait, options)))[1]

    def preview(
        self, portrait: Portrait, emotion: Emotion, options: SpeakOptions, clip: SpeechClip | None = None
    ) -> ByteArray:
        """A still [512,512,3] of the person showing the emotion, silently, at its strongest moment.

        Where the options ask for a slow renderer, a quick one stands in.
        """
        code = self.encode_emotion(emotion, options.strength, clip, portrait=portrait, permissive=options.permissive)
        look = dataclasses.replace(options, size=PREVIEW_SIZE, renderer=quick(options.renderer))
        renderer = self.create_renderer(portrait, look)
        still = FaceMotion(self.components.peak_expression(code)[None], np.zeros((1, 6), np.float32), options.fps)
        return next(iter(renderer.render(still)))

    def write_video(
        self,
        renderer: Renderer,
        motion: FaceMotion,
        clip: SpeechClip | None,
        out: str | Path,
        progress: Progress | None = None,
        *,
        label: bool = False,
    ) -> None:
        """Render a motion and write it with its sound; `label` writes into every frame that it is generated."""
        if len(motion) == 0:
            raise MotionError("The motion holds no frames.")
        frames = renderer.render(motion)
        if label:
            frames = labelled(frames, renderer.size)
        write_video(Video(frames, len(motion), motion.fps, renderer.size, clip), out, progress)


@contextmanager
def _timed(timings: dict[str, float], name: str, stage: Callable[[str], None] | None) -> Iterator[None]:
    if stage is not None:
        stage(name)
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start


def _notes(
    portrait: Portrait, clip: SpeechClip, code: EmotionCode, options: SpeakOptions, renderer: Renderer
) -> tuple[str, ...]:
    """What a person may want to know about how the result came about, one sentence each."""
    notes = [f"Feeling: {code.source}, strength {float(code.strength.mean()):.2f}."]
    transcript = clip.transcript
    if transcript is None or not transcript.words:
        notes.append("No words were understood; the lips follow the sound alone.")
    elif not transcript.trusted:
        notes.append(f"Heard, but not trusted to close the lips: {transcript.text}")
    else:
        notes.append(f"Heard: {transcript.text}")
    if portrait.faces > 1:
        notes.append(f"The picture holds {portrait.faces} faces; number {options.face_index} talks (0 is the largest).")
    width, height = renderer.size
    notes.append(f"Rendered by {renderer.name} at {width}×{height} px.")
    return tuple(notes)


def _analyse(image: ByteArray, face_index: int) -> Portrait:
    from talker.portrait.analyse import analyse

    return analyse(image, face_index=face_index)


def _say(text: str, voice: str) -> SpeechClip:
    from talker.speech.voice import say

    return say(text, voice=voice)


def _transcribe(clip: SpeechClip) -> Transcript:
    from talker.speech.phones import align
    from talker.speech.recogniser import transcribe

    return align(clip, transcribe(clip))


def _label_code(label: str, strength: float, permissive: bool) -> EmotionCode:
    from talker.emotion.labels import label_code

    return label_code(label, strength, permissive=permissive)


def _speech_motion(clip: SpeechClip, code: EmotionCode, options: SpeakOptions) -> FaceMotion:
    from talker.motion.articulation import shipped_mouth_regressor, speech_motion
    from talker.motion.mouth_regressor import SpeechCondition

    head = shipped_mouth_regressor(LIP_MODELS[options.converter])
    return speech_motion(clip, fps=options.fps, head=head, condition=SpeechCondition.of(code, options))


def _compose(speech: FaceMotion, code: EmotionCode, clip: SpeechClip, options: SpeakOptions) -> FaceMotion:
    from talker.motion.composition import compose

    return compose(speech, code, clip, options)


def _read(request: EmotionRequest, clip: SpeechClip | None, permissive: bool) -> EmotionCode:
    return read_emotion(request, clip, permissive=permissive, draw=_draw_faces)


def _draw_faces(codes: Sequence[EmotionCode]) -> Iterator[tuple[FloatArray, Sequence[ByteArray]]]:
    from talker.example_faces import draw_faces

    return draw_faces(codes)


def _peak_expression(code: EmotionCode) -> FloatArray:
    from talker.motion.composition import peak_expression

    return peak_expression(code)
