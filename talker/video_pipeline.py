"""Talking films in: their emotion is edited, they are dubbed, or they drive a portrait."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talker import journal
from talker.components import Components
from talker.emotion.resolve import DEFAULT, Emotion, EmotionRequest
from talker.emotion.timeline import Tag, split_tags
from talker.errors import AudioError, InputError
from talker.files import prepare_outputs
from talker.machine import available_bytes, check_film_memory
from talker.media.audio import load_speech
from talker.media.image import ImageSource
from talker.media.provenance import Provenance, labelled
from talker.media.video import check_video_path, write_video
from talker.options import SpeakOptions, VideoOptions
from talker.render.registry import Renderer
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import SAMPLE_RATE
from talker.types import EmotionCode, FaceMotion, FloatArray, Portrait, Progress, SpeechClip, Video, VideoResult

if TYPE_CHECKING:
    from talker.face.tracked_video import TrackedVideo

IntArray = NDArray[np.intp]
BACK_S, BACK_BYTES = 2.0, 300_000_000  # of a film that runs to and fro, at most


class VideoMethods(ABC):
    """Editing, dubbing and driving, for an engine that hears, reads emotions, moves lips and draws."""

    components: Components

    @abstractmethod
    def portrait_for(self, picture: ImageSource, options: SpeakOptions) -> Portrait:
        """The portrait that a film with these options shows."""

    @abstractmethod
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
        """Speech with its transcript, from a file, a clip or a line of text."""

    @abstractmethod
    def encode_emotion(
        self,
        emotion: Emotion,
        speech: SpeechAnalysis | None = None,
        *,
        tags: Sequence[Tag] = (),
        permissive: bool = False,
    ) -> EmotionCode:
        """The code of an emotion at its own strength."""

    @abstractmethod
    def create_renderer(self, portrait: Portrait, options: SpeakOptions) -> Renderer:
        """Everything about a portrait that does not depend on the frame."""

    @journal.as_job
    def edit(
        self,
        video: str | Path,
        emotion: Emotion | None = None,
        *,
        tagged_text: str | None = None,
        options: VideoOptions | None = None,
        out: str | Path = "talker.mp4",
        progress: Progress | None = None,
        stage: Callable[[str], None] | None = None,
    ) -> VideoResult:
        """Write a talking video with another emotion; speech, blinks, gaze and head stay, and so does the sound.

        emotion: as in `speak`; "speech" hears the video's own sound. None changes what the film shows already.
        tagged_text: what is said in the video, with tags where the emotion changes, in place of `emotion`.
        options: `strength` 0 gives back the film, 1 the emotion, -1 goes away from it.

        Raises a TalkerError when something handed in can't be used; then there is no output file.
        """
        options = options or VideoOptions()
        check_video_path(out)
        prepare_outputs([out], [video, options.calm, emotion.value if isinstance(emotion, EmotionRequest) else None])
        timer = journal.StageTimer(stage)
        with timer("tracking"):
            tracked = self.track_video(video, options, progress)
        with timer("speech"):
            speech = self.sound_of(video)
        with timer("motion"):
            tags = split_tags(tagged_text)[1] if tagged_text is not None else []
            asked = DEFAULT if tags and emotion is None else emotion
            face, present, wanted = self.edited_face(tracked, asked, options, speech, tags)
        with timer("rendering"):
            self._render(tracked, face, options, out, progress, sound_from=Path(video))
        return self._result(tracked, face, present, wanted, options, out, timer)

    @journal.as_job
    def dub(
        self,
        video: str | Path,
        speech: str | Path | SpeechClip | SpeechAnalysis | None = None,
        *,
        text: str | None = None,
        voice: str = "american",
        emotion: Emotion | None = None,
        options: VideoOptions | None = None,
        out: str | Path = "talker.mp4",
        progress: Progress | None = None,
        stage: Callable[[str], None] | None = None,
    ) -> VideoResult:
        """Write a talking video whose person says `speech`, or `text` in an offline voice; the rest stays as filmed.

        emotion: on top of what is filmed, as in `edit`; None keeps the film's own. Tags in `text` take its place.
        """
        options, timer = options or VideoOptions(), journal.StageTimer(stage)
        check_video_path(out)
        asked_from = emotion.value if isinstance(emotion, EmotionRequest) else None
        prepare_outputs([out], [video, speech, options.calm, asked_from])
        with timer("speech"):
            spoken, tags = split_tags(text) if text is not None else (None, [])
            analysis = self.load_speech(speech, spoken, voice, emotion=emotion or DEFAULT, tags=tags)
        with timer("tracking"):
            tracked = self.track_video(video, options, progress)
        with timer("motion"):
            asked = DEFAULT if tags and emotion is None else emotion
            face, numbers, present, wanted = self.dubbed_face(tracked, analysis, asked, options, tags)
        with timer("rendering"):
            self._render(tracked, face, options, out, progress, numbers=numbers, speech=analysis.clip)
        return self._result(tracked, face, present, wanted, options, out, timer, numbers)

    @journal.as_job
    def drive(
        self,
        portrait: ImageSource | Portrait,
        video: str | Path,
        *,
        speech: str | Path | SpeechClip | None = None,
        manner: str = "relative",
        driver: VideoOptions | None = None,
        options: SpeakOptions | None = None,
        out: str | Path = "talker.mp4",
        progress: Progress | None = None,
        stage: Callable[[str], None] | None = None,
    ) -> VideoResult:
        """Write a video of the portrait that does what the person in `video` does: expression, gaze and head.

        For the film's emotion alone, `speak` with `EmotionRequest("video", path)`.

        speech: what is heard; the film's own sound when None. manner: "relative" to both people at rest, or "absolute".
        driver: which person of the film. options: of rendering; `head` scales the head's motion.
        """
        from talker.motion.editing import carried_over

        options, driver, timer = options or SpeakOptions(), driver or VideoOptions(), journal.StageTimer(stage)
        check_video_path(out)
        prepare_outputs([out], [portrait, video, speech])
        with timer("portrait"):
            face = portrait if isinstance(portrait, Portrait) else self.portrait_for(portrait, options)
        with timer("tracking"):
            tracked = self.track_video(video, driver, progress)
        with timer("motion"):
            motion = carried_over(tracked, face, manner)
            motion = dataclasses.replace(motion, pose=motion.pose * (0.0 if options.still else options.head))
        with timer("preparation"):
            renderer = self.create_renderer(face, options)
        with timer("rendering"):
            sound = load_speech(speech) if isinstance(speech, str | Path) else speech
            film = Path(video) if sound is None else None
            frames = renderer.render(motion)
            drawn = Video(frames, len(motion), motion.fps, renderer.size, sound, film, _times(tracked))
            _write(drawn, out, progress, renderer.name, options)
        present = self.present_emotion(tracked, driver)
        return self._result(tracked, motion.blendshapes, present, None, driver, out, timer)

    def edited_face(
        self,
        tracked: TrackedVideo,
        emotion: Emotion | None,
        options: VideoOptions,
        speech: SpeechAnalysis | None = None,
        tags: Sequence[Tag] = (),
    ) -> tuple[FloatArray, EmotionCode, EmotionCode | None]:
        """The filmed face [T,52] with another emotion, the emotion that is filmed, and the one that was wanted.

        speech: the film's sound; None where it has none.
        """
        from talker.motion.editing import performance, with_emotion

        present = self.present_emotion(tracked, options)
        wanted = None
        if emotion is not None:
            wanted = self._wanted(emotion, self._heard(tracked, speech, bool(tags)), options, tags)
        voice = None if speech is None else speech.speaking(len(tracked), tracked.fps)
        face = with_emotion(performance(tracked), wanted, options.strength, present=present, voice=voice)
        return tracked.expressions + tracked.usable()[:, None] * (face - tracked.expressions), present, wanted

    def dubbed_face(
        self,
        tracked: TrackedVideo,
        speech: SpeechAnalysis,
        emotion: Emotion | None,
        options: VideoOptions,
        tags: Sequence[Tag] = (),
    ) -> tuple[FloatArray, IntArray, EmotionCode, EmotionCode | None]:
        """The filmed face [T,52] with other words, the film's frames [T] that it is drawn from, and both emotions."""
        from talker.motion.editing import Performance, dubbed
        from talker.motion.retiming import at_rate, retimed, source_frames

        present = self.present_emotion(tracked, options)
        wanted = None if emotion is None else self._wanted(emotion, speech, options, tags)
        frames = max(1, round(speech.duration_s * tracked.fps))
        numbers = source_frames(len(tracked), frames, options.longer, _back(tracked))
        settings = SpeakOptions(fps=float(np.clip(tracked.fps, 10.0, 60.0)))
        mouth = at_rate(self.components.speech_motion(speech, settings), frames, tracked.fps)
        filmed = Performance(tracked.expressions[numbers], tracked.fps)
        face = dubbed(
            filmed, mouth, wanted, options.strength, present=retimed(present, numbers, len(tracked), tracked.fps),
            voice=speech.speaking(frames, tracked.fps), amount=options.mouth, articulation=options.articulation,
        )  # fmt: skip
        return (
            filmed.blendshapes + tracked.usable()[numbers, None] * (face - filmed.blendshapes),
            numbers,
            present,
            wanted,
        )

    def track_video(self, video: str | Path, options: VideoOptions, progress: Progress | None = None) -> TrackedVideo:
        """The person that the options choose, through the whole film; kept while the film's content stays the same."""
        from talker.face.person import FaceChoice
        from talker.portrait.video import track_person

        choice = FaceChoice(options.face_index, options.point)
        return track_person(video, choice, permissive=options.permissive, progress=progress)

    def sound_of(self, video: str | Path) -> SpeechAnalysis | None:
        """The film's sound, or None where it has none that can be read."""
        try:
            return SpeechAnalysis(load_speech(video))
        except AudioError:
            return None

    def _heard(self, tracked: TrackedVideo, sound: SpeechAnalysis | None, understood: bool) -> SpeechAnalysis:
        """What an emotion may be read from or run along: the film's sound, or silence as long as the film.

        understood: with a transcript; InputError where there is no sound to understand.
        """
        if sound is None:
            if understood:
                raise InputError("Tags in a text need a video with sound, in which these words are said.")
            silence = np.zeros(round(len(tracked) / tracked.fps * SAMPLE_RATE), np.float32)
            return SpeechAnalysis(SpeechClip(silence, SAMPLE_RATE))
        return self.load_speech(sound) if understood else sound

    def present_emotion(self, tracked: TrackedVideo, options: VideoOptions) -> EmotionCode:
        """How the filmed face reads, moment by moment, against the same person without an emotion."""
        from talker.emotion.model import emotion_model
        from talker.emotion.picture import track_code
        from talker.face.tracking import track_video

        calm = None if options.calm is None else track_video(options.calm)
        return track_code(emotion_model(options.permissive).space, tracked.track, calm=calm)

    def _wanted(
        self, emotion: Emotion, speech: SpeechAnalysis | None, options: VideoOptions, tags: Sequence[Tag] = ()
    ) -> EmotionCode:
        return self.encode_emotion(emotion, speech, tags=tags, permissive=options.permissive)

    def _render(
        self,
        tracked: TrackedVideo,
        face: FloatArray,
        options: VideoOptions,
        out: str | Path,
        progress: Progress | None,
        *,
        numbers: IntArray | None = None,
        speech: SpeechClip | None = None,
        sound_from: Path | None = None,
    ) -> None:
        from talker.render.video_renderer import VideoRenderer

        check_film_memory(*tracked.size, available_bytes())
        renderer = VideoRenderer(tracked, SpeakOptions(wrinkles=options.wrinkles))
        frames = renderer.render(face, numbers)
        times = _times(tracked) if numbers is None else None
        video = Video(frames, len(face), tracked.fps, renderer.size, speech, sound_from, times)
        _write(video, out, progress, renderer.name, options)

    def _result(
        self,
        tracked: TrackedVideo,
        face: FloatArray,
        present: EmotionCode,
        wanted: EmotionCode | None,
        options: VideoOptions,
        out: str | Path,
        timer: journal.StageTimer,
        numbers: IntArray | None = None,
    ) -> VideoResult:
        from talker.portrait.video import film_notes

        filmed = tracked.track.motion()
        pose = filmed.pose if numbers is None else filmed.pose[numbers]
        motion = FaceMotion(face.astype(np.float32), pose, tracked.fps)
        notes = [f"Filmed feeling: {present.source}."]
        if wanted is not None:
            notes.append(f"Feeling: {wanted.source}, strength {options.strength * float(wanted.strength.mean()):.2f}.")
        if len(face) > len(tracked):
            notes.append(f"The speech is longer than the video, which goes on as: {options.longer}.")
        elif len(face) < len(tracked):
            notes.append("The video is longer than the speech, and ends with it.")
        notes += film_notes(tracked)
        return VideoResult(Path(out), motion, filmed, present, wanted, options, timer.seconds, tuple(notes))


def _times(tracked: TrackedVideo) -> FloatArray | None:
    """When the frames are shown, where they don't come at a constant rate."""
    return None if tracked.reader.is_regular else tracked.reader.times_s


def _write(
    video: Video, out: str | Path, progress: Progress | None, model: str, options: SpeakOptions | VideoOptions
) -> None:
    """Write the film with its marks."""
    frames = labelled(video.frames, video.size) if options.label else video.frames
    write_video(replace(video, frames=frames), out, progress, Provenance(model, repr(options)))


def _back(tracked: TrackedVideo) -> int:
    """How many frames a film that runs to and fro goes back: it holds them meanwhile."""
    width, height = tracked.size
    return max(1, min(round(BACK_S * tracked.fps), BACK_BYTES // (3 * width * height)))
