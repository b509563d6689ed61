"""The teeth that the picture itself shows: cut out once, completed under the lips, and carried by the skull.

A smiling portrait thereby keeps its own teeth when it speaks. What is bright and colourless inside the lips, counted
from the upper lip down to the first dark gap, is the upper row; a portrait with shut lips or a dark mouth has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from talker.face.landmarks import INNER_LIPS
from talker.render.patch import Window, feather
from talker.render.smooth_fill import smooth_fill
from talker.render.source import SourceFrame
from talker.types import BoolArray, FloatArray


@dataclass(frozen=True)
class OwnTeethParams:
    """What counts as a tooth in the picture, and how its row goes on behind the lips."""

    around_cm: float = 0.8  # beyond the lips, which the row goes on behind
    least_area: float = 0.0012  # of the squared face width: fewer tooth pixels are noise
    least_green: float = 0.84  # of the eyes' white, green against red: lips and gums are redder
    least_brightness: float = 0.5  # of the eyes' white: darker is no tooth
    most_lifted: float = 1.8  # factor on what the upper lip shades
    ease_px: float = 2.0  # from the row's own pixels to its continuation
    side_share: float = 0.12  # of the row's width: over this its continuation fades to the model's teeth


@dataclass(frozen=True)
class Teeth:
    """The picture's upper row, in picture pixels of `window`.

    colour: [h,w,3] 0..255, completed beyond the row. opacity: [h,w] of the row. columns: [h,w] opacity of what goes on
    above and below, behind the lips. edge: [2] px of the picture, the middle of the row's lower edge. hidden: whether
    the lower lip hides that edge.
    """

    window: Window
    colour: FloatArray
    opacity: FloatArray
    columns: FloatArray
    edge: FloatArray
    hidden: bool

    @property
    def brightest(self) -> FloatArray:
        """[3] colour of the row's bright part."""
        row = self.colour[self.opacity > 0.9] if (self.opacity > 0.9).any() else self.colour.reshape(-1, 3)
        return np.percentile(row, 80, axis=0)


def find_teeth(source: SourceFrame, white: FloatArray, params: OwnTeethParams) -> Teeth | None:
    """The upper row that the picture shows between its lips, or None when it shows none.

    white: [3] colour of a white surface.
    """
    image, inner_lips = source.image, source.landmarks[list(INNER_LIPS), :2]
    window = Window.around(inner_lips, params.around_cm * source.unit, image.shape)
    opening = window.polygon(inner_lips)
    picture = image[window.slices].astype(np.float32)
    tooth = _tooth_pixels(picture, opening, white, params)
    row = _upper_row(tooth, opening)
    if row.sum() < params.least_area * source.face_width**2:
        return None
    colour = smooth_fill(picture, row & (feather(row, 2.0) >= 0.9))
    colour = np.where(row[..., None], picture, colour)
    columns = _continue(colour, row, params)
    return Teeth(
        window,
        colour,
        feather(row, 1.5),
        columns,
        _edge(row) + window.corner,
        _meets_lower_lip(row, opening, params.ease_px),
    )


def _edge(row: BoolArray) -> FloatArray:
    """[2] px, the middle of the lower edge of the `row` [h,w]."""
    rows, columns = np.nonzero(row)
    middle = np.abs(columns - np.median(columns)) <= np.ptp(columns) * 0.12
    return np.array([columns[middle].mean(), rows[middle].max() + 1.0])


def _meets_lower_lip(row: BoolArray, opening: BoolArray, slack_px: float) -> bool:
    """Whether the row goes down to the end of the opening in the middle of the mouth."""
    columns = np.flatnonzero(row.any(axis=0))
    middle = columns[len(columns) // 3 : 2 * len(columns) // 3 + 1]
    below = opening[:, middle].sum(axis=0) - row[:, middle].sum(axis=0)
    return bool(np.median(below) <= slack_px)


def _continue(colour: FloatArray, row: BoolArray, params: OwnTeethParams) -> FloatArray:
    """Give what lies above and below the `row` [h,w] the colours of its columns, in place; its opacity [h,w].

    A tooth that the picture shows in part goes on behind the lips; the lips' shadow on it does not. To the sides, the
    row fades to the model's.
    """
    columns = np.flatnonzero(row.any(axis=0))
    tooth = np.zeros((1, row.shape[1], 3), np.float32)
    for column in columns:
        tooth[0, column] = np.percentile(colour[row[:, column], column], 70, axis=0)
    known = np.asarray(row.any(axis=0))[None]
    tooth = smooth_fill(tooth, known)
    _lift_shadow(colour, row, tooth, params.most_lifted)
    beyond = (1.0 - feather(row, 2 * params.ease_px)) * known
    colour += (tooth - colour) * beyond[..., None]
    place = np.arange(row.shape[1], dtype=np.float32)
    sides = np.minimum(place - columns[0], columns[-1] - place) / (params.side_share * len(columns))
    return np.broadcast_to(np.clip(sides, 0.0, 1.0), row.shape).astype(np.float32)


def _lift_shadow(colour: FloatArray, row: BoolArray, tooth: FloatArray, most_lifted: float) -> None:
    """Take the upper lip's shadow off the `row` [h,w], in place; `tooth` [1,w,3] is what the columns are without it."""
    depth = np.cumsum(row, axis=0)  # px below the row's upper edge
    share = colour.mean(axis=2) / np.maximum(tooth.mean(axis=2), 8.0)
    for step in range(1, int(depth.max()) + 1):
        here = row & (depth == step)
        lit = float(np.clip(np.median(share[here]), 1.0 / most_lifted, 1.0))
        colour[here] /= lit
        if lit == 1.0:
            return


def _tooth_pixels(picture: FloatArray, opening: BoolArray, white: FloatArray, params: OwnTeethParams) -> BoolArray:
    """[h,w] bright, hardly coloured pixels inside the lips."""
    if opening.sum() < 12:
        return np.zeros_like(opening)
    light = picture.mean(axis=2)
    brightest = np.percentile(light[opening], 95)
    if brightest < params.least_brightness * white.mean():
        return np.zeros_like(opening)
    green_share = picture[..., 1] / np.maximum(picture[..., 0], 1.0)
    tooth = opening & (light > 0.5 * brightest) & (green_share > params.least_green * white[1] / white[0])
    return cv2.morphologyEx(tooth.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0


def _upper_row(tooth: BoolArray, opening: BoolArray) -> BoolArray:
    """[h,w] the opening from the first bright pixel down to the row's lower edge: the first gap of a good part of its
    height. What is dark above it is gum or lip.

    Both edges are a running median over the columns, so that a shadow between two teeth doesn't notch them.
    """
    columns = np.flatnonzero(opening.any(axis=0))
    edge, start = np.full((2, opening.shape[1]), -1.0)
    for column in columns:
        inside, bright = np.flatnonzero(opening[:, column]), np.flatnonzero(tooth[:, column])
        # where no tooth hangs from the upper lip, what is bright belongs to the lower row
        if len(bright) == 0 or bright[0] - inside[0] > max(3, 0.45 * len(inside)):
            continue
        breaks = np.flatnonzero(np.diff(bright) > max(2, int(0.12 * len(inside))))
        edge[column] = bright[breaks[0]] if len(breaks) else bright[-1]
        start[column] = bright[0]
    size = max(3, len(columns) // 8) | 1
    limits = np.full((2, opening.shape[1]), -1.0)
    for limit, line in zip(limits, (start, edge), strict=True):
        limit[columns] = gaussian_filter1d(median_filter(line[columns], size, mode="nearest"), size / 4)
    rows = np.arange(opening.shape[0])[:, None]
    return opening & (rows >= limits[0]) & (rows <= limits[1])
