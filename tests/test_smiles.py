"""What smiles are measured by: distances that don't depend on size and tilt, texture, and what counts as people's."""

import cv2
import numpy as np
import pytest
import skimage.data

from talker.evaluation import smiles
from talker.evaluation.expression_size import BROWS, TABLE
from talker.evaluation.metrics import Recorder
from talker.evaluation.smiles import MEASURES, Face, face_measures
from talker.portrait.analyse import analyse
from talker.types import Portrait


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


def test_measures_are_the_same_for_a_turned_and_shrunk_picture(portrait: Portrait) -> None:
    face = Face.of(portrait)
    matrix = cv2.getRotationMatrix2D((200.0, 100.0), 25.0, 0.6)
    places = face.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(Face(face.image, places).measures(), face.measures(), atol=1e-3)
    assert dict(zip(MEASURES, face.measures(), strict=True))["mouth width"] == pytest.approx(0.6, abs=0.15)


def test_raised_corners_and_a_wide_mouth_are_seen(portrait: Portrait) -> None:
    face = Face.of(portrait)
    smiling = face.landmarks.copy()
    smiling[61, :2] += (-5, -5)
    smiling[291, :2] += (5, -5)
    change = dict(zip(MEASURES, Face(face.image, smiling).measures() - face.measures(), strict=True))
    assert change["mouth width"] > 0.05
    assert change["corner height"] < -0.02
    assert change["eye aperture"] == 0


def test_texture_falls_with_blur(portrait: Portrait) -> None:
    face = Face.of(portrait)
    blurred = Face(cv2.GaussianBlur(face.image, (0, 0), 2.0), face.landmarks)
    assert blurred.texture() < face.texture() - 0.3


@pytest.mark.parametrize(("drawn", "share"), [(0.1, 1.0), (0.12, 1.0), (0.2, 0.0)])
def test_a_change_is_peoples_when_it_lies_near_theirs(drawn: float, share: float) -> None:
    people = 0.1 + 0.01 * np.random.default_rng(0).standard_normal(20)
    changes = np.stack([np.full((20, 5), drawn), np.repeat(people[:, None], 5, axis=1)], axis=1)
    record = Recorder()
    smiles.record_changes(changes, "put in", record)
    assert record.mean("smiles/as_people", "put in") == share
    assert record.mean("smiles/drawn_change", "put in: lip gap") == pytest.approx(drawn)


def test_measures_of_landmarks_in_space_are_the_same_for_a_turned_head(portrait: Portrait) -> None:
    turn, _ = cv2.Rodrigues(np.array([0.2, 0.5, -0.1]))
    measured, turned = (face_measures(places, TABLE) for places in (portrait.landmarks, portrait.landmarks @ turn.T))
    assert np.allclose(measured, turned, atol=1e-4)


def test_raised_brows_are_seen_as_such(portrait: Portrait) -> None:
    raised = portrait.landmarks.copy()
    raised[[52, 53, 282, 283], 1] -= 5.0
    change = face_measures(raised, BROWS) - face_measures(portrait.landmarks, BROWS)
    assert dict(zip(BROWS, change > 0.02, strict=True)) == {"inner brow": False, "outer brow": True}
