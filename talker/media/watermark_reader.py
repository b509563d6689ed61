"""Finds the invisible mark of `talker.media.watermark` in pictures and films, and reads what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

import cv2
import numpy as np
from reedsolo import ReedSolomonError, RSCodec
from scipy import fft

from talker.media.watermark import (
    PARITY_BYTES,
    REFERENCE_SIDE,
    STEP,
    SYMBOLS,
    TILE,
    ComplexArray,
    Payload,
    band,
    carrier,
    secret_key,
    shift,
)
from talker.types import ByteArray, FloatArray

MOST_FRAMES = 16  # of a film are enough
SCALES = np.arange(0.8, 1.4001, 0.006)  # a tile's width over the one that the picture's size implies
FINE = np.arange(-0.003, 0.00301, 0.001)  # around the best of them
LOOKED_AT = 4  # of the scales, closely
COARSE, BUSY = (17, 17), (25, 25)  # samples: sizes of what is taken away, and of the contrast that is made even
# of the fixed part, in standard deviations of chance: at its place; anywhere at any scale; with a payload that fits.
# In 363 unmarked pictures the largest value anywhere is 4.8 ± 0.3 and 5.9 at most (by phases alone one of 532 had 6.2),
# in marked ones that were scaled and cropped it is 14 and more, in stills after H.264 at crf 28 as well mostly 7.7 and
# more.
AT_ITS_PLACE, ANYWHERE, LEGIBLE = 4.5, 6.8, 5.0
CERTAIN = 10.0  # of the payload's parts, likewise: by chance 9.2 at most in 5,000 tiles, 12 and more where it is there


@dataclass(frozen=True)
class Mark:
    """A mark that was found.

    strength: of its fixed part in standard deviations of chance. payload: None where it can't be read any more.
    """

    strength: float
    payload: Payload | None


def find_mark(frames: Iterable[ByteArray]) -> Mark | None:
    """The mark in frames [H,W,3] uint8 of one size, None where there is none; some 0.1 s.

    Fewer than one unmarked picture in a thousand is taken for a marked one (`talker evaluate mark`).
    """
    total: FloatArray | None = None
    for frame in frames:
        even = _evened(frame)
        total = even if total is None else total + even
    if total is None:
        return None
    sync = np.conj(carrier(0, secret_key()))
    straight = _evenly(_folded(total, 1.0))
    strength = _in_deviations(float(2 * np.real(straight * sync).sum()), straight)
    if strength >= AT_ITS_PLACE:
        return Mark(strength, _read(straight))
    coarse = sorted(SCALES, key=lambda scale: _peak(total, scale, sync)[0])[-LOOKED_AT:]
    closely = (_peak(total, scale + step, sync) for scale in coarse for step in FINE)
    strength, row, column, spectrum = max(closely, key=itemgetter(0))
    payload = _read(spectrum * shift(-row, -column))
    return Mark(strength, payload) if strength >= (ANYWHERE if payload is None else LEGIBLE) else None


def _peak(total: FloatArray, scale: float, sync: ComplexArray) -> tuple[float, int, int, ComplexArray]:
    """The fixed part where it fits best at one scale: its strength, its place in samples, and the tile's spectrum."""
    spectrum = _evenly(_folded(total, scale))
    surface = fft.irfft2(spectrum * sync, (TILE, TILE))
    row, column = divmod(int(surface.argmax()), TILE)
    return _in_deviations(float(surface.max()) * TILE * TILE, spectrum), row, column, spectrum


def _in_deviations(correlation: float, spectrum: ComplexArray) -> float:
    """A sum over a tile's whole spectrum in standard deviations of what independent phases give."""
    return correlation / float(np.sqrt(2 * np.square(np.abs(spectrum)).sum()) + 1e-9)


def _evened(frame: ByteArray) -> FloatArray:
    """The luma at the reference size without its coarse parts, with the same contrast everywhere."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    ratio = REFERENCE_SIDE / min(grey.shape)
    grey = cv2.resize(grey, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC)
    values = grey.astype(np.float32)
    values -= cv2.blur(values, COARSE)
    return values / np.sqrt(cv2.blur(values * values, BUSY) + 1.0)


def _folded(picture: FloatArray, scale: float) -> FloatArray:
    """All tiles of a picture on top of one another [TILE, TILE], if they are `scale` times as wide as expected."""
    height, width = (int(side / scale) for side in picture.shape)
    scaled = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    padded = np.zeros((-(-height // TILE) * TILE, -(-width // TILE) * TILE), np.float32)
    padded[:height, :width] = scaled
    return padded.reshape(len(padded) // TILE, TILE, -1, TILE).sum(axis=(0, 2))


def _evenly(tile: FloatArray) -> ComplexArray:
    """A tile's spectrum in the band with the roots of its amplitudes, so that patterns of the picture count little."""
    spectrum = band() * fft.rfft2(tile)
    return spectrum / np.sqrt(np.abs(spectrum) + 1e-9)


def _read(spectrum: ComplexArray) -> Payload | None:
    """The payload of a tile that lies at its place; None where no code word fits well enough.

    Generalized minimum distance decoding (Forney, "Generalized minimum distance decoding", 1966): the bytes that are
    told least clearly from others are taken for lost, more and more of them, and of the code words found that way the
    one that fits all of the bytes' parts best is taken.
    """
    fits = np.stack([_fits(spectrum, 1 + index) for index in range(SYMBOLS)])
    ordered = np.sort(fits, axis=1)
    unclear = np.argsort(ordered[:, -1] - ordered[:, -2]).tolist()
    code, values = RSCodec(PARITY_BYTES), bytes(fits.argmax(axis=1).tolist())
    best, payload = CERTAIN, None
    for lost in range(PARITY_BYTES + 1):
        try:
            data, word, _ = code.decode(values, erase_pos=unclear[:lost])
        except ReedSolomonError:
            continue
        fit = float(fits[np.arange(SYMBOLS), list(word)].sum()) / float(np.sqrt(SYMBOLS))
        if fit > best:
            best, payload = fit, Payload.decode(bytes(data))
    return payload


def _fits(spectrum: ComplexArray, part: int) -> FloatArray:
    """How well each value [256] of a part of the pattern fits a tile, in standard deviations over all shifts."""
    surface = fft.irfft2(spectrum * np.conj(carrier(part, secret_key())), (TILE, TILE))
    return (surface[::STEP, ::STEP] / (surface.std() + 1e-9)).ravel()
