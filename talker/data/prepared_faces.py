"""`python -m talker prepare faces`: every photograph fitted, and led to other expressions and back."""

from __future__ import annotations

from pathlib import Path

from talker.data.face_fits import fit_faces
from talker.data.faces import face_rows
from talker.data.round_trips import draw_round_trips
from talker.types import Progress
from talker.weights import store

PAIRS_VERSION = 3  # raised by hand when what is drawn changes so much that pairs must be drawn anew


def pairs_folder() -> Path:
    """Where the round trips lie, a file for each photograph."""
    return store.cache_folder() / f"round-trips-{PAIRS_VERSION}"


def prepare_faces(data: Path, *, processes: int = 1, progress: Progress | None = None) -> None:
    """Fit all faces of `data`, and draw the round trips of those that may teach; goes on where it was stopped.

    Raises DataError when `data` holds no faces.
    """
    rows = face_rows(data)
    fit_faces(rows, processes=processes, progress=progress)
    teaching = [row for row in rows if not row.reported]
    draw_round_trips(teaching, pairs_folder(), processes=processes, progress=progress)
