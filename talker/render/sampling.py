"""The moved picture in one pass: flow, cubic sampling, shading and the still background, row by row.

A pixel is sampled with its four channels side by side: sixteen numbers of a row are read, widened and weighted at once,
which compilers don't find by themselves (`_cubic`). Plain background is not sampled at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from llvmlite import ir
from numba import njit, types, uint64
from numba.extending import intrinsic

from talker.types import AnyArray, ByteArray

OPAQUE, BARE, MIXED = 2, 1, 0  # what cubic sampling at a pixel meets: foreground, background, or both
BORDER = 2  # px of reflected picture around what is sampled, which cubic sampling at an edge needs
UNMOVED_PX = 1e-3  # what moves by less shows the picture as it is
STEPS = 256  # of a pixel, to which places are rounded
CHANNELS, TAPS = 4, 4
INT32 = ir.IntType(32)


def bordered(picture: AnyArray) -> AnyArray:
    """[h+5,w+4,4] a `picture` [h,w,3 or 4] with a BORDER, and a row more for what is read in vain."""
    if picture.shape[2] < CHANNELS:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
    return cv2.copyMakeBorder(picture, BORDER, BORDER + 1, BORDER, BORDER, cv2.BORDER_REFLECT_101)


def within_border(picture: AnyArray) -> AnyArray:
    """[h,w,4] what `bordered` put a border around."""
    return picture[BORDER : -BORDER - 1, BORDER:-BORDER]


def _cubic_weights() -> AnyArray:
    """[STEPS,4] weights of four neighbours for cubic sampling with a sharpness of -0.75, as OpenCV has it."""
    t = np.arange(STEPS, dtype=np.float64)[:, None] / STEPS
    u = 1.0 - t
    outer = [-0.75 * t * u * u, -0.75 * u * t * t]
    inner = [(1.25 * near - 2.25) * near * near + 1.0 for near in (t, u)]
    return np.concatenate([outer[0], *inner, outer[1]], axis=1).astype(np.float32)


DOWN = _cubic_weights()
ACROSS = np.repeat(DOWN, CHANNELS, axis=1)  # [STEPS,16] one for each channel of the neighbours in a row


def _typed(context: Any, values: Any, start: Any, stride: Any, across: Any, down: Any) -> Any:
    """Four channels of 4×4 pixels of `values` [n], weighted: the first at `start`, rows `stride` numbers apart.

    across: [16], down: [4] weights, as in ACROSS and DOWN.
    """
    four: Any = types.UniTuple(types.float32, CHANNELS)  # type: ignore[no-untyped-call]
    return four(values, start, stride, across, down), _write


def _write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
    """The instructions of `_typed`: vectors of sixteen numbers, which LLVM cuts to the size that a processor has."""
    number, lanes = signature.args[0].dtype, ir.VectorType(ir.FloatType(), CHANNELS * TAPS)
    taken = ir.VectorType(ir.IntType(number.bitwidth), CHANNELS * TAPS)
    nothing, first = ir.Constant(lanes, ir.Undefined), ir.Constant(INT32, 0)
    to_all = ir.Constant(ir.VectorType(INT32, CHANNELS * TAPS), [0] * (CHANNELS * TAPS))
    values, across, down = (
        context.make_array(signature.args[place])(context, builder, args[place]).data for place in (0, 3, 4)
    )
    widen = builder.sext if number.signed else builder.zext
    place, total = args[1], ir.Constant(lanes, [0.0] * (CHANNELS * TAPS))
    for row in range(TAPS):
        read = builder.load(builder.bitcast(builder.gep(values, [place]), taken.as_pointer()), align=1)
        colours = builder.sitofp(widen(read, ir.VectorType(INT32, CHANNELS * TAPS)), lanes)
        weight = builder.load(builder.gep(down, [ir.Constant(INT32, row)]))
        weights = builder.shuffle_vector(builder.insert_element(nothing, weight, first), nothing, to_all)
        total = builder.fadd(total, builder.fmul(colours, weights, flags=("fast",)), flags=("fast",))
        place = builder.add(place, args[2])
    weights = builder.load(builder.bitcast(across, lanes.as_pointer()), align=4)
    total = builder.fmul(total, weights, flags=("fast",))
    for half in (2 * CHANNELS, CHANNELS):  # the sum over the neighbours
        near, far = (
            builder.shuffle_vector(total, total, ir.Constant(ir.VectorType(INT32, half), list(range(at, at + half))))
            for at in (0, half)
        )
        total = builder.fadd(near, far, flags=("fast",))
    found = [builder.extract_element(total, ir.Constant(INT32, channel)) for channel in range(CHANNELS)]
    return context.make_tuple(builder, signature.return_type, found)


_cubic: Any = intrinsic(_typed)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def compose(
    picture: ByteArray,
    flow: AnyArray,
    rows: AnyArray,
    shares: AnyArray,
    tint: AnyArray,
    kind: AnyArray,
    certain: AnyArray,
    plate: AnyArray,
    foreground: AnyArray,
    settled: Any,
    slack: Any,
    result: AnyArray,
) -> None:
    """Write the region of a frame into `result` [h,w,3] uint8.

    picture: as `bordered` gives it. flow: [3,r,w] how far each pixel's content comes, x and y (px), and its shading
    beyond 1, in fewer rows than the region has. rows, shares: [h] the row of the flow above each row, and how far
    towards the next it lies. tint: [3] of shadows. foreground: [h+5,w+4,4], `Background.foreground` with a border; the
    others are those of `Background`.
    """
    height, width = kind.shape
    where = np.empty((2, width), np.float32)
    change = np.empty(width, np.float32)
    meets = np.empty(width, np.uint8)
    place, phase = np.empty((2, width), np.int32), np.empty((2, width), np.int32)
    pixels, before = picture.reshape(-1), foreground.reshape(-1)
    stride = uint64(CHANNELS * (width + 2 * BORDER))
    for y in range(height):
        row = rows[y]
        _interpolate(flow[0, row], flow[0, row + 1], shares[y], where[0])
        _interpolate(flow[1, row], flow[1, row + 1], shares[y], where[1])
        _interpolate(flow[2, row], flow[2, row + 1], shares[y], change)
        _classify(where, y, kind, certain, meets)
        _place(where[0], 0, 1, width, place[0], phase[0])
        _place(where[1], y, 0, height, place[1], phase[1])
        _sample(pixels, place, phase, stride, meets, change, tint, result[y])
        _lay_over_plate(before, place, phase, stride, meets, where, y, certain, plate, settled, slack, result[y])


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _interpolate(upper: AnyArray, lower: AnyArray, share: Any, result: AnyArray) -> None:
    """Write what lies between two rows [w] of the flow to `result` [w]."""
    for x in range(len(result)):
        result[x] = upper[x] + (lower[x] - upper[x]) * share


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _classify(where: AnyArray, y: Any, kind: AnyArray, certain: AnyArray, meets: AnyArray) -> None:
    """Write what each pixel of row `y` shows to `meets` [w]: OPAQUE also where the background is to move along."""
    height, width = kind.shape
    kinds, half = kind.reshape(-1), np.float32(0.5)
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    for x in range(width):
        dx, dy = where[0, x], where[1, x]
        column = np.int32(min(max(np.float32(x) + dx + half, np.float32(0.0)), right))
        row = np.int32(min(max(np.float32(y) + dy + half, np.float32(0.0)), bottom))
        met = kinds[uint64(row * np.int32(width) + column)]
        still = certain[y, x] == 0 or abs(dx) + abs(dy) < np.float32(UNMOVED_PX)
        meets[x] = np.uint8(OPAQUE) if still else met


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _place(offset: AnyArray, first: Any, step: Any, size: Any, place: AnyArray, phase: AnyArray) -> None:
    """Write the pixel at which the four neighbours of each place begin, in the bordered picture, and its phase [w].

    offset: [w] px from pixel `first` + `step` times its number. size: px of the picture in this direction.
    """
    last = np.float32(size) + np.float32(0.99)
    for x in range(len(offset)):
        at = np.float32(first + step * x + BORDER - 1) + offset[x]
        whole = np.int32(min(max(at, np.float32(0.0)), last) * np.float32(STEPS) + np.float32(0.5))
        place[x], phase[x] = whole // np.int32(STEPS), whole % np.int32(STEPS)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _sample(
    pixels: AnyArray,
    place: AnyArray,
    phase: AnyArray,
    stride: Any,
    meets: AnyArray,
    change: AnyArray,
    tint: AnyArray,
    result: AnyArray,
) -> None:
    """Write the moved and shaded picture to a row `result` [w,3], but for what is BARE."""
    half, one, zero = np.float32(0.5), np.float32(1.0), np.float32(0.0)
    for x in range(len(meets)):
        if meets[x] == BARE:
            continue
        start = uint64(place[1, x]) * stride + uint64(CHANNELS * place[0, x])
        red, green, blue, _ = _cubic(pixels, start, stride, ACROSS[phase[0, x]], DOWN[phase[1, x]])
        dark, lit = min(change[x], zero), max(change[x], zero) + one
        result[x, 0] = _byte(red * (lit + dark * tint[0]) + half)
        result[x, 1] = _byte(green * (lit + dark * tint[1]) + half)
        result[x, 2] = _byte(blue * (lit + dark * tint[2]) + half)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _lay_over_plate(
    before: AnyArray,
    place: AnyArray,
    phase: AnyArray,
    stride: Any,
    meets: AnyArray,
    where: AnyArray,
    y: Any,
    certain: AnyArray,
    plate: AnyArray,
    settled: Any,
    slack: Any,
    result: AnyArray,
) -> None:
    """Put the still background, and what of the foreground lies before it, into the row `y`, which is `result` [w,3].

    before: the foreground's colours, and what is seen through it, 0..255, pixel after pixel.
    """
    one, half, level = np.float32(1.0), np.float32(0.5), np.float32(1.0 / 255.0)
    for x in range(len(meets)):
        if meets[x] == OPAQUE:
            continue
        still = certain[y, x]
        if still == 255:
            red, green, blue = np.float32(plate[y, x, 0]), np.float32(plate[y, x, 1]), np.float32(plate[y, x, 2])
        else:
            follows = one - still * level
            red, green, blue = _linearly(
                plate, np.float32(x) + follows * where[0, x], np.float32(y) + follows * where[1, x]
            )
        if meets[x] == MIXED:
            start = uint64(place[1, x]) * stride + uint64(CHANNELS * place[0, x])
            front = _cubic(before, start, stride, ACROSS[phase[0, x]], DOWN[phase[1, x]])
            through = front[3] * level
            opacity = one - through
            own = opacity * result[x, 0], opacity * result[x, 1], opacity * result[x, 2]
            most = np.float32(255.0) * opacity + slack
            amiss = max(_amiss(front[0], own[0], most, slack), _amiss(front[1], own[1], most, slack))
            amiss = max(amiss, _amiss(front[2], own[2], most, slack))
            amiss *= min((abs(where[0, x]) + abs(where[1, x])) / settled, one) * still * level
            red = front[0] + amiss * (own[0] - front[0]) + through * red
            green = front[1] + amiss * (own[1] - front[1]) + through * green
            blue = front[2] + amiss * (own[2] - front[2]) + through * blue
        result[x, 0], result[x, 1], result[x, 2] = _byte(red + half), _byte(green + half), _byte(blue + half)


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _byte(value: Any) -> Any:
    return np.uint8(np.int32(min(max(value, np.float32(0.0)), np.float32(255.0))))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def _amiss(value: Any, possible: Any, most: Any, slack: Any) -> Any:
    """How far 0..1 a foreground's `value` must go towards a `possible` one to lie between -`slack` and `most`."""
    least = np.float32(1e-3)
    if value < -slack:
        return min((-slack - value) / max(possible - value, least), np.float32(1.0))
    if value > most:
        return min((value - most) / max(value - possible, least), np.float32(1.0))
    return np.float32(0.0)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _linearly(image: AnyArray, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Red, green and blue of `image` [h,w,3] at x, y px, linearly sampled."""
    height, width = image.shape[:2]
    x = min(max(x, np.float32(0.0)), np.float32(width - 1.001))
    y = min(max(y, np.float32(0.0)), np.float32(height - 1.001))
    left, top = np.int32(x), np.int32(y)
    across, down = x - np.float32(left), y - np.float32(top)
    one = np.float32(1.0)
    a, b, c, d = (one - across) * (one - down), across * (one - down), (one - across) * down, across * down
    red = a * image[top, left, 0] + b * image[top, left + 1, 0]
    red += c * image[top + 1, left, 0] + d * image[top + 1, left + 1, 0]
    green = a * image[top, left, 1] + b * image[top, left + 1, 1]
    green += c * image[top + 1, left, 1] + d * image[top + 1, left + 1, 1]
    blue = a * image[top, left, 2] + b * image[top, left + 1, 2]
    blue += c * image[top + 1, left, 2] + d * image[top + 1, left + 1, 2]
    return red, green, blue
