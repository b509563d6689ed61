"""An invisible mark in the pixels that says: Talker made this. It outlives re-encoding, scaling and cropping.

Spread spectrum (Cox et al., "Secure spread spectrum watermarking for multimedia", 1997) in the middle frequencies of
the luma. A keyed pattern of 128 × 128 samples fills the frame like tiles, each a quarter of the frame's shorter side
wide. It is the same in every frame, so that nothing flickers and a film's frames add up. One part of it is always the
same and tells a reader where the tiles lie after cropping and scaling. Each of the others stands for a byte of the
payload: its value is the cyclic shift by which that part is moved. Reed-Solomon parity mends bytes that are read
wrongly. The mark is stronger where the picture is busy, and weaker in a frame that would differ too much otherwise.
`talker.media.watermark_reader` finds it.
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
LEAST_PSNR = 42.0  # dB between any frame and the same with its mark
MOST_ENERGY = 0.99 * 255**2 / 10 ** (LEAST_PSNR / 10)  # grey levels squared, on average, that a mark may add
ROUNDING = 1 / 12  # of them come from rounding to whole levels
BLOCK = 8  # samples a side of a place whose contrast is measured
EPOCH_MINUTES = 28_401_120  # 2024-01-01 in minutes since 1970: three bytes reach to 2055
PUBLIC_KEY = "talker"  # with it everybody can verify
ComplexArray: TypeAlias = NDArray[np.complex128]


@dataclass(frozen=True)
class Strength:
    """How strong a mark is, and of what.

    floor, ceiling: grey levels, root mean square: on flat places (unseen at 100 %) and at most. masking: grey levels
    of mark per grey level of local contrast, which hides it. sync_share: of the pattern's energy is the part that never
    changes. slope: amplitudes fall with the frequency to this power; encoders keep long waves best.
    """

    floor: float = 0.95
    ceiling: float = 4.5
    masking: float = 0.3
    sync_share: float = 0.4
    slope: float = 0.0


FILM = Strength()  # many frames add up
STILL = Strength(floor=1.4, ceiling=7.0, masking=0.45, sync_share=0.65, slope=0.5)  # one has to be enough


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

    pattern: [H,W] the mark at strength 1.
    """

    def __init__(self, size: tuple[int, int], payload: Payload, strength: Strength = FILM) -> None:
        """Draw the pattern for frames of `size` (width, height) px."""
        width, height = size
        self.strength = strength
        self.pattern = _pattern(size, payload, secret_key(), strength)
        side = max(4, round(BLOCK * min(size) / REFERENCE_SIDE))
        self._blocks = (max(1, height // side), max(1, width // side))
        place = (np.arange(width) + 0.5) / width * self._blocks[1] - 0.5
        place = np.clip(place, 0, self._blocks[1] - 1)
        self._left = place.astype(np.int32)  # [W] the block whose middle is to the left of each column of pixels
        self._share = (place - self._left).astype(np.float32)  # [W] how far it is from there to the next block's

    def add(self, frame: ByteArray) -> ByteArray:
        """A frame [H,W,3] with the mark, as a copy."""
        marked = np.array(frame, order="C")
        lines = marked.reshape(len(marked), -1)
        _add(lines, self.pattern, self.gains(lines))
        return marked

    def gains(self, lines: ByteArray) -> FloatArray:
        """[rows,W] how strong the mark is in each row of blocks, at each column of a frame `lines` [H, 3 W]."""
        given = self.strength
        blocks = _gains(lines, *self._blocks, given.floor, given.masking, given.ceiling)
        blocks = np.minimum(blocks, _highest(blocks, MOST_ENERGY - ROUNDING))
        gains = np.empty((self._blocks[0], len(self._left)), np.float32)
        _widen(blocks, self._left, self._share, gains)
        while (energy := _energy(self.pattern, gains)) > MOST_ENERGY:
            gains *= np.float32(0.998 * np.sqrt((MOST_ENERGY - ROUNDING) / (energy - ROUNDING)))
        return gains


@functools.cache
def band() -> FloatArray:
    """Which frequencies of a tile [TILE, TILE // 2 + 1] carry the mark: 1 or 0."""
    frequency, across = frequencies(), fft.rfftfreq(TILE)
    shortest, longest = WAVELENGTHS
    return ((frequency >= 1 / longest) & (frequency <= 1 / shortest) & (across > 0)).astype(np.float32)


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


def _highest(gains: FloatArray, energy: float) -> np.float32:
    """How strong the mark may be in any block so that all of them, `gains`, have `energy` on average.

    Calm places, where the mark is weak but seen best by a reader, keep what they have.
    """
    squares = np.sort(np.square(gains, dtype=np.float64), axis=None)
    below = np.concatenate([[0.0], np.cumsum(squares)])  # the energy of all that are weaker
    left = np.arange(len(squares), 0, -1)  # blocks that are as strong, or stronger
    too_strong = np.flatnonzero(below[:-1] + left * squares > energy * len(squares))
    if not len(too_strong):
        return np.float32(np.inf)
    first = too_strong[0]
    return np.float32(np.sqrt((energy * len(squares) - below[first]) / left[first]))


def frequencies() -> FloatArray:
    """Of a tile's spectrum [TILE, TILE // 2 + 1], cycles per sample."""
    rows, columns = np.meshgrid(fft.fftfreq(TILE), fft.rfftfreq(TILE), indexing="ij")
    return np.hypot(rows, columns).astype(np.float32)


def _tile(payload: Payload, secret: str, strength: Strength) -> FloatArray:
    """The tile [TILE, TILE], mean 0, root mean square 1."""
    spectrum = carrier(0, secret) * np.sqrt(strength.sync_share)
    each = np.sqrt((1 - strength.sync_share) / SYMBOLS)
    for index, value in enumerate(RSCodec(PARITY_BYTES).encode(payload.encode())):
        row, column = divmod(value, 16)
        spectrum = spectrum + each * carrier(1 + index, secret) * shift(row * STEP, column * STEP)
    spectrum *= np.maximum(frequencies(), 1 / TILE) ** -strength.slope
    tile = fft.irfft2(spectrum, (TILE, TILE))
    return (tile / tile.std()).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _pattern(size: tuple[int, int], payload: Payload, secret: str, strength: Strength) -> FloatArray:
    """The tiles over a whole frame [H,W]."""
    width, height = size
    step = REFERENCE_SIDE / int(min(size))  # samples per pixel
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32) * step % TILE, np.arange(height, dtype=np.float32) * step % TILE
    )
    return cv2.remap(_tile(payload, secret, strength), columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)


@njit(cache=True, nogil=True, fastmath=True)
def _gains(lines: AnyArray, rows: int, columns: int, floor: float, masking: float, ceiling: float) -> AnyArray:
    """How strong the mark is in each block [rows, columns]: after its contrast, or that of its calmest neighbour.

    lines: a frame [H, 3 W]; the contrast is that of green, which is most of the luma. The rest is a `Strength`'s.
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
            gains[row, column] = min(max(floor, masking * least), ceiling)
    return gains


@njit(cache=True, nogil=True, fastmath=True)
def _widen(gains: AnyArray, left: AnyArray, share: AnyArray, wide: AnyArray) -> None:
    """Write the `gains` [rows,columns] between the middles of blocks to `wide` [rows,W]."""
    last = gains.shape[1] - 1
    for row in range(len(wide)):
        for x in range(len(left)):
            before, after = gains[row, left[x]], gains[row, min(left[x] + 1, last)]
            wide[row, x] = before + share[x] * (after - before)


@njit(cache=True, nogil=True, fastmath=True)
def mark_of_row(y: int, pattern: AnyArray, gains: AnyArray, change: AnyArray) -> None:
    """Write to `change` [W] what the mark adds to red, green and blue alike in row `y`.

    gains: as `Marker` has them; the strength changes smoothly from one row of blocks to the next.
    """
    rows = len(gains)
    place = min(max((y + 0.5) / len(pattern) * rows - 0.5, 0.0), rows - 1.0)
    above = int(place)
    upper, lower, line = gains[above], gains[min(above + 1, rows - 1)], pattern[y]
    down = np.float32(place - above)
    for x in range(len(change)):
        change[x] = np.int32(np.rint((upper[x] + down * (lower[x] - upper[x])) * line[x]))


@njit(cache=True, nogil=True, fastmath=True)
def _energy(pattern: AnyArray, gains: AnyArray) -> float:
    """Mean square of what the mark adds to a frame, in grey levels squared."""
    height, width = pattern.shape
    change = np.empty(width, np.int32)
    total = np.int64(0)
    for y in range(height):
        mark_of_row(y, pattern, gains, change)
        line = np.int32(0)
        for x in range(width):
            line += change[x] * change[x]
        total += line
    return total / (height * width)


@njit(cache=True, nogil=True, fastmath=True)
def _add(lines: AnyArray, pattern: AnyArray, gains: AnyArray) -> None:
    """Add the mark to a frame `lines` [H, 3 W] in place."""
    height, width = pattern.shape
    change = np.empty(width, np.int32)
    for y in range(height):
        mark_of_row(y, pattern, gains, change)
        for x in range(width):
            for channel in range(3):
                value = np.int32(lines[y, 3 * x + channel]) + change[x]
                lines[y, 3 * x + channel] = np.uint8(min(max(value, 0), 255))
