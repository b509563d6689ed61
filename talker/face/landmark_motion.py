"""Landmark output: a motion as the moving landmarks of one portrait, for systems that draw from landmarks.

The portrait's measured landmarks are lifted onto the face model's depth, moved as the model moves, and seen by the
portrait's own camera, so at rest they lie exactly where they were measured.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from talker.errors import MotionError
from talker.face.camera import VIEWING_DISTANCE_CM, moved, project_fit, rotation_matrix, unproject
from talker.face.landmarks import MULTI_PIE, MULTI_PIE_LINES, turned_points
from talker.face.model import load_face_model
from talker.files import replaced_when_done
from talker.types import LANDMARK_COUNT, ByteArray, FaceMotion, FloatArray, Portrait
from talker.weights import store

PREVIEW_PX = 512  # longer side of the drawing
BACKGROUND, DOT, LINE = (16, 18, 22), (92, 104, 124), (240, 240, 240)
FINE_BITS = 4  # binary places of the coordinates that are drawn
FINE = 1 << FINE_BITS


@dataclass(frozen=True)
class LandmarkMotion:
    """Moving landmarks [T,478,3]: x and y in px of the portrait, y down; z in the same unit, negative to the viewer.

    fps: frames per second. size: (width, height) px of the portrait.
    """

    landmarks: FloatArray
    fps: float
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if self.landmarks.shape[1:] != (LANDMARK_COUNT, 3):
            raise ValueError(f"landmarks have shape {self.landmarks.shape}, expected (T, {LANDMARK_COUNT}, 3)")

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def multi_pie(self) -> FloatArray:
        """[T,68,2] px: the 68 points of Multi-PIE in iBUG's order."""
        return self.landmarks[:, list(MULTI_PIE), :2]

    def save(self, path: str | Path) -> None:
        """Write both sets as `.npz`, or the 68 points as `.csv` with a row per frame; MotionError otherwise."""
        path = Path(path)
        check_landmark_path(path)
        try:
            with replaced_when_done(path) as scratch:
                if path.suffix.lower() == ".csv":
                    self._write_csv(scratch)
                else:
                    self._write_npz(scratch)
        except OSError as error:
            raise MotionError(f"The landmarks can't be written to {path} ({error}).") from error

    def _write_npz(self, path: Path) -> None:
        fps, size = np.float64(self.fps), np.array(self.size)
        np.savez_compressed(path, landmarks_478=self.landmarks, landmarks_68=self.multi_pie, fps=fps, size=size)

    def _write_csv(self, path: Path) -> None:
        with open(path, "w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["time_s", *(f"{axis}{point}" for point in range(len(MULTI_PIE)) for axis in "xy")])
            for index, points in enumerate(self.multi_pie):
                rows.writerow([f"{index / self.fps:.4f}", *(f"{value:.3f}" for value in points.ravel())])

    def draw(self) -> Iterator[ByteArray]:
        """Frames [H,W,3] of `drawn_size`: all landmarks as dots, the 68 as lines."""
        width, height = self.drawn_size
        fine = np.round(self.landmarks[..., :2] * (width / self.size[0] * FINE)).astype(np.int32)
        for points in fine:
            frame = np.full((height, width, 3), BACKGROUND, np.uint8)
            for x, y in points:
                cv2.circle(frame, (int(x), int(y)), FINE, DOT, -1, cv2.LINE_AA, FINE_BITS)
            lines = [points[[MULTI_PIE[index] for index in line]] for line in MULTI_PIE_LINES]
            cv2.polylines(frame, lines, False, LINE, 1, cv2.LINE_AA, FINE_BITS)
            yield frame

    @property
    def drawn_size(self) -> tuple[int, int]:
        """Width and height (px, even) of the drawing."""
        scale = PREVIEW_PX / max(self.size)
        width, height = (2 * max(1, round(side * scale / 2)) for side in self.size)
        return width, height


def check_landmark_path(path: str | Path) -> None:
    """MotionError, before any work is done, when landmarks can't be written under this name."""
    if Path(path).suffix.lower() not in (".npz", ".csv"):
        raise MotionError(f"{path} can't be written: the name of a landmark file must end in .npz or .csv.")


def landmark_motion(portrait: Portrait, motion: FaceMotion) -> LandmarkMotion:
    """Where the landmarks of `portrait` are in each frame of `motion`."""
    model, fit = load_face_model(store.checkpoint("face-model")), portrait.fit
    rest = model.landmarks(model.vertices(fit.identity, fit.expression))
    rest_depth = (rest @ rotation_matrix(fit.rotation).T)[:, 2]
    measured = unproject(portrait.landmarks[:, :2].astype(np.float64), rest_depth, fit)  # [478,3] cm
    basis = model.expression_basis[:, model.landmark_vertices]  # [52,478,3 vertices,3]
    effects = np.einsum("lk,elkc->elc", model.landmark_weights, basis)  # [52,478,3] cm
    changes = np.tensordot(motion.blendshapes - fit.expression, effects, 1)  # [T,478,3]
    landmarks = np.empty((len(motion), LANDMARK_COUNT, 3), np.float32)
    for index, (change, pose) in enumerate(zip(changes, motion.pose, strict=True)):
        camera = moved(fit, pose)
        points, depth = project_fit(measured + change, camera)
        nearer = VIEWING_DISTANCE_CM / (VIEWING_DISTANCE_CM - depth)
        landmarks[index] = np.column_stack([points, -depth * nearer * camera.scale])
    height, width = portrait.image.shape[:2]
    if portrait.quarter_turns:  # as the picture was given
        landmarks[..., :2] = turned_points(landmarks[..., :2], portrait.image.shape, -portrait.quarter_turns)
        height, width = (width, height) if portrait.quarter_turns % 2 else (height, width)
    return LandmarkMotion(landmarks, motion.fps, (width, height))
