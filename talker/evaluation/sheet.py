"""Everything at one glance: one portrait saying one thing with all eight feelings, as a picture or as a film."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talker.media.film import write_grid
from talker.media.image import save_image
from talker.pipeline import Talker
from talker.types import EMOTION_LABELS, ByteArray, FaceMotion, Portrait, Progress, SpeakOptions, SpeechClip

MOMENTS = 6
CELL_PX = 256
TITLE_PX = 24
FILM_COLUMNS = 4


def write_sheet(
    talker: Talker,
    portrait: Portrait,
    clip: SpeechClip,
    options: SpeakOptions,
    out: str | Path,
    progress: Progress | None = None,
) -> None:
    """Write a film of all feelings side by side when `out` ends in .mp4, else a picture of six moments of each."""
    if Path(out).suffix.lower() == ".mp4":
        _write_film(talker, portrait, clip, options, out, progress)
    else:
        save_image(contact_sheet(talker, portrait, clip, options, progress), out)


def contact_sheet(
    talker: Talker, portrait: Portrait, clip: SpeechClip, options: SpeakOptions, progress: Progress | None = None
) -> ByteArray:
    """A picture [H,W,3] with a row per feeling and six moments, evenly spaced over the speech, in each."""
    animator = talker.prepare(portrait, options)
    width, height = animator.size
    cell = (round(CELL_PX * width / height), CELL_PX)
    sheet = Image.new("RGB", (cell[0] * MOMENTS, (CELL_PX + TITLE_PX) * len(EMOTION_LABELS)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TITLE_PX * 0.7)
    for row, label in enumerate(EMOTION_LABELS):
        motion = talker.move(clip, talker.feel(label, options.strength), options)
        moments = np.linspace(0, len(motion) - 1, MOMENTS + 2).round().astype(int)[1:-1]
        chosen = FaceMotion(motion.blendshapes[moments], motion.pose[moments], motion.fps)
        top = row * (CELL_PX + TITLE_PX)
        draw.text((4, top + 2), f"{label}, strength {options.strength:g}", fill="black", font=font)
        for column, frame in enumerate(animator.render(chosen)):
            picture = Image.fromarray(frame).resize(cell, Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * cell[0], top + TITLE_PX))
        if progress is not None:
            progress(row + 1, len(EMOTION_LABELS))
    return np.asarray(sheet)


def _write_film(
    talker: Talker,
    portrait: Portrait,
    clip: SpeechClip,
    options: SpeakOptions,
    out: str | Path,
    progress: Progress | None,
) -> None:
    """All feelings at the same time, four in a row."""
    animator = talker.prepare(portrait, options)
    with tempfile.TemporaryDirectory(prefix="talker-") as folder:
        films = []
        for row, label in enumerate(EMOTION_LABELS):
            films.append((label, Path(folder) / f"{label}.mp4"))
            motion = talker.move(clip, talker.feel(label, options.strength), options)
            talker.film(animator, motion, clip, films[-1][1])
            if progress is not None:
                progress(row + 1, len(EMOTION_LABELS))
        write_grid(films, out, columns=FILM_COLUMNS)
