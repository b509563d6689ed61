"""Pictures to look at beside a table: rows of faces, each with a title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talker.evaluation.picture_metrics import box
from talker.files import prepare_folder
from talker.media.image import save_image
from talker.types import ByteArray, FloatArray

CELL_PX = 224
TITLE_PX = 20
FACE_MARGIN = 0.12  # of the face's width around the landmarks


@dataclass(frozen=True)
class Strip:
    """Pictures [H,W,3] of any size that are shown side by side, and what is written above them."""

    title: str
    pictures: tuple[ByteArray, ...]


def face_cut(image: ByteArray, landmarks: FloatArray) -> ByteArray:
    """The face's part of `image`."""
    return image[box(landmarks[:, :2], FACE_MARGIN * float(np.ptp(landmarks[:, 0])), image)]


def save_strips(strips: Sequence[Strip], path: Path, *, columns: int = 2) -> None:
    """Write the strips as one picture, `columns` of them side by side."""
    wide = max(len(strip.pictures) for strip in strips) * CELL_PX
    rows = -(-len(strips) // columns)
    sheet = Image.new("RGB", (columns * (wide + TITLE_PX) - TITLE_PX, rows * (CELL_PX + TITLE_PX)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TITLE_PX * 0.65)
    for index, strip in enumerate(strips):
        row, column = divmod(index, columns)
        left, top = column * (wide + TITLE_PX), row * (CELL_PX + TITLE_PX)
        draw.text((left + 2, top + 3), strip.title, fill="black", font=font)
        for place, picture in enumerate(strip.pictures):
            cell = Image.fromarray(picture)
            factor = CELL_PX / max(cell.size)
            size = (max(round(cell.width * factor), 1), max(round(cell.height * factor), 1))
            sheet.paste(cell.resize(size, Image.Resampling.LANCZOS), (left + place * CELL_PX, top + TITLE_PX))
    prepare_folder(path)
    save_image(np.asarray(sheet), path)
