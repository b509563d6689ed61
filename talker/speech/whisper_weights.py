"""Reads the encoder's weights from either published form of Whisper: CTranslate2's `model.bin` or safetensors."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from talker.errors import AssetError
from talker.speech.whisper import EncoderConfig, WhisperEncoder
from talker.types import FloatArray

CTRANSLATE2_DTYPES = {0: np.float32, 4: np.float16}  # the ids that encoder weights are stored in
NORMS = {"attention_norm": "self_attention/layer_norm", "hidden_norm": "ffn/layer_norm"}
LINEARS = {
    "query_key_value": "self_attention/linear_0",
    "attention_output": "self_attention/linear_1",
    "hidden": "ffn/linear_0",
    "output": "ffn/linear_1",
}
HUB_PARTS = {
    "attention_norm": "self_attn_layer_norm",
    "attention_output": "self_attn.out_proj",
    "hidden_norm": "final_layer_norm",
    "hidden": "fc1",
    "output": "fc2",
}


def load_whisper_encoder(config: EncoderConfig, path: Path) -> WhisperEncoder:
    """The encoder whose weights lie in `path`, a `model.bin` or `.safetensors`.

    Raises AssetError when the file isn't a Whisper encoder of the configured size.
    """
    read = _from_safetensors if path.suffix == ".safetensors" else _from_ctranslate2
    try:
        found = read(path, config.layers)
        return WhisperEncoder(config, {name: found[name] for name in config.weight_shapes()})
    except (OSError, KeyError, ValueError, struct.error, SafetensorError) as error:
        raise AssetError(f"{path} doesn't hold the weights of Whisper tiny.en's encoder ({error}).") from error


def read_ctranslate2(path: Path, prefix: str) -> dict[str, FloatArray]:
    """The variables of a CTranslate2 `model.bin` whose names start with `prefix`, as float32.

    The file holds (little-endian): version, specification name, revision, count, and for each variable its name, rank,
    dimensions, type id, byte count and bytes. Other variables are skipped, not read.
    """
    found: dict[str, FloatArray] = {}
    with open(path, "rb") as file:

        def number(layout: str) -> int:
            return int(struct.unpack(layout, file.read(struct.calcsize(layout)))[0])

        def string() -> str:
            return file.read(number("<H"))[:-1].decode()

        number("<I")
        string()
        number("<I")
        for _ in range(number("<I")):
            name, rank = string(), number("<B")
            shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
            dtype, size = number("<B"), number("<I")
            if name.startswith(prefix) and dtype in CTRANSLATE2_DTYPES:
                values = np.frombuffer(file.read(size), CTRANSLATE2_DTYPES[dtype]).reshape(shape)
                found[name.removeprefix(prefix)] = values.astype(np.float32)
            else:
                file.seek(size, 1)
    return found


def _from_ctranslate2(path: Path, layers: int) -> dict[str, FloatArray]:
    source = read_ctranslate2(path, "encoder/")
    state = {"positions": source["position_encodings/encodings"]}
    for ours, theirs in (("stem", "conv1"), ("downsample", "conv2")):
        state |= {f"{ours}.weight": source[f"{theirs}/weight"], f"{ours}.bias": source[f"{theirs}/bias"]}
    norms = {"final_norm": "layer_norm"}
    for layer in range(layers):
        norms |= {f"blocks.{layer}.{ours}": f"layer_{layer}/{theirs}" for ours, theirs in NORMS.items()}
        for ours, theirs in LINEARS.items():
            for part in ("weight", "bias"):
                state[f"blocks.{layer}.{ours}.{part}"] = source[f"layer_{layer}/{theirs}/{part}"]
    for ours, theirs in norms.items():
        state |= {f"{ours}.weight": source[f"{theirs}/gamma"], f"{ours}.bias": source[f"{theirs}/beta"]}
    return state


def _from_safetensors(path: Path, layers: int) -> dict[str, FloatArray]:
    with safe_open(path, framework="numpy") as file:
        prefix = "model.encoder." if "model.encoder.conv1.weight" in file.keys() else "encoder."  # noqa: SIM118

        def tensor(name: str) -> FloatArray:
            values: FloatArray = file.get_tensor(prefix + name)
            return values.astype(np.float32)

        state = {"positions": tensor("embed_positions.weight")}
        for part in ("weight", "bias"):
            state[f"stem.{part}"] = tensor(f"conv1.{part}")
            state[f"downsample.{part}"] = tensor(f"conv2.{part}")
            state[f"final_norm.{part}"] = tensor(f"layer_norm.{part}")
            for layer in range(layers):
                theirs = f"layers.{layer}"
                for ours, name in HUB_PARTS.items():
                    state[f"blocks.{layer}.{ours}.{part}"] = tensor(f"{theirs}.{name}.{part}")
        for layer in range(layers):
            attention = f"layers.{layer}.self_attn"
            query, value = tensor(f"{attention}.q_proj.bias"), tensor(f"{attention}.v_proj.bias")
            state[f"blocks.{layer}.query_key_value.bias"] = np.concatenate([query, np.zeros_like(query), value])
            state[f"blocks.{layer}.query_key_value.weight"] = np.concatenate(
                [tensor(f"{attention}.{which}_proj.weight") for which in "qkv"]
            )
    return state
