"""Looking at many portraits, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from talker.errors import TalkerError
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.types import Portrait

Row = TypeVar("Row")


def spread(rows: list[Row], count: int) -> list[Row]:
    """At most `count` of `rows`, evenly spread."""
    return rows[:: max(len(rows) // count, 1)][:count]


def analysed(paths: list[Path], detector: FaceDetector) -> Iterator[tuple[str, Portrait | TalkerError]]:
    """Each picture's name and portrait, or why there is none."""
    for path in paths:
        try:
            yield path.stem, analyse(load_image(path), detector=detector)
        except TalkerError as error:
            yield path.stem, error
