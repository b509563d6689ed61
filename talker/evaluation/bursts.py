"""Vocal bursts of people who taught nothing, read by the shipped head."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talker.data.vocal_bursts import load_bursts
from talker.emotion.bursts import burst_head
from talker.emotion.catalogue import EMOTIONS
from talker.evaluation.emotion import mean_recall, note
from talker.evaluation.metrics import Recorder

AMONG = 3  # best guesses


def run(data: Path, record: Recorder) -> None:
    """How often the feeling that was asked of a person is the first guess, and among the first three."""
    heard, head = load_bursts(data).held_out, burst_head()
    shares = head.shares(heard.statistics[:, 0])  # [N, feelings]
    truth = np.array([head.names.index(name) for name in heard.emotion])
    first = np.argsort(-shares, axis=1)[:, :AMONG]
    found = mean_recall(truth, first[:, 0])
    labels = np.array([EMOTIONS[name].probabilities.argmax() for name in head.names])  # each feeling's nearest label
    eight = np.stack([EMOTIONS[name].probabilities for name in head.names])  # [feelings, 8]
    note(record, f"{len(head.names)} feelings", found, 1 / len(head.names))
    note(record, f"among the first {AMONG}", (first == truth[:, None]).any(1).mean(), AMONG / len(head.names))
    known = len(np.unique(labels[truth]))
    note(record, f"{known} labels", mean_recall(labels[truth], (shares @ eight).argmax(1)), 1 / known)
