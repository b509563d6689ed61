"""Each of the papers' methods runs on the same portrait and speech, and does what sets it apart."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from talker import FaceMotion, SpeakOptions, Talker
from talker.errors import InputError
from talker.evaluation.contact_sheet import contact_sheet, method_cells
from talker.evaluation.methods import METHODS, Given, Scene, find_method
from talker.motion.lips import LipGeometry


@pytest.fixture(scope="module")
def scene() -> Scene:
    talker = Talker()
    portrait = talker.analyze_portrait(skimage.data.astronaut())
    return Scene(talker, portrait, talker.load_speech(text="My baby!"), SpeakOptions(size="crop256", still=True))


@pytest.fixture(scope="module")
def motions(scene: Scene) -> dict[str, FaceMotion]:
    return {name: method.motion_of(scene, Given()) for name, method in METHODS.items()}


def test_all_say_the_same_with_the_same_head_and_another_face(motions: dict[str, FaceMotion]) -> None:
    calm = motions["neutral"]
    for name, motion in motions.items():
        assert len(motion) == len(calm) and motion.fps == calm.fps
        if name != "neutral":
            assert np.abs(motion.blendshapes - calm.blendshapes).max() > 0.02, name


def test_eamm_adds_the_same_displacement_to_every_frame(motions: dict[str, FaceMotion]) -> None:
    added = motions["eamm"].blendshapes - motions["neutral"].blendshapes
    loose = (motions["eamm"].blendshapes < 0.7).all(axis=0) & (motions["eamm"].blendshapes > 0.05).all(axis=0)
    assert loose.any() and np.ptp(added[:, loose], axis=0).max() < 1e-5


def test_only_eamm_lets_an_emotion_open_lips_that_speech_closes(scene: Scene, motions: dict[str, FaceMotion]) -> None:
    opening = {name: LipGeometry.load().opening_of(motion.blendshapes) for name, motion in motions.items()}
    talking = scene.speech.speaking(len(motions["neutral"]), motions["neutral"].fps) > 0.9
    closed = talking & (opening["neutral"] < 0.004)
    assert closed.any() and opening["eamm"][closed].max() > 2 * opening["hifi"][closed].max()


def test_landmarks_keep_the_lips_of_amigo(scene: Scene, motions: dict[str, FaceMotion]) -> None:
    direct = scene.animated(METHODS["amigo"].emotion(scene, Given()))
    lips = [LipGeometry.load().opening_of(motion.blendshapes) for motion in (direct, motions["amigo"])]
    assert np.corrcoef(*lips)[0, 1] > 0.8
    assert not np.array_equal(direct.blendshapes, motions["amigo"].blendshapes)


def test_a_sheet_shows_the_methods_and_unknown_ones_are_named(scene: Scene) -> None:
    rows = method_cells([scene.portrait], ["neutral", "cmet"], scene.options, Given())
    assert contact_sheet(scene.talker, rows, scene.speech).shape[0] == 2 * (256 + 24)
    with pytest.raises(InputError, match="neutral, eamm, amigo, hifi, cem, cmet"):
        find_method("wav2lip")
