"""The pictures of the docs can be made again, and the page shows those that are made."""

from pathlib import Path

import numpy as np
import pytest

from talker import Talker
from talker.evaluation import gallery
from talker.evaluation.contact_sheet import CELL_PX, TITLE_PX, Cell
from talker.example_faces import ADMIRAL, ASTRONAUT, person
from talker.types import Portrait

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def people() -> dict[str, Portrait]:
    talker = Talker()
    found = {"astronaut": talker.analyze_portrait(ASTRONAUT), "admiral": talker.analyze_portrait(ADMIRAL)}
    return found | {name: talker.analyze_portrait(person(name)) for name in gallery.CAST}


def test_the_page_shows_every_sheet(people: dict[str, Portrait]) -> None:
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    for sheet in gallery.sheets(people):
        assert f"(pictures/{sheet.name}.jpg)" in page
        assert sheet.text in page
        assert (DOCS / "pictures" / f"{sheet.name}.jpg").is_file()
        assert len({len(row) for row in sheet.rows}) == 1


def test_a_sheet_shows_each_cell_with_its_own_feeling(people: dict[str, Portrait]) -> None:
    talker = Talker()
    face = people["astronaut"]
    rows = [[Cell(label, face, label, gallery.OPTIONS) for label in ("happy", "angry")]]
    sheet = gallery.moment_sheet(talker, rows, talker.load_speech(text="Hello there."))
    assert sheet.shape == (CELL_PX + TITLE_PX, 2 * CELL_PX, 3)
    happy, angry = sheet[TITLE_PX:, :CELL_PX].astype(float), sheet[TITLE_PX:, CELL_PX:].astype(float)
    assert np.abs(happy - angry).mean() > 1
