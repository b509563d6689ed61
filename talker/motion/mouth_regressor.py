"""From the features of a speech recogniser to the mouth's blendshapes and the closures of p, b, m.

`LinearMouthRegressor` is what ships. A checkpoint whose config holds a network is read by `talker.motion.network`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors.numpy import load_file

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.motion import visemes
from talker.options import SpeakOptions
from talker.speech.encoder import FRAME_RATE
from talker.types import EmotionCode, FloatArray, TimedToken

BLOCK = 4096  # frames that are predicted at once: with their neighbours side by side, an hour would fill memory
STYLE_SPAN = 2.0  # standard deviations from an amount of 1 to one of 2, or of 0


@dataclass(frozen=True)
class ArticulationConfig:
    """What the head is made of and how its output is used.

    channels: the blendshapes it predicts.
    components, context: of the linear head: how many principal components of the features, and how many neighbouring
        feature frames (20 ms apart) on each side.
    lead_s: how much earlier than heard the mouth moves; lips shape a sound before it is heard.
    opening_gain, rounding_gain: give back the amplitude that regression to the mean takes away; phone_gain does so
        for the visemes.
    phone_share_opening, phone_share_rounding: part of the visemes where the phones are known, 0..1.
    gate_open, gate_shut: probability of p, b, m at which the lips begin to close and are closed.
    """

    channels: tuple[str, ...]
    components: int = 128
    context: int = 3
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


def read_config(folder: Path) -> tuple[ArticulationConfig, dict[str, Any]]:
    """How a checkpoint's output is used, and the dimensions of its network (empty for a linear head)."""
    settings = json.loads((folder / "config.json").read_text())
    network = settings.pop("network", {})
    return ArticulationConfig(**{**settings, "channels": tuple(settings["channels"])}), network


@dataclass(frozen=True)
class SpeechCondition:
    """What a mouth regressor may know besides the sound.

    phones: with times; empty where none are trusted. emotion: [R,D] as `emotion_condition` gives it, at emotion_hz
    (Hz; meaningless for one row, which holds throughout); None for neutral. style: [3] as `speaking_style` gives it;
    None for natural.
    """

    phones: tuple[TimedToken, ...] = ()
    emotion: FloatArray | None = None
    emotion_hz: float = FRAME_RATE
    style: FloatArray | None = None

    @classmethod
    def of(cls, code: EmotionCode, options: SpeakOptions) -> SpeechCondition:
        """Of someone who feels `code` and speaks as the options say."""
        return cls(emotion=emotion_condition(code), emotion_hz=code.rate_hz, style=speaking_style(options))


def emotion_condition(code: EmotionCode) -> FloatArray:
    """[R,D] an emotion as a condition on how one speaks: its embedding, as far as it is strong and not neutral.

    All 0 at strength 0 and for neutral: these are the same talker.
    """
    return code.embedding * (code.strength[:, None] * (1.0 - code.probabilities[:, :1]))  # neutral comes first


def speaking_style(options: SpeakOptions) -> FloatArray:
    """[3] mouth amplitude, articulation and speed of the face in standard deviations from how people speak."""
    amounts = np.array([options.mouth, options.articulation, options.pace], np.float32)
    return STYLE_SPAN * (amounts - 1.0)


class MouthRegressor(Protocol):
    """What articulation asks of a head, whatever it is made of."""

    @property
    def config(self) -> ArticulationConfig:
        """How its output is used."""

    def project(self, features: FloatArray) -> FloatArray:
        """What is kept of features [T,384] while the sound is heard."""

    def predict(self, projected: FloatArray, condition: SpeechCondition) -> tuple[FloatArray, FloatArray]:
        """(blendshapes [T,52], probability of p, b, m [T]) for what `project` kept [T,K], at 50 Hz."""


@dataclass(frozen=True)
class LinearMouthRegressor:
    """Linear from features in context to blendshapes and to the p/b/m gate.

    mean: [384] and components: [384,K] of the features. weights: [(2·context+1)·K, C+1] and bias [C+1], the last
    column being the gate's logit.
    """

    config: ArticulationConfig
    mean: FloatArray
    components: FloatArray
    weights: FloatArray
    bias: FloatArray

    @classmethod
    def load(cls, folder: Path) -> LinearMouthRegressor:
        """Read a head from its checkpoint folder."""
        return cls(read_config(folder)[0], **load_file(folder / "model.safetensors"))

    def project(self, features: FloatArray) -> FloatArray:
        """Features [T,384] as principal components [T,K]."""
        return (features - self.mean) @ self.components

    def predict(self, projected: FloatArray, condition: SpeechCondition) -> tuple[FloatArray, FloatArray]:
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


def spread_out(config: ArticulationConfig, out: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(blendshapes [T,52], probability of p, b, m [T]) of a head's output [T,C+1]."""
    blendshapes = np.zeros((len(out), BLENDSHAPE_COUNT), np.float32)
    blendshapes[:, [BLENDSHAPE_INDEX[name] for name in config.channels]] = out[:, :-1]
    return blendshapes, 1.0 / (1.0 + np.exp(-np.clip(out[:, -1], -30.0, 30.0)))


def phone_prior(config: ArticulationConfig, phones: tuple[TimedToken, ...], frames: int) -> FloatArray:
    """[frames, C+2] what the phones say: visemes of the channels, closure of p, b, m, and 1; all 0 without phones."""
    prior = np.zeros((frames, len(config.channels) + 2), np.float32)
    if phones:
        shaped = visemes.coarticulate(phones, frames, FRAME_RATE)
        prior[:, :-2] = shaped[:, [BLENDSHAPE_INDEX[name] for name in config.channels]]
        prior[:, -2] = visemes.closure(phones, visemes.BILABIALS, frames, FRAME_RATE)
        prior[:, -1] = 1.0
    return prior


def in_context(projected: FloatArray, context: int) -> FloatArray:
    """[T, (2·context+1)·K] each frame of [T,K] between its neighbours; the ends repeat."""
    return neighbours(np.pad(projected, ((context, context), (0, 0)), mode="edge"), context)


def neighbours(padded: FloatArray, context: int) -> FloatArray:
    """[T, (2·context+1)·K] each frame between its neighbours, for frames [T + 2·context, K]."""
    length = len(padded) - 2 * context
    return np.concatenate([padded[shift : shift + length] for shift in range(2 * context + 1)], axis=1)
