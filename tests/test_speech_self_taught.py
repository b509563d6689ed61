"""HuBERT and wav2vec 2.0 as speech features: tiny ones with random weights, never downloaded."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from talker import hub, sources
from talker.cli import main
from talker.errors import AssetError, DataError, InputError
from talker.motion.articulation import load_head, speech_motion
from talker.motion.head import ArticulationConfig, LinearHead
from talker.speech import features
from talker.speech.features import FEATURES, load_features
from talker.speech.self_taught import MODELS, SelfTaughtConfig, SelfTaughtEncoder
from talker.training.motion import save_head
from talker.training.network import NetworkTraining
from talker.training.network_data import gather
from talker.training.prepared import IndexRow, PreparedClip, write_index
from talker.types import SpeechClip
from talker.workbench import train

SMALL: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64, "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
KINDS = {"hubert": (HubertConfig, HubertModel), "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model)}
SETTINGS = SelfTaughtConfig("somebody/something", layer=2, window_s=2.0, overlap_s=0.5)


def _network(kind: str, **more: Any) -> torch.nn.Module:
    config, model = KINDS[kind]
    torch.manual_seed(0)
    return model(config(**SMALL, **more)).eval()


def _noise(seconds: float, rate: int = 16000) -> SpeechClip:
    time = np.arange(int(rate * seconds)) / rate
    swell = 0.1 + 0.1 * np.sin(40 * time)
    noise = np.random.default_rng(0).standard_normal(len(time))
    return SpeechClip((noise * swell).astype(np.float32), rate)


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_the_models_own_inner_layer(kind: str, tmp_path: Path) -> None:
    network = _network(kind)
    network.save_pretrained(tmp_path)
    clip = _noise(1.5)
    prepared = Wav2Vec2FeatureExtractor(do_normalize=True)(clip.samples, sampling_rate=16000, return_tensors="pt")
    padded = torch.nn.functional.pad(prepared.input_values, (200, -120))  # frame t is then centred on t / 50 s
    with torch.inference_mode():
        theirs = network(padded, output_hidden_states=True).hidden_states[SETTINGS.layer][0].numpy()
    encoder = SelfTaughtEncoder.load(SETTINGS, tmp_path)
    ours = encoder.encode(clip)
    assert ours.shape == (75, 32) and encoder.width == 32 and len(encoder.network.encoder.layers) == 2
    inner = slice(2, -2)  # before the first sample, silence is 0 there and 0 less the mean here
    np.testing.assert_allclose(ours[inner], theirs[: len(ours)][inner], atol=0.05)
    assert np.corrcoef(ours[inner].ravel(), theirs[: len(ours)][inner].ravel())[0, 1] > 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_every_length_and_rate_gives_fifty_frames_a_second(kind: str) -> None:
    encoder = SelfTaughtEncoder(_network(kind), SETTINGS)
    for seconds, rate in ((0.1, 16000), (0.99, 16000), (1.01, 44100), (2.0, 16000), (2.01, 24000), (5.3, 16000)):
        features = encoder.encode(_noise(seconds, rate))
        assert features.shape == (round(seconds * 50), 32) and features.dtype == np.float32
        assert np.isfinite(features).all()
    assert np.isfinite(encoder.encode(SpeechClip(np.zeros(8000, np.float32), 16000))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_windows_join_without_a_jump(kind: str) -> None:
    sound = _noise(6.0)
    network = _network(kind, feat_extract_norm="layer")  # the other norm looks at a whole window
    cut = SelfTaughtEncoder(network, SETTINGS).encode(sound)
    whole = SelfTaughtEncoder(network, dataclasses.replace(SETTINGS, window_s=10.0)).encode(sound)
    assert cut.shape == whole.shape
    steps, smooth = (np.abs(np.diff(values, axis=0)).mean(1) for values in (cut, whole))
    for seam in (slice(75, 101), slice(150, 176), slice(225, 251)):  # 2 s windows that share 0.5 s
        assert steps[seam].mean() < 1.1 * smooth[seam].mean()
        assert steps[seam].max() < 1.3 * smooth.max()
    part = SelfTaughtEncoder(network, SETTINGS).encode(sound, lambda values: values[:, :3])
    np.testing.assert_allclose(part, cut[:, :3], atol=1e-6)


def test_where_the_hub_cannot_be_reached_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path))
    monkeypatch.setattr(sources, "hub_reachable", lambda: False)
    load_features.cache_clear()
    with pytest.raises(AssetError, match=r"facebook/hubert-base-ls960 can't be had .* put its config\.json"):
        load_features("hubert")
    with pytest.raises(AssetError, match="known are whisper, hubert, wav2vec2"):
        load_features("hubris")
    folder = tmp_path / "facebook--hubert-base-ls960"
    _network("hubert").save_pretrained(folder)  # placed by hand
    assert hub.published("facebook/hubert-base-ls960") == folder
    assert load_features("hubert").width == 32
    load_features.cache_clear()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(AssetError, match="facebook--hubert-base-ls960"):
        load_features("hubert")


def test_a_checkpoint_says_what_it_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SelfTaughtEncoder(_network("wav2vec2"), SETTINGS)
    monkeypatch.setattr("talker.motion.articulation.load_features", {"wav2vec2": encoder}.__getitem__)
    config = dataclasses.replace(ArticulationConfig.tiny(), features="wav2vec2")
    weights = np.random.default_rng(0).normal(size=(3 * 8, 3)).astype(np.float32)
    head = LinearHead(
        config, np.zeros(32, np.float32), np.eye(32, 8, dtype=np.float32), weights, np.ones(3, np.float32)
    )
    save_head(head, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["features"] == "wav2vec2"
    motion = speech_motion(_noise(1.0), head=load_head(tmp_path))
    assert len(motion) == 25 and np.isfinite(motion.blendshapes).all() and motion.blendshapes.any()


def test_training_hears_what_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(name: str) -> None:
        asked.append(name)
        raise AssetError("not here")

    for place in ("motion", "network"):
        monkeypatch.setattr(f"talker.training.{place}.load_features", refuse)
    for name in ("motion", "motion-network"):
        with pytest.raises(AssetError, match="not here"):
            train(name, tmp_path, tmp_path, features="hubert")
    assert asked == ["hubert", "hubert"]
    with pytest.raises(InputError, match="leave --features out"):
        train("face-model", tmp_path, tmp_path, features="hubert")
    assert main(["train", "emotion", "--data", str(tmp_path), "--features", "hubert"]) == 2


def test_clips_that_were_prepared_with_other_features_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SelfTaughtEncoder(_network("hubert"), SETTINGS)
    monkeypatch.setattr("talker.training.network_data.load_features", lambda name: encoder)
    (tmp_path / "clips").mkdir()
    face = np.zeros((25, 52), np.float32)
    clip = PreparedClip(np.zeros((50, 32), np.float32), face, face[:, :6], face, face[:, :2], (), 25.0)
    clip.save(tmp_path / "clips" / "one.npz")
    write_index(tmp_path, [IndexRow("one", "she", "neutral", 1.0, 1.0)])
    head = dataclasses.replace(NetworkTraining.tiny().head, features="hubert")
    with pytest.raises(DataError, match="prepare the films again with --features hubert"):
        gather(tmp_path, head, emotion=64, sentences=0, voice_weight=1.0, copies=0, seed=0)


def test_every_name_is_known_and_none_loads_a_framework_before_it_is_used() -> None:
    assert ("whisper", *MODELS) == FEATURES and ArticulationConfig.tiny().features == features.WHISPER
    program = "import sys, talker.speech.features; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
