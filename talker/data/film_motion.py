"""A film that its own motion can be drawn for: its most neutral frame as a portrait, and what the renderer is to do.

The motion is tracked by landmarks and refined, frame by frame, by what of the real frame the drawn one misses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from talker.emotion.model import emotion_model
from talker.face.detector import DetectedFace
from talker.face.tracking import FaceTrack, track_video
from talker.media.video_reader import open_video
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.own_expression import to_relative_expression
from talker.render.photometric import PhotometricFit
from talker.types import BoolArray, ByteArray, FaceMotion, FloatArray, Portrait


class Frame(NamedTuple):
    """What is to be drawn (blendshapes [52], pose [6]), how that face reads [8], the camera's image [H,W,3] of it and
    its number in the film.
    """

    blendshapes: FloatArray
    pose: FloatArray
    emotion_probabilities: FloatArray
    image: ByteArray
    number: int = 0


def every(step: int) -> Callable[[int], bool]:
    """Whether a frame's number is one of every `step`-th."""
    return lambda number: number % step == 0


@dataclass(frozen=True)
class Reenactment:
    """A tracked film of T frames.

    portrait: frame number `start`. motion: of the whole film in the renderer's terms, as its landmarks say.
    landmarks: [T,478,3] px. detected: [T] whether the face was seen.
    """

    path: Path
    portrait: Portrait
    start: int
    motion: FaceMotion
    landmarks: FloatArray
    detected: BoolArray

    @classmethod
    def of(cls, path: Path) -> Reenactment:
        """Track a film. Raises VideoError when it can't be read, FaceError when it shows no face."""
        track = track_video(path)
        start = most_neutral(track)
        image = next(image for number, image in enumerate(open_video(path)) if number == start)
        portrait = portrait_of(track, start, image)
        measured = track.motion(start)
        asked = np.stack([to_relative_expression(row, portrait.source_expression) for row in measured.blendshapes])
        motion = FaceMotion(asked, measured.pose, measured.fps, read_faces(track.landmarks, track.scores))
        return cls(path, portrait, start, motion, track.landmarks, track.detected)

    def frames(self, wanted: Callable[[int], bool], renderer: GeometryRenderer) -> Iterator[Frame]:
        """The frames whose number is `wanted` and that show the face, without the portrait itself.

        renderer: of the portrait, as large as it is.
        """
        fit = PhotometricFit(renderer)
        emotion_probabilities = self.motion.emotion_probabilities
        assert emotion_probabilities is not None
        for index, image in enumerate(open_video(self.path)):
            if wanted(index) and index != self.start and self.detected[index]:
                motion = fit.refine(image, self.motion.blendshapes[index], self.motion.pose[index])
                yield Frame(*motion, emotion_probabilities[index], image, index)


def read_faces(landmarks: FloatArray, scores: FloatArray) -> FloatArray:
    """How faces read [T,8], of landmarks [T,478,3] and the detector's scores [T,52]."""
    space = emotion_model().space
    return space.read(space.place_picture(landmarks, scores)).probabilities


def most_neutral(track: FaceTrack) -> int:
    """The frame with the least expression among those that face the camera best."""
    turn = np.linalg.norm(track.fit.rotation, axis=1)
    effort = np.abs(track.fit.expression).sum(axis=1) + 2.0 * (turn - turn.min()) + 1e3 * ~track.detected
    return int(np.argmin(effort))


def portrait_of(track: FaceTrack, index: int, image: ByteArray) -> Portrait:
    """One frame of a tracked film as a portrait."""
    face = DetectedFace(track.landmarks[index], track.scores[index])
    return Portrait(image, face.landmarks, track.fit.frame(index), face.blendshapes, face.box)
