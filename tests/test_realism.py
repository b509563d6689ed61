"""The two-sample test of drawn faces: who lends expressions, and what tells two sets of pictures apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple

import cv2
import numpy as np
import pytest
import torch

from talker.evaluation import realism
from talker.evaluation.realism import DrawnFace, opposite_mouths
from talker.evaluation.two_sample import TwoSampleResult, hand_made_features, kernel_distance, two_sample_test
from talker.types import ByteArray


def test_open_mouths_lend_to_shut_ones_of_their_collection() -> None:
    collections = ["a", "b", "a", "a", "b", "a", "c"]
    gaps = [0.0, 0.3, 0.2, 0.01, 0.0, 0.3, 0.1]
    lenders = opposite_mouths(collections, gaps)
    assert sorted(lenders) == list(range(7))  # each lends once
    assert all(collections[place] == collections[lender] for place, lender in enumerate(lenders))
    assert lenders == [2, 4, 0, 5, 1, 3, 6]


def test_blurred_pictures_are_further_away_than_others_of_the_same_kind() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (60, 32, 40, 3), dtype=np.uint8)
    blurred = noise.copy()
    blurred[:, 1:] = noise[:, 1:] // 2 + noise[:, :-1] // 2
    sharp, other, soft = (
        np.stack([hand_made_features(picture) for picture in part]) for part in (noise[:30], noise[30:], blurred[30:])
    )
    scale = np.concatenate([sharp, soft]).std(axis=0) + 1e-6
    same, unlike = (kernel_distance(sharp / scale, part / scale) for part in (other, soft))
    assert abs(same) < 0.1 * unlike


def test_a_classifier_learns_from_others_first() -> None:
    """Ten people's blurred pictures are too few to learn from; after sixty others they are told."""
    rng = np.random.default_rng(3)

    def pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
        noise = rng.integers(0, 255, (count, 32, 40, 3), dtype=np.uint8)
        return noise, np.stack([cv2.GaussianBlur(picture, (0, 0), 0.6) for picture in rng.permutation(noise)])

    few, others = pictures(10), pictures(60)
    found = two_sample_test(*few, [f"person {number}" for number in range(10)], others=others)
    assert found.network >= 0.9


def test_several_tests_are_made_and_their_mean_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_seed(_real: ByteArray, _drawn: ByteArray, _people: list[str], seed: int, **_: object) -> TwoSampleResult:
        return TwoSampleResult(*(np.array([0.1, 0.2, 0.3, 0.4]) * seed))

    monkeypatch.setattr(realism, "worker_processes", ThreadPoolExecutor)
    monkeypatch.setattr(realism, "two_sample_test", by_seed)
    face = DrawnFace("person", grey := np.zeros((256, 256, 3), np.uint8), {"geometry": grey})
    mean = realism.told([face], [face], "geometry", "mouth", seed=7)
    seeds = 7 + (realism.TESTS - 1) / 2
    assert astuple(mean) == pytest.approx((0.1 * seeds, 0.2 * seeds, 0.3 * seeds, 0.4 * seeds))
    assert realism.TESTS > 1


def test_a_seed_gives_one_result() -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (2, 10, 32, 40, 3), dtype=np.uint8)
    people = [f"person {number}" for number in range(10)]
    found = []
    for before in (1, 11):
        torch.manual_seed(before)
        found.append(two_sample_test(*pictures, people, seed=3))
    assert found[0] == found[1]
