"""The teeth that the picture itself shows: cut out once, completed under the lips, and carried by the skull.

A smiling portrait thereby keeps its own teeth when it speaks. What is bright and colourless inside the lips, counted
from the upper lip down to the first dark gap, is the upper row; a portrait with shut lips or a dark mouth has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from talker.render.patch import Window, feather
from talker.render.smooth_fill import smooth_fill
from talker.types import BoolArray, ByteArray, FloatArray

LEAST_AREA = 0.0012  # of the squared face width: fewer tooth pixels are noise
LEAST_GREEN = 0.84  # of the eyes' white, green against red: lips and gums are redder
LEAST_BRIGHTNESS = 0.5  # of the eyes' white: darker is no tooth
TOOTH_HEIGHT_CM = 0.12  # how far teeth are completed upwards, under the lip


@dataclass(frozen=True)
class Teeth:
    """The picture's upper row, in picture pixels of `window`.

    colour: [h,w,3] 0..255, completed beyond the row. opacity: [h,w]. shown: [H,W] bool of the whole picture.
    """

    window: Window
    colour: FloatArray
    opacity: FloatArray
    shown: BoolArray

    @property
    def brightest(self) -> FloatArray:
        """[3] colour of the row's bright part."""
        row = self.colour[self.opacity > 0.9] if (self.opacity > 0.9).any() else self.colour.reshape(-1, 3)
        return np.percentile(row, 80, axis=0)

    @property
    def edge(self) -> FloatArray:
        """[2] px, the middle of the row's lower edge."""
        rows, columns = np.nonzero(self.shown)
        middle = np.abs(columns - np.median(columns)) <= np.ptp(columns) * 0.12
        return np.array([columns[middle].mean(), rows[middle].max() + 1.0])


def find_teeth(
    image: ByteArray, inner_lips: FloatArray, white: FloatArray, scale: float, face_width: float
) -> Teeth | None:
    """The upper row inside the closed outline `inner_lips` [N,2] px, or None when the picture shows none.

    white: [3] colour of the eyes' white. scale: px per cm. face_width: px.
    """
    window = Window.around(inner_lips, 0.8 * scale, image.shape)
    opening = window.polygon(inner_lips)
    picture = image[window.slices].astype(np.float32)
    tooth = _tooth_pixels(picture, opening, white)
    row = _upper_row(tooth, opening)
    if row.sum() < LEAST_AREA * face_width**2:
        return None
    shown = np.zeros(image.shape[:2], bool)
    shown[window.slices] = row
    reach = max(int(TOOTH_HEIGHT_CM * scale), 1)
    lifted = cv2.dilate(row.astype(np.uint8), np.ones((reach, 1), np.uint8), anchor=(0, 0)) > 0  # only upwards
    opacity = feather(lifted, 1.5)
    colour = smooth_fill(picture, row & (feather(row, 2.0) >= 0.9))
    return Teeth(window, np.where(row[..., None], picture, colour), opacity, shown)


def _tooth_pixels(picture: FloatArray, opening: BoolArray, white: FloatArray) -> BoolArray:
    """[h,w] bright, hardly coloured pixels inside the lips."""
    if opening.sum() < 12:
        return np.zeros_like(opening)
    light = picture.mean(axis=2)
    brightest = np.percentile(light[opening], 95)
    if brightest < LEAST_BRIGHTNESS * white.mean():
        return np.zeros_like(opening)
    green_share = picture[..., 1] / np.maximum(picture[..., 0], 1.0)
    tooth = opening & (light > 0.5 * brightest) & (green_share > LEAST_GREEN * white[1] / white[0])
    return cv2.morphologyEx(tooth.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0


def _upper_row(tooth: BoolArray, opening: BoolArray) -> BoolArray:
    """[h,w] the opening from the upper lip down to the row's lower edge: the first gap of a good part of its height.

    The edge is a running median over the columns, so that a shadow between two teeth doesn't notch it.
    """
    columns = np.flatnonzero(opening.any(axis=0))
    edge = np.full(opening.shape[1], -1.0)
    for column in columns:
        inside, bright = np.flatnonzero(opening[:, column]), np.flatnonzero(tooth[:, column])
        # where no tooth hangs from the upper lip, what is bright belongs to the lower row
        if len(bright) == 0 or bright[0] - inside[0] > max(3, 0.45 * len(inside)):
            continue
        breaks = np.flatnonzero(np.diff(bright) > max(2, int(0.12 * len(inside))))
        edge[column] = bright[breaks[0]] if len(breaks) else bright[-1]
    size = max(3, len(columns) // 8) | 1
    smooth = gaussian_filter1d(median_filter(edge[columns], size, mode="nearest"), size / 4)
    limit = np.full(opening.shape[1], -1.0)
    limit[columns] = smooth
    return opening & (np.arange(opening.shape[0])[:, None] <= limit)
