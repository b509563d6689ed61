"""`python -m talker train bursts`: the head that reads vocal bursts, and what it finds in people who were kept out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from talker.data.vocal_bursts import load_bursts
from talker.data.voice_corpora import VoiceRecords
from talker.emotion.bursts import BurstHead
from talker.training.voice_tower import minimise
from talker.types import Progress

CARD = """---
license: apache-2.0
---
# Vocal bursts

Which of {feelings} feelings a laugh, a sob, a gasp says: a multinomial regression on voice statistics (Whisper
tiny.en's second layer, mean and spread, with prosody: 790). Taught by `python -m talker train bursts --data DIR` with
EmoGator (Buchanan, 2022; Apache-2.0) alone, {clips} bursts of {people} people, each as it is and as another microphone
would have heard it. docs/emotion.md has its figures on the {others} people who were kept out.

It reads how a sound is mostly labelled. It does not know what a person feels, and must not be used to decide anything
about anyone.
"""


@dataclass(frozen=True)
class BurstTraining:
    """One run. penalty: on the squared weights; chosen by five folds of the people who teach."""

    iterations: int = 100
    penalty: float = 0.1


def train(data: Path, out: Path, progress: Progress | None = None) -> None:
    """Write the head to `out`. Raises DataError when `data` holds no bursts."""
    bursts = load_bursts(data, progress)
    head = train_burst_head(bursts.taught, BurstTraining())
    head.save(out)
    card = CARD.format(
        feelings=len(head.names),
        clips=len(bursts.taught),
        people=len(np.unique(bursts.taught.speaker)),
        others=len(np.unique(bursts.held_out.speaker)),
    )
    (out / "README.md").write_text(card)


def train_burst_head(taught: VoiceRecords, training: BurstTraining) -> BurstHead:
    """A head for the feelings of `taught`, each of which counts the same. It is convex, so no seed matters."""
    names = tuple(sorted(set(taught.emotion.tolist())))
    windows, width = taught.statistics.shape[1:]
    head = BurstHead(width, names)
    heard = torch.from_numpy(taught.statistics).flatten(0, 1)  # [N · windows, width]
    head.mean.copy_(heard.mean(0))
    head.deviation.copy_(heard.std(0).clamp_min(1e-4))
    scaled = head.standardised(heard)
    targets = torch.tensor([names.index(name) for name in np.repeat(taught.emotion, windows)])
    counts = torch.bincount(targets, minlength=len(names))
    weight = len(targets) / counts / len(names)

    def loss() -> torch.Tensor:
        told_apart = functional.cross_entropy(head.linear(scaled), targets, weight, reduction="sum") / len(targets)
        return told_apart + training.penalty * (head.linear.weight**2).sum()

    minimise(loss, head.linear, training.iterations)
    return head.eval().requires_grad_(False)
