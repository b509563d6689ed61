"""A blind test: two films of the same sentence side by side, in an order drawn by chance; votes go to a CSV file.

Films are named METHOD/SENTENCE.mp4 in a folder: every two methods that have a sentence in common make a pair. Scores
are Bradley-Terry's (1952), with intervals from votes drawn again.
"""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from talker.errors import InputError
from talker.types import FloatArray

QUESTIONS = ("Which is more convincing?", "Which feels more strongly?", "Which is better in sync?")
FIELDS = ("question", "sentence", "first", "second", "better")
ITERATIONS, DRAWS = 200, 400
PRIOR = 0.5  # of a vote for either side of every pair that was shown, so that who always won has a score, too


@dataclass(frozen=True)
class Pair:
    """Two films of one sentence, in the order in which they are shown."""

    sentence: str
    first: str
    second: str


@dataclass(frozen=True)
class Vote:
    """Who was better in a pair. better: "first", "second" or "same"."""

    question: str
    pair: Pair
    better: str


@dataclass(frozen=True)
class Score:
    """How good a method is: Bradley-Terry's log strength, mean 0 over the methods, with its 95 % interval."""

    method: str
    value: float
    low: float
    high: float


def pairs(folder: Path, seed: int) -> list[Pair]:
    """All pairs of methods for all sentences that both have, shuffled, each in an order drawn by chance.

    Raises InputError when the folder holds no two films of one sentence.
    """
    films: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*.mp4")):
        films.setdefault(path.stem, []).append(path.parent.name)
    rng = random.Random(seed)
    found = [
        Pair(sentence, *rng.sample(two, 2))
        for sentence, methods in films.items() for two in itertools.combinations(methods, 2)
    ]  # fmt: skip
    if not found:
        raise InputError(f"{folder} holds no two films of one sentence; name them METHOD/SENTENCE.mp4.")
    rng.shuffle(found)
    return found


def append(vote: Vote, path: Path) -> None:
    """Add a vote to the CSV file, which is made when it is not there."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(FIELDS)
        writer.writerow((vote.question, vote.pair.sentence, vote.pair.first, vote.pair.second, vote.better))


def load(path: Path) -> list[Vote]:
    """The votes of a CSV file. Raises InputError when it is something else."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [
            Vote(row["question"], Pair(row["sentence"], row["first"], row["second"]), row["better"]) for row in rows
        ]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a file of votes ({error}).") from error


def scores(votes: Sequence[Vote], seed: int = 0) -> list[Score]:
    """The methods of some votes on one question, the best first; "same" counts half for either."""
    methods = sorted({name for vote in votes for name in (vote.pair.first, vote.pair.second)})
    wins = np.stack([_wins(vote, methods) for vote in votes])  # [V,M,M]
    rng = np.random.default_rng(seed)
    drawn = [bradley_terry(wins[rng.integers(len(wins), size=len(wins))].sum(0)) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    found = bradley_terry(wins.sum(0))
    rows = [Score(*row) for row in zip(methods, found.tolist(), low.tolist(), high.tolist(), strict=True)]
    return sorted(rows, key=lambda row: -row.value)


def bradley_terry(wins: FloatArray) -> FloatArray:
    """[M] log strengths, mean 0, for wins [M,M] of row over column; the usual minorisation (Hunter, 2004)."""
    met = wins + wins.T
    wins = wins + PRIOR * (met > 0)
    met = wins + wins.T
    strength = np.ones(len(wins))
    for _ in range(ITERATIONS):
        expected = (met / (strength[:, None] + strength[None])).sum(1)
        strength = wins.sum(1) / np.maximum(expected, 1e-12)
        strength = np.maximum(strength / np.exp(np.log(np.maximum(strength, 1e-12)).mean()), 1e-12)
    values = np.log(strength)
    return values - values.mean()


def _wins(vote: Vote, methods: Sequence[str]) -> FloatArray:
    first, second = (methods.index(name) for name in (vote.pair.first, vote.pair.second))
    share = {"first": 1.0, "second": 0.0, "same": 0.5}[vote.better]
    wins = np.zeros((len(methods), len(methods)))
    wins[first, second], wins[second, first] = share, 1.0 - share
    return wins


def summary(path: Path) -> str:
    """The scores of all questions in a file of votes, as text."""
    votes = load(path)
    lines = []
    for question in dict.fromkeys(vote.question for vote in votes):
        own = [vote for vote in votes if vote.question == question]
        lines.append(f"{question} ({len(own)} votes)")
        lines += [f"  {row.method}: {row.value:+.2f} ({row.low:+.2f} to {row.high:+.2f})" for row in scores(own)]
    return "\n".join(lines)


def build(folder: Path, votes: Path, question: str = QUESTIONS[0], seed: int = 0) -> gr.Blocks:
    """The page: one pair below or beside the other, three buttons, the next pair. Films carry numbers, not names."""
    shown = pairs(folder, seed)

    def films(index: int) -> tuple[Any, ...]:
        if index >= len(shown):
            return index, None, None, "Thank you: that was the last pair."
        pair = shown[index]
        paths = [str(folder / name / f"{pair.sentence}.mp4") for name in (pair.first, pair.second)]
        return index, *paths, f"Pair {index + 1} of {len(shown)}"

    def voted(index: int, better: str) -> tuple[Any, ...]:
        if index < len(shown):
            append(Vote(question, shown[index], better), votes)
        return films(index + 1)

    with gr.Blocks(title="Blind test") as page:
        gr.Markdown(f"## {question}")
        number, place = gr.State(0), gr.Markdown()
        with gr.Row():
            first, second = (gr.Video(label=label, min_width=280) for label in ("1", "2"))
        with gr.Row():
            for better, words in (("first", "1"), ("same", "No difference"), ("second", "2")):
                button = gr.Button(words, min_width=90)
                button.click(voted, [number, gr.State(better)], [number, first, second, place])
        page.load(lambda: films(0), None, [number, first, second, place])
    return page
