"""The lip model and the generator as ONNX files, for whoever runs them without Python.

`lips.onnx`: log-mels in, mouth out; the recogniser's encoder and the regressor in one graph. `generator.onnx`: a
frame's square in, residual flow and texture out; `generator-portrait.onnx` gives the features of the portrait that it
also takes. Names and shapes of inputs and outputs stand in the files.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.motion.articulation import shipped_mouth_regressor
from talker.motion.mouth_regressor import MouthRegressor
from talker.render.aligned import MAP_STRIDE, MAPS, STYLE
from talker.render.generator import CHECKPOINT, PICTURE, Generator, load_generator
from talker.speech.encoder import shared_encoder
from talker.speech.whisper import NORM_FLOOR, WhisperEncoder
from talker.weights.store import checkpoint

OPSET = 18


class LipModel(nn.Module):
    """`WhisperEncoder` and `MouthRegressor` as one network.

    Log-mels [80,2T] in, blendshapes [T,52] and the probability of p, b, m [T] out. T is at most the encoder's
    `positions`; longer sound comes in windows, as `SpeechEncoder` cuts it.
    """

    def __init__(self, encoder: WhisperEncoder, regressor: MouthRegressor) -> None:
        super().__init__()
        self.config, self.regressor = encoder.config, regressor.config
        head = {part: getattr(regressor, part) for part in ("mean", "components", "weights", "bias")}
        for name, value in (encoder.weights | head).items():
            self.register_buffer(name.replace(".", "_"), torch.from_numpy(value))
        spread = torch.zeros(len(regressor.config.channels), BLENDSHAPE_COUNT)
        for row, name in enumerate(regressor.config.channels):
            spread[row, BLENDSHAPE_INDEX[name]] = 1.0
        self.register_buffer("spread", spread)

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """Blendshapes [T,52] and the probability of p, b, m [T] of `log_mel` [80,2T]."""
        x = functional.gelu(self._convolve(log_mel[None], "stem", 1))
        x = functional.gelu(self._convolve(x, "downsample", 2))[0].T  # [T,width]
        x = x + self._weight("positions")[: x.shape[0]]
        given = []
        for block in (f"blocks.{layer}" for layer in range(self.config.layers)):
            x = x + self._attend(self._normalise(x, f"{block}.attention_norm"), block)
            hidden = functional.gelu(self._linear(self._normalise(x, f"{block}.hidden_norm"), f"{block}.hidden"))
            x = x + self._linear(hidden, f"{block}.output")
            given.append(x)
        features = torch.cat(given[-self.regressor.layers :], dim=1)  # [T,F]
        projected = (features - self._weight("mean")) @ self._weight("components")  # [T,K]
        reach = self.regressor.context
        padded = functional.pad(projected.T[None], (reach, reach), mode="replicate")[0].T
        near = [padded[shift : padded.shape[0] - 2 * reach + shift] for shift in range(2 * reach + 1)]
        out = torch.cat(near, dim=1) @ self._weight("weights") + self._weight("bias")  # [T,C+1]
        return out[:, :-1] @ self._weight("spread"), torch.sigmoid(out[:, -1])

    def _weight(self, name: str) -> Tensor:
        return self.get_buffer(name.replace(".", "_"))

    def _convolve(self, x: Tensor, name: str, stride: int) -> Tensor:
        return functional.conv1d(
            x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"), stride=stride, padding=1
        )

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))

    def _normalise(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            x, (self.config.width,), self._weight(f"{name}.weight"), self._weight(f"{name}.bias"), NORM_FLOOR
        )

    def _attend(self, x: Tensor, block: str) -> Tensor:
        heads, width = self.config.heads, self.config.width
        mixed = self._linear(x, f"{block}.query_key_value").reshape(-1, 3, heads, width // heads)
        query, key, value = (mixed[:, part].transpose(0, 1) for part in range(3))  # each [heads,T,width/heads]
        share = torch.softmax(query @ key.transpose(1, 2) * (width // heads) ** -0.5, dim=2)
        heard = (share @ value).transpose(0, 1).reshape(-1, width)
        return self._linear(heard, f"{block}.attention_output")


class _Portrait(nn.Module):
    """`Generator.encode` as a network of its own."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, source: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.generator.encode(source))


class _Refine(nn.Module):
    """`Generator.refine` as a network of its own."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, picture: Tensor, maps: Tensor, style: Tensor, *features: Tensor) -> tuple[Tensor, Tensor]:
        found = self.generator.refine(picture, maps, style, list(features))
        return found.flow, found.texture


def export(name: str, folder: Path, *, permissive: bool = False) -> list[Path]:
    """Write the shipped "lips" or "generator" into `folder`; the files that are there then."""
    if name == "lips":
        regressor = shipped_mouth_regressor("motion-permissive" if permissive else "motion")
        return export_lips(shared_encoder().network, regressor, folder)
    return export_generator(load_generator(checkpoint(CHECKPOINT)), folder)


def export_lips(encoder: WhisperEncoder, regressor: MouthRegressor, folder: Path) -> list[Path]:
    """Write `lips.onnx`, and `lips-int8.onnx`, whose encoder multiplies in eight bits."""
    network, whole, small = LipModel(encoder, regressor), folder / "lips.onnx", folder / "lips-int8.onnx"
    example = torch.zeros(encoder.config.mels, 2 * min(100, encoder.config.positions))
    frames = {"blendshapes": {0: "frames"}, "closure": {0: "frames"}}
    _export(network, (example,), whole, ("log_mel",), tuple(frames), {"log_mel": {1: "mel_frames"}, **frames})
    # the encoder's matrices are "Gemm"; the regressor's principal components don't bear eight bits
    quantize_dynamic(whole, small, weight_type=QuantType.QInt8, op_types_to_quantize=["Gemm"], per_channel=True)
    return [whole, small]


def export_generator(generator: Generator, folder: Path) -> list[Path]:
    """Write `generator-portrait.onnx` and `generator.onnx`, for one frame at a time."""
    side = generator.config.size
    portrait, refine = folder / "generator-portrait.onnx", folder / "generator.onnx"
    source = torch.zeros(1, 3, side, side)
    features = generator.encode(source)
    names = tuple(f"features_{level}" for level in range(len(features)))
    picture, maps = torch.zeros(1, PICTURE, side, side), torch.zeros(1, MAPS, side // MAP_STRIDE, side // MAP_STRIDE)
    inputs = (picture, maps, torch.zeros(1, STYLE), *features)
    _export(_Portrait(generator), (source,), portrait, ("portrait",), names, {})
    _export(_Refine(generator), inputs, refine, ("picture", "maps", "style", *names), ("flow", "texture"), {})
    return [portrait, refine]


def _export(
    network: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: dict[str, dict[int, str]],
) -> None:
    export: Any = torch.onnx.export
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # that this exporter is the older one, which needs no further package
        export(
            network.eval(), example, str(path), input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=dynamic, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
