"""Looking at many portraits, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from talker.errors import TalkerError
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.types import Portrait


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
