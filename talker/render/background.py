"""What lies behind the head stays where it is: the warped foreground is laid over a still plate of the background.

With the picture I, its opacity a and the plate P, the foreground is F = I - (1 - a) P, and a frame whose pixel comes
from w shows F(w) + (1 - a(w)) P. Where nothing moves, that is the picture again, whatever the plate and the matte.
Where the matte is not certain, the plate moves with the head, in the limit so far that the frame is the warped picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from talker.render.affine import Affine
from talker.render.matte import Matte, MatteParams, foreground_matte, position_between
from talker.render.patch import Window, copy_size
from talker.render.sampling import BARE, MIXED, OPAQUE
from talker.render.smooth_fill import smooth_fill
from talker.render.source import SourceFrame
from talker.types import AnyArray, BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class BackgroundParams:
    """How the plate behind the head is made; lengths in face widths unless they say otherwise."""

    finest_face_px: int = 480  # nothing about the background is worked out finer than on a face of this width
    plate_face_px: int = 160  # width of the face in the copy on which the plate is worked out
    clean: tuple[float, float] = (0.03, 0.08)  # beyond the matte, a structured and a plain one are made anew so far
    mirrored: float = 0.3  # so far behind the foreground's edge the plate shows the background beside it, mirrored
    softness: float = 0.03  # blur of the mirror's edge
    settled: float = 0.01  # where the picture moves by that much, the foreground has to be a colour that exists
    slack: float = 12.0  # levels of 255 by which it need not


TAPS = 5  # pixels that cubic sampling and rounding look at


class Background:
    """The background of one portrait's region, kept still behind the head.

    foreground: [h,w,4] int16, colours of the foreground alone and what is seen through it, 0..255. plate: [h,w,3] the
    background alone. certain: [h,w] 0..255 how far the plate stays. kind: [h,w] OPAQUE, BARE or MIXED. settled: px.
    """

    def __init__(self, source: SourceFrame, params: BackgroundParams, matte_params: MatteParams) -> None:
        geometry, face_width = source.geometry, source.face_width
        image = np.ascontiguousarray(source.image[source.region.slices])
        self.settled, self.slack = params.settled * face_width, params.slack
        height, width = image.shape[:2]
        size, shrink = copy_size(image, face_width, params.finest_face_px)
        small = image if size == (width, height) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        points = Affine.resize((width, height), size, source.region.corner).points(geometry.rest_points)
        matte = foreground_matte(geometry, small, points, face_width * shrink, matte_params)
        filled, share = continued(small, matte, face_width * shrink, params, matte_params.noise)
        alpha, self.certain, own = (_full_size(255 * part, image) for part in (matte.alpha, matte.certain, share))
        self.plate = np.empty_like(image)
        self.foreground = np.empty((height, width, 4), np.int16)
        _take_apart(image, _full_size(filled, image), own, alpha, self.plate, self.foreground)
        around = np.ones((TAPS, TAPS), np.uint8)
        self.kind = np.full(image.shape[:2], MIXED, np.uint8)
        self.kind[(cv2.erode(own, around) == 255) & (cv2.dilate(alpha, around) == 0)] = BARE
        self.kind[cv2.erode(alpha, around) == 255] = OPAQUE


def _full_size(values: FloatArray, image: ByteArray) -> ByteArray:
    """[h,w,...] `values` 0..255 at the size of `image`."""
    size = image.shape[1], image.shape[0]
    return cv2.resize(np.clip(np.round(values), 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)


def continued(
    image: ByteArray, matte: Matte, face_width: float, params: BackgroundParams, noise: float
) -> tuple[FloatArray, FloatArray]:
    """[h,w,3] the background of `image` continued behind the foreground, its texture by a mirror at the edge.

    And [h,w] where it is the picture's own, which is 1 beyond the foreground and what little lies around it.
    """
    height, width = image.shape[:2]
    size, shrink = copy_size(image, face_width, params.plate_face_px)
    unit = face_width * shrink
    alpha = cv2.resize(matte.alpha, size, interpolation=cv2.INTER_AREA)
    away = cv2.distanceTransform((alpha < 0.02).astype(np.uint8), cv2.DIST_L2, 5) / unit
    clean = params.clean[0] + (params.clean[1] - params.clean[0]) * cv2.resize(
        matte.plain, size, interpolation=cv2.INTER_AREA
    )
    known = away > clean
    if known.sum() < 16:
        return image.astype(np.float32), np.ones(image.shape[:2], np.float32)
    picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    smooth, front = (cv2.resize(smooth_fill(picture, where), (width, height)) for where in (known, alpha > 0.98))
    offset, share = _mirror(known, unit, params)
    where = cv2.resize(offset, (width, height)) / np.float32(shrink) + Window(0, 0, width, height).pixels()
    mirrored = cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    share = cv2.resize(share, (width, height)) * (1.0 - matte.plain)
    share *= np.clip(1.5 - 3.0 * position_between(mirrored, smooth, front, noise), 0.0, 1.0)  # no mirrored hair
    own = cv2.resize(np.clip(2.0 * away / clean - 1.0, 0.0, 1.0).astype(np.float32), (width, height))
    return smooth + (mirrored - smooth) * share[..., None], own


@njit(cache=True, nogil=True)
def _take_apart(
    image: AnyArray, filled: AnyArray, own: AnyArray, alpha: AnyArray, plate: AnyArray, foreground: AnyArray
) -> None:
    """Write the plate and what lies before it, so that together they are the `image` again."""
    height, width = alpha.shape
    for y in range(height):
        for x in range(width):
            foreground[y, x, 3] = 255 - alpha[y, x]
            through = 1.0 - alpha[y, x] / 255.0
            for channel in range(3):
                made = float(filled[y, x, channel])
                plate[y, x, channel] = int(made + (image[y, x, channel] - made) * own[y, x] / 255.0 + 0.5)
                seen = image[y, x, channel] - through * plate[y, x, channel]
                foreground[y, x, channel] = int(np.floor(seen + 0.5))


def _mirror(known: BoolArray, unit: float, params: BackgroundParams) -> tuple[FloatArray, FloatArray]:
    """[h,w,2] px to where a mirror at the edge of `known` [h,w] shows each pixel, and [h,w] 0..1 if that is any use."""
    away, labels = cv2.distanceTransformWithLabels((~known).astype(np.uint8), cv2.DIST_L2, 5,
                                                   labelType=cv2.DIST_LABEL_PIXEL)  # fmt: skip
    here = Window(0, 0, known.shape[1], known.shape[0]).pixels()
    nearest = np.zeros((labels.max() + 1, 2), np.float32)
    nearest[labels[known]] = here[known]
    offset = 2.0 * (nearest[labels] - here) * ~known[..., None]
    soft = params.softness * unit
    weight = cv2.GaussianBlur((~known).astype(np.float32), (0, 0), soft)[..., None]
    offset = np.where(known[..., None], 0.0, cv2.GaussianBlur(offset, (0, 0), soft) / np.maximum(weight, 1e-3))
    offset = offset.astype(np.float32)
    there = cv2.remap(known.astype(np.float32), here + offset, None, cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(there * np.clip(2.0 - 2.0 * away / (params.mirrored * unit), 0.0, 1.0), (0, 0), soft)
    return offset, share * there
