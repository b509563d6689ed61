"""An invisible mark in the pixels that says: Talker made this. It outlives re-encoding, scaling and cropping.

Spread spectrum (Cox et al., "Secure spread spectrum watermarking for multimedia", 1997) in the middle frequencies of
the luma. A keyed pattern of 128 × 128 samples fills the frame like tiles, each a quarter of the frame's shorter side
wide. It is the same in every frame, so that nothing flickers and a film's frames add up. One part of it is always the
same and tells a reader where the tiles lie after cropping and scaling. Each of the others stands for a byte of the
payload: its value is the cyclic shift by which that part is moved. Reed-Solomon parity mends bytes that are read
wrongly. The mark is stronger where the picture is busy. `talker.media.watermark_reader` finds it.
"""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray
from reedsolo import RSCodec
from scipy import fft

from talker.types import AnyArray, ByteArray, FloatArray

TILE = 128  # samples a side
TILES = 4  # across the frame's shorter side
REFERENCE_SIDE = TILE * TILES  # px of the shorter side of a frame in which a sample is a pixel
WAVELENGTHS = (6.0, 26.0)  # samples; shorter ones are lost in encoders, longer ones are the picture's own
STEP = TILE // 16  # samples between the shifts of two values: 16 × 16 shifts are the 256 values of a byte
PAYLOAD_BYTES, PARITY_BYTES = 8, 6
SYMBOLS = PAYLOAD_BYTES + PARITY_BYTES
SYNC_SHARE = 0.4  # of the pattern's energy is the part that never changes
FLOOR, CEILING = 0.95, 4.5  # grey levels, root mean square: on flat places (unseen at 100 %) and at most
MASKING = 0.3  # grey levels of mark per grey level of local contrast, which hides it
BLOCK = 8  # samples a side of a place whose contrast is measured
EPOCH_MINUTES = 28_401_120  # 2024-01-01 in minutes since 1970: three bytes reach to 2055
PUBLIC_KEY = "talker"  # with it everybody can verify
ComplexArray: TypeAlias = NDArray[np.complex128]


@dataclass(frozen=True)
class Payload:
    """What the mark carries.

    version: of Talker, 16 times the first number plus the second (0..255). model: what drew the frames, a number
    (0..255). minutes: when, since 1970. settings: the first three bytes of a digest of the settings.
    """

    version: int
    model: int
    minutes: int
    settings: bytes

    def encode(self) -> bytes:
        """The eight bytes."""
        minutes = (self.minutes - EPOCH_MINUTES) % (1 << 24)
        return bytes([self.version, self.model]) + minutes.to_bytes(3, "big") + self.settings

    @classmethod
    def decode(cls, data: bytes) -> Payload:
        """What `encode` made bytes of."""
        return cls(data[0], data[1], int.from_bytes(data[2:5], "big") + EPOCH_MINUTES, data[5:8])


def secret_key() -> str:
    """The host's own secret, $TALKER_MARK_KEY, or the public one."""
    return os.environ.get("TALKER_MARK_KEY") or PUBLIC_KEY


class Marker:
    """Adds one payload's mark to frames of one size.

    pattern: [H,W] the mark at strength 1. left: [W] the block whose middle is to the left of each column of pixels.
    share: [W] how far the column is from there to the next block's.
    """

    def __init__(self, size: tuple[int, int], payload: Payload) -> None:
        """Draw the pattern for frames of `size` (width, height) px."""
        width, height = size
        self.pattern = _pattern(size, payload, secret_key())
        side = max(4, round(BLOCK * min(size) / REFERENCE_SIDE))
        self._blocks = (max(1, height // side), max(1, width // side))
        place = (np.arange(width) + 0.5) / width * self._blocks[1] - 0.5
        place = np.clip(place, 0, self._blocks[1] - 1)
        self.left = place.astype(np.int32)
        self.share = (place - self.left).astype(np.float32)

    def add(self, frame: ByteArray) -> ByteArray:
        """A frame [H,W,3] with the mark, as a copy."""
        marked = np.array(frame, order="C")
        lines = marked.reshape(len(marked), -1)
        _add(lines, self.pattern, self.gains(lines), self.left, self.share)
        return marked

    def gains(self, lines: ByteArray) -> FloatArray:
        """[rows,columns] how strong the mark is in each block of a frame `lines` [H, 3 W]."""
        return _gains(lines, *self._blocks)


@functools.cache
def band() -> FloatArray:
    """Which frequencies of a tile [TILE, TILE // 2 + 1] carry the mark: 1 or 0."""
    rows, columns = np.meshgrid(fft.fftfreq(TILE), fft.rfftfreq(TILE), indexing="ij")
    frequency = np.hypot(rows, columns)  # cycles per sample
    shortest, longest = WAVELENGTHS
    return ((frequency >= 1 / longest) & (frequency <= 1 / shortest) & (columns > 0)).astype(np.float32)


@functools.lru_cache(maxsize=4 * (1 + SYMBOLS))
def carrier(number: int, secret: str) -> ComplexArray:
    """Spectrum of one part of the pattern: equally strong in the whole band, with keyed phases.

    number: 0 is the part that never changes, 1 to `SYMBOLS` are those of the payload's bytes.
    """
    stream = hashlib.shake_256(f"{secret} {number}".encode()).digest(2 * TILE * (TILE // 2 + 1))
    phases = np.frombuffer(stream, "<u2").reshape(TILE, -1) * (2 * np.pi / 65536)
    return band() * np.exp(1j * phases)


def shift(rows: float, columns: float) -> ComplexArray:
    """What moves a tile down and right by so many samples, as a factor of its spectrum."""
    turns = np.add.outer(fft.fftfreq(TILE) * rows, fft.rfftfreq(TILE) * columns)
    return np.exp(-2j * np.pi * turns)


def _tile(payload: Payload, secret: str) -> FloatArray:
    """The tile [TILE, TILE], mean 0, root mean square 1."""
    spectrum = carrier(0, secret) * np.sqrt(SYNC_SHARE)
    each = np.sqrt((1 - SYNC_SHARE) / SYMBOLS)
    for index, value in enumerate(RSCodec(PARITY_BYTES).encode(payload.encode())):
        row, column = divmod(value, 16)
        spectrum = spectrum + each * carrier(1 + index, secret) * shift(row * STEP, column * STEP)
    tile = fft.irfft2(spectrum, (TILE, TILE))
    return (tile / tile.std()).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _pattern(size: tuple[int, int], payload: Payload, secret: str) -> FloatArray:
    """The tiles over a whole frame [H,W]."""
    width, height = size
    step = REFERENCE_SIDE / int(min(size))  # samples per pixel
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32) * step % TILE, np.arange(height, dtype=np.float32) * step % TILE
    )
    return cv2.remap(_tile(payload, secret), columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)


@njit(cache=True, nogil=True, fastmath=True)
def _gains(lines: AnyArray, rows: int, columns: int) -> AnyArray:
    """How strong the mark is in each block [rows, columns]: after its contrast, or that of its calmest neighbour.

    lines: a frame [H, 3 W]; the contrast is that of green, which is most of the luma.
    """
    height, width = lines.shape[0], lines.shape[1] // 3
    contrast = np.empty((rows, columns), np.float32)
    sums, squares = np.empty(width, np.int32), np.empty(width, np.int32)
    for row in range(rows):
        top, bottom = row * height // rows, (row + 1) * height // rows
        sums[:] = 0
        squares[:] = 0
        for y in range(top, bottom):
            for x in range(width):
                value = np.int32(lines[y, 3 * x + 1])
                sums[x] += value
                squares[x] += value * value
        for column in range(columns):
            left, right = column * width // columns, (column + 1) * width // columns
            total = square = np.int64(0)
            for x in range(left, right):
                total += sums[x]
                square += squares[x]
            count = (bottom - top) * (right - left)
            contrast[row, column] = np.sqrt(max(square / count - (total / count) ** 2, 0.0))
    gains = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            least = contrast[row, column]
            for y in range(max(row - 1, 0), min(row + 2, rows)):
                for x in range(max(column - 1, 0), min(column + 2, columns)):
                    least = min(least, contrast[y, x])
            gains[row, column] = min(max(FLOOR, MASKING * least), CEILING)
    return gains


@njit(cache=True, nogil=True, fastmath=True)
def mark_of_row(y: int, pattern: AnyArray, gains: AnyArray, left: AnyArray, share: AnyArray, change: AnyArray) -> None:
    """Write to `change` [W] what the mark adds to red, green and blue alike in row `y`.

    gains: [rows,columns] its strength, which changes smoothly from block to block; the others are those of `Marker`.
    """
    rows, columns = gains.shape
    line = np.empty(columns + 1, np.float32)
    place = min(max((y + 0.5) / len(pattern) * rows - 0.5, 0.0), rows - 1.0)
    above = int(place)
    below = min(above + 1, rows - 1)
    down = np.float32(place - above)
    for column in range(columns):
        line[column] = gains[above, column] + down * (gains[below, column] - gains[above, column])
    line[columns] = line[columns - 1]
    for x in range(len(change)):
        gain = line[left[x]] + share[x] * (line[left[x] + 1] - line[left[x]])
        change[x] = np.int32(np.rint(gain * pattern[y, x]))


@njit(cache=True, nogil=True, fastmath=True)
def _add(lines: AnyArray, pattern: AnyArray, gains: AnyArray, left: AnyArray, share: AnyArray) -> None:
    """Add the mark to a frame `lines` [H, 3 W] in place."""
    height, width = pattern.shape
    change = np.empty(width, np.int32)
    for y in range(height):
        mark_of_row(y, pattern, gains, left, share, change)
        for x in range(width):
            for channel in range(3):
                value = np.int32(lines[y, 3 * x + channel]) + change[x]
                lines[y, 3 * x + channel] = np.uint8(min(max(value, 0), 255))
