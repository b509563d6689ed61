"""Vocal bursts for a head of their own: laughs, sobs, gasps and cries of EmoGator, which say no words.

EmoGator (Buchanan, 2022; Apache-2.0): 357 people, thirty feelings. Its people of the split `dev` are kept out.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from talker.cache import cache_path, load, save
from talker.data.voice_corpora import Recording, VoiceRecords, measure_recordings
from talker.errors import DataError
from talker.types import Progress

CORPUS = "EmoGator"
MEASURED_VERSION = 1  # of the statistics in the cache: raise it when features or augmentation change
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
        files = [one.sound for one in recordings if isinstance(one.sound, Path)]
        cache = cache_path(f"emotion-bursts-{split}", MEASURED_VERSION, files)
        if not cache.is_file():
            save(cache, measure_recordings(recordings, progress))
        splits.append(VoiceRecords(**load(cache)))
    return Bursts(*splits)


def burst_recordings(folder: Path, split: str) -> list[Recording]:
    """The bursts of one split of `folder`/labels.csv, by their names in the catalogue."""
    if not (folder / "labels.csv").is_file():
        return []
    with open(folder / "labels.csv", encoding="utf-8", newline="") as file:
        return [
            Recording(
                folder / row["path"], CATALOGUE_NAMES.get(row["emotion"], row["emotion"]), f"{CORPUS}/{row['speaker']}"
            )
            for row in csv.DictReader(file)
            if row["corpus"] == CORPUS and row["split"] == split
        ]
