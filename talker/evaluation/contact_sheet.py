"""Everything at one glance: portraits saying one thing with several emotions, as a picture or as a film."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talker.emotion.resolve import EmotionRequest
from talker.evaluation.methods import NEUTRAL, Given, Method, Scene, find_method
from talker.media.film import write_grid
from talker.media.image import save_image
from talker.media.provenance import Provenance
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.speech.analysis import SpeechAnalysis
from talker.types import ByteArray, FaceMotion, Portrait, Progress

MOMENTS = 6
CELL_PX = 256
TITLE_PX = 24
FILM_COLUMNS = 4


@dataclass(frozen=True)
class Cell:
    """One row of a sheet, or one film of a grid: who shows which emotion (words, or read from elsewhere), and how.

    method: one of the papers' in place of the engine's own way; it takes its emotion from `given`.
    """

    title: str
    portrait: Portrait
    emotion: str | EmotionRequest
    options: SpeakOptions
    method: Method | None = None
    given: Given = field(default_factory=Given)


def cells(
    portraits: Sequence[Portrait],
    emotions: Mapping[str, str | EmotionRequest],
    strengths: Sequence[float],
    options: SpeakOptions,
    renderers: Sequence[str] = (),
) -> list[Cell]:
    """All portraits × strengths × emotions × renderers (those of the options when none are named), in this order.

    emotions: by the name that stands over them.
    Raises OptionsError for a strength or a renderer that there isn't.
    """
    made = []
    everything = product(enumerate(portraits, 1), strengths, emotions.items(), renderers or (options.renderer,))
    for (number, portrait), strength, (name, emotion), renderer in everything:
        title = f"{name}, strength {strength:g}" if len(strengths) > 1 else name
        title = f"{number}: {title}" if len(portraits) > 1 else title
        title = f"{title}, {renderer}" if len(renderers) > 1 else title
        chosen = dataclasses.replace(options, strength=strength, renderer=renderer)
        made.append(Cell(title, portrait, emotion, chosen))
    return made


def method_cells(
    portraits: Sequence[Portrait], methods: Sequence[str], options: SpeakOptions, given: Given
) -> list[Cell]:
    """All portraits × methods, each drawn by the method's own renderer. InputError for an unknown one."""
    made = []
    for (number, portrait), name in product(enumerate(portraits, 1), methods):
        method = find_method(name)
        chosen = dataclasses.replace(options, renderer=method.renderer)
        title = f"{number}: {name}" if len(portraits) > 1 else name
        made.append(Cell(f"{title}: {method.paper}", portrait, NEUTRAL, chosen, method, given))
    return made


def write_sheet(
    talker: Talker,
    rows: Sequence[Cell],
    speech: SpeechAnalysis,
    out: str | Path,
    progress: Progress | None = None,
    columns: int = FILM_COLUMNS,
) -> None:
    """Write a film of all cells side by side when `out` ends in .mp4, else a picture of six moments of each."""
    if Path(out).suffix.lower() == ".mp4":
        _write_film(talker, rows, speech, out, progress, columns)
    else:
        save_image(contact_sheet(talker, rows, speech, progress), out, Provenance(rows[0].options.renderer))


def contact_sheet(
    talker: Talker, rows: Sequence[Cell], speech: SpeechAnalysis, progress: Progress | None = None
) -> ByteArray:
    """A picture [H,W,3] with a row per cell and six moments, evenly spaced over the speech, in each."""
    strips = []
    for index, cell in enumerate(rows):
        strips.append(_strip(talker, cell, speech))
        if progress is not None:
            progress(index + 1, len(rows))
    width = max(strip.width for strip in strips)
    sheet = Image.new("RGB", (width, sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return np.asarray(sheet)


def _strip(talker: Talker, cell: Cell, speech: SpeechAnalysis) -> Image.Image:
    """Six moments of one cell under its title."""
    renderer = talker.create_renderer(cell.portrait, cell.options)
    width, height = renderer.size
    size = (round(CELL_PX * width / height), CELL_PX)
    strip = Image.new("RGB", (size[0] * MOMENTS, CELL_PX + TITLE_PX), "white")
    font = ImageFont.load_default(TITLE_PX * 0.7)
    ImageDraw.Draw(strip).text((4, 2), cell.title, fill="black", font=font)
    motion = cell_motion(talker, cell, speech)
    for column, frame in enumerate(renderer.render(motion.moments(MOMENTS))):
        strip.paste(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS), (column * size[0], TITLE_PX))
    return strip


def cell_motion(talker: Talker, cell: Cell, speech: SpeechAnalysis) -> FaceMotion:
    """What the cell's face does."""
    if cell.method is not None:
        return cell.method.motion_of(Scene(talker, cell.portrait, speech, cell.options), cell.given)
    code = talker.encode_emotion(cell.emotion, speech, permissive=cell.options.permissive)
    return talker.animate(speech, code, cell.options, cell.portrait)


def _write_film(
    talker: Talker,
    rows: Sequence[Cell],
    speech: SpeechAnalysis,
    out: str | Path,
    progress: Progress | None,
    columns: int,
) -> None:
    """All cells at the same time, so many in a row."""
    with tempfile.TemporaryDirectory(prefix="talker-") as folder:
        films = []
        for index, cell in enumerate(rows):
            films.append((cell.title, Path(folder) / f"{index}.mp4"))
            renderer = talker.create_renderer(cell.portrait, cell.options)
            talker.write_video(renderer, cell_motion(talker, cell, speech), speech.clip, films[-1][1])
            if progress is not None:
                progress(index + 1, len(rows))
        write_grid(films, out, columns=columns)
