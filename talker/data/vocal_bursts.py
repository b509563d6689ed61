"""Vocal bursts for a head of their own: laughs, sobs, gasps and cries of EmoGator, which say no words.

EmoGator (Buchanan, 2022; Apache-2.0): 357 people, thirty feelings. Its people of the split `dev` are kept out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from talker.data.voice_corpora import Recording, VoiceRecords, labelled_clips, measured_once
from talker.errors import DataError
from talker.types import Progress

CORPUS = "EmoGator"
CATALOGUE_NAMES = {  # of EmoGator's feelings; what goes by the same name in both is left out
    "adoration": "tender", "amusement": "amused", "anger": "angry", "confusion": "confused", "contentment": "content",
    "disappointment": "disappointed", "disgust": "disgusted", "distress": "desperate", "ecstasy": "excited",
    "elation": "happy", "embarrassment": "embarrassed", "guilt": "guilty", "interest": "curious", "pain": "pained",
    "pride": "proud", "realization": "surprised", "relief": "relieved", "romantic love": "romance", "sadness": "sad",
    "serenity": "calm", "shame": "ashamed", "surprise (negative)": "shocked", "surprise (positive)": "surprised",
    "sympathy": "empathy", "triumph": "triumphant",
}  # fmt: skip


@dataclass(frozen=True)
class Bursts:
    """Measured bursts of the people who teach, and of those who were kept out."""

    taught: VoiceRecords
    held_out: VoiceRecords


def load_bursts(data: Path, progress: Progress | None = None) -> Bursts:
    """Both splits under `data`/voices; what was measured once is kept. DataError when there are none."""
    splits = []
    for split in ("train", "dev"):
        recordings = burst_recordings(data / "voices", split)
        if not recordings:
            raise DataError(f"{data} holds no vocal bursts: voices/labels.csv names no clips of {CORPUS} to {split}.")
        splits.append(measured_once(f"emotion-bursts-{split}", recordings, progress))
    return Bursts(*splits)


def burst_recordings(folder: Path, split: str) -> list[Recording]:
    """The bursts of one split of `folder`/labels.csv, by their names in the catalogue."""
    return [
        Recording(
            folder / row["path"], CATALOGUE_NAMES.get(row["emotion"], row["emotion"]), f"{CORPUS}/{row['speaker']}"
        )
        for row in labelled_clips(folder)
        if row["corpus"] == CORPUS and row["split"] == split
    ]
