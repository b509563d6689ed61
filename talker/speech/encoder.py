"""What was said, free of who said it: the inner layers of Whisper tiny.en's encoder over a clip of any length.

The third layer's output, 384 numbers at 50 Hz, generalises to any voice and vocabulary where log-mels do not; the
layers above it are not computed. Both published forms of the weights load:
CTranslate2's `model.bin` and the Hub's `model.safetensors`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import scipy.fft

from talker.breaks import with_breaks
from talker.loaded import loaded_once
from talker.media import audio
from talker.speech.whisper import EncoderConfig, WhisperEncoder
from talker.speech.whisper_weights import load_whisper_encoder
from talker.speech.windows import join, spans
from talker.types import FloatArray, SpeechClip
from talker.weights import store

SAMPLE_RATE = 16_000
HOP = 160  # samples between mel frames: 100 Hz
SAMPLES_PER_FRAME = 2 * HOP  # the second convolution halves the rate
FRAME_RATE = SAMPLE_RATE / SAMPLES_PER_FRAME  # 50 Hz
FFT_SIZE = 400
MEL_CHUNK = 3000  # mel frames computed at once, 30 s
DYNAMIC_RANGE = 8.0  # decades below the loudest mel that are kept


class SpeechEncoder:
    """Whisper's inner features of a whole clip, in windows, so that memory doesn't grow with its length."""

    def __init__(self, network: WhisperEncoder) -> None:
        self.network = network
        self.config = network.config

    @classmethod
    def load(cls, config: EncoderConfig | None = None, weights: Path | None = None) -> SpeechEncoder:
        """The published encoder; `weights` is a `model.bin` or `.safetensors`, by default the hub's own.

        Raises AssetError when the weights can't be had or aren't Whisper tiny's.
        """
        path = weights or store.fetch("whisper_tiny_en") / "model.bin"
        return cls(load_whisper_encoder(config or EncoderConfig(), path))

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return self.config.width

    def encode(self, clip: SpeechClip) -> FloatArray:
        """The last layer's features [T, width] float32 at 50 Hz; frame t is centred on t / 50 s."""
        return self.encode_layers(clip)[-1]

    def encode_layers(self, clip: SpeechClip, first: int = 0) -> tuple[FloatArray, ...]:
        """Each layer's features [T, width] from layer `first` on, the lowest first; frames as in `encode`."""
        log_mel = log_mel_spectrogram(audio.at_rate(clip, SAMPLE_RATE).samples, self.config.mels)
        overlap = round(self.config.overlap_s * FRAME_RATE)
        layers: list[FloatArray] = []
        for start, end, window in self._windows(log_mel):
            if not layers:
                layers = [np.empty((max(1, log_mel.shape[1] // 2), self.width), np.float32) for _ in window[first:]]
            for layer, features in zip(layers, window[first:], strict=True):
                join(layer, features, start, end, overlap)
        return tuple(layers)

    def encode_recent(self, clip: SpeechClip) -> list[FloatArray]:
        """Each layer's features [T, width] of one short window of sound at 16 kHz, without silence after it."""
        return self.network.layers(log_mel_spectrogram(clip.samples, self.config.mels))

    def _windows(self, log_mel: FloatArray) -> Iterator[tuple[int, int, list[FloatArray]]]:
        """First and end frame of each window of the clip, and each layer's features [t, width] in it."""
        frames = max(1, log_mel.shape[1] // 2)
        length, overlap, padding = (
            round(seconds * FRAME_RATE)
            for seconds in (self.config.window_s, self.config.overlap_s, self.config.padding_s)
        )
        silence = np.full((self.config.mels, 2 * padding), _silent_mel(log_mel), np.float32)
        for start, end in spans(frames, length, overlap):
            window = log_mel[:, 2 * start : 2 * (start + length)]
            layers = self.network.layers(np.concatenate([window, silence], axis=1))
            yield start, end, [features[: end - start] for features in layers]


@loaded_once
def shared_encoder() -> SpeechEncoder:
    """The published encoder up to the layer that lips are read from, loaded once."""
    return SpeechEncoder.load()


def log_mel_spectrogram(sound: FloatArray, mels: int = 80) -> FloatArray:
    """Whisper's input: [mels, 2T] float32, log10 of mel power at 100 Hz, clipped 8 decades under its maximum.

    sound: [N] at 16 kHz, mirrored at its ends. Computed 30 s at a time; an even number of frames comes back.
    """
    frames = 2 * max(1, round(len(sound) / SAMPLES_PER_FRAME))
    filters = _mel_filters(mels)
    window = np.hanning(FFT_SIZE + 1)[:-1].astype(np.float32)
    half = FFT_SIZE // 2
    log_mel = np.empty((mels, frames), np.float32)
    for start in with_breaks(range(0, frames, MEL_CHUNK)):
        stop = min(start + MEL_CHUNK, frames)
        piece = audio.between(sound, start * HOP - half, (stop - 1) * HOP + half, mirrored=True)
        rows = np.lib.stride_tricks.sliding_window_view(piece, FFT_SIZE)[::HOP] * window  # [t, 400]
        power = np.abs(scipy.fft.rfft(rows, axis=1)) ** 2  # [t, 201]
        log_mel[:, start:stop] = np.log10(np.maximum(filters @ power.T, 1e-10))
    np.maximum(log_mel, log_mel.max() - DYNAMIC_RANGE, out=log_mel)
    log_mel += 4.0
    log_mel /= 4.0
    return log_mel


@functools.cache
def _mel_filters(mels: int) -> FloatArray:
    """[mels, 201] how much of each frequency each mel band hears."""
    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT_SIZE, n_mels=mels)


def _silent_mel(log_mel: FloatArray) -> float:
    """The value that digital silence has in this spectrogram: the clip's floor."""
    quietest = max(-10.0, float(log_mel.max()) * 4.0 - 4.0 - DYNAMIC_RANGE)
    return (quietest + 4.0) / 4.0
