"""The blind test: pairs in an order drawn by chance, votes that last, and scores that find who is better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talker.errors import InputError
from talker.web.blind_test import QUESTIONS, Pair, Vote, append, bradley_terry, build, load, pairs, scores, summary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/one", "b/one", "c/one", "a/two", "b/two", "c/alone"):
        path = tmp_path / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_every_two_films_of_a_sentence_meet_once_in_any_order(folder: Path, tmp_path: Path) -> None:
    met = [(pair.sentence, frozenset((pair.first, pair.second))) for pair in pairs(folder, 0)]
    two = [frozenset(names) for names in ("ab", "ac", "bc")]
    assert len(met) == 4 and set(met) == {*(("one", each) for each in two), ("two", two[0])}
    assert pairs(folder, 1) == pairs(folder, 1) != pairs(folder, 0)
    firsts = {pair.first for seed in range(9) for pair in pairs(folder, seed) if pair.sentence == "two"}
    assert firsts == {"a", "b"}
    with pytest.raises(InputError, match=r"METHOD/SENTENCE\.mp4"):
        pairs(folder / "a", 0)


def test_votes_are_kept_and_scored(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "votes.csv"
    strength = {"weak": 0.0, "middle": 1.0, "strong": 2.0}
    for _ in range(150):
        first, second = rng.choice(list(strength), 2, replace=False)
        wins = rng.random() < 1 / (1 + np.exp(strength[second] - strength[first]))
        append(Vote(QUESTIONS[0], Pair("one", first, second), "first" if wins else "second"), path)
    append(Vote(QUESTIONS[0], Pair("one", "weak", "strong"), "same"), path)
    votes = load(path)
    found = scores(votes)
    assert [row.method for row in found] == ["strong", "middle", "weak"] and len(votes) == 151
    assert all(row.low < row.value < row.high for row in found)
    assert all(row.low < strength[row.method] - 1 < row.high for row in found)
    assert f"{QUESTIONS[0]} (151 votes)" in summary(path)
    with pytest.raises(InputError, match="not a file of votes"):
        load(tmp_path / "none.csv")


def test_equal_wins_give_equal_scores_and_who_always_wins_has_one() -> None:
    np.testing.assert_allclose(bradley_terry(np.array([[0.0, 5.0], [5.0, 0.0]])), [0, 0], atol=1e-9)
    always = bradley_terry(np.array([[0.0, 5.0], [0.0, 0.0]]))
    assert np.isfinite(always).all() and always[0] > 1


def test_the_page_shows_pairs_and_keeps_votes(folder: Path) -> None:
    page = build(folder, folder / "votes.csv")
    vote = next(fn for fn in page.fns.values() if fn.name == "voted")
    shown = vote.fn(0, "first")
    assert shown[0] == 1 and shown[1].endswith(".mp4") and load(folder / "votes.csv")[0].better == "first"
    assert vote.fn(3, "same")[1] is None  # the last pair
