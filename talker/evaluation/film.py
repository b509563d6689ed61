"""A film as the instruments see it: frames, landmarks, scores and sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.errors import FaceError, TalkerError
from talker.face.detector import DetectedFace, FaceDetector, Landmarker
from talker.face.tracking import track_video
from talker.media.audio import load_speech
from talker.media.video_reader import open_video
from talker.types import ByteArray, FloatArray, Portrait, SpeechClip


@dataclass(frozen=True)
class Film:
    """T frames [H,W,3] with landmarks [T,478,3] px and the detector's scores [T,52]; NaN where no face was seen.

    fps: frames per second. lag_s: by how much the picture leads the sound. speech: the sound, where it is known.
    """

    frames: Sequence[ByteArray]
    landmarks: FloatArray
    scores: FloatArray
    fps: float
    speech: SpeechClip | None = None
    lag_s: float = 0.0

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def time(self) -> FloatArray:
        """[T] on the sound's clock (s)."""
        return np.arange(len(self)) / self.fps + self.lag_s

    @property
    def face_width(self) -> float:
        """Mean width of the face's box (px)."""
        return float(np.nanmean(np.ptp(self.landmarks[..., 0], axis=1)))

    @classmethod
    def of(cls, path: str | Path, sound: str | Path | None = None, *, rate_hz: float | None = None) -> Film:
        """A film file, tracked, with its sound (its own by default) where it has some.

        rate_hz: about how many frames a second are kept; all when None. Raises VideoError or FaceError.
        """
        track = track_video(path)
        try:
            speech: SpeechClip | None = load_speech(sound or path)
        except TalkerError:  # a silent film
            speech = None
        step = 1 if rate_hz is None else max(1, round(track.fps / rate_hz))
        frames = [image for number, image in enumerate(open_video(path)) if number % step == 0]
        landmarks = np.where(track.detected[:, None, None], track.landmarks, np.nan)[::step]
        return cls(frames, landmarks, track.scores[::step], track.fps / step, speech)

    @classmethod
    def seen(cls, frames: Sequence[ByteArray], fps: float, speech: SpeechClip | None = None) -> Film:
        """Drawn frames of a face that moves little, looked at one by one. Raises FaceError when none shows a face."""
        with Landmarker() as landmarker:
            faces = [next(iter(landmarker.look(frame)), None) for frame in frames]
        return cls._from_faces(frames, faces, fps, speech)

    @classmethod
    def seen_near(cls, frames: Sequence[ByteArray], near: FloatArray, fps: float, detector: FaceDetector) -> Film:
        """Frames whose faces lie about where `near` [T,478,3] says; each is the mean of several looks."""
        faces = [find_near(detector, frame, places) for frame, places in zip(frames, near, strict=True)]
        return cls._from_faces(frames, faces, fps, None)

    @classmethod
    def still(cls, portrait: Portrait, frames: int, fps: float) -> Film:
        """A film in which nothing moves, for what is compared with the portrait itself."""
        landmarks = np.repeat(portrait.landmarks[None], frames, axis=0)
        scores = np.repeat(portrait.detected_blendshapes[None], frames, axis=0)
        return cls([portrait.image] * frames, landmarks, scores, fps)

    @classmethod
    def _from_faces(
        cls, frames: Sequence[ByteArray], faces: Sequence[DetectedFace | None], fps: float, speech: SpeechClip | None
    ) -> Film:
        known = next((face for face in faces if face is not None), None)
        if known is None:
            raise FaceError("No frame of the film shows a face.")
        nothing = DetectedFace(np.full_like(known.landmarks, np.nan), np.full(BLENDSHAPE_COUNT, np.nan))
        found = [face or nothing for face in faces]
        landmarks, scores = (np.stack([getattr(face, name) for face in found]) for name in ("landmarks", "blendshapes"))
        return cls(frames, landmarks, scores, fps, speech)

    def part(self, part: slice) -> Film:
        """Some of the frames, without sound."""
        return Film(self.frames[part], self.landmarks[part], self.scores[part], self.fps)

    def first(self, count: int) -> Film:
        """The first frames, with the sound."""
        part = slice(0, count)
        kept = self.frames[part], self.landmarks[part], self.scores[part]
        return Film(*kept, self.fps, self.speech, self.lag_s)

    def with_speech(self, speech: SpeechClip | None) -> Film:
        """The same film with another sound."""
        return dataclasses.replace(self, speech=speech)


def find_near(detector: FaceDetector, picture: ByteArray, landmarks: FloatArray) -> DetectedFace | None:
    """The face that lies about where `landmarks` [478,3] are; much faster than searching the whole picture."""
    return detector.refine(picture, DetectedFace(landmarks, np.zeros(BLENDSHAPE_COUNT, np.float32)))
