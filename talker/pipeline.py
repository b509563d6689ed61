"""The one object behind every entry point: a portrait, some speech and an emotion go in, a video comes out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talker import journal, loaded
from talker.components import Components
from talker.emotion.resolve import DEFAULT, Emotion, EmotionRequest
from talker.emotion.retargeting import retarget_to_portrait
from talker.emotion.timeline import Tag, split_tags
from talker.errors import InputError, MotionError
from talker.files import prepare_outputs
from talker.machine import available_bytes, check_film_memory, return_freed_memory
from talker.media.audio import load_speech
from talker.media.image import ImageSource, content_key, damage_note, load_image
from talker.media.provenance import Provenance, labelled
from talker.media.video import check_video_path, write_video
from talker.options import SpeakOptions
from talker.portrait.notes import attribute_notes, check_mouth
from talker.recent import Recent
from talker.render.crop import film_size
from talker.render.registry import Renderer, in_time, quick
from talker.speech.analysis import SpeechAnalysis
from talker.speech.voices import find_voice, language_title
from talker.types import (
    ByteArray,
    EmotionCode,
    FaceMotion,
    FloatArray,
    Portrait,
    Progress,
    Result,
    SpeechClip,
    Video,
)
from talker.video_pipeline import VideoMethods
from talker.weights import registry, store

if TYPE_CHECKING:
    from talker.live.stream import LiveFrame, LiveFrames

NEEDED_WEIGHTS = ("face_landmarker", "whisper_tiny_en")
PREVIEW_SIZE = "crop512"  # large enough to judge a face, small enough to be there at once
# Bytes; a page that many people use switches between their faces, and making them anew takes seconds.
KEPT_PORTRAITS, KEPT_RENDERERS = 250_000_000, 500_000_000
LONG_SPEECH_S = 120.0  # of speech; longer films are drawn without the models that hear it
RENDERER_BYTES_PER_PIXEL = 40  # measured: what a prepared renderer holds for each pixel of its frames
FetchProgress = Callable[[str, int, int], None]  # (what, done bytes, total bytes)


class Talker(VideoMethods):
    """Makes portraits talk.

    >>> Talker().speak("portrait.jpg", text="Hello, it is good to see you.", emotion="happy", out="hello.mp4")

    Every step is a method of its own, so that a caller can stop between them, show what was found, or bring its own
    motion. Portraits that were analysed and renderers that were made lately are kept. Several threads may use one
    Talker.
    """

    def __init__(self, components: Components | None = None) -> None:
        self.components = components or Components.default()
        self._portraits: Recent[Portrait] = Recent(KEPT_PORTRAITS, lambda portrait: portrait.image.nbytes)
        self._renderers: Recent[tuple[Portrait, Renderer]] = Recent(KEPT_RENDERERS, _renderer_bytes)

    @journal.as_job
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
        fragmented: bool = False,
    ) -> Result:
        """Write the video of the portrait saying `speech`, or `text` in an offline voice, with an emotion.

        emotion: by default what the speech itself sounds like, moment by moment. A string is a label, an alias or a
            description. `options.strength` multiplies the strength that the emotion has of its own.
        text: may hold tags such as "[happy] We won! [sad:0.6] But it is over."; they take the place of `emotion`.
        progress: called with (frames done, frames in all); a `CancelledError` raised from it stops the work.
        stage: called with the name of each step before it starts, and may stop the work in the same way.
        fragmented: the file grows while it is drawn, and players may start at once.

        Raises a TalkerError when something handed in can't be used; then there is no output file.
        """
        options = options or SpeakOptions()
        timer = journal.StageTimer(stage)
        check_video_path(out)
        prepare_outputs([out], [portrait, speech, emotion.value if isinstance(emotion, EmotionRequest) else None])
        with timer("portrait"):
            face = portrait if isinstance(portrait, Portrait) else self.portrait_for(portrait, options)
        with timer("speech"):
            spoken, tags = split_tags(text) if text is not None else (None, [])
            analysis = self.load_speech(speech, spoken, voice, emotion=emotion, tags=tags, options=options)
        with timer("emotion"):
            code = self.encode_emotion(emotion, analysis, tags=tags, permissive=options.permissive)
        with timer("motion"):
            motion = self.animate(analysis, code, options, face)
        clip = analysis.clip
        del analysis  # what was measured of ten minutes takes more than a hundred MB
        _make_room(clip)
        with timer("preparation"):
            renderer = self.create_renderer(face, options)
        with timer("rendering"):
            self.write_video(
                renderer, motion, clip, out, progress, label=options.label, settings=repr(options),
                fragmented=fragmented,
            )  # fmt: skip
        notes = _notes(face, clip, code.scaled(options.strength), options, renderer)
        if isinstance(portrait, str | Path) and (damage := damage_note(portrait)):
            notes = (*notes, damage)
        return Result(Path(out), motion, clip, code, options, timer.seconds, notes)

    def live(
        self, portrait: ImageSource | Portrait, *, emotion: Emotion = "neutral", options: SpeakOptions | None = None,
        sample_rate: int = 16000, late: bool = False,
    ) -> LiveFrames:  # fmt: skip
        """A face that talks while somebody speaks: `of(chunks)` gives its frames, `feel` changes what it shows.

        sample_rate: Hz of the sound. emotion: of a course of emotions, the first. late: leave out frames that are late.
        A native size is drawn as a square of 512 px, and `auto` stands for the fastest renderer: two cores are in time.
        """
        from talker.live.face import LiveFace
        from talker.live.stream import LiveFrames

        options = options or SpeakOptions()
        options = dataclasses.replace(options, renderer=in_time(options.renderer))
        if options.size == "native":
            options = dataclasses.replace(options, size=PREVIEW_SIZE)
        face = portrait if isinstance(portrait, Portrait) else self.portrait_for(portrait, options)

        def shown(wanted: Emotion, strength: float) -> EmotionCode:
            code = self.encode_emotion(wanted, permissive=options.permissive)
            return _shown(code, dataclasses.replace(options, strength=strength), face)

        renderer = self.create_renderer(face, options)
        live = LiveFace(options, sample_rate, shown(emotion, options.strength))
        return LiveFrames(live, renderer, shown, late=late, label=options.label, settings=repr(options))

    def stream(
        self, portrait: ImageSource | Portrait, sound_chunks: Iterable[FloatArray], **settings: Any
    ) -> Iterator[LiveFrame]:
        """The frames of a face that says what is heard, while it is heard: sound [n] in -1..1 comes in chunks.

        Each frame comes good 0.4 s after the sound that it shows. settings: those of `live`.
        """
        return self.live(portrait, **settings).of(sound_chunks)

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

        def analysed() -> Portrait:
            portrait = self.components.analyse(load_image(picture), face_index, permissive)
            return_freed_memory()  # the landmarker's
            return portrait

        portrait = self._portraits.get((content_key(picture), face_index, permissive), analysed)
        if not allow_covered:
            check_mouth(portrait, lambda: damage_note(picture) if isinstance(picture, str | Path) else "")
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

            def encode(planned: SpeechAnalysis) -> EmotionCode:
                code = self.encode_emotion(emotion, planned, tags=tags, permissive=options.permissive)
                return code.scaled(options.strength)

            emotional = not options.plain_voice and (bool(tags) or emotion != DEFAULT)
            return SpeechAnalysis(self.components.say(text, voice, options.voice_speed, encode if emotional else None))
        if isinstance(speech, SpeechAnalysis):
            analysis = speech
        else:
            analysis = SpeechAnalysis(speech if isinstance(speech, SpeechClip) else load_speech(speech or ""))
        if analysis.transcript is not None:
            return analysis
        heard = analysis.with_transcript(self.components.transcribe(analysis.at_16khz))
        _make_room(heard.clip)
        return heard

    def encode_emotion(
        self,
        emotion: Emotion,
        speech: SpeechAnalysis | None = None,
        *,
        tags: Sequence[Tag] = (),
        permissive: bool = False,
    ) -> EmotionCode:
        """The code of an emotion, at its own strength; see `talker.emotion.resolve.resolve`."""
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
        settings: str = "",
        sound_from: Path | None = None,
        fragmented: bool = False,
    ) -> None:
        """Render a motion and write it with its sound; `label` writes into every frame that it is generated.

        settings: of the run, of which the frames' invisible mark holds a digest. sound_from: a film whose sound is
        taken instead of a clip.
        """
        if len(motion) == 0:
            raise MotionError("The motion holds no frames.")
        frames = renderer.render(motion)
        if label:
            frames = labelled(frames, renderer.size)
        video = Video(frames, len(motion), motion.fps, renderer.size, clip, sound_from)
        write_video(video, out, progress, Provenance(renderer.name, settings), fragmented=fragmented)


def _make_room(clip: SpeechClip) -> None:
    """Let the models go that a long clip needed until here, and give their memory back."""
    if clip.duration_s > LONG_SPEECH_S:
        loaded.release()
        return_freed_memory()


def _renderer_bytes(kept: tuple[Portrait, Renderer]) -> int:
    """About what a renderer and the portrait beside it take."""
    width, height = kept[1].size
    return kept[0].image.nbytes + width * height * RENDERER_BYTES_PER_PIXEL


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
    if transcript is not None and transcript.language != "en":
        notes.append(f"Language: {language_title(transcript.language)}.")
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
