"""Finding faces and their 478 landmarks with MediaPipe's face landmarker, whatever the size of picture and face.

The landmarker's own face finder sees the whole picture shrunk to 128 px, so it misses small faces and faces that fill
the frame. Pictures are therefore looked at through several views (whole, with a border, in overlapping tiles), and each
face found is measured again in upright crops of a good size, whose mean halves the noise of one look.
"""

from __future__ import annotations

import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.components.containers.category import Category

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.face.landmarks import EYE_CORNERS
from talker.types import ByteArray, FloatArray
from talker.weights import store

VIEW_SIDE = 512  # px, of the longer side of what the landmarker is shown
CROP_SCALES = (1.5, 2.0, 2.5)  # sides of the crops for the second look, in sides of the landmarks' bounding box
TILE_LEVELS = (2, 4)  # tiles of half and of a quarter of the picture
MOST_FACES = 8


@dataclass(frozen=True)
class DetectedFace:
    """landmarks: [478,3] px of the picture, z in the same unit (negative towards the viewer).

    blendshapes: [52] the detector's own scores in `BLENDSHAPE_NAMES` order (0 where it has none).
    """

    landmarks: FloatArray
    blendshapes: FloatArray

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the landmarks, px."""
        left, top = self.landmarks[:, :2].min(axis=0)
        right, bottom = self.landmarks[:, :2].max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def size(self) -> float:
        """Longer side of the box, px."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def centre(self) -> FloatArray:
        """[2] middle of the box, px."""
        left, top, right, bottom = self.box
        return np.array([(left + right) / 2, (top + bottom) / 2])

    @property
    def roll(self) -> float:
        """Angle of the line through the eye corners in the picture (rad, clockwise positive)."""
        x, y = (self.landmarks[EYE_CORNERS[1]] - self.landmarks[EYE_CORNERS[0]])[:2]
        return float(np.arctan2(y, x))


@dataclass(frozen=True)
class View:
    """A square or rectangular look at a picture: `scale` and turn (`angle`, rad) about `centre`, drawn `size` px."""

    centre: FloatArray
    scale: float
    size: tuple[int, int]
    angle: float = 0.0

    @classmethod
    def square(cls, centre: FloatArray, side: float, angle: float = 0.0, pixels: int = VIEW_SIDE) -> View:
        """A look at a square of `side` px of the picture, drawn with `pixels` a side."""
        return cls(np.asarray(centre, np.float64), pixels / side, (pixels, pixels), angle)

    @property
    def _turn(self) -> FloatArray:
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, sine], [-sine, cosine]])  # picture to view

    def draw(self, image: ByteArray) -> ByteArray:
        """What the view shows; beyond the picture's border its edge is repeated."""
        shrink = 0.5 / self.scale
        if shrink > 1.0:  # blur first, or shrinking a large picture leaves jagged edges
            factor = int(shrink)
            reduced = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
            steps = np.array([reduced.shape[1] / image.shape[1], reduced.shape[0] / image.shape[0]])
        else:
            reduced, steps = image, np.ones(2)
        linear = self.scale * self._turn / steps  # [2,2] reduced px to view px
        # pixel centres lie at whole numbers in both pictures
        middle = (self.centre + 0.5) * steps - 0.5
        offset = (np.array(self.size) - 1) / 2 - linear @ middle
        return cv2.warpAffine(
            reduced,
            np.column_stack([linear, offset]),
            self.size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def from_picture(self, points: FloatArray) -> FloatArray:
        """[N,2] points of the picture (px) in px of the view."""
        centred = self.scale * (points - self.centre) @ self._turn.T
        return centred + (np.array(self.size) - 1) / 2

    def to_picture(self, points: FloatArray) -> FloatArray:
        """[N,3] points of the view in px of the picture; z keeps its meaning."""
        centred = (points[:, :2] - (np.array(self.size) - 1) / 2) / self.scale
        return np.column_stack([centred @ self._turn + self.centre, points[:, 2] / self.scale])


class Closing(ABC):
    """Something that is closed when its `with` ends."""

    @abstractmethod
    def close(self) -> None:
        """Free what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Landmarker(Closing):
    """MediaPipe's face landmarker on one picture after the other; close it, or use it in a `with`.

    video: follow the face from frame to frame (steadier, but it lags: see `talker.face.tracking`).
    """

    def __init__(self, *, video: bool = False, faces: int = 1, asset: Path | None = None) -> None:
        mode = vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(asset or store.fetch("face_landmarker"))),
            running_mode=mode,
            num_faces=faces,
            output_face_blendshapes=True,
        )
        self._video = video
        self._found_any = False
        with _quiet_native_logs():
            self._task = vision.FaceLandmarker.create_from_options(options)

    def close(self) -> None:
        """Free the native graph."""
        self._task.close()

    def look(self, image: ByteArray, time_ms: int = 0) -> list[DetectedFace]:
        """The faces in `image` [H,W,3] as it is; `time_ms` must rise from call to call in video mode."""
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        if self._found_any:
            result = self._run(picture, time_ms)
        else:  # the networks are built, and warn, when the first face comes
            with _quiet_native_logs():
                result = self._run(picture, time_ms)
        self._found_any = self._found_any or bool(result.face_landmarks)
        height, width = image.shape[:2]
        scale = np.array([width, height, width], np.float64)
        return [
            DetectedFace(
                np.array([[point.x, point.y, point.z] for point in points]) * scale - [0.5, 0.5, 0.0],
                _in_arkit_order(scores),
            )
            for points, scores in zip(result.face_landmarks, result.face_blendshapes, strict=True)
        ]

    def _run(self, picture: mediapipe.Image, time_ms: int) -> vision.FaceLandmarkerResult:
        return self._task.detect_for_video(picture, time_ms) if self._video else self._task.detect(picture)


class FaceDetector(Closing):
    """All faces of a picture, largest first; close it, or use it in a `with`."""

    def __init__(self, asset: Path | None = None) -> None:
        self._landmarker = Landmarker(faces=MOST_FACES, asset=asset)

    def close(self) -> None:
        """Free the native graph."""
        self._landmarker.close()

    def detect(self, image: ByteArray) -> list[DetectedFace]:
        """Faces of `image` [H,W,3] RGB of any size, largest first; empty when there are none."""
        found: list[DetectedFace] = []
        for views in _search(image.shape[1], image.shape[0]):
            for view in views:
                for rough in self._look_through(view, image):
                    if not any(_same(rough, known) for known in found):
                        refined = self.refine(image, rough)
                        if refined is not None and not any(_same(refined, known) for known in found):
                            found.append(refined)
            if found:
                break
        return sorted(found, key=lambda face: -face.size)

    def refine(self, image: ByteArray, rough: DetectedFace) -> DetectedFace | None:
        """The mean of looks at upright crops around a face; None when they don't show one."""
        looks = []
        for scale in CROP_SCALES:
            view = View.square(rough.centre, scale * rough.size, rough.roll)
            near = [face for face in self._look_through(view, image) if _same(face, rough)]
            if near:
                looks.append(min(near, key=lambda face: float(np.linalg.norm(face.centre - rough.centre))))
        if not looks:
            return None
        return DetectedFace(
            np.mean([face.landmarks for face in looks], axis=0), np.mean([face.blendshapes for face in looks], axis=0)
        )

    def _look_through(self, view: View, image: ByteArray) -> list[DetectedFace]:
        faces = self._landmarker.look(view.draw(image))
        return [DetectedFace(view.to_picture(face.landmarks), face.blendshapes) for face in faces]


def _search(width: int, height: int) -> Iterator[list[View]]:
    """Views of a picture in the order of trying them; the next list is only for pictures where the last found none."""
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    longer, shorter = max(width, height), min(width, height)
    whole = [View.square(middle, factor * longer) for factor in (1.0, 2.0)]
    yield whole + _tiles(width, height, shorter) + _tiles(width, height, longer / TILE_LEVELS[0])
    yield [View.square(middle, 3.0 * longer), *_tiles(width, height, longer / TILE_LEVELS[1])]
    yield [View.square(middle, longer, np.pi * quarter / 2) for quarter in (1, 2, 3)]


def _tiles(width: int, height: int, side: float) -> list[View]:
    """Squares of `side` px that cover a picture and overlap by half or more."""
    columns, rows = (int(np.ceil(2 * (length - side) / side)) + 1 if length > side else 1 for length in (width, height))
    return [
        View.square(np.array([x, y]), side)
        for y in np.linspace(min(side, height) / 2, height - min(side, height) / 2, rows)
        for x in np.linspace(min(side, width) / 2, width - min(side, width) / 2, columns)
    ]


def _same(one: DetectedFace, other: DetectedFace) -> bool:
    """Whether two detections are of one face."""
    distance = float(np.linalg.norm(one.centre - other.centre))
    return distance < 0.4 * max(one.size, other.size)


def _in_arkit_order(scores: list[Category]) -> FloatArray:
    """[52] scores in `BLENDSHAPE_NAMES` order."""
    row = np.zeros(BLENDSHAPE_COUNT, np.float32)
    for score in scores:
        if score.category_name in BLENDSHAPE_INDEX:
            row[BLENDSHAPE_INDEX[score.category_name]] = score.score
    return row


_STDERR = threading.RLock()


@contextmanager
def _quiet_native_logs() -> Iterator[None]:
    """Keep MediaPipe's native start-up messages, which no setting silences, off the terminal."""
    with _STDERR:
        sys.stderr.flush()
        saved = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
