"""The inner layers of Whisper tiny.en's encoder in plain torch: what was said, free of who said it.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022). The third layer's output, 384
numbers at 50 Hz, generalises to any voice and vocabulary where log-mels do not (docs: findings, speech to motion);
the layers above it are not computed. Both published forms of the weights load: CTranslate2's `model.bin` and the
Hub's `model.safetensors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import librosa
import numpy as np
import scipy.fft
import torch
from torch import Tensor, nn
from torch.nn import functional

from talker import hub
from talker.media import audio
from talker.speech.whisper_weights import load_encoder_weights
from talker.types import FloatArray, SpeechClip

SAMPLE_RATE = 16_000
HOP = 160  # samples between mel frames: 100 Hz
SAMPLES_PER_FRAME = 2 * HOP  # the second convolution halves the rate
FRAME_RATE = SAMPLE_RATE / SAMPLES_PER_FRAME  # 50 Hz
FFT_SIZE = 400
MEL_CHUNK = 3000  # mel frames computed at once, 30 s
DYNAMIC_RANGE = 8.0  # decades below the loudest mel that are kept


@dataclass(frozen=True)
class EncoderConfig:
    """Dimensions of the encoder; the defaults are Whisper tiny's, cut after the layer that is used.

    layers: how many transformer layers are computed.
    final_norm: normalise the output as the recogniser's own decoder wants it (only with all four layers).
    window_s, overlap_s: long sound is encoded in windows that share `overlap_s` with each neighbour.
    padding_s: silence after each window, so that its last sounds are heard like all others.
    """

    mels: int = 80
    width: int = 384
    heads: int = 6
    layers: int = 3
    positions: int = 1500
    final_norm: bool = False
    window_s: float = 20.0
    overlap_s: float = 2.0
    padding_s: float = 1.0

    @classmethod
    def tiny(cls) -> EncoderConfig:
        """A small encoder for tests, with random weights."""
        return cls(width=32, heads=2, layers=1, positions=200, window_s=1.0, overlap_s=0.3, padding_s=0.2)


class SpeechFeatures(Protocol):
    """What a speech encoder has to offer; other recognisers can stand in for Whisper behind it."""

    @property
    def width(self) -> int:
        """Numbers per frame."""

    def encode(self, clip: SpeechClip, project: Callable[[FloatArray], FloatArray] | None = None) -> FloatArray:
        """Features [T, width] at `FRAME_RATE`, or what `project` makes of them."""


class AttentionBlock(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width)
        self.output = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, width] -> [B, T, width]."""
        batch, frames, width = x.shape
        mixed = self.query_key_value(self.attention_norm(x)).view(batch, frames, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # each [B, heads, T, width / heads]
        heard = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.attention_output(heard.transpose(1, 2).reshape(batch, frames, width))
        return x + self.output(functional.gelu(self.hidden(self.hidden_norm(x))))


class WhisperEncoder(nn.Module):
    """Convolution stem and transformer layers: log-mel [B, 80, 2T] -> features [B, T, 384]."""

    positions: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv1d(config.mels, config.width, 3, padding=1)
        self.downsample = nn.Conv1d(config.width, config.width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(config.positions, config.width))
        self.blocks = nn.ModuleList(AttentionBlock(config.width, config.heads) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.width) if config.final_norm else nn.Identity()

    def forward(self, log_mel: Tensor) -> Tensor:
        """log_mel: [B, 80, 2T] as `log_mel_spectrogram` makes it; T at most `positions`."""
        x = functional.gelu(self.stem(log_mel))  # [B, width, 2T]
        x = functional.gelu(self.downsample(x)).transpose(1, 2)  # [B, T, width]
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.final_norm(x)  # [B, T, width]


class SpeechEncoder:
    """Whisper's inner features of a whole clip, in windows, so that memory doesn't grow with its length."""

    def __init__(self, network: WhisperEncoder) -> None:
        self.network = network.eval().requires_grad_(False)
        self.config = network.config

    @classmethod
    def load(cls, config: EncoderConfig | None = None, weights: Path | None = None) -> SpeechEncoder:
        """The published encoder; `weights` is a `model.bin` or `.safetensors`, by default the hub's own.

        Raises AssetError when the weights can't be had or aren't Whisper tiny's.
        """
        network = WhisperEncoder(config or EncoderConfig())
        load_encoder_weights(network, network.config.layers, weights or hub.fetch("whisper_tiny_en") / "model.bin")
        return cls(network)

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return self.config.width

    def encode(self, clip: SpeechClip, project: Callable[[FloatArray], FloatArray] | None = None) -> FloatArray:
        """Features [T, width] float32 at 50 Hz; frame t is centred on t / 50 s.

        project: applied to each window's features [t, width] before they are kept, to save memory on long sound.
        """
        samples = audio.resample(clip.samples, clip.sample_rate, SAMPLE_RATE)
        log_mel = log_mel_spectrogram(samples, self.config.mels)
        pieces: list[FloatArray] = []
        for shared, features in self._windows(log_mel):
            kept = project(features) if project else features
            if shared and pieces:
                fade = (np.arange(shared, dtype=np.float32) + 0.5)[:, None] / shared
                seam = pieces[-1][-shared:] * (1 - fade) + kept[:shared] * fade
                pieces[-1] = pieces[-1][:-shared]
                kept = np.concatenate([seam, kept[shared:]])
            pieces.append(kept)
        return np.concatenate(pieces).astype(np.float32, copy=False)

    def _windows(self, log_mel: FloatArray) -> Iterator[tuple[int, FloatArray]]:
        """(frames shared with the window before, features [t, width]) for each window of the clip."""
        frames = max(1, log_mel.shape[1] // 2)
        length, overlap, padding = (
            round(seconds * FRAME_RATE)
            for seconds in (self.config.window_s, self.config.overlap_s, self.config.padding_s)
        )
        silence = np.full((self.config.mels, 2 * padding), _silent_mel(log_mel), np.float32)
        for start in range(0, max(1, frames - overlap), length - overlap):
            window = log_mel[:, 2 * start : 2 * (start + length)]
            padded = torch.from_numpy(np.concatenate([window, silence], axis=1))
            with torch.inference_mode():
                features = self.network(padded[None])[0].numpy()
            yield (overlap if start else 0), features[: min(length, frames - start)]


def log_mel_spectrogram(samples: FloatArray, mels: int = 80) -> FloatArray:
    """Whisper's input: [mels, 2T] float32, log10 of mel power at 100 Hz, clipped 8 decades under its maximum.

    samples: [N] at 16 kHz, -1..1. Computed 30 s at a time; an even number of frames comes back.
    """
    frames = 2 * max(1, round(len(samples) / SAMPLES_PER_FRAME))
    filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT_SIZE, n_mels=mels)
    window = np.hanning(FFT_SIZE + 1)[:-1].astype(np.float32)
    half = FFT_SIZE // 2
    padded = np.pad(samples.astype(np.float32), (half, half), mode="reflect" if len(samples) > half else "constant")
    padded = np.pad(padded, (0, max(0, (frames - 1) * HOP + FFT_SIZE - len(padded))))
    log_mel = np.empty((mels, frames), np.float32)
    for start in range(0, frames, MEL_CHUNK):
        stop = min(start + MEL_CHUNK, frames)
        piece = padded[start * HOP : (stop - 1) * HOP + FFT_SIZE]
        rows = np.lib.stride_tricks.sliding_window_view(piece, FFT_SIZE)[::HOP] * window  # [t, 400]
        power = np.abs(scipy.fft.rfft(rows, axis=1)) ** 2  # [t, 201]
        log_mel[:, start:stop] = np.log10(np.maximum(filters @ power.T, 1e-10))
    np.maximum(log_mel, log_mel.max() - DYNAMIC_RANGE, out=log_mel)
    return (log_mel + 4.0) / 4.0


def _silent_mel(log_mel: FloatArray) -> float:
    """The value that digital silence has in this spectrogram: the clip's floor."""
    quietest = max(-10.0, float(log_mel.max()) * 4.0 - 4.0 - DYNAMIC_RANGE)
    return (quietest + 4.0) / 4.0
