"""The sequence model: conditions that change nothing at zero, windows without seams, and a training that goes on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.data.audio_augmentation import said_elsewhere, warped
from talker.data.motion_dataset import MotionDataset, Sample, batch_of
from talker.emotion.labels import label_code
from talker.errors import MotionError
from talker.motion import network as network_module
from talker.motion.articulation import load_mouth_regressor, speech_motion
from talker.motion.mouth_regressor import ArticulationConfig, SpeechCondition, emotion_condition, phone_prior
from talker.motion.network import MotionNetwork, NetworkConfig, NetworkMouthRegressor
from talker.options import SpeakOptions
from talker.speech import voice
from talker.training.network import NetworkTraining, fit_network
from talker.training.network_losses import Batch, LipLandmarks, losses
from talker.types import EMOTION_LABELS, EmotionCode, SpeechClip, TimedToken, Transcript

SETTINGS = NetworkTraining.tiny()
CHANNELS = SETTINGS.head.channels
JAW = CHANNELS.index("jawOpen")
PHONES = (TimedToken("M", 0.1, 0.2), TimedToken("AA", 0.2, 0.5))


@pytest.fixture
def head() -> NetworkMouthRegressor:
    """A network whose every weight is at work."""
    torch.manual_seed(0)
    network = MotionNetwork(SETTINGS.network)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return NetworkMouthRegressor(SETTINGS.head, network.eval())


def _features(frames: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(frames, 384)).astype(np.float32)


def test_a_feeling_of_no_strength_and_a_natural_style_change_nothing(head: NetworkMouthRegressor) -> None:
    kept = head.project(_features(40))
    plain, _ = head.predict(kept, SpeechCondition(PHONES))
    still, _ = head.predict(kept, SpeechCondition(PHONES, np.zeros((1, 64)), style=np.zeros(3)))
    emotion_condition, _ = head.predict(kept, SpeechCondition(PHONES, np.full((1, 64), 0.1)))
    loud, _ = head.predict(kept, SpeechCondition(PHONES, style=np.array([1.0, 0.0, 0.0])))
    assert np.array_equal(plain, still)
    assert np.abs(emotion_condition - plain).max() > 1e-3 < np.abs(loud - plain).max()


def _talk(head: NetworkMouthRegressor, code: EmotionCode, options: SpeakOptions) -> np.ndarray:
    clip = voice.say("My people believe you.")
    return speech_motion(clip, head=head, condition=SpeechCondition.of(code, options)).blendshapes


def test_a_feeling_reaches_the_network_and_at_no_strength_it_is_the_neutral_talker(head: NetworkMouthRegressor) -> None:
    options = SpeakOptions()
    neutral = _talk(head, label_code("neutral"), options)
    for label in EMOTION_LABELS[1:]:
        assert np.array_equal(_talk(head, label_code(label, 0.0), options), neutral)
        assert np.array_equal(_talk(head, label_code(label).with_strength(0.0), options), neutral)
        half, whole = (np.abs(_talk(head, label_code(label, strength), options) - neutral) for strength in (0.3, 1.0))
        assert 0 < half.mean() < whole.mean()
    clear = _talk(head, label_code("neutral"), SpeakOptions(articulation=2.0))
    assert np.abs(clear - neutral).max() > 1e-3


def test_a_feeling_of_another_space_is_refused(head: NetworkMouthRegressor) -> None:
    with pytest.raises(MotionError, match="64 numbers, not 7"):
        head.predict(head.project(_features(9)), SpeechCondition(emotion=np.zeros((1, 7))))


def test_a_feeling_that_changes_is_heard_when_it_does(head: NetworkMouthRegressor) -> None:
    happy = emotion_condition(label_code("happy"))
    kept = head.project(_features(200))
    plain, _ = head.predict(kept, SpeechCondition())
    changing = np.concatenate([np.zeros_like(happy)] * 50 + [happy] * 50)  # at 25 Hz: after two of four seconds
    turned, _ = head.predict(kept, SpeechCondition(emotion=changing, emotion_hz=25.0))
    reach = SETTINGS.network.reach
    assert np.array_equal(turned[: 98 - reach], plain[: 98 - reach])
    throughout, _ = head.predict(kept, SpeechCondition(emotion=happy))
    np.testing.assert_allclose(turned[100 + reach :], throughout[100 + reach :], atol=1e-5)
    assert np.abs(throughout - plain).max() > 1e-3


def test_a_feeling_that_training_never_showed_changes_nothing() -> None:
    torch.manual_seed(0)
    network = MotionNetwork(SETTINGS.network)
    for block in network.blocks:
        torch.nn.init.normal_(block.condition.weight)
        torch.nn.init.normal_(block.out.weight)
    fresh = NetworkMouthRegressor(SETTINGS.head, network.eval())
    kept = fresh.project(_features(30))
    assert np.array_equal(
        fresh.predict(kept, SpeechCondition(emotion=emotion_condition(label_code("angry"))))[0],
        fresh.predict(kept, SpeechCondition())[0],
    )


def test_windows_join_without_a_seam(head: NetworkMouthRegressor, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = head.project(_features(100))
    whole, gate = head.predict(kept, SpeechCondition(PHONES))
    monkeypatch.setattr(network_module, "WINDOW", 17)
    pieces, gate_of_pieces = head.predict(kept, SpeechCondition(PHONES))
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
    np.testing.assert_allclose(gate_of_pieces, gate, atol=1e-5)


def test_what_is_saved_is_what_is_loaded(head: NetworkMouthRegressor, tmp_path: Path) -> None:
    head.save(tmp_path)
    again = load_mouth_regressor(tmp_path)
    kept = head.project(_features(30))
    assert again.config == head.config
    assert np.array_equal(again.predict(kept, SpeechCondition())[0], head.predict(kept, SpeechCondition())[0])


def test_the_prior_says_when_phones_are_unknown() -> None:
    config = ArticulationConfig(CHANNELS)
    known = phone_prior(config, PHONES, 40)
    assert known[7, -2] == 1 and known[20, JAW] > 0.2 and (known[:, -1] == 1).all()
    assert not phone_prior(config, (), 40).any()


def _sample(opening: float = 0.0) -> Sample:
    """The jaw follows the first feature."""
    rng = np.random.default_rng(round(100 * opening))
    heard = rng.normal(size=(60, 384)).astype(np.float16)
    target = np.zeros((60, len(CHANNELS)), np.float32)
    target[:, JAW] = np.clip(0.3 + 0.3 * heard[:, 0], 0, 1)
    nothing = np.zeros(60, np.float32)
    prior = np.zeros((60, len(CHANNELS) + 2), np.float32)
    return Sample(
        heard, prior, target, nothing, nothing, np.zeros(SETTINGS.network.emotion, np.float32), np.zeros(3, np.float32)
    )


@pytest.fixture
def material() -> MotionDataset:
    return MotionDataset([_sample(index / 10) for index in range(6)], [_sample(0.9)])


def test_training_learns_what_moves_the_jaw(material: MotionDataset, tmp_path: Path) -> None:
    learnt = fit_network(material, tmp_path, dataclasses.replace(SETTINGS, steps=120, check=20, rate=5e-3))
    rows = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [20, 40, 60, 80, 100, 120]
    assert set(rows[0]) == {"step", *SETTINGS.weights, "held out, opening r"}
    assert rows[-1]["coefficients"] < rows[0]["coefficients"]
    sample = material.train[0]
    said, _ = learnt.predict(sample.heard, SpeechCondition())
    assert np.corrcoef(said[:, BLENDSHAPE_INDEX["jawOpen"]], sample.target[:, JAW])[0, 1] > 0.5


def test_a_stopped_run_draws_the_same_batches(material: MotionDataset, tmp_path: Path) -> None:
    fit_network(material, tmp_path / "whole", SETTINGS)

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_network(material, tmp_path / "parts", SETTINGS, stop)
    fit_network(material, tmp_path / "parts", SETTINGS)
    logs = [(tmp_path / name / "training.jsonl").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]


def test_losses_are_zero_for_the_truth_and_name_what_is_wrong() -> None:
    lips = LipLandmarks.of(CHANNELS)
    spread = torch.ones(len(CHANNELS))
    batch = batch_of([_sample()], 40, np.random.default_rng(0), hidden_phones=0.0, hidden_feeling=0.0)
    gate = torch.full(batch.closed.shape, -20.0)
    assert all(float(value) < 1e-6 for value in losses(batch.target, gate, batch, lips, spread).values())
    wide = batch.target.clone()
    wide[..., JAW] += 0.3
    shut = Batch(**{**vars(batch), "closed": torch.ones_like(batch.closed), "silent": torch.ones_like(batch.silent)})
    found = losses(wide, gate, shut, lips, spread)
    assert min(float(found[name]) for name in ("coefficients", "lips", "closure", "gate", "silence")) > 0.004
    assert float(found["velocity"]) < 1e-6


def test_windows_that_are_too_long_do_not_count_beyond_the_clip() -> None:
    batch = batch_of([_sample()], 80, np.random.default_rng(0), hidden_phones=1.0, hidden_feeling=1.0)
    assert batch.heard.shape == (1, 80, 384) and float(batch.weight.sum()) == 60 and not batch.prior.any()


def test_a_warped_voice_keeps_its_phones_in_time() -> None:
    rate = 16000
    time = np.arange(rate) / rate
    clip = SpeechClip(0.3 * np.sin(2 * np.pi * 220 * time).astype(np.float32), rate, Transcript((), PHONES))
    fast = warped(clip, 1.25)
    assert len(fast.samples) == round(rate / 1.25)
    assert fast.transcript is not None and fast.transcript.phones[1].end_s == pytest.approx(0.4)
    spectrum = np.abs(np.fft.rfft(fast.samples))
    assert spectrum.argmax() / fast.duration_s == pytest.approx(275, abs=2)
    again = [said_elsewhere(clip, 0.9, np.random.default_rng(5)) for _ in range(2)]
    assert np.array_equal(again[0].samples, again[1].samples) and again[0].transcript == warped(clip, 0.9).transcript
    assert len(again[0].samples) == round(rate / 0.9) and 0 < np.abs(again[0].samples).max() <= 1


def test_sizes_stay_compact() -> None:
    for config in (NetworkTraining().network, NetworkConfig(len(CHANNELS))):
        assert sum(parameter.numel() for parameter in MotionNetwork(config).parameters()) < 6_000_000
