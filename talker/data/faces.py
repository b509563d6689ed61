"""The photographs of faces in a data folder: whose they are, and what may be done with them.

Portraits (`DIR/portraits`) are rows like the pictures of `DIR/faces`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from talker.errors import DataError

PERMISSIVE_SETS = ("sfhq_t2i", "london", "portraits")  # whose licences allow commercial use
PAIRED_REPORTED = (0, 3, 6)  # last digits of the London people that are reported on
FIRST_REPORTED_PORTRAIT = 151


@dataclass(frozen=True)
class FaceRow:
    """One picture.

    path: of the picture. collection: the set that it comes from. person: the same for two pictures of one person.
    reported: whether figures are reported on it, so that nothing may be learnt or tuned on it. mouth_gap: between the
    inner lips, in mouth widths (NaN where the index has none).
    """

    path: Path
    collection: str
    person: str
    reported: bool
    mouth_gap: float = float("nan")

    @property
    def name(self) -> str:
        """Of the file, without its ending: unique in the data folder."""
        return self.path.stem

    @property
    def permissive(self) -> bool:
        """Whether weights that learnt from it may be used commercially."""
        return self.collection in PERMISSIVE_SETS


def face_rows(data: Path) -> list[FaceRow]:
    """All pictures of `data`/faces and `data`/portraits, in order. DataError when there are none."""
    rows = [*_indexed(data / "faces"), *_portraits(data / "portraits")]
    if not rows:
        raise DataError(f"{data} holds neither faces/index.csv nor portraits/*.jpg.")
    return rows


def _indexed(folder: Path) -> Iterator[FaceRow]:
    index = folder / "index.csv"
    if not index.is_file():
        return
    with open(index, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            path = folder / line["file"]
            number = int("".join(filter(str.isdigit, path.stem.split("_")[-1])) or 0)
            if line["set"] == "london":
                person = f"london_{line['pair']}"
                reported = int("".join(filter(str.isdigit, line["pair"])) or 0) % 10 in PAIRED_REPORTED
            else:
                person, reported = path.stem, number % 10 == 0
            yield FaceRow(path, line["set"], person, reported, float(line["inner_lip_gap_over_mouth_width"] or "nan"))


def _portraits(folder: Path) -> Iterator[FaceRow]:
    for number, path in enumerate(sorted(folder.glob("*.jpg")), start=1):
        yield FaceRow(path, "portraits", path.stem, number >= FIRST_REPORTED_PORTRAIT)
