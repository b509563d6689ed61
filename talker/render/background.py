"""What lies behind the head stays where it is: the warped foreground is laid over a still plate of the background.

With the picture I, its opacity a and the plate P, the foreground is F = I - (1 - a) P, and a frame whose pixel comes
from w shows F(w) + (1 - a(w)) P. Where nothing moves, that is the picture again, whatever the plate and the matte.
Where the matte is not certain, the plate moves with the head, in the limit so far that the frame is the warped picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

from talker.render.geometry import HeadGeometry
from talker.render.matte import Matte, foreground_matte, likeness
from talker.render.smooth_fill import smooth_fill
from talker.types import BoolArray, ByteArray, FloatArray

PLATE_FACE_PX = 160  # width of the face in the copy on which the plate is worked out
TAPS = 5  # pixels that cubic sampling and rounding look at
# face widths:
CLEAN = (0.03, 0.08)  # beyond the matte, a structured and a plain background are made anew as far as this
MIRRORED = 0.3  # so far behind the foreground's edge the plate shows the background beside it, mirrored
SOFTNESS = 0.03
SETTLED = 0.01  # where the picture moves by that much, the foreground has to be a colour that exists
SLACK = 12.0  # levels of 255 by which it need not
OPAQUE, BARE, MIXED = 2, 1, 0  # what cubic sampling at a pixel meets: foreground, background, or both


class Background:
    """The background of one portrait's region, kept still behind the head."""

    def __init__(self, geometry: HeadGeometry, image: ByteArray, corner: FloatArray, face_width: float) -> None:
        """image: [h,w,3] the region, whose first pixel lies at `corner` [2] px of the picture. face_width: px."""
        matte = foreground_matte(geometry, image, corner, face_width)
        self.matte = matte
        self._alpha = np.round(matte.alpha * 255).astype(np.uint8)
        self._certain = np.round(matte.certain * 255).astype(np.uint8)
        self._settled = SETTLED * face_width
        self._plate = clean_plate(image, matte, face_width)
        around = np.ones((TAPS, TAPS), np.uint8)
        self._kind = np.full(self._alpha.shape, MIXED, np.uint8)
        self._kind[cv2.erode(self._alpha, around) == 255] = OPAQUE
        touched = (self._alpha > 0) | (self._plate != image).any(axis=2)
        self._kind[cv2.dilate(touched.astype(np.uint8), around) == 0] = BARE

    def keep(self, frame: ByteArray, source: ByteArray, where: FloatArray) -> None:
        """Put the still background into `frame` [h,w,3], which shows `source` [h,w,3] at `where` [h,w,2] px."""
        _keep(frame, source, where, self._alpha, self._kind, self._certain, self._plate, self._settled)


def clean_plate(image: ByteArray, matte: Matte, face_width: float) -> ByteArray:
    """[h,w,3] `image` with the background continued behind the foreground: its texture by a mirror at the edge."""
    height, width = image.shape[:2]
    shrink = min(1.0, PLATE_FACE_PX / face_width)
    size = (max(round(width * shrink), 8), max(round(height * shrink), 8))
    unit = face_width * shrink
    alpha = cv2.resize(matte.alpha, size, interpolation=cv2.INTER_AREA)
    away = cv2.distanceTransform((alpha < 0.02).astype(np.uint8), cv2.DIST_L2, 5) / unit
    clean = CLEAN[0] + (CLEAN[1] - CLEAN[0]) * cv2.resize(matte.plain, size, interpolation=cv2.INTER_AREA)
    known = away > clean
    if known.sum() < 16:
        return image
    picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    smooth, front = (cv2.resize(smooth_fill(picture, where), (width, height)) for where in (known, alpha > 0.98))
    offset, share = _mirror(known, unit)
    where = cv2.resize(offset, (width, height)) / np.float32(shrink)
    where += np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), axis=-1)
    mirrored = cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    share = cv2.resize(share, (width, height)) * (1.0 - matte.plain)
    share *= np.clip(1.5 - 3.0 * likeness(mirrored, smooth, front), 0.0, 1.0)  # no mirrored hair
    filled = smooth + (mirrored - smooth) * share[..., None]
    own = cv2.resize(np.clip(2.0 * away / clean - 1.0, 0.0, 1.0).astype(np.float32), (width, height))[..., None]
    return np.clip(np.round(filled + (image - filled) * own), 0, 255).astype(np.uint8)


def _mirror(known: BoolArray, unit: float) -> tuple[FloatArray, FloatArray]:
    """[h,w,2] px to where a mirror at the edge of `known` [h,w] shows each pixel, and [h,w] 0..1 if that is any use."""
    away, labels = cv2.distanceTransformWithLabels((~known).astype(np.uint8), cv2.DIST_L2, 5,
                                                   labelType=cv2.DIST_LABEL_PIXEL)  # fmt: skip
    y, x = np.mgrid[: known.shape[0], : known.shape[1]].astype(np.float32)
    here = np.stack([x, y], axis=-1)
    nearest = np.zeros((labels.max() + 1, 2), np.float32)
    nearest[labels[known]] = here[known]
    offset = 2.0 * (nearest[labels] - here) * ~known[..., None]
    soft = SOFTNESS * unit
    weight = cv2.GaussianBlur((~known).astype(np.float32), (0, 0), soft)[..., None]
    offset = np.where(known[..., None], 0.0, cv2.GaussianBlur(offset, (0, 0), soft) / np.maximum(weight, 1e-3))
    offset = offset.astype(np.float32)
    there = cv2.remap(known.astype(np.float32), here + offset, None, cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(there * np.clip(2.0 - 2.0 * away / (MIRRORED * unit), 0.0, 1.0), (0, 0), soft)
    return offset, share * there


@njit(cache=True, nogil=True)
def _weights(fraction):  # type: ignore[no-untyped-def]
    """Four weights of cubic sampling (the kernel of OpenCV, sharpness -0.75)."""
    a = -0.75
    x = fraction + 1.0
    first = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    second = ((a + 2.0) * fraction - (a + 3.0)) * fraction * fraction + 1.0
    y = 1.0 - fraction
    third = ((a + 2.0) * y - (a + 3.0)) * y * y + 1.0
    return first, second, third, 1.0 - first - second - third


@njit(cache=True, nogil=True)
def _keep(frame, source, where, alpha, kind, certain, plate, settled) -> None:  # type: ignore[no-untyped-def]
    height, width = kind.shape
    for y in range(height):
        for x in range(width):
            wx, wy = where[y, x, 0], where[y, x, 1]
            nearest_x = min(max(int(wx + 0.5), 0), width - 1)
            nearest_y = min(max(int(wy + 0.5), 0), height - 1)
            meets = kind[nearest_y, nearest_x]
            still = certain[y, x]
            if meets == OPAQUE or still == 0:
                continue
            dx, dy = wx - x, wy - y
            distance = abs(dx) + abs(dy)
            if distance < 1e-3:
                continue
            red, green, blue, seen = 0.0, 0.0, 0.0, 1.0
            if meets == MIXED:
                red, green, blue, seen = _foreground(source, alpha, plate, wx, wy)
                share = min(distance / settled, 1.0) * still / 255.0
                own = (1.0 - seen) * frame[y, x, 0], (1.0 - seen) * frame[y, x, 1], (1.0 - seen) * frame[y, x, 2]
                most = 255.0 * (1.0 - seen) + SLACK
                amiss = max(_amiss(red, own[0], most), _amiss(green, own[1], most), _amiss(blue, own[2], most)) * share
                red += amiss * (own[0] - red)
                green += amiss * (own[1] - green)
                blue += amiss * (own[2] - blue)
            if still == 255:
                behind = float(plate[y, x, 0]), float(plate[y, x, 1]), float(plate[y, x, 2])
            else:
                follows = 1.0 - still / 255.0
                behind = _sampled(plate, x + follows * dx, y + follows * dy)
            frame[y, x, 0] = min(max(red + seen * behind[0] + 0.5, 0.0), 255.0)
            frame[y, x, 1] = min(max(green + seen * behind[1] + 0.5, 0.0), 255.0)
            frame[y, x, 2] = min(max(blue + seen * behind[2] + 0.5, 0.0), 255.0)


@njit(cache=True, nogil=True)
def _amiss(value, possible, most):  # type: ignore[no-untyped-def]
    """How far 0..1 a foreground's `value` must go towards a `possible` one to lie between -SLACK and `most`."""
    if value < -SLACK:
        return min((-SLACK - value) / max(possible - value, 1e-3), 1.0)
    if value > most:
        return min((value - most) / max(value - possible, 1e-3), 1.0)
    return 0.0


@njit(cache=True, nogil=True)
def _sampled(image, x, y):  # type: ignore[no-untyped-def]
    """Three colours of `image` [h,w,3] at x, y px, by cubic sampling."""
    height, width = image.shape[:2]
    left, top = int(np.floor(x)), int(np.floor(y))
    across, down = _weights(x - left), _weights(y - top)
    red, green, blue = 0.0, 0.0, 0.0
    for j in range(4):
        row = min(max(top + j - 1, 0), height - 1)
        for i in range(4):
            column = min(max(left + i - 1, 0), width - 1)
            weight = across[i] * down[j]
            red += weight * image[row, column, 0]
            green += weight * image[row, column, 1]
            blue += weight * image[row, column, 2]
    return red, green, blue


@njit(cache=True, nogil=True)
def _foreground(source, alpha, plate, x, y):  # type: ignore[no-untyped-def]
    """Three colours of the foreground alone at x, y px, and how much of the background is seen there."""
    height, width = alpha.shape
    left, top = int(np.floor(x)), int(np.floor(y))
    across, down = _weights(x - left), _weights(y - top)
    red, green, blue, seen = 0.0, 0.0, 0.0, 0.0
    for j in range(4):
        row = min(max(top + j - 1, 0), height - 1)
        for i in range(4):
            column = min(max(left + i - 1, 0), width - 1)
            weight = across[i] * down[j]
            through = 1.0 - alpha[row, column] / 255.0
            red += weight * (source[row, column, 0] - through * plate[row, column, 0])
            green += weight * (source[row, column, 1] - through * plate[row, column, 1])
            blue += weight * (source[row, column, 2] - through * plate[row, column, 2])
            seen += weight * through
    return red, green, blue, seen
