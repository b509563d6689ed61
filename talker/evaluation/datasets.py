"""The papers' table on a corpus of talking faces: a speaker's neutral frame is driven by that speaker's own sound.

Self-reenactment: the clip's own sound and label, against the clip. Cross-emotion: the speaker's neutral clip as source,
its sound, and the label of another clip. Speakers are those of the official test split where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.data.corpora import Recording, test_recordings
from talker.data.film_motion import most_neutral, portrait_of
from talker.errors import DataError, TalkerError
from talker.evaluation.emotion_metrics import read_frames
from talker.evaluation.expression_classifier import CLASSES, NAME, Prediction
from talker.evaluation.film import Film
from talker.evaluation.metrics import Recorder, compare_films
from talker.evaluation.talking import Talk, Talks
from talker.face.tracking import track_video
from talker.media.video_reader import open_video
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.types import FaceMotion, Portrait, Progress

LOOKED_AT_HZ = 12.5  # frames a second that are compared
PER_EMOTION = 2  # clips of each speaker and emotion, the strongest first


def run(layout: str, root: Path, record: Recorder, progress: Progress | None = None) -> None:
    """Both protocols over the test speakers of a corpus under `root`; DataError when it isn't one of that layout."""
    speakers: dict[str, list[Recording]] = {}
    for recording in test_recordings(root, layout):
        speakers.setdefault(recording.speaker, []).append(recording)
    talker, talks = Talker(), Talks(record)
    for done, (speaker, clips) in enumerate(speakers.items(), 1):
        try:
            source = _source(clips)
        except TalkerError as error:
            record.note(f"{speaker} is left out: {error}")
            continue
        for clip in [source.recording, *chosen(clips, source.recording)]:
            try:
                _score(talker, source, clip, record, talks)
            except TalkerError as error:
                record.note(f"{clip.name} is left out: {error}")
        if progress is not None:
            progress(done, len(speakers))
    record.note(f"{layout}, speakers {', '.join(speakers)}. Judge: {NAME}.")

    record.note("Not measured, for want of weights: LSE-C and LSE-D (SyncNet), LPIPS, accuracy by Emotion-FAN.")


def chosen(clips: Sequence[Recording], source: Recording) -> list[Recording]:
    """A few clips of each emotion that has a judge, the strongest first, without the source's own."""
    found = []
    for label in CLASSES:
        own = [clip for clip in clips if clip.emotion == label and clip is not source]
        found += sorted(own, key=lambda clip: (-clip.intensity, clip.name))[:PER_EMOTION]
    return found


@dataclass(frozen=True)
class Source:
    """Who is drawn: a speaker's clip (neutral where there is one), and its most neutral frame as a portrait."""

    recording: Recording
    portrait: Portrait


def _source(clips: Sequence[Recording]) -> Source:
    """The first neutral clip's most neutral frame. Raises VideoError or FaceError."""
    recording = min(clips, key=lambda clip: (clip.emotion != CLASSES[0], clip.name))
    track = track_video(recording.video)
    start = most_neutral(track)
    image = next(image for number, image in enumerate(open_video(recording.video)) if number == start)
    return Source(recording, portrait_of(track, start, image))


def _score(talker: Talker, source: Source, clip: Recording, record: Recorder, talks: Talks) -> None:
    """Self-reenactment of a clip with its own sound, and its label on the source's sound."""
    real = Film.of(clip.video, clip.sound, rate_hz=LOOKED_AT_HZ)
    made = _draw(talker, source, clip.sound, clip, real.fps)
    count = min(len(real), len(made))
    real, made = real.first(count), made.first(count)
    if made.frames[0].shape != real.frames[0].shape:
        raise DataError(f"its frames are not as large as those of {source.recording.name}")
    for one in compare_films(made, real):
        record.add(one.metric, one.value, "self-reenactment")
    crossed = made if clip is source.recording else _draw(talker, source, source.recording.sound, clip, real.fps)
    talks.add(Talk(clip.speaker, 0, clip.emotion, tuple(read_frames(crossed))))
    hit = Prediction.mean(read_frames(real)).reads_as(clip.emotion)
    record.add("emotion/clip_hit", float(hit), f"{clip.emotion}, real")


def _draw(talker: Talker, source: Source, sound: Path, clip: Recording, fps: float) -> Film:
    """The source saying a sound with the emotion of a clip, at `fps`."""
    speech = talker.load_speech(sound)
    options = SpeakOptions(strength=clip.intensity)
    motion = talker.animate(speech, talker.encode_emotion(clip.emotion), options, source.portrait)
    step = motion.fps / fps
    moments = np.arange(0, len(motion) - 1, step).round().astype(int)
    chosen_motion = FaceMotion(motion.blendshapes[moments], motion.pose[moments], fps)
    frames = list(talker.create_renderer(source.portrait, options).render(chosen_motion))
    return Film.seen(frames, fps, speech.clip)
