"""Golden tests: crops of what the renderer draws, how emotions come and go, and wrong changes that must fail them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from crops import differences

import talker.emotion.model
import talker.motion.emotion_course
import talker.render.eyes
from talker.emotion.model import EmotionModel
from talker.motion.emotion_course import EmotionEnvelope
from talker.render.crease_removal import CreaseParams
from talker.render.eyes import Plate
from talker.render.lids import LidParams
from talker.render.mouth import LipParams
from talker.render.mouth_inside import InsideParams
from talker.render.params import DEFAULT_PARAMS, RenderParams
from talker.render.patch import Window
from talker.render.tongue import TongueParams
from talker.render.tooth_rows import ToothRowParams
from talker.types import FloatArray

FPS = 25.0
STEP = 0.2  # of an emotion, that a face takes at most from one frame to the next


def test_crops_are_what_they_were(params: RenderParams = DEFAULT_PARAMS) -> None:
    assert differences(params) == []


def test_an_emotion_comes_and_goes_gently() -> None:
    """A second of steady speech: the emotion rises and falls over several frames and is whole in the middle."""
    envelope = EmotionEnvelope(FPS, 49 / FPS)(np.ones(50), np.zeros(50))
    assert envelope[25] == pytest.approx(1.0, abs=0.02)
    assert envelope[0] < 0.7 and envelope[-1] < 0.9
    assert np.abs(np.diff(envelope)).max() < STEP


def test_permissive_opens_only_its_own_checkpoint() -> None:
    with pytest.MonkeyPatch.context() as patch:
        opened: list[str] = []
        load = talker.emotion.model.trained_prototypes
        patch.setattr(
            talker.emotion.model, "trained_prototypes", lambda folder: opened.append(folder.name) or load(folder)
        )
        assert EmotionModel(permissive=True).prototypes
    assert opened == ["emotion-permissive"]


def _glossier(params: RenderParams) -> RenderParams:
    inside, teeth, tongue = params.inside, params.inside.teeth, params.inside.tongue
    return dataclasses.replace(params, inside=dataclasses.replace(
        inside, gums_gloss=5 * inside.gums_gloss, tongue=dataclasses.replace(tongue, gloss=5 * tongue.gloss),
        teeth=ToothRowParams(upper_gloss=5 * teeth.upper_gloss, lower_gloss=5 * teeth.lower_gloss),
    ))  # fmt: skip


def _black_plate(window: Window, white: FloatArray, *others: FloatArray) -> Plate:
    return Plate(window, np.zeros_like(white), *others)


WRONG_PARAMS: dict[str, RenderParams] = {
    "a green tongue": RenderParams(inside=InsideParams(tongue=TongueParams(colour=(0.66, 0.95, 0.67)))),
    "the lash line at a third": RenderParams(lids=LidParams(lash_shade=LidParams().lash_shade / 3)),
    "bright mouth corners": RenderParams(lips=LipParams(corner_shade=(1.0, 1.0, 1.0))),
    "gloss x 5": _glossier(DEFAULT_PARAMS),
    "no crease removal": RenderParams(creases=CreaseParams(least_expression=np.inf)),
}
WRONG_CODE = {  # module, name, what stands there instead, the test that fails
    "black eye whites": (talker.render.eyes, "Plate", _black_plate, test_crops_are_what_they_were),
    "an emotion ease of 0.02 s": (
        talker.motion.emotion_course, "EASE_S", 0.02, test_an_emotion_comes_and_goes_gently
    ),
    "permissive never": (
        talker.emotion.model, "PERMISSIVE_CHECKPOINT", "emotion", test_permissive_opens_only_its_own_checkpoint
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*WRONG_PARAMS, *WRONG_CODE])
def test_wrong_changes_fail(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in WRONG_PARAMS:
        with pytest.raises(AssertionError):
            test_crops_are_what_they_were(WRONG_PARAMS[name])
        return
    module, attribute, wrong, test = WRONG_CODE[name]
    monkeypatch.setattr(module, attribute, wrong)
    with pytest.raises(AssertionError):
        test()
