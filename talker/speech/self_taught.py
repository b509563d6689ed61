"""HuBERT and wav2vec 2.0 as speech features, behind the same door as Whisper's encoder.

Hsu et al., "HuBERT: Self-Supervised Speech Representation Learning by Masked Prediction of Hidden Units" (2021), and
Baevski et al., "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations" (2020). Both were
taught by sound alone, so they know no language better than their recordings do. The networks are transformers' own,
cut after the layer that is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talker import hub
from talker.errors import AssetError
from talker.media import audio
from talker.speech.encoder import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from talker.speech.windows import joined, spans
from talker.types import FloatArray, SpeechClip

if TYPE_CHECKING:  # importing it for real takes seconds, for torch
    from transformers import PreTrainedModel

RECEPTIVE_FIELD = 400  # samples that one frame of the convolutions sees
QUIETEST = 1e-7  # added to the variance of a clip


@dataclass(frozen=True)
class SelfTaughtConfig:
    """A row: where the model is published, and how it is used.

    layer: whose output is taken, counted from 1. window_s, overlap_s: as in Whisper's `EncoderConfig`.
    """

    repository: str
    layer: int = 8
    window_s: float = 20.0
    overlap_s: float = 2.0


MODELS = {
    "hubert": SelfTaughtConfig("facebook/hubert-base-ls960"),  # Apache-2.0
    "wav2vec2": SelfTaughtConfig("facebook/wav2vec2-base"),  # Apache-2.0
}


class SelfTaughtEncoder:
    """Inner features of a whole clip, in windows, so that memory doesn't grow with its length."""

    def __init__(self, network: PreTrainedModel, config: SelfTaughtConfig) -> None:
        self.config = config
        self.network = network.eval()
        self.network.encoder.layers = self.network.encoder.layers[: config.layer]  # the others are not computed

    @classmethod
    def load(cls, config: SelfTaughtConfig, folder: Path | None = None) -> SelfTaughtEncoder:
        """The published model; `folder` holds its config.json and weights, by default fetched from the Hub.

        Raises AssetError when it can't be had or is another kind of model.
        """
        folder = folder or hub.published(config.repository)
        from transformers import AutoModel

        try:
            network = AutoModel.from_pretrained(folder)
        except (OSError, ValueError, KeyError) as error:
            raise AssetError(f"{folder} doesn't hold the weights of {config.repository} ({error}).") from error
        if network.config.model_type not in MODELS:
            raise AssetError(f"{folder} holds a {network.config.model_type}, which is none of {', '.join(MODELS)}.")
        return cls(network, config)

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return int(self.network.config.hidden_size)

    def encode(self, clip: SpeechClip, project: Callable[[FloatArray], FloatArray] | None = None) -> FloatArray:
        """Features [T, width] float32 at 50 Hz; frame t is centred on t / 50 s.

        project: applied to each window's features [t, width] before they are kept, to save memory on long sound.
        """
        return joined(self._windows(clip), round(self.config.overlap_s * FRAME_RATE), project)

    def _windows(self, clip: SpeechClip) -> Iterator[FloatArray]:
        """Features [t, width] of each window of the clip, which is heard at zero mean and unit variance."""
        import torch

        sound = audio.SoundAtRate(clip, SAMPLE_RATE)
        mean, spread = float(clip.samples.mean()), float(np.sqrt(clip.samples.var() + QUIETEST))
        frames = max(1, round(len(sound) / SAMPLES_PER_FRAME))
        half = RECEPTIVE_FIELD // 2
        lengths = (round(seconds * FRAME_RATE) for seconds in (self.config.window_s, self.config.overlap_s))
        for start, end in spans(frames, *lengths):
            samples = sound.between(start * SAMPLES_PER_FRAME - half, (end - 1) * SAMPLES_PER_FRAME + half)
            with torch.inference_mode():
                heard = self.network(torch.from_numpy((samples - mean) / spread)[None].float())
            yield heard.last_hidden_state[0].numpy()  # [t, width]
