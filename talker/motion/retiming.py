"""Motion, emotions and films brought to another rate, length or order of frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from talker.curves import at_frames
from talker.motion.emotion_style import code_rows
from talker.types import EmotionCode, FaceMotion, FloatArray

IntArray = NDArray[np.intp]


def source_frames(filmed: int, frames: int, longer: str, back: int) -> IntArray:
    """[frames] numbers of the film's `filmed` frames that a dubbed film shows.

    longer: what comes after the last: the film from its start (loop), its last `back` frames to and fro (ping-pong), or
    the last one (hold).
    """
    count = np.arange(frames)
    if longer == "hold" or frames <= filmed:
        return np.minimum(count, filmed - 1)
    if longer == "loop":
        return count % filmed
    back = max(1, min(back, filmed - 1))
    over = np.maximum(count - (filmed - 1), 0)
    return np.minimum(count, filmed - 1) - (back - np.abs(over % (2 * back) - back))


def at_rate(motion: FaceMotion, frames: int, fps: float) -> FaceMotion:
    """A motion at `fps`, `frames` long."""
    if motion.fps == fps and len(motion) == frames:
        return motion
    face, pose = (at_frames(part, frames, fps, motion.fps) for part in (motion.blendshapes, motion.pose))
    return FaceMotion(face, pose, fps)


def retimed(code: EmotionCode, numbers: IntArray, frames: int, fps: float) -> EmotionCode:
    """The emotion of a film of so many `frames` whose frames are shown in the order `numbers` [T]."""

    def rows(values: FloatArray) -> FloatArray:
        return code_rows(code, values, frames, fps)[numbers]

    return replace(
        code,
        embedding=rows(code.embedding),
        blendshape_offset=rows(code.blendshape_offset),
        probabilities=rows(code.probabilities),
        affect=rows(code.affect),
        strength=rows(code.strength[:, None])[:, 0],
        rate_hz=fps,
    )
