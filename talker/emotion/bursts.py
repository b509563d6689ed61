"""Vocal bursts -> EmotionCode: what a laugh, a sob or a gasp without words feels, by a head of its own.

Taught by EmoGator alone (Apache-2.0), so it belongs to both variants of the space; it is no part of the voice tower,
because bursts among the sentences made that worse. It tells feelings apart and not how strong they are: a burst is
shown whole.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from talker.emotion.decode import decode_mixture, named
from talker.emotion.model import EmotionModel, emotion_model
from talker.emotion.voice_features import voice_frames, whole
from talker.errors import AssetError
from talker.speech.analysis import SpeechAnalysis
from talker.types import EmotionCode, FloatArray
from talker.weights import store

CHECKPOINT = "bursts"
INTERJECTION = re.compile(
    r"a+h+|o+[hw]+|o{2,}|e+[hwk]+|h*m{2,}|u+[hmg]+h*|hu+h|(?:h[aeo]h?){2,}|h[ae]h|ha|wo+w|whoa|aha|la|phew|ouch|a+r*gh|gr{2,}"
)
LONGEST_S = 4.0  # twice what was taught; more is singing, noise or speech that was not understood


class BurstHead(nn.Module):
    """Voice statistics [B, inputs] -> logits [B, feelings] of the catalogue's feelings in `names`."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, inputs: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.linear = nn.Linear(inputs, len(names))

    def standardised(self, measured: Tensor) -> Tensor:
        """[..., inputs] in standard deviations from what was learnt from, within six."""
        return ((measured - self.mean) / self.deviation).clamp(-6.0, 6.0)

    def forward(self, measured: Tensor) -> Tensor:
        """[..., inputs] -> [..., feelings], logits."""
        return self.linear(self.standardised(measured))

    def shares(self, statistics: FloatArray) -> FloatArray:
        """How likely each feeling is [N, feelings], for voice statistics [N, inputs]."""
        with torch.inference_mode():
            return torch.softmax(self(torch.from_numpy(np.asarray(statistics, np.float32))), dim=-1).numpy()

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"inputs": len(self.mean), "names": self.names}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        save_file({key: value.contiguous() for key, value in self.state_dict().items()}, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path) -> BurstHead:
        """Read a checkpoint folder. Raises AssetError when it doesn't hold one."""
        try:
            config = json.loads((folder / "config.json").read_text())
            head = cls(config["inputs"], tuple(config["names"]))
            head.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise AssetError(f"{folder} doesn't hold a head for vocal bursts ({error}).") from error
        return head.eval().requires_grad_(False)


@functools.cache
def burst_head() -> BurstHead:
    """The shipped head, loaded once."""
    return BurstHead.load(store.checkpoint(CHECKPOINT))


def is_burst(speech: SpeechAnalysis) -> bool:
    """Whether a recogniser found no words in a short sound, or such as "Oh", "Hmm" and "hahaha" alone."""
    said = speech.transcript
    if said is None or speech.duration_s > LONGEST_S:
        return False
    parts = [part for word in said.words for part in re.findall(r"\w+", word.text.lower())]
    return all(INTERJECTION.fullmatch(part) for part in parts)


def burst_code(speech: SpeechAnalysis, *, model: EmotionModel | None = None) -> EmotionCode:
    """The feeling of a burst, one row: the catalogue's feelings, mixed by how likely each is.

    Raises EmotionError for a sound that is silent, shorter than 0.3 s or without a voice.
    """
    space = (model or emotion_model()).space
    head = burst_head()
    weights = np.zeros((1, len(space.names)), np.float32)
    weights[:, [space.names.index(name) for name in head.names]] = head.shares(whole(voice_frames(speech))[None])
    return named(decode_mixture(space, weights, 1.0, "", rate_hz=1.0), "vocal burst")
