"""Clips that are ready for training: what was heard, and what the face and its lips did at the same time.

A prepared folder holds `clips/NAME.npz`, one line per film in `films.jsonl` (what became of it) and `index.json` (one
row per clip, with its split). `talker.data.prepare` writes it, training reads it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.errors import DataError
from talker.media.files import replaced_when_done
from talker.types import FloatArray, TimedToken

SPLITS = ("train", "validation", "test")
HELD_OUT = 0.1  # of the speakers, for validation and for test each
INDEX = "index.json"


@dataclass(frozen=True)
class PreparedClip:
    """A clip's arrays.

    features: [N,D] of what is heard, at 50 Hz. coefficients: [T,52] of the face model. pose: [T,6] of the head,
    relative to the clip's first frame. mouth: [T,52] what speech does, apart from the person's own rest.
    lips: [T,2] measured opening and width in face widths. phones: with times on the sound's clock.
    fps: rate of the frames; frame t is at t / fps + lag_s on the sound's clock.
    """

    features: FloatArray
    coefficients: FloatArray
    pose: FloatArray
    mouth: FloatArray
    lips: FloatArray
    phones: tuple[TimedToken, ...]
    fps: float
    lag_s: float = 0.0

    def save(self, path: Path) -> None:
        """Write `.npz`, whole or not at all."""
        with replaced_when_done(path) as scratch, open(scratch, "wb") as file:
            np.savez_compressed(
                file,
                **{name: getattr(self, name).astype(np.float16) for name in ("features", "coefficients", "mouth")},
                pose=self.pose.astype(np.float32),
                lips=self.lips.astype(np.float32),
                phone_names=np.array([phone.text for phone in self.phones], dtype="U4"),
                phone_times=np.array([(phone.start_s, phone.end_s) for phone in self.phones]).reshape(-1, 2),
                clock=np.array([self.fps, self.lag_s]),
            )

    @classmethod
    def load(cls, path: Path) -> PreparedClip:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name].astype(np.float32) for name in ("features", "coefficients", "mouth")}
            phones = tuple(
                TimedToken(str(name), float(start), float(end))
                for name, (start, end) in zip(data["phone_names"], data["phone_times"], strict=True)
            )
            fps, lag_s = (float(value) for value in data["clock"])
            return cls(pose=data["pose"], lips=data["lips"], phones=phones, fps=fps, lag_s=lag_s, **arrays)


@dataclass(frozen=True)
class IndexRow:
    """One clip of the index."""

    name: str
    speaker: str
    emotion: str
    intensity: float
    seconds: float
    split: str = ""


def write_index(folder: Path, rows: Iterable[IndexRow]) -> list[IndexRow]:
    """Give each clip its speaker's split and write the index."""
    rows = sorted(rows, key=lambda row: row.name)
    splits = split_speakers({row.speaker for row in rows})
    placed = [dataclasses.replace(row, split=splits[row.speaker]) for row in rows]
    with replaced_when_done(folder / INDEX) as scratch:
        scratch.write_text(json.dumps([dataclasses.asdict(row) for row in placed], indent=1) + "\n")
    return placed


def split_speakers(speakers: Iterable[str]) -> dict[str, str]:
    """Which split each speaker is in: nobody is in two, the choice depends on names alone.

    Fewer than three speakers can't be split: all are for training.
    """
    ordered = sorted(speakers, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held_out = max(1, round(HELD_OUT * len(ordered))) if len(ordered) >= len(SPLITS) else 0
    kinds = ["test"] * held_out + ["validation"] * held_out
    return dict(zip(ordered, kinds + ["train"] * (len(ordered) - len(kinds)), strict=True))


def read_index(folder: Path) -> list[IndexRow]:
    """The rows of a prepared folder; DataError when it is none."""
    try:
        return [IndexRow(**row) for row in json.loads((folder / INDEX).read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{folder} is no prepared folder ({error}); make one with: python -m talker prepare."
        ) from error


def clips(folder: Path, split: str) -> Iterator[tuple[IndexRow, PreparedClip]]:
    """The clips of one split."""
    for row in read_index(folder):
        if row.split == split:
            yield row, PreparedClip.load(folder / "clips" / f"{row.name}.npz")
