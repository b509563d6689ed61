"""Frames as H.264 takes them: YUV 4:2:0 after ITU-R BT.709 in video range, converted and marked in one pass."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numba import njit

from talker.media.watermark import Marker, mark_of_row
from talker.types import AnyArray, ByteArray

# shares of red, green and blue in 65536ths: Y has 219 levels, and Cb and Cr 224 on both sides of grey
LUMA = np.array([11966, 40254, 4064], np.int32)
CB = np.array([-6596, -22189, 28785], np.int32)
CR = np.array([28785, -26145, -2640], np.int32)
NOTHING = np.zeros((0, 0), np.float32)
NOWHERE = np.zeros(0, np.int32)


def yuv420(image: ByteArray, marker: Marker | None = None) -> av.VideoFrame:
    """An `image` [H,W,3] with even sides as the encoder takes it, with the mark; a colour is the mean of 2×2 px."""
    height, width = image.shape[:2]
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    lines = np.ascontiguousarray(image).reshape(height, -1)
    planes = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]  # type: ignore[call-overload]
    if marker is None:
        _convert(lines, NOTHING, NOTHING, NOWHERE, NOTHING[0:0].ravel(), LUMA, CB, CR, *planes)
    else:
        _convert(lines, marker.pattern, marker.gains(lines), marker.left, marker.share, LUMA, CB, CR, *planes)
    return frame


@njit(cache=True, nogil=True, fastmath=True)
def _convert(
    lines: AnyArray,
    pattern: AnyArray,
    gains: AnyArray,
    left: AnyArray,
    share: AnyArray,
    luma: AnyArray,
    cb: AnyArray,
    cr: AnyArray,
    y_plane: AnyArray,
    cb_plane: AnyArray,
    cr_plane: AnyArray,
) -> None:
    """Write the planes [H,...], [H/2,...], [H/2,...] of a frame `lines` [H,3 W]; the rest as `mark_of_row` takes it."""
    height, width = lines.shape[0], lines.shape[1] // 3
    change = np.zeros(width, np.int32)
    colour = np.empty((3, width), np.int32)
    pair = np.empty((3, width), np.int32)  # sums of two rows
    for y in range(height):
        if len(pattern):
            mark_of_row(y, pattern, gains, left, share, change)
        for x in range(width):
            for channel in range(3):
                colour[channel, x] = min(max(np.int32(lines[y, 3 * x + channel]) + change[x], 0), 255)
        red, green, blue = colour[0], colour[1], colour[2]
        for x in range(width):
            value = luma[0] * red[x] + luma[1] * green[x] + luma[2] * blue[x]
            y_plane[y, x] = np.uint8((value + np.int32((16 << 16) + (1 << 15))) >> 16)
        if y % 2 == 0:
            pair[:] = colour
            continue
        for x in range(width // 2):
            one, other = 2 * x, 2 * x + 1
            red_sum = pair[0, one] + pair[0, other] + red[one] + red[other]
            green_sum = pair[1, one] + pair[1, other] + green[one] + green[other]
            blue_sum = pair[2, one] + pair[2, other] + blue[one] + blue[other]
            middle = np.int32((128 << 18) + (1 << 17))
            cb_plane[y // 2, x] = np.uint8((cb[0] * red_sum + cb[1] * green_sum + cb[2] * blue_sum + middle) >> 18)
            cr_plane[y // 2, x] = np.uint8((cr[0] * red_sum + cr[1] * green_sum + cr[2] * blue_sum + middle) >> 18)
