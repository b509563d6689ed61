"""What lips are learnt from: speakers of other films are brought to what mouths usually do, at the right moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.components import Components
from talker.data.filmed_speakers import FilmedSpeaker, UsualMouth, news_speakers, performers, speaker_examples
from talker.data.speech_clips import Example, TrackedClip
from talker.errors import DataError
from talker.face.model import load_face_model
from talker.motion import articulation
from talker.motion.lips import LipGeometry
from talker.motion.mouth_regressor import ArticulationConfig, MouthRegressor
from talker.options import SpeakOptions
from talker.speech.analysis import SpeechAnalysis
from talker.training.motion import MotionTraining, fit_mouth_regressor
from talker.types import FloatArray, SpeechClip
from talker.weights import store

FPS, LAG_S = 25.0, 0.08
TIME = np.arange(100) / 50.0
JAW = BLENDSHAPE_INDEX["jawOpen"]


def opening_at(time: FloatArray) -> FloatArray:
    return np.asarray(0.3 + 0.2 * np.sin(9.0 * time) * np.cos(2.3 * time))


class Encoder:
    """Hears the opening of the mouth itself, in the first of two numbers."""

    def encode_layers(self, _: SpeechClip) -> tuple[FloatArray, ...]:
        return (np.stack([opening_at(TIME), np.zeros(len(TIME))], axis=1).astype(np.float32),)


@pytest.fixture(scope="module")
def filmed() -> FilmedSpeaker:
    """Somebody who opens the mouth half as far as it sounds, in a film whose picture leads by LAG_S."""
    model = load_face_model(store.checkpoint("face-model"))
    frames = np.arange(50) / FPS
    landmarks = np.stack(
        [
            model.landmarks(model.neutral + 0.5 * opened * model.expression_basis[JAW])
            for opened in opening_at(frames + LAG_S)
        ]
    )
    clip = SpeechClip(np.zeros(32000, np.float32), 16000)
    return FilmedSpeaker("one", (TrackedClip("a", clip, (landmarks * (30, -30, 30)).astype(np.float32), FPS),))


@pytest.fixture(scope="module")
def regressor() -> MouthRegressor:
    config = ArticulationConfig(("jawOpen",), layers=1, components=2, context=0)
    return MouthRegressor(
        config, np.zeros(2, np.float32), np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), np.zeros(2)
    )


def test_a_speaker_is_brought_to_the_usual_opening_at_the_moment_of_the_sound(
    filmed: FilmedSpeaker, regressor: MouthRegressor
) -> None:
    usual = UsualMouth(np.zeros(BLENDSHAPE_COUNT), np.array([0.06, 0.02]), np.array([0.03, 0.01]))
    (example,) = speaker_examples(filmed, usual, regressor, Encoder())  # type: ignore[arg-type]
    opening = example.targets @ LipGeometry.load().opening
    assert opening.mean() == pytest.approx(0.06, abs=0.005) and opening.std() == pytest.approx(0.03, abs=0.003)
    assert np.corrcoef(opening, example.features[:, 0])[0, 1] > 0.98  # without the lag: 0.78
    assert np.isnan(example.closed).all()
    assert len(example.features) == len(example.targets) < len(TIME)  # nothing is said where nothing was filmed


def test_closures_are_learnt_where_they_are_known() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 4)).astype(np.float32)
    targets = np.zeros((400, BLENDSHAPE_COUNT), np.float32)
    targets[:, JAW] = features[:, 0]
    known = Example(features, targets, (features[:, 1] > 0).astype(np.float32))
    unknown = Example(features, targets, np.full(400, np.nan, np.float32))
    settings = MotionTraining(ridge=1e-4, head=ArticulationConfig(("jawOpen",), layers=1, components=4, context=0))
    one = fit_mouth_regressor([([known], 1.0)], settings)
    other = fit_mouth_regressor([([known], 1.0), ([unknown], 2.0)], settings)
    mouth, gate = other.predict(other.project([features]))
    assert np.abs(mouth[:, JAW] - features[:, 0]).max() < 0.01
    assert ((gate > 0.5) == (features[:, 1] > 0)).mean() > 0.97
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-4)


@pytest.mark.parametrize(("read", "named"), [(news_speakers, "index.csv"), (performers, "d6.mp4")])
def test_missing_films_are_named(read: object, named: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=named):
        list(read(tmp_path, report=True) if read is news_speakers else read(tmp_path))  # type: ignore[operator]


def test_the_permissive_lips_have_weights_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    original = store.checkpoint
    monkeypatch.setattr(articulation.store, "checkpoint", lambda name: opened.append(name) or original(name))
    articulation.shipped_mouth_regressor.cache_clear()  # type: ignore[attr-defined]
    speech = SpeechAnalysis(SpeechClip(np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32), 16000))
    Components.default().speech_motion(speech, SpeakOptions(permissive=True))
    assert "motion-permissive" in opened and "motion" not in opened
