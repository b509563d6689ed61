"""The moved picture in one pass: flow, cubic sampling, shading and the still background, row by row.

The flow is smooth, so neighbouring pixels mostly come from neighbouring pixels of one row: such a run is sampled with
contiguous reads, which a processor does eight at a time. Plain background is not sampled at all.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numba import njit, uint64

from talker.types import AnyArray

OPAQUE, BARE, MIXED = 2, 1, 0  # what cubic sampling at a pixel meets: foreground, background, or both
BORDER = 2  # px of reflected picture around the planes, which cubic sampling at an edge needs
UNMOVED_PX = 1e-3  # what moves by less shows the picture as it is
LANES = 8  # pixels that are sampled at once; a run's last ones may lie beyond its end, where the next run begins
ONE = np.uint64(1)


def planes_of(picture: AnyArray) -> AnyArray:
    """[C,h+5,w+4] the channels of `picture` [h,w,C] apart, with a BORDER, and a row more for what is read in vain."""
    padded = cv2.copyMakeBorder(picture, BORDER, BORDER + 1, BORDER, BORDER, cv2.BORDER_REFLECT_101)
    return np.stack(cv2.split(padded))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def compose(
    planes: AnyArray,
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
    """Write the region of a frame into `result` [3,h,w] uint8.

    planes: as `planes_of` gives them. flow: [3,r,w] how far each pixel's content comes, x and y (px), and its shading
    beyond 1, in fewer rows than the region has. rows, shares: [h] the row of the flow above each row, and how far
    towards the next it lies. tint: [3] of shadows. foreground: [4,h+5,w+4], the planes of `Background.foreground`; the
    others are those of `Background`.
    """
    height, width = kind.shape
    where = np.empty((2, width), np.float32)
    change = np.empty(width, np.float32)
    corner = np.empty((2, width), np.int32)
    weights = np.zeros((8, width + LANES), np.float32)
    meets = np.empty(width, np.uint8)
    starts, ends = np.empty(width, np.int32), np.empty(width, np.int32)
    colours = np.empty((3, width + LANES), np.float32)
    found = np.empty((4, width + LANES), np.float32)
    for y in range(height):
        row = rows[y]
        _place(flow[0, row], flow[0, row + 1], shares[y], where[0])
        _place(flow[1, row], flow[1, row + 1], shares[y], where[1])
        _place(flow[2, row], flow[2, row + 1], shares[y], change)
        _classify(where, y, kind, certain, meets)
        _weigh(where[0], 0, 1, width, corner[0], weights[0], weights[1], weights[2], weights[3])
        _weigh(where[1], y, 0, height, corner[1], weights[4], weights[5], weights[6], weights[7])
        count = _runs(corner[0], corner[1], meets, True, starts, ends)
        for channel in range(3):
            _sample(planes[channel], corner[0], corner[1], starts, ends, count, weights, colours[channel])
            _shade(colours[channel], change, tint[channel], result[channel, y])
        count = _runs(corner[0], corner[1], meets, False, starts, ends)
        for channel in range(4):
            _sample(foreground[channel], corner[0], corner[1], starts, ends, count, weights, found[channel])
        _lay_over_plate(where, y, meets, certain, plate, found, settled, slack, result)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _place(upper: AnyArray, lower: AnyArray, share: Any, result: AnyArray) -> None:
    """Write what lies between two rows [w] of the flow to `result` [w]."""
    for x in range(len(result)):
        result[x] = upper[x] + (lower[x] - upper[x]) * share


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _classify(where: AnyArray, y: Any, kind: AnyArray, certain: AnyArray, meets: AnyArray) -> None:
    """Write what each pixel of row `y` shows to `meets` [w]: OPAQUE also where the background is to move along."""
    height, width = kind.shape
    half = np.float32(0.5)
    for x in range(width):
        meets[x] = OPAQUE
        dx, dy = where[0, x], where[1, x]
        if certain[y, x] == 0 or abs(dx) + abs(dy) < np.float32(UNMOVED_PX):
            continue
        column = min(max(int(np.float32(x) + dx + half), 0), width - 1)
        row = min(max(int(np.float32(y) + dy + half), 0), height - 1)
        meets[x] = kind[row, column]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _weigh(
    offset: AnyArray,
    first: Any,
    step: Any,
    size: Any,
    corner: AnyArray,
    before: AnyArray,
    here: AnyArray,
    after: AnyArray,
    beyond: AnyArray,
) -> None:
    """Write the pixel left of (or above) each place to `corner` [w], and the weights [w] of four pixels around it.

    offset: [w] px from pixel `first` + `step` times its number. size: px of the picture in this direction. The weights
    are those of cubic sampling with a sharpness of -0.75, as OpenCV has it.
    """
    one = np.float32(1.0)
    last = np.float32(size) - np.float32(0.01)
    for x in range(len(offset)):
        place = min(max(np.float32(first + step * x) + offset[x], -one), last)
        left = np.int32(place + one) - np.int32(1)  # rounds down from -1 on
        corner[x] = left
        t = place - np.float32(left)
        u = one - t
        before[x] = np.float32(-0.75) * t * u * u
        here[x] = (np.float32(1.25) * t - np.float32(2.25)) * t * t + one
        after[x] = (np.float32(1.25) * u - np.float32(2.25)) * u * u + one
        beyond[x] = np.float32(-0.75) * u * t * t


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _runs(columns: AnyArray, rows: AnyArray, meets: AnyArray, opaque: Any, starts: AnyArray, ends: AnyArray) -> int:
    """Write where runs of pixels that come from neighbouring pixels of one row begin and end; how many there are.

    They hold what is not BARE; without `opaque`, only what is MIXED.
    """
    count, x, width = 0, 0, len(columns)
    while x < width:
        if meets[x] != MIXED and not (opaque and meets[x] == OPAQUE):
            x += 1
            continue
        starts[count] = x
        x += 1
        while x < width and columns[x] - columns[x - 1] == 1 and rows[x] == rows[x - 1]:
            if meets[x] != MIXED and not (opaque and meets[x] == OPAQUE):
                break
            x += 1
        ends[count] = x
        count += 1
    return count


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _sample(
    plane: AnyArray,
    columns: AnyArray,
    rows: AnyArray,
    starts: AnyArray,
    ends: AnyArray,
    count: Any,
    weights: AnyArray,
    result: AnyArray,
) -> None:
    """Write one colour of the runs to `result` [w + LANES].

    Unsigned indices are not checked by the compiler's code, which lets it work on several pixels at once.
    """
    stride, plane = plane.shape[1], plane.ravel()
    before, here, after, beyond = weights[0], weights[1], weights[2], weights[3]
    above, level, below, deeper = weights[4], weights[5], weights[6], weights[7]
    for run in range(count):
        start = starts[run]
        first = uint64((rows[start] + BORDER - 1) * stride + columns[start] + BORDER - 1)
        second, third, fourth = first + uint64(stride), first + uint64(2 * stride), first + uint64(3 * stride)
        x = uint64(start)
        lanes = uint64((ends[run] - start + LANES - 1) // LANES * LANES)
        for n in range(lanes):
            a, b, c, d = before[x + n], here[x + n], after[x + n], beyond[x + n]
            i, j, k, m = first + n, second + n, third + n, fourth + n
            up = _four(plane[i], plane[i + ONE], plane[i + ONE + ONE], plane[i + ONE + ONE + ONE], a, b, c, d)
            at = _four(plane[j], plane[j + ONE], plane[j + ONE + ONE], plane[j + ONE + ONE + ONE], a, b, c, d)
            down = _four(plane[k], plane[k + ONE], plane[k + ONE + ONE], plane[k + ONE + ONE + ONE], a, b, c, d)
            deep = _four(plane[m], plane[m + ONE], plane[m + ONE + ONE], plane[m + ONE + ONE + ONE], a, b, c, d)
            result[x + n] = up * above[x + n] + at * level[x + n] + down * below[x + n] + deep * deeper[x + n]


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _four(p: Any, q: Any, r: Any, s: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Four pixels of a row, weighted."""
    return np.float32(p) * a + np.float32(q) * b + np.float32(r) * c + np.float32(s) * d


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _shade(colour: AnyArray, change: AnyArray, tint: Any, result: AnyArray) -> None:
    """Write `colour` [w] with its shading, `change` [w] beyond 1, to `result` [w]; shadows have a `tint`."""
    zero, half, most = np.float32(0.0), np.float32(0.5), np.float32(255.0)
    for x in range(len(result)):
        factor = np.float32(1.0) + min(change[x], zero) * tint + max(change[x], zero)
        result[x] = np.uint8(np.int32(min(max(colour[x] * factor + half, zero), most)))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _lay_over_plate(
    where: AnyArray,
    y: Any,
    meets: AnyArray,
    certain: AnyArray,
    plate: AnyArray,
    found: AnyArray,
    settled: Any,
    slack: Any,
    result: AnyArray,
) -> None:
    """Put the still background, and what of the foreground lies before it, into row `y` of `result` [3,h,w].

    found: [4,w + LANES] the foreground's colours, and what is seen through it, 0..255.
    """
    one, half, level = np.float32(1.0), np.float32(0.5), np.float32(1.0 / 255.0)
    for x in range(len(meets)):
        if meets[x] == OPAQUE:
            continue
        still, dx, dy = certain[y, x], where[0, x], where[1, x]
        red, green, blue = np.float32(plate[y, x, 0]), np.float32(plate[y, x, 1]), np.float32(plate[y, x, 2])
        if still != 255:
            follows = one - still * level
            red, green, blue = _linearly(plate, np.float32(x) + follows * dx, np.float32(y) + follows * dy)
        if meets[x] == MIXED:
            share = min((abs(dx) + abs(dy)) / settled, one) * still * level
            through = found[3, x] * level
            opacity = one - through
            own = opacity * result[0, y, x], opacity * result[1, y, x], opacity * result[2, y, x]
            front = found[0, x], found[1, x], found[2, x]
            most = np.float32(255.0) * opacity + slack
            amiss = share * max(
                _amiss(front[0], own[0], most, slack),
                max(_amiss(front[1], own[1], most, slack), _amiss(front[2], own[2], most, slack)),
            )
            red = front[0] + amiss * (own[0] - front[0]) + through * red
            green = front[1] + amiss * (own[1] - front[1]) + through * green
            blue = front[2] + amiss * (own[2] - front[2]) + through * blue
        result[0, y, x] = _byte(red + half)
        result[1, y, x] = _byte(green + half)
        result[2, y, x] = _byte(blue + half)


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _byte(value: Any) -> Any:
    return np.uint8(np.int32(min(max(value, np.float32(0.0)), np.float32(255.0))))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
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
    upper, lower = image[top], image[top + 1]
    a, b, c, d = (one - across) * (one - down), across * (one - down), (one - across) * down, across * down
    red = a * upper[left, 0] + b * upper[left + 1, 0] + c * lower[left, 0] + d * lower[left + 1, 0]
    green = a * upper[left, 1] + b * upper[left + 1, 1] + c * lower[left, 1] + d * lower[left + 1, 1]
    blue = a * upper[left, 2] + b * upper[left + 1, 2] + c * lower[left, 2] + d * lower[left + 1, 2]
    return red, green, blue
