"""How much of everything Talker takes, in one table, and the checks that files pass before any decoder sees them.

The numbers keep one request within a few gigabytes and minutes; docs/limits.md lists them for users.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, NoReturn

from talker.errors import InputError

# Pictures, in pixels
PICTURE_MIN_SIDE = 64
PICTURE_PIXELS = 100_000_000  # of a picture that is decoded whole
JPEG_PIXELS = 250_000_000  # of a JPEG, which can be decoded at an eighth of its size
WORKING_PIXELS = 25_000_000  # larger pictures are made smaller while they are read
MACROBLOCKS = 36_864  # 16×16 px in a frame, and
MACROBLOCKS_PER_SECOND = 983_040  # in a second: H.264 level 5.1, the highest that common players decode
# Sound
SOUND_SECONDS = 600.0
SOUND_MIN_SECONDS = 0.1
SOUND_RATES = (4_000, 768_000)  # Hz, lowest and highest
SOUND_CHANNELS = 64
SOUND_TRACKS = 16
# Videos that are read
VIDEO_SECONDS = 600.0
VIDEO_FRAMES = 36_000  # 600 s at 60 frames per second
VIDEO_PIXELS = 36_000_000  # in a frame; 8K has 33 million
# Files, in bytes
PICTURE_BYTES = 200_000_000
MEDIA_BYTES = 2_000_000_000
TEXT_FILE_BYTES = 1_000_000  # settings, timelines, manifests
MOTION_BYTES = 100_000_000  # of a motion file and of each array in it
ARCHIVE_BYTES = 2_000_000_000  # of an unpacked zip
ARCHIVE_FILES = 2_000
# Texts, in characters, and rows
SPOKEN_CHARACTERS = 10_000
EMOTION_CHARACTERS = 1_000
TIMELINE_ROWS = 1_000
MANIFEST_ROWS = 200


def existing_file(path: str | Path, kind: str, *, error: type[InputError] = InputError, most_bytes: int) -> Path:
    """The path of a regular file that is there and no larger than `most_bytes`.

    kind: what it is to the user, such as "picture". Raises `error` for everything else, folders and devices too.
    """
    path = Path(path)
    try:
        status = path.stat()
    except (OSError, ValueError) as cause:  # a ValueError is a name with a NUL in it
        if isinstance(cause, PermissionError):
            raise error(f"The {kind} file {path} may not be read: permission denied.") from cause
        raise error(f"There is no {kind} file {str(path)[:200]!r}.") from cause
    if not stat.S_ISREG(status.st_mode):
        raise error(f"There is no {kind} file {path}: it is a folder or a device.")
    if status.st_size > most_bytes:
        raise error(f"{path.name} is too large: {status.st_size / 1e6:.0f} MB; at most {most_bytes / 1e6:.0f} MB.")
    return path


def read_text(path: str | Path, kind: str, *, error: type[InputError] = InputError) -> str:
    """The text of a small UTF-8 file, with or without a byte order mark; `error` names what is wrong with it."""
    path = existing_file(path, kind, error=error, most_bytes=TEXT_FILE_BYTES)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as cause:
        raise error(f"The {kind} file {path.name} is not text in UTF-8; please save it as UTF-8.") from cause
    except OSError as cause:
        raise error(f"The {kind} file {path.name} can't be read ({cause}).") from cause


def read_json(path: str | Path, kind: str, *, error: type[InputError] = InputError) -> Any:
    """What a small JSON file holds; `error` where it is no JSON, nests too deep or holds NaN or infinity."""
    text = read_text(path, kind, error=error)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        reason = "it is nested too deep" if isinstance(cause, RecursionError) else str(cause)
        raise error(f"The {kind} file {Path(path).name} is not valid JSON ({reason}).") from cause


def check_characters(text: str, what: str, most: int, *, error: type[InputError] = InputError) -> None:
    """Raise `error` when a text is longer than `most` characters."""
    if len(text) > most:
        raise error(f"{what} has {len(text)} characters; at most {most} can be used. Please shorten it.")


def film_scale(width: int, height: int, fps: float) -> float:
    """By how much frames of `width`×`height` px must be scaled (at most 1) to fit H.264 level 5.1 at `fps`."""
    most = min(MACROBLOCKS, MACROBLOCKS_PER_SECOND / fps)
    scale = 1.0
    while _macroblocks(width * scale, height * scale) > most:
        scale *= min(0.995, (most / _macroblocks(width * scale, height * scale)) ** 0.5)
    return scale


def _macroblocks(width: float, height: float) -> int:
    return -int(-width // 16) * -int(-height // 16)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a number")
