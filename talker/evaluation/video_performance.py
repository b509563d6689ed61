"""Dubbed films against the new sound's own lips, and driven portraits against the film that drives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
# pairs of landmarks whose distance tells what a group of channels does, in face widths
DISTANCES = {
    "lips": ((13, 14),),
    "mouth width": ((61, 291),),
    "lids": ((159, 145), (386, 374)),
    "brows": ((105, 33), (334, 263), (107, 133), (336, 362)),
}
GAZE = ((468, 33, 133), (473, 362, 263))  # iris, and the eye's corners on the picture's left and right
LEAST_GAZE = 0.03  # of the eye's width, likewise
LEAST_SPREAD = 0.003  # face widths, standard deviation: what hardly moves in a film is the detector's noise


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
    """Distances that are seen on the driven portrait against those of the film, each about its own mean."""
    motion = carried_over(tracked, portrait, "relative")
    part = FaceMotion(motion.blendshapes[:FRAMES], motion.pose[:FRAMES], motion.fps)
    drawn = list(talker.create_renderer(portrait, SIZE).render(part))
    seen = track_frames(drawn, len(drawn), tracked.fps).landmarks
    filmed = tracked.track.landmarks[: len(drawn)]
    gazes = _gaze(seen), _gaze(filmed)
    if gazes[1].std() > LEAST_GAZE:
        record.add("drive/expression_r", float(np.corrcoef(*gazes)[0, 1]), "gaze")
    for name, pairs in DISTANCES.items():
        both = [(_distances(seen, pair), _distances(filmed, pair)) for pair in pairs]
        moving = [pair for pair in both if pair[1].std() > LEAST_SPREAD]
        if moving:
            record.add("drive/expression_r", [float(np.corrcoef(*pair)[0, 1]) for pair in moving], name)


def _distances(landmarks: FloatArray, pair: tuple[int, int]) -> FloatArray:
    """[T] face widths between two of the `landmarks` [T,478,3], in space: turning the head does not change them."""
    apart = np.linalg.norm(landmarks[:, pair[0]] - landmarks[:, pair[1]], axis=1)
    return apart / np.ptp(landmarks[:, :468, 0], axis=1).mean()


def _gaze(landmarks: FloatArray) -> FloatArray:
    """[T] where the irises lie between the corners of the eyes of `landmarks` [T,478,3], 0..1, mean of both eyes."""
    places = []
    for iris, left, right in GAZE:
        across = landmarks[:, right, :2] - landmarks[:, left, :2]
        along = ((landmarks[:, iris, :2] - landmarks[:, left, :2]) * across).sum(1)
        places.append(along / (across**2).sum(1))
    return np.mean(places, axis=0)
