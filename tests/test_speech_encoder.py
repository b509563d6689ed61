"""The speech encoder against the recogniser it was cut from, and against itself on long and silent sound."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import WhisperModel
from safetensors.numpy import save_file

from talker.errors import AssetError
from talker.media.audio import at_rate
from talker.speech import voice
from talker.speech.encoder import SpeechEncoder, log_mel_spectrogram
from talker.speech.whisper import EncoderConfig, WhisperEncoder
from talker.types import FloatArray, SpeechClip
from talker.weights import store


@pytest.fixture(scope="module")
def clip() -> SpeechClip:
    return voice.say("The quick brown fox jumps over the lazy dog.")


def _noise(seconds: float, seed: int = 0) -> SpeechClip:
    random = np.random.default_rng(seed)
    swell = 0.1 + 0.1 * np.sin(np.arange(int(16000 * seconds)) / 3000)
    return SpeechClip((random.standard_normal(len(swell)) * swell).astype(np.float32), 16000)


def _tiny(config: EncoderConfig | None = None) -> SpeechEncoder:
    """A small encoder with random weights."""
    config = config or EncoderConfig.tiny()
    random = np.random.default_rng(0)
    shapes = config.weight_shapes()
    weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    return SpeechEncoder(WhisperEncoder(config, weights))


def test_all_layers_equal_the_recognisers_own_encoder(clip: SpeechClip) -> None:
    network = SpeechEncoder.load(EncoderConfig(layers=4, final_norm=True)).network
    log_mel = log_mel_spectrogram(at_rate(clip, 16000).samples)
    frames = log_mel.shape[1]
    padded = np.zeros((80, 3000), np.float32)
    padded[:, :frames] = log_mel
    whisper = WhisperModel(str(store.fetch("whisper_tiny_en")), device="cpu", compute_type="float32")
    theirs = np.array(whisper.encode(padded))[0]
    ours = network.layers(padded)[-1]
    spoken = slice(0, frames // 2)
    assert np.abs(ours[spoken] - theirs[spoken]).max() < 1e-4 * np.abs(theirs).max()
    assert np.abs(ours - theirs).mean() < 1e-5


def test_log_mel_equals_the_recognisers_own() -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    sound = _noise(35.0)  # longer than one chunk
    theirs = FeatureExtractor(feature_size=80)(sound.samples, padding=0)
    ours = log_mel_spectrogram(at_rate(sound, 16000).samples)
    assert np.abs(ours[:, : theirs.shape[1]] - theirs[:, : ours.shape[1]]).max() < 1e-3


def test_both_published_forms_give_the_same_network(tmp_path: Path) -> None:
    network = SpeechEncoder.load().network
    state = {}
    for name, tensor in network.weights.items():
        state |= _as_on_the_hub(name, tensor)
    for part in ("weight", "bias"):
        state[f"model.encoder.layer_norm.{part}"] = np.zeros(384, np.float32)
    save_file(state, tmp_path / "model.safetensors")
    again = SpeechEncoder.load(weights=tmp_path / "model.safetensors").network
    for name, tensor in network.weights.items():
        keys = slice(384, 768)  # the key's bias is zero in the published weights
        if name.endswith("query_key_value.bias"):
            assert not tensor[keys].any()
        assert np.array_equal(again.weights[name], tensor), name


def _as_on_the_hub(name: str, tensor: FloatArray) -> dict[str, FloatArray]:
    """One of our tensors under the Hub's names."""
    if name == "positions":
        return {"model.encoder.embed_positions.weight": tensor}
    if not name.startswith("blocks"):
        return {f"model.encoder.{name.replace('stem', 'conv1').replace('downsample', 'conv2')}": tensor}
    _, layer, module, part = name.split(".")
    prefix = f"model.encoder.layers.{layer}"
    if module == "query_key_value":
        query, key, value = np.split(tensor, 3)
        parts = {"q": query, "k": key, "v": value} if part == "weight" else {"q": query, "v": value}
        return {f"{prefix}.self_attn.{which}_proj.{part}": values.copy() for which, values in parts.items()}
    names = {
        "attention_norm": "self_attn_layer_norm",
        "attention_output": "self_attn.out_proj",
        "hidden_norm": "final_layer_norm",
        "hidden": "fc1",
        "output": "fc2",
    }
    return {f"{prefix}.{names[module]}.{part}": tensor}


def test_windows_join_without_a_jump() -> None:
    sound = _noise(12.0)
    whole = SpeechEncoder.load().encode(sound)
    cut = SpeechEncoder.load(EncoderConfig(window_s=5.0, overlap_s=2.0)).encode(sound)
    assert whole.shape == cut.shape == (600, 384)
    step_whole = np.abs(np.diff(whole, axis=0)).mean(1)
    step_cut = np.abs(np.diff(cut, axis=0)).mean(1)
    for seam in (slice(150, 250), slice(300, 400), slice(450, 550)):  # 5 s windows that share 2 s
        assert step_cut[seam].mean() < 1.1 * step_whole[seam].mean()
        assert step_cut[seam].max() < 1.3 * step_whole[seam].max()


def test_every_length_gives_fifty_frames_a_second() -> None:
    encoder = _tiny()
    for seconds in (0.1, 0.5, 0.99, 1.0, 1.01, 1.7, 1.71, 2.4, 5.0):
        features = encoder.encode(_noise(seconds))
        assert len(features) == round(seconds * 50)
        assert np.isfinite(features).all()


def test_every_layer_is_what_a_network_cut_after_it_gives() -> None:
    config = dataclasses.replace(EncoderConfig.tiny(), layers=2)
    whole = _tiny(config)
    first = SpeechEncoder(WhisperEncoder(EncoderConfig.tiny(), whole.network.weights))
    sound = _noise(3.0)
    layers = whole.encode_layers(sound)
    assert len(layers) == 2 and np.array_equal(layers[-1], whole.encode(sound))
    assert np.array_equal(layers[0], first.encode(sound)) and not np.allclose(*layers)


def test_other_weights_are_refused_by_name(tmp_path: Path) -> None:
    for name, content in (("model.bin", b"\x06\0\0\0nonsense"), ("model.safetensors", b"nonsense"), ("empty.bin", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AssetError, match=name):
            SpeechEncoder.load(weights=tmp_path / name)
    with pytest.raises(AssetError, match=r"missing\.bin"):
        SpeechEncoder.load(weights=tmp_path / "missing.bin")


def test_silence_is_encoded() -> None:
    silent = SpeechClip(np.zeros(16000, np.float32), 16000)
    config = dataclasses.replace(EncoderConfig.tiny(), window_s=2.0)
    assert np.isfinite(_tiny(config).encode(silent)).all()
