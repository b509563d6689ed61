"""Long films in parts: the motion is composed once, several workers draw parts of it, and one joins them.

What has been composed and drawn lies in a hidden folder beside the film, which all workers see. It is named after the
job, so that a batch that was killed goes on with the parts that are there.
"""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from talker.emotion.timeline import split_tags
from talker.errors import VideoError
from talker.files import replaced_when_done
from talker.jobs import Job
from talker.media.audio import load_speech
from talker.media.provenance import Provenance, labelled
from talker.media.remux import joined_pictures, with_sound_of
from talker.media.video import SOUND_AFTER_S, write_video
from talker.render.registry import chosen
from talker.types import FaceMotion, Video

if TYPE_CHECKING:
    from talker.pipeline import Talker

LONG_S = 120.0  # of a film that is drawn in parts
PART_S = 60.0
SPOKEN_PER_S = 15.0  # characters
PICTURES, SOUND, MOTION = "pictures.mp4", "sound.wav", "motion.npz"


def is_long(job: Job) -> bool:
    """Whether a job's film will be long; InputError or AudioError when its recording can't be read."""
    if job.speech is not None:
        return load_speech(job.speech).duration_s > LONG_S
    return len(job.text or "") > LONG_S * SPOKEN_PER_S


def compose(talker: Talker, job: Job, folder: Path) -> int:
    """Keep what drawing the film needs beside it; how many parts there are."""
    place = _place(job, folder)
    if not (place / MOTION).is_file():
        options, portrait = job.options, talker.portrait_for(job.portrait, job.options)
        text, tags = split_tags(job.text) if job.text is not None else (None, [])
        speech = talker.load_speech(
            job.speech, text, job.voice, emotion=job.requested(), tags=tags, options=options
        )  # fmt: skip
        code = talker.encode_emotion(job.requested(), speech, tags=tags, permissive=options.permissive)
        motion = talker.animate(speech, code, options, portrait)
        place.mkdir(exist_ok=True)
        try:
            soundfile.write(place / SOUND, speech.clip.samples, speech.clip.sample_rate, subtype="FLOAT")
        except soundfile.LibsndfileError as error:
            raise VideoError(f"The sound of {job.out} can't be kept ({error}).") from error
        with replaced_when_done(place / MOTION) as scratch, open(scratch, "wb") as file:
            np.savez(
                file, blendshapes=motion.blendshapes, pose=motion.pose, fps=motion.fps, made=int(time.time())
            )  # fmt: skip
    motion, _ = _motion(place)
    return _part_count(motion)


def draw(talker: Talker, job: Job, folder: Path, part: int) -> None:
    """Draw one part, from 0, unless it is there."""
    place = _place(job, folder)
    out = _part(place, part)
    if out.is_file():
        return
    whole, made = _motion(place)
    frames = slice(part * _part_frames(whole), (part + 1) * _part_frames(whole))
    motion = FaceMotion(whole.blendshapes[frames], whole.pose[frames], whole.fps)
    renderer = talker.create_renderer(talker.portrait_for(job.portrait, job.options), job.options)
    drawn = renderer.render(motion)
    if job.options.label:
        drawn = labelled(drawn, renderer.size)
    video = Video(drawn, len(motion), motion.fps, renderer.size)
    write_video(video, out, provenance=Provenance(renderer.name, repr(job.options), made))


def join(job: Job, folder: Path) -> None:
    """Put all parts one after the other, with their sound, in the film's place."""
    place = _place(job, folder)
    motion, _ = _motion(place)
    parts = [_part(place, part) for part in range(_part_count(motion))]
    joined_pictures(parts, place / PICTURES)
    with replaced_when_done(folder / job.out) as scratch:
        with_sound_of(place / SOUND, place / PICTURES, scratch, len(motion) / motion.fps + SOUND_AFTER_S)
        Provenance(chosen(job.options.renderer)).seal(scratch)
    shutil.rmtree(place)


def _place(job: Job, folder: Path) -> Path:
    return folder / f".talker-{job.digest()[:16]}"


def _part(place: Path, part: int) -> Path:
    return place / f"{part:04d}.mp4"


def _part_frames(motion: FaceMotion) -> int:
    return round(PART_S * motion.fps)


def _part_count(motion: FaceMotion) -> int:
    return math.ceil(len(motion) / _part_frames(motion))


def _motion(place: Path) -> tuple[FaceMotion, int]:
    """The whole film's motion, and when (s since 1970) it was composed, which all parts' invisible marks say."""
    with np.load(place / MOTION, allow_pickle=False) as kept:
        return FaceMotion(kept["blendshapes"], kept["pose"], float(kept["fps"])), int(kept["made"])
