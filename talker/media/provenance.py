"""Every video that Talker writes says about itself that it is generated: in its metadata, and visibly on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talker.media.decoding import DECODER_ERRORS, open_container
from talker.types import ByteArray

GENERATED_MARK = "Generated with Talker: an animated portrait. The person shown did not say or do this."
LABEL, LABEL_HEIGHT = "AI-generated", 0.03  # of the film's shorter side
LABEL_BACKGROUND = (32, 32, 32)


def is_generated(path: str | Path) -> bool:
    """Whether a video carries Talker's mark; false for everything that can't be read as a video."""
    try:
        with open_container(Path(path)) as container:
            return GENERATED_MARK in container.metadata.values()
    except DECODER_ERRORS:
        return False


def labelled(frames: Iterator[ByteArray], size: tuple[int, int]) -> Iterator[ByteArray]:
    """The frames [H,W,3] of a film of `size` (width, height) px with a small label in the lower left corner."""
    font = ImageFont.load_default(max(10, round(LABEL_HEIGHT * min(size))))
    left, top, right, bottom = (round(edge) for edge in font.getbbox(LABEL))
    margin = (bottom - top) // 2
    tag = Image.new("RGB", (right - left + 2 * margin, bottom - top + 2 * margin), LABEL_BACKGROUND)
    ImageDraw.Draw(tag).text((margin - left, margin - top), LABEL, "white", font)
    drawn = np.asarray(tag)[: size[1] - margin, : size[0] - margin]
    rows = slice(size[1] - margin - len(drawn), size[1] - margin)
    columns = slice(margin, margin + drawn.shape[1])
    for frame in frames:
        marked = frame.copy()
        marked[rows, columns] = (drawn.astype(np.uint16) * 3 + marked[rows, columns]) // 4
        yield marked
