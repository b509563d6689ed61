"""One face through a film: landmarks, expression and head pose of every frame.

MediaPipe's video mode is four times steadier than single pictures, but lags behind and flattens the mouth; the mean of
a pass forwards and a pass backwards does neither. Frames are streamed: only crops around the face are held, a few
seconds of them at a time. Tracks of files are kept in the cache, found again by the file's content.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.breaks import take_break
from talker.errors import FaceError, InputError
from talker.face.camera import relative_poses
from talker.face.detector import Landmarker, View
from talker.face.fit import SequenceFit, fit_sequence
from talker.face.person import LARGEST, LOOK_EVERY, NO_FACE, FaceChoice, PersonPath, find_person
from talker.files import load_arrays, replaced_when_done
from talker.media.video_reader import open_video
from talker.types import LANDMARK_COUNT, BoolArray, ByteArray, FaceMotion, FloatArray, Progress
from talker.weights import store

CHUNK = 200  # frames tracked at a time
WARM_UP = 15  # frames before (or, backwards, after) a chunk that let the tracker settle
CROP_MARGIN = 1.9  # side of the crop in sides of the face's box
CROP_PIXELS = 384
ELSEWHERE = 0.6  # face sizes from where the person was looked for: a face found there is someone else's
CACHE_VERSION = 2
_STRANGERS: list[Path] = []  # folders with films that must leave nothing behind


@dataclass(frozen=True)
class FaceTrack:
    """A face over T frames.

    landmarks: [T,478,3] px, z in the same unit; where the face was not seen, interpolated.
    detected: [T] whether it was seen.
    scores: [T,52] the detector's own blendshapes.
    fit: the face model on each frame, with one identity.
    fps: frames per second. size: (width, height) px.
    model: which face model was fitted (a digest of its weights).
    shots: first frames of the film's shots. people: the most faces that one frame was seen to hold.
    """

    landmarks: FloatArray
    detected: BoolArray
    scores: FloatArray
    fit: SequenceFit
    fps: float
    size: tuple[int, int]
    model: str = ""
    shots: tuple[int, ...] = (0,)
    people: int = 1

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
                shots=np.array(self.shots),
                people=np.array(self.people),
                **fit,
            )

    @classmethod
    def load(cls, path: Path) -> FaceTrack:
        """Read what `save` wrote."""
        data = load_arrays(path, "track")
        fit = SequenceFit(**{part.name: data[f"fit_{part.name}"] for part in dataclasses.fields(SequenceFit)})
        width, height = (int(side) for side in data["size"])
        landmarks, detected, scores = data["landmarks"], data["detected"], data["scores"]
        shots = tuple(int(first) for first in data.get("shots", np.zeros(1)))
        people, model = int(data.get("people", np.ones(()))), str(data["model"])
        return cls(landmarks, detected, scores, fit, float(data["fps"]), (width, height), model, shots, people)


def track_video(
    path: str | Path,
    *,
    fps: float | None = None,
    choice: FaceChoice = LARGEST,
    quarter_turns: int = 0,
    progress: Progress | None = None,
) -> FaceTrack:
    """One face in a video file, the largest if nothing else is chosen; from the cache when it was tracked before.

    fps: rate to which the frames are brought first; its own when None. quarter_turns: counter-clockwise, by which the
    frames are turned first.

    Raises VideoError when the file can't be read, FaceError when it shows no face.
    """
    video = open_video(path, fps=fps).turned(quarter_turns)
    kept = _track_folder(Path(path)) / f"{_content_key(Path(path), video.fps, choice, quarter_turns)}.npz"
    track = from_cache(kept)
    if track is not None:
        return track
    try:
        track = track_frames(video, video.frame_count, video.fps, choice=choice, progress=progress)
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
    frames: Iterable[ByteArray],
    frame_count: int,
    fps: float,
    *,
    choice: FaceChoice = LARGEST,
    progress: Progress | None = None,
) -> FaceTrack:
    """One face in `frames` [H,W,3], which must be iterable twice (a list, a VideoReader).

    Raises FaceError when no frame shows such a face.
    """
    report = _Report(progress, 2 * frame_count)
    path = find_person(frames, fps, choice, report.step)
    landmarks = np.full((frame_count, LANDMARK_COUNT, 3), np.nan, np.float32)
    scores = np.full((frame_count, BLENDSHAPE_COUNT), np.nan, np.float32)
    for piece, crops in _pieces(frames, path, frame_count, report):
        places, values = _both_ways(crops, fps)
        own = slice(piece.start - piece.first, piece.end - piece.first)
        flat = np.array([piece.view.to_picture(place) for place in places[own]])
        elsewhere = np.linalg.norm(flat.mean(1)[:, :2] - piece.centres, axis=1) > ELSEWHERE * piece.sides
        flat[elsewhere] = np.nan
        landmarks[piece.start : piece.end], scores[piece.start : piece.end] = flat, values[own]
    detected = np.isfinite(landmarks[:, 0, 0])
    if not detected.any():
        raise FaceError(NO_FACE)
    landmarks, scores = fill_gaps(landmarks, detected), fill_gaps(scores, detected)
    fit = fit_sequence(landmarks)
    return FaceTrack(landmarks, detected, scores, fit, fps, path.size, face_model_key(), path.shots, path.people)


class _Report:
    """Counts frames for the caller's progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def step(self) -> None:
        self._done = min(self._done + 1, self._total)
        if self._progress is not None:
            self._progress(self._done, self._total)
        take_break()


@dataclass(frozen=True)
class _Piece:
    """A part of one shot, frames `start` to `end`, seen through one view from `first` to `last` so that it warms up.

    centres: [N,2] px and sides: [N] px, about where the face is in each frame of the part.
    """

    start: int
    end: int
    first: int
    last: int
    view: View
    centres: FloatArray
    sides: FloatArray

    @classmethod
    def of(cls, path: PersonPath, start: int, end: int, shot: tuple[int, int]) -> _Piece | None:
        """None where the person isn't in that shot. shot: its first frame, and the one after its last."""
        rows = path.rows[(path.rows[:, 0] >= shot[0]) & (path.rows[:, 0] < shot[1])]
        if not len(rows):
            return None
        first, last = max(shot[0], start - WARM_UP), min(shot[1], end + WARM_UP)
        near = rows[(rows[:, 0] >= first - LOOK_EVERY) & (rows[:, 0] <= last + LOOK_EVERY)]
        if not len(near):
            near = rows[[np.abs(rows[:, 0] - start).argmin()]]
        half = near[:, 3:] / 2 * CROP_MARGIN
        low, high = (near[:, 1:3] - half).min(axis=0), (near[:, 1:3] + half).max(axis=0)
        view = View.square((low + high) / 2, float((high - low).max()), path.roll, CROP_PIXELS)
        times = np.arange(start, end)
        x, y, sides = (np.interp(times, rows[:, 0], rows[:, column]) for column in (1, 2, 3))
        return cls(start, end, first, last, view, np.stack([x, y], axis=1), sides)


def _pieces(
    frames: Iterable[ByteArray], path: PersonPath, frame_count: int, report: _Report
) -> Iterator[tuple[_Piece, list[ByteArray]]]:
    """The pieces of the film that show the person, with their crops. Frames are looked at once, in order."""
    waiting: deque[_Piece] = deque()
    for begin, end in zip(path.shots, (*path.shots[1:], frame_count), strict=True):
        parts = ((start, min(start + CHUNK, end)) for start in range(begin, end, CHUNK))
        waiting.extend(piece for part in parts if (piece := _Piece.of(path, *part, (begin, end))) is not None)
    open_pieces: list[tuple[_Piece, list[ByteArray]]] = []
    for index, image in enumerate(frames):
        report.step()
        while waiting and waiting[0].first <= index:
            open_pieces.append((waiting.popleft(), []))
        for piece, crops in open_pieces:
            crops.append(piece.view.draw(image))
        while open_pieces and open_pieces[0][0].last == index + 1:
            yield open_pieces.pop(0)


def _both_ways(crops: list[ByteArray], fps: float) -> tuple[FloatArray, FloatArray]:
    """Landmarks [N,478,3] in crop px and scores [N,52]: the mean of a pass in each direction, NaN where both fail."""
    with ThreadPoolExecutor(2) as pool:
        passes = list(pool.map(_pass, (crops, crops[::-1]), (fps, fps)))
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


def _content_key(path: Path, fps: float, choice: FaceChoice, quarter_turns: int) -> str:
    """Changes with the film's content, the rate, the person and the way of tracking."""
    person = "" if choice.is_largest else f" {choice.index} {choice.point}"
    person += f" turned {quarter_turns}" if quarter_turns else ""
    digest = hashlib.sha256(f"{CACHE_VERSION} {fps:.6f}{person}".encode())
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def face_model_key() -> str:
    """Changes with the face model's weights."""
    return hashlib.sha256((store.checkpoint("face-model") / "model.safetensors").read_bytes()).hexdigest()
