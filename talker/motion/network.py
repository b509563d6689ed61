"""The compact sequence model: what is heard, which phones sound, who feels what and how they speak -> the mouth.

Dilated temporal convolutions over the recogniser's features and the visemes of the phones (where they are known). A
emotion and a speaking style enter as a condition on every block (FiLM: Perez et al., "Visual Reasoning with a General
Conditioning Layer", 2018) whose layers have no bias, so that strength 0 and the natural style change nothing at all.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from talker.errors import MotionError
from talker.motion.mouth_regressor import ArticulationConfig, SpeechCondition, phone_prior, read_config, spread_out
from talker.speech.encoder import FRAME_RATE
from talker.types import FloatArray

WINDOW = 3000  # frames that are predicted at once, a minute
STYLE_WIDTH = 3  # mouth amplitude, articulation, speed of the face: 0 is natural, 1 is one standard deviation more
PRIOR_EXTRA = 2  # columns of the phones' prior besides the visemes: closed for p, b, m, and whether phones are known


@dataclass(frozen=True)
class NetworkConfig:
    """Dimensions of the network.

    channels: blendshapes it predicts. features: width of what the recogniser hears. emotion: width of an emotion code.
    width, blocks, kernel, dilations: of the convolutions; dilations repeat over the blocks.
    dropout: of a block's output while training.
    """

    channels: int
    features: int = 384
    emotion: int = 64
    width: int = 160
    blocks: int = 6
    kernel: int = 3
    dilations: tuple[int, ...] = (1, 2, 4)
    dropout: float = 0.2

    @classmethod
    def tiny(cls, channels: int) -> NetworkConfig:
        """A network that trains in a second."""
        return cls(channels, width=16, blocks=2)

    @property
    def reach(self) -> int:
        """How many frames on each side a frame of the output depends on."""
        return sum(islice(cycle(self.dilations), self.blocks)) * (self.kernel // 2)


class ConditionedBlock(nn.Module):
    """Convolution over time, FiLM, nonlinearity, and back onto the path; it begins as the identity."""

    def __init__(self, config: NetworkConfig, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.over_time = nn.Conv1d(
            config.width, config.width, config.kernel, dilation=dilation, padding=dilation * (config.kernel // 2)
        )
        self.condition = nn.Linear(config.width, 2 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [B,T,W], condition [B,T or 1,W] -> [B,T,W]."""
        y = self.over_time(self.norm(x).transpose(1, 2)).transpose(1, 2)  # [B,T,W]
        scale, shift = self.condition(condition).chunk(2, dim=-1)  # each [B,T or 1,W]
        y = functional.gelu(y * (1 + scale) + shift)
        return x + self.dropout(self.out(y))


class MotionNetwork(nn.Module):
    """Blendshapes and the logit of closed lips for every frame at 50 Hz."""

    mean: Tensor
    spread: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("spread", torch.ones(config.features))
        self.heard = nn.Linear(config.features, config.width)
        self.phones = nn.Linear(config.channels + PRIOR_EXTRA, config.width, bias=False)
        self.emotion_condition = nn.Linear(config.emotion, config.width, bias=False)
        self.style = nn.Linear(STYLE_WIDTH, config.width, bias=False)
        self.blocks = nn.ModuleList(
            ConditionedBlock(config, dilation) for dilation in islice(cycle(config.dilations), config.blocks)
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.channels + 1)
        nn.init.zeros_(self.emotion_condition.weight)  # emotions that training never shows change nothing
        nn.init.constant_(self.head.bias[-1], math.log(0.1))  # lips are closed a tenth of the time

    def forward(self, heard: Tensor, phones: Tensor, emotion_condition: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """One batch of clips.

        heard: [B,T,features]. phones: [B,T,channels + 2], all 0 where nothing is known. emotion: [B,T or 1,emotion],
        the code times its strength. style: [B,3].
        Returns blendshapes [B,T,channels] and closure logits [B,T].
        """
        x = self.heard((heard - self.mean) / self.spread) + self.phones(phones)  # [B,T,W]
        condition = torch.tanh(self.emotion_condition(emotion_condition) + self.style(style)[:, None])  # [B,T or 1,W]
        for block in self.blocks:
            x = block(x, condition)
        out = self.head(self.norm(x))  # [B,T,channels + 1]
        return out[..., :-1], out[..., -1]


@dataclass(frozen=True)
class NetworkMouthRegressor:
    """A trained network behind the same interface as the linear regressor."""

    config: ArticulationConfig
    network: MotionNetwork

    @classmethod
    def load(cls, folder: Path) -> NetworkMouthRegressor:
        """Read a network from its checkpoint folder."""
        config, dimensions = read_config(folder)
        network = MotionNetwork(NetworkConfig(**{**dimensions, "dilations": tuple(dimensions["dilations"])}))
        network.load_state_dict(load_file(folder / "model.safetensors"))
        return cls(config, network.eval())

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = dataclasses.asdict(self.config) | {"network": dataclasses.asdict(self.network.config)}
        (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
        save_file(
            {name: value.contiguous() for name, value in self.network.state_dict().items()},
            folder / "model.safetensors",
        )

    def project(self, features: FloatArray) -> FloatArray:
        """Features [T,384] at half their size, for long sound."""
        return features.astype(np.float16)

    @torch.inference_mode()
    def predict(self, projected: FloatArray, condition: SpeechCondition) -> tuple[FloatArray, FloatArray]:
        """(blendshapes [T,52], probability of p, b, m [T]) for features [T,384] at 50 Hz, a minute at a time."""
        frames, reach = len(projected), self.network.config.reach
        prior = torch.from_numpy(phone_prior(self.config, condition.phones, frames))[None]
        style = torch.zeros(1, STYLE_WIDTH)  # natural
        if condition.style is not None:
            style = torch.as_tensor(condition.style, dtype=torch.float32)[None]
        out = np.empty((frames, len(self.config.channels) + 1), np.float32)
        for start in range(0, frames, WINDOW):
            first, end = max(0, start - reach), min(frames, start + WINDOW + reach)
            heard = torch.from_numpy(projected[first:end].astype(np.float32))[None]
            emotion_condition = _condition_between(condition, first, end, self.network.config.emotion)
            values, closed = self.network(heard, prior[:, first:end], emotion_condition, style)
            piece = torch.cat([values, closed[..., None]], dim=-1)[0].numpy()  # [t, C+1]
            out[start : start + WINDOW] = piece[start - first : start - first + WINDOW]
        return spread_out(self.config, out)


def _condition_between(condition: SpeechCondition, first: int, end: int, width: int) -> Tensor:
    """[1, end - first or 1, width] the emotion during some frames at 50 Hz; zeros, which change nothing, for none.

    Raises MotionError for an emotion of another emotion space than the network has learnt.
    """
    rows = condition.emotion
    if rows is None:
        return torch.zeros(1, 1, width)
    if rows.shape[1] != width:
        raise MotionError(
            f"The motion network was trained for feelings of {width} numbers, not {rows.shape[1]}; train it again with "
            "`python -m talker train motion-network`, or choose the linear converter."
        )
    if len(rows) > 1:
        time, own = np.arange(first, end) / FRAME_RATE, np.arange(len(rows)) / condition.emotion_hz
        rows = np.stack([np.interp(time, own, column) for column in rows.T], axis=1)
    return torch.as_tensor(rows, dtype=torch.float32)[None]
