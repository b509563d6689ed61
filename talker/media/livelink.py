"""Motion in the CSV layout that Epic's Live Link Face app records, which Unreal, Blender and Maya tools read.

61 values a frame: the 52 ARKit blendshapes (with Right before Left for the jaw and the mouth, as the app has them),
then yaw, pitch and roll of the head and of both eyes in radians about ARKit's face axes (x image right, y up, z out).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.errors import MotionError
from talker.files import replaced_when_done
from talker.types import FaceMotion, FloatArray

EYE_RANGE = np.radians(30)  # turn of an eyeball at a gaze blendshape of 1
ANGLES: tuple[str, ...] = ("HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll")
ANGLES += ("RightEyeYaw", "RightEyePitch", "RightEyeRoll")
_SWAPPED = {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}
SHAPES = tuple(_SWAPPED.get(name, name) for name in BLENDSHAPE_NAMES)
VALUE_COUNT = len(SHAPES) + len(ANGLES)
HEADER = ("Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in SHAPES), *ANGLES)


def save_livelink(motion: FaceMotion, path: str | Path) -> None:
    """Write a motion as Live Link Face CSV, blendshapes clipped to 0..1; MotionError when it can't be written."""
    path = Path(path)
    values = np.hstack((_shapes(motion), _head_angles(motion), _eye_angles(motion)))  # [T, 61]
    try:
        with replaced_when_done(path) as scratch, open(scratch, "w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(HEADER)
            for index, row in enumerate(values):
                rows.writerow((timecode(index, motion.fps), VALUE_COUNT, *(f"{value:.6f}" for value in row)))
    except OSError as error:
        raise MotionError(f"The motion can't be written to {path} ({error}).") from error


def timecode(index: int, fps: float) -> str:
    """`hours:minutes:seconds:frame.fraction` of a frame; the fraction is what a rate like 29.97 leaves over."""
    seconds = int(index / fps + 1e-9)
    frame = max(0.0, index - seconds * fps)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frame:06.3f}"


def _shapes(motion: FaceMotion) -> FloatArray:
    order = [BLENDSHAPE_INDEX[name] for name in SHAPES]
    return np.clip(motion.blendshapes[:, order], 0, 1)


def _head_angles(motion: FaceMotion) -> FloatArray:
    """Yaw, pitch, roll [T,3] in rad."""
    return Rotation.from_rotvec(motion.pose[:, :3]).as_euler("YXZ")


def _eye_angles(motion: FaceMotion) -> FloatArray:
    """Yaw, pitch, roll of the left, then of the right eye [T,6] in rad; positive is image right and down."""
    gaze = {
        name: np.clip(motion.blendshapes[:, BLENDSHAPE_INDEX[name]], 0, 1)
        for name in BLENDSHAPE_NAMES
        if name.startswith("eyeLook")
    }
    left_yaw = gaze["eyeLookOutLeft"] - gaze["eyeLookInLeft"]
    right_yaw = gaze["eyeLookInRight"] - gaze["eyeLookOutRight"]
    left_pitch = gaze["eyeLookDownLeft"] - gaze["eyeLookUpLeft"]
    right_pitch = gaze["eyeLookDownRight"] - gaze["eyeLookUpRight"]
    still = np.zeros(len(motion))
    return EYE_RANGE * np.stack((left_yaw, left_pitch, still, right_yaw, right_pitch, still), axis=1)
