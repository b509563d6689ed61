"""Dubbed films against the new sound's own lips, and driven portraits against the film that drives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_NAMES
from talker.data.portraits import reported_portraits
from talker.errors import TalkerError
from talker.evaluation.metrics import Recorder
from talker.evaluation.portraits import spread
from talker.evaluation.video_editing import FILMS, openings
from talker.face.tracked_video import TrackedVideo
from talker.face.tracking import track_frames
from talker.motion.editing import carried_over
from talker.motion.lips import LipGeometry
from talker.options import SpeakOptions, VideoOptions
from talker.pipeline import Talker
from talker.render.video_renderer import VideoRenderer
from talker.speech.analysis import SpeechAnalysis
from talker.types import FaceMotion, FloatArray, Portrait

SENTENCE = "Please remember my mother's big umbrella, it may be a very wet afternoon."
FRAMES = 90  # of each film
SIZE = SpeakOptions(size="crop512")
# channels that move as one for whoever looks
GROUPS = {
    "brows": ("brow",), "lids": ("eyeBlink", "eyeSquint", "eyeWide"), "gaze": ("eyeLook",), "jaw": ("jaw",),
    "smile": ("mouthSmile", "mouthFrown"), "lips": ("mouthPucker", "mouthFunnel", "mouthUpperUp", "mouthLowerDown"),
}  # fmt: skip
LEAST_SPREAD = 0.03  # standard deviation: what hardly moves in a film tells nothing


def run(data: Path, record: Recorder) -> None:
    """Each film with other words, and each film driving a portrait."""
    talker = Talker()
    speech = talker.load_speech(text=SENTENCE)
    films = sorted(film for pattern in FILMS for film in data.glob(pattern))
    people = spread(reported_portraits(data), len(films))
    for path, person in zip(films, people, strict=False):
        try:
            tracked = talker.track_video(path, VideoOptions())
            portrait = talker.analyze_portrait(person)
        except TalkerError as error:
            record.note(f"{path.name} or {person.name} is left out: {error}")
            continue
        dub(talker, tracked, speech, record)
        drive(talker, tracked, portrait, record)
    record.note(f"At most {FRAMES} frames of each film. Dubbed with: {SENTENCE}")


def dub(talker: Talker, tracked: TrackedVideo, speech: SpeechAnalysis, record: Recorder) -> None:
    """Lip opening of a dubbed film against the prediction for its new sound, and against the old film's lips."""
    face, numbers, _, _ = talker.dubbed_face(tracked, speech, None, VideoOptions())
    face, numbers = face[:FRAMES], numbers[:FRAMES]
    drawn = list(VideoRenderer(tracked, SpeakOptions()).render(face, numbers))
    seen = openings(track_frames(drawn, len(drawn), tracked.fps).landmarks)
    wanted = talker.components.speech_motion(speech, SpeakOptions(fps=tracked.fps)).blendshapes[: len(drawn)]
    record.add("dub/opening_r", float(np.corrcoef(seen, LipGeometry.load().opening_of(wanted))[0, 1]))
    old = openings(tracked.track.landmarks)[numbers]
    record.add("dub/old_r", float(np.corrcoef(seen, old)[0, 1]))


def drive(talker: Talker, tracked: TrackedVideo, portrait: Portrait, record: Recorder) -> None:
    """Expressions that are seen on the driven portrait against those of the film, each relative to its own mean."""
    motion = carried_over(tracked, portrait, "relative")
    part = FaceMotion(motion.blendshapes[:FRAMES], motion.pose[:FRAMES], motion.fps)
    drawn = list(talker.create_renderer(portrait, SIZE).render(part))
    seen = track_frames(drawn, len(drawn), tracked.fps).fit.expression
    filmed = tracked.expressions[: len(drawn)]
    for name, starts in GROUPS.items():
        rows = [row for row, channel in enumerate(BLENDSHAPE_NAMES) if channel.startswith(starts)]
        moving = [row for row in rows if filmed[:, row].std() > LEAST_SPREAD]
        if moving:
            record.add("drive/expression_r", _correlation(seen[:, moving], filmed[:, moving]), name)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Pearson's r of all channels together, each relative to its mean."""
    one, other = one - one.mean(0), other - other.mean(0)
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
