"""The one object behind every entry point: a portrait, some speech and an emotion go in, a video comes out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker import loaded
from talker.emotion.model import emotion_model
from talker.emotion.resolve import DEFAULT, Emotion, EmotionRequest, resolve
from talker.emotion.retargeting import retarget_to_portrait
from talker.emotion.timeline import Tag, split_tags
from talker.errors import InputError, MotionError
from talker.files import prepare_outputs
from talker.machine import available_bytes, check_film_memory
from talker.media.audio import load_speech
from talker.media.image import ImageSource, damage_note, load_image
from talker.media.provenance import labelled
from talker.media.video import check_video_path, write_video
from talker.options import LIP_MODELS, SpeakOptions
from talker.portrait.notes import attribute_notes, check_mouth
from talker.recent import Recent
from talker.render.crop import film_size
from talker.render.registry import Renderer, create_renderer, quick
from talker.speech.analysis import SpeechAnalysis
from talker.speech.voices import find_voice
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
from talker.weights import registry, store

NEEDED_WEIGHTS = ("face_landmarker", "whisper_tiny_en")
PREVIEW_SIZE = "crop512"  # large enough to judge a face, small enough to be there at once
KEPT_PORTRAITS, KEPT_RENDERERS = 6, 3  # a page that several people use switches between them
Feel = Callable[[SpeechAnalysis], EmotionCode]  # the emotion of a voice whose words and their times are known
FetchProgress = Callable[[str, int, int], None]  # (what, done bytes, total bytes)


@dataclass(frozen=True)
class Components:
    """What the pipeline is made of; tests and experiments hand in others. Heavy ones are imported at first use."""

    analyse: Callable[[ByteArray, int, bool], Portrait]
    say: Callable[[str, str, float, Feel | None], SpeechClip]
    transcribe: Callable[[SpeechClip], Transcript]
    resolve: Callable[[Emotion, SpeechAnalysis | None, Sequence[Tag], bool], EmotionCode]
    speech_motion: Callable[[SpeechAnalysis, SpeakOptions], FaceMotion]
    compose: Callable[[FaceMotion, EmotionCode, SpeechAnalysis, SpeakOptions], FaceMotion]
    peak_expression: Callable[[EmotionCode], FloatArray]
    create_renderer: Callable[[Portrait, SpeakOptions], Renderer]

    @classmethod
    def default(cls) -> Components:
        """The components of this project."""
        return cls(
            _analyse, _say, _transcribe, _resolve, _speech_motion, _compose, _peak_expression, create_renderer
        )  # fmt: skip


class Talker:
    """Makes portraits talk.

    >>> Talker().speak("portrait.jpg", text="Hello, it is good to see you.", emotion="happy", out="hello.mp4")

    Every step is a method of its own, so that a caller can stop between them, show what was found, or bring its own
    motion. Portraits that were analysed and renderers that were made lately are kept. Several threads may use one
    Talker.
    """

    def __init__(self, components: Components | None = None) -> None:
        self.components = components or Components.default()
        self._portraits: Recent[Portrait] = Recent(KEPT_PORTRAITS)
        self._renderers: Recent[tuple[Portrait, Renderer]] = Recent(KEPT_RENDERERS)

    def speak(
        self,
        portrait: ImageSource | Portrait,
        speech: str | Path | SpeechClip | SpeechAnalysis | None = None,
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

        emotion: by default what the speech itself sounds like, moment by moment. A string is a label, an alias or a
            description. `options.strength` multiplies the strength that the emotion has of its own.
        text: may hold tags such as "[happy] We won! [sad:0.6] But it is over."; they take the place of `emotion`.
        progress: called with (frames done, frames in all); a `CancelledError` raised from it stops the work.
        stage: called with the name of each step before it starts, and may stop the work in the same way.

        Raises a TalkerError when something handed in can't be used; then there is no output file.
        """
        options = options or SpeakOptions()
        timings: dict[str, float] = {}
        check_video_path(out)
        prepare_outputs([out], [portrait, speech, emotion.value if isinstance(emotion, EmotionRequest) else None])
        with _timed(timings, "portrait", stage):
            face = portrait if isinstance(portrait, Portrait) else self.portrait_for(portrait, options)
        with _timed(timings, "speech", stage):
            spoken, tags = split_tags(text) if text is not None else (None, [])
            analysis = self.load_speech(speech, spoken, voice, emotion=emotion, tags=tags, options=options)
        with _timed(timings, "emotion", stage):
            code = self.encode_emotion(emotion, analysis, tags=tags, permissive=options.permissive)
        with _timed(timings, "motion", stage):
            motion = self.animate(analysis, code, options, face)
        with _timed(timings, "preparation", stage):
            renderer = self.create_renderer(face, options)
        with _timed(timings, "rendering", stage):
            self.write_video(renderer, motion, analysis.clip, out, progress, label=options.label)
        notes = _notes(face, analysis.clip, code.scaled(options.strength), options, renderer)
        if isinstance(portrait, str | Path) and (damage := damage_note(portrait)):
            notes = (*notes, damage)
        return Result(Path(out), motion, analysis.clip, code, options, timings, notes)

    def fetch_weights(self, progress: FetchProgress | None = None, voice: str = "american") -> None:
        """Download what is not in the cache yet, so that later steps don't wait; AssetError when it can't be had."""
        for name in (*NEEDED_WEIGHTS, *find_voice(voice).weights):
            store.fetch(name, functools.partial(progress, registry.ASSETS[name].title) if progress else None)

    def release(self) -> None:
        """Forget all kept portraits, renderers and loaded models; they are made again when they are next needed."""
        self._portraits.clear()
        self._renderers.clear()
        loaded.release()

    def analyze_portrait(
        self, picture: ImageSource, face_index: int = 0, *, allow_covered: bool = False, permissive: bool = False
    ) -> Portrait:
        """Find and fit the face in a picture; ImageError or FaceError says what is wrong with it.

        allow_covered: go on when something hides the mouth, which is a CoveredMouthError otherwise; it stays shut then.
        """
        image = load_image(picture)
        key = f"{hashlib.sha256(image.tobytes()).hexdigest()} {image.shape} {face_index} {permissive}"
        portrait = self._portraits.get(key, lambda: self.components.analyse(image, face_index, permissive))
        if not allow_covered:
            check_mouth(portrait)
        return portrait

    def portrait_for(self, picture: ImageSource, options: SpeakOptions) -> Portrait:
        """The portrait that a film with these options shows."""
        return self.analyze_portrait(
            picture, options.face_index, allow_covered=options.allow_covered, permissive=options.permissive
        )

    def load_speech(
        self,
        speech: str | Path | SpeechClip | SpeechAnalysis | None = None,
        text: str | None = None,
        voice: str = "american",
        *,
        emotion: Emotion = DEFAULT,
        tags: Sequence[Tag] = (),
        options: SpeakOptions | None = None,
    ) -> SpeechAnalysis:
        """Speech with its transcript, from a file, a clip or a line of text; exactly one of both is given.

        voice: a name in `talker.speech.voices`, or a mixture such as `heart=.7,george=.3`.
        emotion, tags: how a synthetic voice sounds, unless the options keep it plain; recordings stay as they are.
        """
        if (speech is None) == (text is None):
            raise InputError("Give either speech or text, and only one of them.")
        if text is not None:
            options = options or SpeakOptions()

            def feel(planned: SpeechAnalysis) -> EmotionCode:
                code = self.encode_emotion(emotion, planned, tags=tags, permissive=options.permissive)
                return code.scaled(options.strength)

            felt = not options.plain_voice and (bool(tags) or emotion != DEFAULT)
            return SpeechAnalysis(self.components.say(text, voice, options.voice_speed, feel if felt else None))
        if isinstance(speech, SpeechAnalysis):
            analysis = speech
        else:
            analysis = SpeechAnalysis(speech if isinstance(speech, SpeechClip) else load_speech(speech or ""))
        if analysis.transcript is not None:
            return analysis
        return analysis.with_transcript(self.components.transcribe(analysis.at_16khz))

    def encode_emotion(
        self,
        emotion: Emotion,
        speech: SpeechAnalysis | None = None,
        *,
        tags: Sequence[Tag] = (),
        permissive: bool = False,
    ) -> EmotionCode:
        """What is felt, at its own strength; see `talker.emotion.resolve.resolve`."""
        return self.components.resolve(emotion, speech, tags, permissive)

    def animate(
        self, speech: SpeechAnalysis, emotion: EmotionCode, options: SpeakOptions, portrait: Portrait | None = None
    ) -> FaceMotion:
        """What the face does while it says the speech with that emotion; the same for the same seed.

        portrait: whose face will show it; the expression of the picture itself is then taken into account.
        """
        mouth_motion = self.components.speech_motion(speech, options)
        return self.components.compose(mouth_motion, _shown(emotion, options, portrait), speech, options)

    def create_renderer(self, portrait: Portrait, options: SpeakOptions) -> Renderer:
        """Everything about a portrait that does not depend on the frame, done once for the same rendering options.

        Raises InputError, with the figures, when there is not enough memory for a film of that size.
        """
        check_film_memory(*film_size(portrait, options.size, options.fps), available_bytes())
        look = SpeakOptions(
            size=options.size, renderer=options.renderer, wrinkles=options.wrinkles, fps=options.fps
        )  # the frame rate decides how large a film may be
        key = (id(portrait), look)  # the portrait is kept beside its renderer, so that its id stays its own
        return self._renderers.get(key, lambda: (portrait, self.components.create_renderer(portrait, options)))[1]

    def preview(
        self, portrait: Portrait, emotion: Emotion, options: SpeakOptions, speech: SpeechAnalysis | None = None
    ) -> ByteArray:
        """A still [512,512,3] of the person showing the emotion, silently, at its strongest moment.

        Where the options ask for a slow renderer, a quick one stands in.
        """
        code = self.encode_emotion(emotion, speech, permissive=options.permissive)
        look = dataclasses.replace(options, size=PREVIEW_SIZE, renderer=quick(options.renderer))
        renderer = self.create_renderer(portrait, look)
        face = self.components.peak_expression(_shown(code, options, portrait))
        return next(iter(renderer.render(FaceMotion(face[None], np.zeros((1, 6), np.float32), options.fps))))

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


def _shown(code: EmotionCode, options: SpeakOptions, portrait: Portrait | None) -> EmotionCode:
    """The emotion as strongly as the options ask, fitted to what the portrait's picture expresses itself."""
    scaled = code.scaled(options.strength)
    return scaled if portrait is None else retarget_to_portrait(scaled, portrait.source_expression)


def _notes(
    portrait: Portrait, clip: SpeechClip, code: EmotionCode, options: SpeakOptions, renderer: Renderer
) -> tuple[str, ...]:
    """What a person may want to know about how the result came about, one sentence each."""
    notes = [f"Feeling: {code.source}, strength {float(code.strength.mean()):.2f}."]
    transcript = clip.transcript
    if transcript is None or not transcript.words:
        notes.append("No words were understood; the lips follow the sound alone.")
    elif not transcript.trusted:
        notes.append(f"Heard, but not trusted to close the lips, which follow the sound alone: {transcript.text}")
    else:
        notes.append(f"Heard: {transcript.text}")
    if transcript is not None and transcript.left_out:
        notes.append(f"Left out, because the voice has no sounds for it: {', '.join(transcript.left_out)}.")
    if portrait.faces > 1:
        notes.append(f"The picture holds {portrait.faces} faces; number {options.face_index} talks (0 is the largest).")
    notes += attribute_notes(portrait)
    width, height = renderer.size
    notes.append(f"Rendered by {renderer.name} at {width}×{height} px.")
    whole = np.rot90(portrait.image, -portrait.quarter_turns).shape[1::-1]
    if options.size == "native" and renderer.size != whole:
        notes.append(f"The picture has {whole[0]}×{whole[1]} px, more than players show in a film (H.264 level 5.1).")
    return tuple(notes)


def _analyse(image: ByteArray, face_index: int, permissive: bool) -> Portrait:
    from talker.portrait.analyse import analyse

    return analyse(image, face_index=face_index, permissive=permissive)


def _say(text: str, voice: str, speed: float, feel: Feel | None) -> SpeechClip:
    from talker.emotion.voice_delivery import voice_expression
    from talker.speech.voice import say

    if feel is None:
        return say(text, voice=voice, speed=speed)
    return say(text, voice=voice, speed=speed, express=lambda planned: voice_expression(feel(SpeechAnalysis(planned))))


def _transcribe(clip: SpeechClip) -> Transcript:
    from talker.speech.phones import align
    from talker.speech.recogniser import transcribe

    return align(clip, transcribe(clip))


def _resolve(emotion: Emotion, speech: SpeechAnalysis | None, tags: Sequence[Tag], permissive: bool) -> EmotionCode:
    return resolve(emotion, speech, tags=tags, model=emotion_model(permissive))


def _speech_motion(speech: SpeechAnalysis, options: SpeakOptions) -> FaceMotion:
    from talker.motion.articulation import shipped_mouth_regressor, speech_motion

    return speech_motion(speech, fps=options.fps, regressor=shipped_mouth_regressor(LIP_MODELS[options.converter]))


def _compose(mouth_motion: FaceMotion, code: EmotionCode, speech: SpeechAnalysis, options: SpeakOptions) -> FaceMotion:
    from talker.motion.composition import compose

    return compose(mouth_motion, code, speech, options)


def _peak_expression(code: EmotionCode) -> FloatArray:
    from talker.motion.composition import peak_expression

    return peak_expression(code)
