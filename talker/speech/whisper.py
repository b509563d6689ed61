"""Whisper's encoder in plain NumPy: small enough that BLAS is all it needs, and no framework has to be loaded first.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022). A test holds it to the
recogniser's own encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from talker.breaks import with_breaks
from talker.types import AnyArray, FloatArray

NORM_FLOOR = 1e-5  # added to the variance in layer norms


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

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every weight: linear layers as [out, in], convolutions as [out, in, 3]."""
        width = self.width
        shapes: dict[str, tuple[int, ...]] = {"positions": (self.positions, width)}
        layers: dict[str, tuple[int, ...]] = {"stem": (width, self.mels, 3), "downsample": (width, width, 3)}
        norms = ["final_norm"] if self.final_norm else []
        for block in (f"blocks.{layer}" for layer in range(self.layers)):
            norms += [f"{block}.attention_norm", f"{block}.hidden_norm"]
            layers[f"{block}.query_key_value"] = (3 * width, width)
            layers[f"{block}.attention_output"] = (width, width)
            layers[f"{block}.hidden"] = (4 * width, width)
            layers[f"{block}.output"] = (width, 4 * width)
        layers |= dict.fromkeys(norms, (width,))
        for name, shape in layers.items():
            shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        return shapes


@dataclass(frozen=True)
class WhisperEncoder:
    """Convolution stem and pre-norm transformer layers: log-mel [80, 2T] -> features [T, 384]."""

    config: EncoderConfig
    weights: dict[str, FloatArray]

    def __post_init__(self) -> None:
        shapes = self.config.weight_shapes()
        wrong = [
            name for name, shape in shapes.items() if name not in self.weights or self.weights[name].shape != shape
        ]
        if wrong:
            raise ValueError(f"missing or of another size: {', '.join(wrong)}")

    def layers(self, log_mel: FloatArray) -> list[FloatArray]:
        """What each layer gives [T, width], the first first; the last one after the final norm, where there is one.

        log_mel: [80, 2T] as `log_mel_spectrogram` makes it; T at most `positions`.
        """
        given = []
        x = _gelu(self._convolve(log_mel.T, "stem"))  # [2T, width]
        x = _gelu(self._convolve(x, "downsample", stride=2))  # [T, width]
        x += self.weights["positions"][: len(x)]
        for block in with_breaks(f"blocks.{layer}" for layer in range(self.config.layers)):
            x += self._attend(self._normalise(x, f"{block}.attention_norm"), block)
            hidden = _gelu(self._linear(self._normalise(x, f"{block}.hidden_norm"), f"{block}.hidden"))  # [T, 4 width]
            x += self._linear(hidden, f"{block}.output")
            given.append(x.copy())
        if self.config.final_norm:
            given[-1] = self._normalise(x, "final_norm")
        return given

    def _attend(self, x: FloatArray, block: str) -> FloatArray:
        """[T, width] -> [T, width]: every frame listens to all others."""
        frames, width = x.shape
        heads = self.config.heads
        mixed = self._linear(x, f"{block}.query_key_value").reshape(frames, 3, heads, width // heads)
        query, key, value = mixed.transpose(1, 2, 0, 3)  # each [heads, T, width / heads]
        share = query @ key.transpose(0, 2, 1)  # [heads, T, T]
        share *= np.float32((width // heads) ** -0.5)
        share -= share.max(axis=2, keepdims=True)
        np.exp(share, out=share)
        heard = (share @ value) / share.sum(axis=2, keepdims=True)  # [heads, T, width / heads]
        return self._linear(heard.transpose(1, 0, 2).reshape(frames, width), f"{block}.attention_output")

    def _linear(self, x: FloatArray, name: str) -> FloatArray:
        """[T, in] -> [T, out]."""
        out = x @ self.weights[f"{name}.weight"].T
        out += self.weights[f"{name}.bias"]
        return out

    def _convolve(self, x: FloatArray, name: str, stride: int = 1) -> FloatArray:
        """[T, in] -> [ceil(T / stride), out]: three neighbours, zeros beyond the ends."""
        weight = self.weights[f"{name}.weight"]  # [out, in, 3]
        padded = np.pad(x, ((1, 1), (0, 0)))
        neighbours = np.concatenate([padded[shift : shift + len(x) : stride] for shift in range(3)], axis=1)
        out = neighbours @ weight.transpose(2, 1, 0).reshape(-1, len(weight))
        out += self.weights[f"{name}.bias"]
        return out

    def _normalise(self, x: FloatArray, name: str) -> FloatArray:
        """Layer norm over the width of [T, width]."""
        centred = x - x.mean(axis=1, keepdims=True)
        centred /= np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(NORM_FLOOR))
        return centred * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def _gelu(x: FloatArray) -> FloatArray:
    """x · Φ(x), with the normal distribution's own Φ, in place of `x`, which lies in one piece."""
    _multiply_by_probability(x.reshape(-1))
    return x


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _multiply_by_probability(values: AnyArray) -> None:
    """Multiply `values` [n] by Φ of them; erf as a rational function that processors work out eight at a time.

    The coefficients are those of Eigen's `generic_fast_erf_float`, right to 1e-6.
    """
    most, half = np.float32(4.0), np.float32(0.5)
    for n in range(len(values)):
        x = min(max(values[n] * np.float32(0.5**0.5), -most), most)
        s = x * x
        above = np.float32(-2.72614225801306e-10) * s + np.float32(2.77068142495902e-08)
        above = above * s + np.float32(-2.10102402082508e-06)
        above = above * s + np.float32(-5.69250639462346e-05)
        above = above * s + np.float32(-7.34990630326855e-04)
        above = above * s + np.float32(-2.95459980854025e-03)
        above = above * s + np.float32(-1.60960333262415e-02)
        below = np.float32(-1.45660718464996e-05) * s + np.float32(-2.13374055278905e-04)
        below = below * s + np.float32(-1.68282697438203e-03)
        below = below * s + np.float32(-7.37332916720468e-03)
        below = below * s + np.float32(-1.42647390514189e-02)
        values[n] *= half * (np.float32(1.0) + x * above / below)
