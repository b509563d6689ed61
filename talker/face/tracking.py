"""One face through a film: landmarks, expression and head pose of every frame.

MediaPipe's video mode is four times steadier than single pictures, but lags behind and flattens the mouth; the mean of
a pass forwards and a pass backwards does neither. Frames are streamed: only crops around the face are held, a few
seconds of them at a time. Tracks of files are kept in the cache, found again by the file's content.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.errors import FaceError, InputError
from talker.face.camera import relative_poses
from talker.face.detector import DetectedFace, FaceDetector, Landmarker, View
from talker.face.fit import SequenceFit, fit_sequence
from talker.files import load_arrays, replaced_when_done
from talker.media.video import open_video
from talker.types import LANDMARK_COUNT, BoolArray, ByteArray, FaceMotion, FloatArray, Progress
from talker.weights import store

CHUNK = 200  # frames tracked at a time
WARM_UP = 15  # frames before (or, backwards, after) a chunk that let the tracker settle
LOOK_EVERY = 10  # frames between searches for the face
CROP_MARGIN = 1.9  # side of the crop in sides of the face's box
CROP_PIXELS = 384
CACHE_VERSION = 2
_STRANGERS: list[Path] = []  # folders with films that must leave nothing behind
NO_FACE = "No face was found in the video. Please use one that shows a person from the front."


@dataclass(frozen=True)
class FaceTrack:
    """A face over T frames.

    landmarks: [T,478,3] px, z in the same unit; where the face was not seen, interpolated.
    detected: [T] whether it was seen.
    scores: [T,52] the detector's own blendshapes.
    fit: the face model on each frame, with one identity.
    fps: frames per second. size: (width, height) px.
    model: which face model was fitted (a digest of its weights).
    """

    landmarks: FloatArray
    detected: BoolArray
    scores: FloatArray
    fit: SequenceFit
    fps: float
    size: tuple[int, int]
    model: str = ""

    def __len__(self) -> int:
        return len(self.landmarks)

    def motion(self, reference: int = 0) -> FaceMotion:
        """Expressions as measured, and head poses relative to that of frame `reference`."""
        fit = self.fit
        pose = relative_poses(fit.rotation, fit.translation, fit.scale, fit.frame(reference))
        return FaceMotion(fit.expression.astype(np.float32), pose.astype(np.float32), self.fps)

    def save(self, path: Path) -> None:
        """Write the track as `.npz`."""
        fit = {f"fit_{part.name}": getattr(self.fit, part.name) for part in dataclasses.fields(self.fit)}
        with replaced_when_done(path) as scratch, open(scratch, "wb") as file:
            np.savez_compressed(
                file,
                landmarks=self.landmarks,
                detected=self.detected,
                scores=self.scores,
                fps=np.float64(self.fps),
                size=np.array(self.size),
                model=np.array(self.model),
                **fit,
            )

    @classmethod
    def load(cls, path: Path) -> FaceTrack:
        """Read what `save` wrote."""
        data = load_arrays(path, "track")
        fit = SequenceFit(**{part.name: data[f"fit_{part.name}"] for part in dataclasses.fields(SequenceFit)})
        width, height = (int(side) for side in data["size"])
        landmarks, detected, scores = data["landmarks"], data["detected"], data["scores"]
        return cls(landmarks, detected, scores, fit, float(data["fps"]), (width, height), str(data["model"]))


def track_video(path: str | Path, *, fps: float | None = None, progress: Progress | None = None) -> FaceTrack:
    """The largest face in a video file, from the cache when this content was tracked before.

    fps: rate to which the frames are brought first; its own when None.

    Raises VideoError when the file can't be read, FaceError when it shows no face.
    """
    video = open_video(path, fps=fps)
    kept = _track_folder(Path(path)) / f"{_content_key(Path(path), video.fps)}.npz"
    track = from_cache(kept)
    if track is not None:
        return track
    try:
        track = track_frames(video, video.frame_count, video.fps, progress=progress)
    except FaceError as error:
        raise FaceError(f"{Path(path).name}: {error}") from error
    with contextlib.suppress(OSError):  # a cache that can't be written, or a full disk, only costs time
        track.save(kept)
    return track


def keep_tracks_beside(folder: Path) -> None:
    """Keep the tracks of films that lie in `folder` beside the film, and not in the cache: whoever removes one, removes
    the other.
    """
    _STRANGERS.append(folder.resolve())


def _track_folder(path: Path) -> Path:
    if any(path.resolve().is_relative_to(folder) for folder in _STRANGERS):
        return path.parent
    return store.cache_folder() / "tracks"


def from_cache(kept: Path) -> FaceTrack | None:
    """The track in a cache file, fitted anew where it was fitted with another face model; None without a whole file."""
    if not kept.is_file():
        return None
    try:
        track = FaceTrack.load(kept)
    except (InputError, ValueError, KeyError):
        return None
    if track.model != face_model_key():
        track = dataclasses.replace(track, fit=fit_sequence(track.landmarks), model=face_model_key())
        with contextlib.suppress(OSError):
            track.save(kept)
    return track


def track_frames(
    frames: Iterable[ByteArray], frame_count: int, fps: float, *, progress: Progress | None = None
) -> FaceTrack:
    """The largest face in `frames` [H,W,3], which must be iterable twice (a list, a VideoReader).

    Raises FaceError when no frame shows a face.
    """
    report = _Report(progress, 2 * frame_count)
    boxes, size = _search(frames, report)
    landmarks = np.full((frame_count, LANDMARK_COUNT, 3), np.nan, np.float32)
    scores = np.full((frame_count, BLENDSHAPE_COUNT), np.nan, np.float32)
    for start, view, crops, before in _chunks(frames, boxes, report):
        places, values = _both_ways(crops, fps)
        count = min(CHUNK, len(crops) - before, frame_count - start)
        part = slice(before, before + count)
        flat = [view.to_picture(place) for place in places[part]]
        landmarks[start : start + count], scores[start : start + count] = flat, values[part]
    detected = np.isfinite(landmarks[:, 0, 0])
    if not detected.any():
        raise FaceError(NO_FACE)
    landmarks, scores = fill_gaps(landmarks, detected), fill_gaps(scores, detected)
    return FaceTrack(landmarks, detected, scores, fit_sequence(landmarks), fps, size, face_model_key())


class _Report:
    """Counts frames for the caller's progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def step(self) -> None:
        self._done = min(self._done + 1, self._total)
        if self._progress is not None:
            self._progress(self._done, self._total)


def _search(frames: Iterable[ByteArray], report: _Report) -> tuple[FloatArray, tuple[int, int]]:
    """Rows (frame, x, y, side) of the face where it was looked for, and the film's (width, height)."""
    rows: list[list[float]] = []
    last: DetectedFace | None = None
    size = (0, 0)
    with FaceDetector() as detector:
        for index, image in enumerate(frames):
            report.step()
            if index % LOOK_EVERY:
                continue
            size = (image.shape[1], image.shape[0])
            last = _follow(detector, image, last)
            if last is not None:
                rows.append([index, *last.centre, last.size])
    if not rows:
        raise FaceError(NO_FACE)
    return np.array(rows), size


def _follow(detector: FaceDetector, image: ByteArray, last: DetectedFace | None) -> DetectedFace | None:
    """The same face in a later frame: near where it was, or else the largest one."""
    if last is not None:
        near = detector.refine(image, last)
        if near is not None:
            return near
    faces = detector.detect(image)
    return faces[0] if faces else last


def _chunks(
    frames: Iterable[ByteArray], boxes: FloatArray, report: _Report
) -> Iterator[tuple[int, View, list[ByteArray], int]]:
    """Pieces of the film: first frame, view of the face's surroundings, crops, and how many crops come before it.

    Each piece carries `WARM_UP` crops more on either side. Frames are looked at once, in order.
    """
    pieces: list[tuple[int, View, list[ByteArray]]] = []  # those being filled; they overlap by their warm-ups
    for index, image in enumerate(frames):
        report.step()
        if index == 0:
            pieces.append((0, _surroundings(boxes, 0), []))
        elif (index + WARM_UP) % CHUNK == 0:
            pieces.append((index + WARM_UP, _surroundings(boxes, index + WARM_UP), []))
        for _, view, crops in pieces:
            crops.append(view.draw(image))
        if index + 1 == pieces[0][0] + CHUNK + WARM_UP:
            start, view, crops = pieces.pop(0)
            yield start, view, crops, min(WARM_UP, start)
    for start, view, crops in pieces:
        if len(crops) > min(WARM_UP, start):
            yield start, view, crops, min(WARM_UP, start)


def _surroundings(boxes: FloatArray, start: int) -> View:
    """The square that holds the face during the piece that begins at frame `start`."""
    first, end = start - WARM_UP - LOOK_EVERY, start + CHUNK + WARM_UP + LOOK_EVERY
    near = boxes[(boxes[:, 0] >= first) & (boxes[:, 0] <= end)]
    if not len(near):
        near = boxes[[np.abs(boxes[:, 0] - start).argmin()]]
    half = near[:, 3:] / 2 * CROP_MARGIN
    low, high = (near[:, 1:3] - half).min(axis=0), (near[:, 1:3] + half).max(axis=0)
    return View.square((low + high) / 2, float((high - low).max()), pixels=CROP_PIXELS)


def _both_ways(crops: list[ByteArray], fps: float) -> tuple[FloatArray, FloatArray]:
    """Landmarks [N,478,3] in crop px and scores [N,52]: the mean of a pass in each direction, NaN where both fail."""
    passes = [_pass(crops, fps), _pass(crops[::-1], fps)]
    (forth, forth_scores), (back, back_scores) = passes[0], tuple(part[::-1] for part in passes[1])
    return _mean(forth, back), _mean(forth_scores, back_scores)


def _mean(one: FloatArray, other: FloatArray) -> FloatArray:
    """Mean of what both have; where only one has something, that."""
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, (one + other) / 2))


def _pass(crops: list[ByteArray], fps: float) -> tuple[FloatArray, FloatArray]:
    landmarks = np.full((len(crops), LANDMARK_COUNT, 3), np.nan, np.float32)
    scores = np.full((len(crops), BLENDSHAPE_COUNT), np.nan, np.float32)
    with Landmarker(video=True) as landmarker:
        for index, crop in enumerate(crops):
            faces = landmarker.look(crop, round(index * 1000 / fps))
            if faces:
                landmarks[index], scores[index] = faces[0].landmarks, faces[0].blendshapes
    return landmarks, scores


def fill_gaps(values: FloatArray, known: BoolArray) -> FloatArray:
    """`values` [T,...] with unknown rows interpolated between known ones, held at the ends."""
    if known.all():
        return values
    times = np.arange(len(values))
    nearest_before = np.maximum.accumulate(np.where(known, times, -1))
    nearest_after = np.minimum.accumulate(np.where(known, times, len(values))[::-1])[::-1]
    before = np.where(nearest_before < 0, nearest_after, nearest_before)
    after = np.where(nearest_after >= len(values), nearest_before, nearest_after)
    share = np.where(after > before, (times - before) / np.maximum(after - before, 1), 0.0).astype(np.float32)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[before] * (1 - share) + values[after] * share


def _content_key(path: Path, fps: float) -> str:
    """Changes with the film's content, the rate and the way of tracking."""
    digest = hashlib.sha256(f"{CACHE_VERSION} {fps:.6f}".encode())
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def face_model_key() -> str:
    """Changes with the face model's weights."""
    return hashlib.sha256((store.checkpoint("face-model") / "model.safetensors").read_bytes()).hexdigest()
