"""The pictures of the docs, all of people who may be shown: `talker gallery --out docs` writes them and their page."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.emotion.resolve import EmotionRequest
from talker.evaluation.contact_sheet import CELL_PX, TITLE_PX, Cell, cell_motion, method_cells, write_sheet
from talker.evaluation.methods import METHODS, Given
from talker.example_faces import ADMIRAL, ASTRONAUT, person
from talker.media.film import write_preview
from talker.media.image import save_image
from talker.media.provenance import Provenance
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.speech.analysis import SpeechAnalysis
from talker.types import EMOTION_LABELS, ByteArray, FaceMotion, Portrait, Progress

SENTENCE = "Every morning I open this window, and the sea is there."
FIRST_WORDS = "I never thought that you would do this for me!"
CAST = {
    "sfhq_199": "surprised", "sfhq_190": "happy", "sfhq_t2i_0600": "sad",
    "sfhq_179": "angry", "sfhq_t2i_0430": "happy", "sfhq_167": "disgusted",
}  # fmt: skip
STRENGTHS = (0.0, 0.3, 0.6, 0.9, 1.2, 1.5)
FILM_CELL_PX = 240
OPTIONS = SpeakOptions(size="crop512", seed=1)


@dataclass(frozen=True)
class Sheet:
    """A picture of the page. rows: cells, all of one length. text: what stands above it, in sentences."""

    name: str
    text: str
    rows: Sequence[Sequence[Cell]]


def run(out: Path, progress: Progress | None = None) -> None:
    """Write `out`/gallery.md and its pictures, those of other pages, and the film of the README."""
    talker, pictures = Talker(), out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    speech = talker.load_speech(text=SENTENCE)
    people = {name: talker.analyze_portrait(person(name)) for name in CAST}
    public = {"astronaut": ASTRONAUT, "admiral": ADMIRAL}
    people |= {name: talker.analyze_portrait(path) for name, path in public.items()}
    lines = ["# Gallery", "", __doc__.split(":")[0] + f". All say: *{SENTENCE}*", ""]
    found = sheets(people)
    for done, sheet in enumerate(found, start=1):
        save_image(moment_sheet(talker, sheet.rows, speech), pictures / f"{sheet.name}.jpg", Provenance("geometry"))
        lines += [sheet.text, "", f"![{sheet.name}](pictures/{sheet.name}.jpg)", ""]
        if progress is not None:
            progress(done, len(found) + 2)
    (out / "gallery.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    methods = method_cells([people["sfhq_199"]], list(METHODS), OPTIONS, Given())
    write_sheet(talker, methods, speech, pictures / "methods.jpg")
    if progress is not None:
        progress(len(found) + 1, len(found) + 2)
    write_film(talker, people, pictures / "film.webp")
    if progress is not None:
        progress(len(found) + 2, len(found) + 2)


def sheets(people: Mapping[str, Portrait]) -> list[Sheet]:
    """What the page shows. people: by name, all of `CAST` and the two public-domain portraits."""
    requests: dict[str, str | EmotionRequest] = {
        "a label": "surprised",
        "words": EmotionRequest("text", "proud and a little amused"),
        "a face": EmotionRequest("picture", str(person("sfhq_202"))),
        "a mixture": EmotionRequest("mix", "happy=0.5, fear=0.5"),
        "the map": EmotionRequest("map", "-0.6,-0.5"),
        "the speech": EmotionRequest("speech"),
    }
    more = {"sarcastic": "sarcasm", "empathetic": "empathy", "desirous": "desire", "envious": "envy"}
    more |= {"romantic": "romance", "charismatic": "charisma"}
    return [
        Sheet(
            "emotions",
            "People of different age, skin and look, with each of the eight labels at strength 1.",
            [[Cell(label, people[name], label, OPTIONS) for label in EMOTION_LABELS] for name in CAST],
        ),
        Sheet(
            "strengths",
            "One feeling, weaker and stronger: 0 is the neutral talker, 1 a strong real expression, more is theatre.",
            [
                [Cell(f"{label} {value:g}", people[name], label, _strong(value)) for value in STRENGTHS]
                for name, label in (("sfhq_t2i_0430", "happy"), ("sfhq_179", "angry"), ("astronaut", "sad"))
            ],
        ),
        Sheet(
            "sources",
            "The feeling from a label, words, a face, a mixture, a point of the map, and the speech itself.",
            [[Cell(name, people[who], request, OPTIONS) for name, request in requests.items()] for who in
             ("sfhq_t2i_0600", "admiral")],
        ),
        Sheet(
            "extended",
            "The extended emotions of C-MET.",
            [[Cell(title, people[who], words, OPTIONS) for title, words in more.items()] for who in
             ("sfhq_199", "sfhq_190")],
        ),
    ]  # fmt: skip


def moment_sheet(talker: Talker, rows: Sequence[Sequence[Cell]], speech: SpeechAnalysis) -> ByteArray:
    """[H,W,3] a frame of each cell, at the moment when its mouth is open widest; titles stand above each."""
    height = CELL_PX + TITLE_PX
    sheet = Image.new("RGB", (CELL_PX * max(len(row) for row in rows), height * len(rows)), "white")
    font = ImageFont.load_default(TITLE_PX * 0.7)
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            motion = cell_motion(talker, cell, speech)
            moment = int(motion.blendshapes[:, BLENDSHAPE_INDEX["jawOpen"]].argmax())
            still = FaceMotion(motion.blendshapes[moment : moment + 1], motion.pose[moment : moment + 1], motion.fps)
            frame = Image.fromarray(next(iter(talker.create_renderer(cell.portrait, cell.options).render(still))))
            frame.thumbnail((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
            sheet.paste(frame, (column * CELL_PX, line * height + TITLE_PX))
            ImageDraw.Draw(sheet).text((column * CELL_PX + 4, line * height + 2), cell.title, fill="black", font=font)
    return np.asarray(sheet)


def write_film(talker: Talker, people: Mapping[str, Portrait], out: Path) -> None:
    """The cast side by side, each with a feeling of their own, as a silent moving picture."""
    speech = talker.load_speech(text=FIRST_WORDS)
    cells = [Cell(label, people[name], label, OPTIONS) for name, label in CAST.items()]
    with tempfile.TemporaryDirectory(prefix="talker-") as folder:
        film = Path(folder) / "film.mp4"
        write_sheet(talker, cells, speech, film, columns=len(CAST) // 2)
        write_preview(film, out, height=2 * FILM_CELL_PX)


def _strong(strength: float) -> SpeakOptions:
    return SpeakOptions(size=OPTIONS.size, seed=OPTIONS.seed, strength=strength)
