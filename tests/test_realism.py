"""The two-sample test of drawn faces: who lends expressions, and what tells two sets of pictures apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talker.evaluation.realism import TESTS, DrawnFace, opposite_mouths, told
from talker.evaluation.two_sample import hand_made_features, kernel_distance, two_sample_test
from talker.render.regions import MOUTH


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


def test_several_tests_are_made_and_their_mean_is_told() -> None:
    rng = np.random.default_rng(5)
    faces = []
    for number in range(10):
        real, drawn = rng.integers(0, 255, (2, 256, 256, 3), dtype=np.uint8)
        drawn = np.clip(drawn.astype(int) + int(rng.integers(-20, 24)), 0, 255).astype(np.uint8)
        faces.append(DrawnFace(f"person {number}", real, {"geometry": drawn}))  # hardly told: the seeds decide
    mean = told(faces[:5], faces[5:], "geometry", "mouth")
    some, others = (
        [np.stack([side[MOUTH.slices(256)] for side in sides]) for sides in zip(*pairs, strict=True)]
        for pairs in ([(face.real, face.drawn["geometry"]) for face in part] for part in (faces[:5], faces[5:]))
    )
    people = [face.person for face in faces[:5]]
    each = [two_sample_test(*some, people, seed, (others[0], others[1])) for seed in range(TESTS)]
    assert len({(one.network, one.features, one.both) for one in each}) > 1
    assert mean.network == pytest.approx(np.mean([one.network for one in each]))
    assert mean.both == pytest.approx(np.mean([one.both for one in each]))
    assert mean.features == pytest.approx(np.mean([one.features for one in each]))
