"""Moving pictures that FFmpeg can't decode, animated WebP and PNG, as if they were films."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from talker.errors import VideoError
from talker.limits import VIDEO_FRAMES, VIDEO_PIXELS
from talker.types import ByteArray, FloatArray

STARTS = {b"RIFF": "WEBP", b"\x89PNG": "PNG"}
FRAME_S = 0.1  # of a frame that names no duration, as browsers have it
FINEST_S = 0.01


def is_animation(path: Path) -> bool:
    """Whether the file is a WebP or PNG with several frames."""
    with open(path, "rb") as file:
        kind = STARTS.get(file.read(4))
    if kind is None:
        return False
    try:
        with Image.open(path, formats=[kind]) as picture:
            return getattr(picture, "n_frames", 1) > 1
    except OSError:
        return False


def frame_times(path: Path) -> tuple[float, int, int, FloatArray]:
    """Frames per second on average, width, height and times (s) of all frames; VideoError when it is too large."""
    with Image.open(path, formats=list(STARTS.values())) as picture:
        width, height = picture.size
        if getattr(picture, "n_frames", 1) > VIDEO_FRAMES:
            raise VideoError(f"{path.name} has more than {VIDEO_FRAMES} frames; please cut it into parts.")
        if width * height > VIDEO_PIXELS:
            raise VideoError(f"{path.name} is too large: {width}×{height} px; please use a smaller video.")
        lengths = [max(frame.info.get("duration", 0) / 1000, 0) or FRAME_S for frame in ImageSequence.Iterator(picture)]
    lengths = [max(length, FINEST_S) for length in lengths]
    times = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return len(lengths) / sum(lengths), width, height, times


def read_animation(path: Path) -> Iterator[ByteArray]:
    """The frames [H,W,3], transparent parts white."""
    with Image.open(path, formats=list(STARTS.values())) as picture:
        for frame in ImageSequence.Iterator(picture):
            whole = frame.convert("RGBA")
            yield np.array(Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB"))
