"""From the features of a speech recogniser to the mouth's blendshapes and the closures of p, b, m."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.types import FloatArray

BLOCK = 4096  # frames that are predicted at once: with their neighbours side by side, an hour would fill memory


@dataclass(frozen=True)
class ArticulationConfig:
    """What the head is made of and how its output is used.

    channels: the blendshapes it predicts.
    layers: how many of the encoder's layers it reads side by side; the deepest that is computed is the last of them.
    components, context: of the linear head: how many principal components of the features, and how many neighbouring
        feature frames (20 ms apart) on each side.
    lead_s: how much earlier than heard the mouth moves; lips shape a sound before it is heard.
    opening_gain, rounding_gain: give back the amplitude that regression to the mean takes away; phone_gain does so
        for the visemes.
    phone_share_opening, phone_share_rounding: part of the visemes where the phones are known, 0..1.
    gate_open, gate_shut: probability of p, b, m at which the lips begin to close and are closed.
    """

    channels: tuple[str, ...]
    layers: int = 2
    components: int = 160
    context: int = 5
    lead_s: float = 0.02
    opening_gain: float = 1.4
    rounding_gain: float = 1.4
    phone_gain: float = 1.2
    phone_share_opening: float = 0.25
    phone_share_rounding: float = 0.5
    gate_open: float = 0.15
    gate_shut: float = 0.45

    @classmethod
    def tiny(cls) -> ArticulationConfig:
        """A small head for tests."""
        return cls(channels=("jawOpen", "mouthPucker"), components=8, context=1)


@dataclass(frozen=True)
class MouthRegressor:
    """Linear from features in context to blendshapes and to the p/b/m gate.

    mean: [F] and components: [F,K] of the features, F = 384 · layers. weights: [(2·context+1)·K, C+1] and
    bias [C+1], the last column being the gate's logit.
    """

    config: ArticulationConfig
    mean: FloatArray
    components: FloatArray
    weights: FloatArray
    bias: FloatArray

    @classmethod
    def load(cls, folder: Path) -> MouthRegressor:
        """Read a regressor from its checkpoint folder."""
        settings = json.loads((folder / "config.json").read_text())
        config = ArticulationConfig(**{**settings, "channels": tuple(settings["channels"])})
        return cls(config, **load_file(folder / "model.safetensors"))

    def project(self, layers: Sequence[FloatArray]) -> FloatArray:
        """The encoder's layers, each [T,384], as principal components [T,K]."""
        blocks = (
            side_by_side([layer[start : start + BLOCK] for layer in layers], self.config.layers)
            for start in range(0, max(1, len(layers[-1])), BLOCK)
        )
        return np.concatenate([(block - self.mean) @ self.components for block in blocks])

    def predict(self, projected: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(blendshapes [T,52], probability of p, b, m [T]) for projected features [T,K] at 50 Hz, from sound alone."""
        reach = self.config.context
        padded = np.pad(projected, ((reach, reach), (0, 0)), mode="edge")
        out = np.concatenate(
            [
                neighbours(padded[start : start + BLOCK + 2 * reach], reach) @ self.weights + self.bias
                for start in range(0, max(1, len(projected)), BLOCK)
            ]
        )  # [T, C+1]
        return spread_out(self.config, out)


def side_by_side(layers: Sequence[FloatArray], count: int) -> FloatArray:
    """[T, 384·count]: the last `count` of an encoder's layers, each [T,384]."""
    return np.concatenate(layers[-count:], axis=1)


def spread_out(config: ArticulationConfig, out: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(blendshapes [T,52], probability of p, b, m [T]) of a head's output [T,C+1]."""
    blendshapes = np.zeros((len(out), BLENDSHAPE_COUNT), np.float32)
    blendshapes[:, [BLENDSHAPE_INDEX[name] for name in config.channels]] = out[:, :-1]
    return blendshapes, 1.0 / (1.0 + np.exp(-np.clip(out[:, -1], -30.0, 30.0)))


def in_context(projected: FloatArray, context: int) -> FloatArray:
    """[T, (2·context+1)·K] each frame of [T,K] between its neighbours; the ends repeat."""
    return neighbours(np.pad(projected, ((context, context), (0, 0)), mode="edge"), context)


def neighbours(padded: FloatArray, context: int) -> FloatArray:
    """[T, (2·context+1)·K] each frame between its neighbours, for frames [T + 2·context, K]."""
    length = len(padded) - 2 * context
    return np.concatenate([padded[shift : shift + length] for shift in range(2 * context + 1)], axis=1)
