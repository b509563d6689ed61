"""The portraits that evaluations look at, and which of them may be tuned on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from talker.errors import DataError, TalkerError
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.types import Portrait

FIRST_REPORTED = 151  # portraits before this number may be tuned on, the others only give figures that are reported


def portrait_paths(data: Path) -> list[Path]:
    """All pictures of `data`/portraits in order; number n is at index n - 1. DataError when there are none."""
    paths = sorted((data / "portraits").glob("*.jpg"))
    if not paths:
        raise DataError(f"{data} holds no portraits/*.jpg.")
    return paths


def spread(paths: list[Path], count: int) -> list[Path]:
    """At most `count` of `paths`, evenly spread."""
    return paths[:: max(len(paths) // count, 1)][:count]


def analysed(paths: list[Path], detector: FaceDetector) -> Iterator[tuple[str, Portrait | TalkerError]]:
    """Each picture's name and portrait, or why there is none."""
    for path in paths:
        try:
            yield path.stem, analyse(load_image(path), detector=detector)
        except TalkerError as error:
            yield path.stem, error
