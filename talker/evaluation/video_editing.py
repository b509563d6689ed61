"""Talking films that are edited, dubbed and carried over, measured on filmed people that nothing was tuned on.

An edited film is compared with the film that it was made from: what should change must, what should stay must, both
before the mark and the encoder.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from talker.errors import FaceError, TalkerError
from talker.evaluation.emotion_metrics import JUDGED_FRAMES, judge
from talker.evaluation.expression_classifier import Prediction
from talker.evaluation.metrics import Recorder
from talker.evaluation.recognition import SAME_PERSON, FaceRecogniser, distance
from talker.face.landmarks import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from talker.face.tracked_video import TrackedVideo
from talker.face.tracking import FaceTrack, track_frames
from talker.options import SpeakOptions, VideoOptions
from talker.pipeline import Talker
from talker.render.video_renderer import VideoRenderer
from talker.speech.analysis import SpeechAnalysis
from talker.types import BoolArray, ByteArray, FloatArray

FILMS = ("talking/mead/*_neutral_*.mp4", "talking/speech/*.mp4")
FRAMES = 100  # of each film
EMOTIONS = ("happy", "sad", "angry", "surprised", "fear", "disgusted")
LITTLE = 0.02  # strength that must hardly show
CLOSED, OPEN = 0.008, 0.02  # lip opening (face widths) that counts as closed in the film, and as opened in the edit
UPPER_LIP, LOWER_LIP = 13, 14  # the middles of the inner lips among the landmarks
NOSE_BASE = 2
MOVING = (LIPS, LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, INNER_LIPS)


def run(data: Path, record: Recorder) -> None:
    """Edit each film to each emotion, and compare."""
    talker = Talker()
    recogniser = FaceRecogniser()
    for path in sorted(film for pattern in FILMS for film in data.glob(pattern)):
        try:
            tracked = talker.track_video(path, VideoOptions())
        except TalkerError as error:
            record.note(f"{path.name} is left out: {error}")
            continue
        edit_all(talker, tracked, talker.sound_of(path), recogniser, record)
    record.note(f"At most {FRAMES} frames of each film. Before mark and encoder.")


def edit_all(
    talker: Talker,
    tracked: TrackedVideo,
    speech: SpeechAnalysis | None,
    recogniser: FaceRecogniser,
    record: Recorder,
) -> None:
    """Record what each emotion does to the first frames of one film."""
    count = min(FRAMES, len(tracked))
    numbers = np.arange(count)
    filmed = [image for _, image in zip(numbers, tracked.reader, strict=False)]
    renderer = VideoRenderer(tracked, SpeakOptions())
    before = openings(tracked.track.landmarks[:count])
    places = tracked.track.landmarks[:count]
    stills = _still_parts(filmed, places)
    own = [recogniser.embed(filmed[index], places[index]) for index in range(0, count, 10)]
    read_before = _read(filmed, places)
    for label in EMOTIONS:
        for strength in (0.0, LITTLE, 1.0):
            face = talker.edited_face(tracked, label, VideoOptions(strength=strength), speech)[0][:count]
            drawn = list(renderer.render(face, numbers))
            if strength < 1.0:
                name = "edit/unchanged" if strength == 0.0 else "edit/hardly_changed"
                record.add(name, [_psnr(*pair) for pair in zip(drawn, filmed, strict=True)], label)
                continue
            track = _tracked(drawn, tracked.fps)
            _record_lips(before, openings(track.landmarks), label, record)
            changed = _read(drawn, track.landmarks)
            gain = changed.log_probability(label) - read_before.log_probability(label)
            record.add("edit/gained", float(gain > 0), label)
            record.add("edit/hit", float(changed.reads_as(label)), label)
            apart = [
                distance(recogniser.embed(drawn[index], track.landmarks[index]), known)
                for index, known in zip(range(0, count, 10), own, strict=True)
            ]
            record.add("edit/same_person", [float(one < SAME_PERSON) for one in apart], label)
            still = [one & other for one, other in zip(stills, _still_parts(drawn, track.landmarks), strict=True)]
            record.add("edit/flicker", _flicker(drawn, still) / max(_flicker(filmed, still), 1e-6), label)


def openings(landmarks: FloatArray) -> FloatArray:
    """[T] face widths between the middles of the inner lips of `landmarks` [T,478,3]."""
    gap = np.linalg.norm(landmarks[:, UPPER_LIP, :2] - landmarks[:, LOWER_LIP, :2], axis=1)
    return gap / np.ptp(landmarks[:, :468, 0], axis=1)


def _record_lips(before: FloatArray, after: FloatArray, label: str, record: Recorder) -> None:
    record.add("edit/opening_r", float(np.corrcoef(before, after)[0, 1]), label)
    closed = before < CLOSED
    if closed.any():
        record.add("edit/closures_kept", [float(one < OPEN) for one in after[closed]], label)


def _read(frames: list[ByteArray], landmarks: FloatArray) -> Prediction:
    """What the judge reads in evenly spread frames."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, JUDGED_FRAMES).round().astype(int))
    return Prediction.mean([judge().judge(frames[index], landmarks[index]) for index in chosen])


def _tracked(frames: list[ByteArray], fps: float) -> FaceTrack:
    try:
        return track_frames(frames, len(frames), fps)
    except FaceError as error:
        raise FaceError(f"No face is left in the edited film: {error}") from error


def _psnr(one: ByteArray, other: ByteArray) -> float:
    """78 dB where nothing differs."""
    error = float(np.mean((one.astype(np.float32) - other) ** 2))
    return 10 * np.log10(255.0**2 / max(error, 1e-3))


def _still_parts(frames: list[ByteArray], landmarks: FloatArray) -> list[BoolArray]:
    """Per frame [H,W] of bool: forehead, nose and upper cheeks, without what talks, looks and frowns."""
    parts = []
    for image, points in zip(frames, landmarks[..., :2], strict=True):
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), 1)
        moving = np.zeros_like(mask)
        for group in MOVING:
            cv2.fillConvexPoly(moving, cv2.convexHull(points[list(group)].astype(np.int32)), 1)
        reach = max(3, round(0.06 * float(np.ptp(points[:, 0])))) | 1
        mask[int(points[NOSE_BASE, 1]) :] = 0  # cheeks and chin below go with the jaw
        parts.append((mask > 0) & (cv2.dilate(moving, np.ones((reach, reach), np.uint8)) == 0))
    return parts


def _flicker(frames: list[ByteArray], parts: list[BoolArray]) -> float:
    """Mean change (levels) from frame to frame in the given parts [H,W] of bool."""
    changes = []
    for before, after, part in zip(frames, frames[1:], parts[1:], strict=False):
        changes.append(float(np.abs(after.astype(np.float32) - before)[part].mean()))
    return float(np.mean(changes))
