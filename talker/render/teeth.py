"""The teeth that the picture itself shows: cut out once, completed under the lips, and carried by the skull.

A smiling portrait thereby keeps its own teeth when it speaks. What is bright and colourless inside the lips, counted
from the upper lip down to the first dark gap, is the upper row; a portrait with shut lips or a dark mouth has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter, percentile_filter

from talker.face.landmarks import INNER_LIPS
from talker.render.light import lip_colours
from talker.render.patch import Window, feather
from talker.render.smooth_fill import smooth_fill
from talker.render.source import SourceFrame
from talker.types import AnyArray, BoolArray, FloatArray


@dataclass(frozen=True)
class OwnTeethParams:
    """What counts as a tooth in the picture, and how its row goes on behind the lips."""

    around_cm: float = 0.8  # beyond the lips, which the row goes on behind
    least_area: float = 0.0012  # of the squared face width: fewer tooth pixels are noise
    least_green: float = 0.84  # of the eyes' white, green against red: lips and gums are redder;
    least_green_beside: float = 0.7  # beside teeth that are so pale others are a little redder, down to this,
    pale_share: float = 0.5  # and to so much of the way from the lips to these teeth
    least_brightness: float = 0.5  # of the eyes' white: darker is no tooth
    most_lifted: float = 1.8  # factor on what the upper lip shades,
    least_bare: float = 0.2  # where so much of what lies equally deep below it is no gums
    ease_px: float = 2.0  # from the row's own pixels to its continuation
    tooth_share: float = 0.4  # of the brightest tooth: darker is what lies between and behind
    top_percentile: float = 15.0  # of where its teeth begin, over a tooth's width: between them lie gums and shadows
    notch: float = 0.3  # of a tooth's height: so far the dark between two tips reaches up,
    tip: float = 0.2  # and so far a tip reaches below the row's even line
    longer: float = 0.2  # and so far any tooth hangs below the arc of the others
    tip_blur_px: float = 0.8  # along the row
    most_gap: float = 0.08  # of the opening's width: dark columns between teeth of one row
    upper_end: float = 0.15  # of a tooth's height: what is seen there goes on above
    darkest_end: float = 0.55  # of the tooth's brightness: darker is a shadow, which does not go on
    crown_cm: float = 1.35  # height of a tooth, as large as the face model has them; above it are gums
    half_tooth_cm: float = 0.35  # from the gums between two teeth to where a tooth reaches furthest up
    least_hidden_cm: float = 0.15  # of it that the lip hides, whatever is seen
    redder: float = 1.12  # than the tooth itself is its upper end where gums reach down beside it,
    bare_share: float = 0.35  # of the row's width where crowns are seen whole
    gums: tuple[float, float, float] = (0.88, 0.64, 0.66)  # their colour against a tooth's
    gum_edge_cm: float = 0.08
    crown_blur_cm: float = 0.3  # along the row: gums have an even edge
    gums_aside_cm: float = 0.5  # so far beside the row its gums reach, fading
    below_cm: float = 0.06  # a row goes on below no further,
    tips_share: float = 0.35  # where so much of its width shows its tips
    side_share: float = 0.12  # of the row's width: over this its continuation fades to the model's teeth


@dataclass(frozen=True)
class Teeth:
    """The picture's upper row, in picture pixels of `window`.

    colour: [h,w,3] 0..255, completed beyond the row. opacity: [h,w] of the row. columns: [h,w] opacity of what goes on
    above and below, behind the lips. edge: [2] px of the picture, the middle of the row's lower edge. hidden: whether
    the lower lip hides that edge. shade: [n,3] share of the light that the upper lip's shadow leaves, from the first
    px below the lip on; it is not in the colours, as it moves with the lip.
    """

    window: Window
    colour: FloatArray
    opacity: FloatArray
    columns: FloatArray
    edge: FloatArray
    hidden: bool
    shade: FloatArray

    def shadow(self, opening: BoolArray) -> FloatArray:
        """[h,w,3] share of the light that reaches the row in the `opening` [h,w] between the lips."""
        below = np.cumsum(opening, axis=0)  # px below the upper lip
        return self.shade[np.clip(below - 1, 0, len(self.shade) - 1)]

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
    row = _upper_row(_tooth_pixels(picture, opening, white, params.least_green, params), opening, params)
    if row.sum() < params.least_area * source.face_width**2:
        return None
    if len(lips := lip_colours(image, source.geometry)):
        least_green = _least_green(picture, row, np.median(lips, axis=0), white, params)
        row = _upper_row(_tooth_pixels(picture, opening, white, least_green, params), opening, params)
    under = _free_below(row, opening, params.ease_px)
    colour = smooth_fill(picture, row & (feather(row | under, 2.0) >= 0.9))
    colour = np.where((row | (under & opening))[..., None], picture, colour)
    columns, shade = _continue(colour, row, under, opening, source.unit, params)
    return Teeth(
        window,
        colour,
        feather(row, 1.5),
        columns,
        _edge(row) + window.corner,
        _meets_lower_lip(row, opening, params.ease_px),
        shade,
    )


def _edge(row: BoolArray) -> FloatArray:
    """[2] px, the middle of the lower edge of the `row` [h,w]."""
    columns = np.flatnonzero(row.any(axis=0))
    middle = columns[np.abs(columns - np.median(columns)) <= np.ptp(columns) * 0.12]
    lowest = len(row) - row[::-1, middle].argmax(axis=0)  # [n] px
    return np.array([middle.mean(), float(np.median(lowest))])


def _meets_lower_lip(row: BoolArray, opening: BoolArray, slack_px: float) -> bool:
    """Whether the row goes down to the end of the opening in the middle of the mouth."""
    columns = np.flatnonzero(row.any(axis=0))
    middle = columns[len(columns) // 3 : 2 * len(columns) // 3 + 1]
    below = opening[:, middle].sum(axis=0) - row[:, middle].sum(axis=0)
    return bool(np.median(below) <= slack_px)


def _free_below(row: BoolArray, opening: BoolArray, slack_px: float) -> BoolArray:
    """[h,w] what lies below the `row` [h,w], in columns where it ends before the lower lip and shows its tips."""
    below = np.cumsum(row, axis=0) == row.sum(axis=0)
    below &= ~row & row.any(axis=0)
    return below & ((below & opening).sum(axis=0) > slack_px)


def _continue(
    colour: FloatArray, row: BoolArray, under: BoolArray, opening: BoolArray, unit: float, params: OwnTeethParams
) -> tuple[FloatArray, FloatArray]:
    """Give what lies above and below the `row` [h,w] the colours of its columns, in place.

    Returns the opacity [h,w] of that, and what light [n,3] the lip's shadow leaves, px by px below the lip.
    A tooth that the picture shows in part goes on behind the lips; the lips' shadow on it does not. Upwards, what its
    upper end shows goes on: teeth taper, and gums reach down between them. To the sides, the row fades to the model's.
    under: [h,w] what the picture shows below the row's tips. opening: [h,w] between the lips. unit: px per cm.
    """
    columns = np.flatnonzero(row.any(axis=0))
    tooth = np.zeros((1, row.shape[1], 3), np.float32)
    for column in columns:
        tooth[0, column] = np.percentile(colour[row[:, column], column], 70, axis=0)
    known = np.asarray(row.any(axis=0))[None]
    tooth = smooth_fill(tooth, known)
    shade = _lift_shadow(colour, row, opening, tooth, params)
    place, rows = np.arange(row.shape[1]), np.arange(len(row))[:, None]
    over: BoolArray = rows < np.interp(place, columns, row.argmax(axis=0)[columns])
    inward = np.minimum(place - columns[0], columns[-1] - place).astype(np.float32)  # px from the row's nearer end
    beside = np.clip(1.0 + inward / (params.gums_aside_cm * unit), 0.0, 1.0)
    beyond = np.where(over, beside > 0.0, (1.0 - feather(row | under, params.ease_px)) * known)
    upper_half: BoolArray = np.cumsum(row, axis=0) <= row.sum(axis=0) / 2
    goes_on = np.where(upper_half[..., None], _above(colour, row, tooth, unit, params), tooth)
    colour += (goes_on - colour) * beyond[..., None]
    opacity = np.where(over, beside, np.clip(inward / (params.side_share * len(columns)), 0.0, 1.0))  # [h,w]
    seen_tips = float(np.clip(under[:, columns].any(axis=0).mean() / params.tips_share, 0.0, 1.0))
    ends = len(row) - row[::-1].argmax(axis=0) + params.below_cm * unit
    opacity = np.where(known & (rows >= ends), opacity * (1.0 - seen_tips), opacity)
    return np.where(under, 0.0, opacity).astype(np.float32), shade


def _above(colour: FloatArray, row: BoolArray, tooth: FloatArray, unit: float, params: OwnTeethParams) -> FloatArray:
    """[h,w,3] what lies behind the upper lip: the upper ends of the `row` [h,w], and gums above them.

    tooth: [1,w,3] the columns' colours. unit: px per cm.
    """
    known = np.asarray(row.any(axis=0))[None]
    upper = row & (np.cumsum(row, axis=0) <= np.maximum(2.0, params.upper_end * row.sum(axis=0)))
    ends = np.where(upper[..., None], colour, 0.0).sum(axis=0) / np.maximum(upper.sum(axis=0), 1)[:, None]
    ends = np.clip(smooth_fill(ends[None].astype(np.float32), known), params.darkest_end * tooth, tooth)
    between = known[0] & (_redness(ends, tooth)[0] > params.redder)
    light = gaussian_filter1d(tooth[0], params.crown_blur_cm * unit, axis=0, mode="nearest")
    gums = np.array(params.gums, np.float32) * light
    return gums + (ends - gums) * _crowns(row, between, unit, params)[..., None]


def _crowns(row: BoolArray, between: BoolArray, unit: float, params: OwnTeethParams) -> FloatArray:
    """[h,w] 1 on teeth, 0 above their crowns, which the `row` [h,w] shows in part, or whole where it shows gums.

    between: [w] columns where gums reach down: from there, a tooth's upper end is an arch. unit: px per cm.
    """
    columns = np.flatnonzero(row.any(axis=0))
    bare = float(np.clip(between[columns].mean() / params.bare_share, 0.0, 1.0))
    place, blur = np.arange(row.shape[1]), params.crown_blur_cm * unit
    height, top = (
        np.interp(place, columns, gaussian_filter1d(line[columns].astype(np.float32), blur, mode="nearest"))
        for line in (row.sum(axis=0), row.argmax(axis=0))
    )
    hidden = np.maximum(params.crown_cm * unit * (1.0 - bare) - height, params.least_hidden_cm * unit)
    if between.any():
        aside = cv2.distanceTransform((~between).astype(np.uint8)[None], cv2.DIST_L2, 3)[0]  # px
        arch = np.sqrt(1.0 - (1.0 - np.minimum(aside / (params.half_tooth_cm * unit), 1.0)) ** 2)
        hidden *= 1.0 - bare + bare * arch
    above = top - np.arange(len(row))[:, None]  # px
    return np.clip(1.0 - (above - hidden) / (params.gum_edge_cm * unit), 0.0, 1.0)


def _lift_shadow(
    colour: FloatArray, row: BoolArray, opening: BoolArray, tooth: FloatArray, params: OwnTeethParams
) -> FloatArray:
    """Take the upper lip's shadow off the `row` [h,w], in place; [n,3] what light it leaves, px by px below the lip.

    Gums, which are darker by themselves, don't tell: where most is gums, the shadow grows as it does below.
    tooth: [1,w,3] what the columns are without it. opening: [h,w] between the lips.
    """
    depth = np.cumsum(opening | row, axis=0)  # px below the upper lip
    share = colour / np.maximum(tooth, 8.0)
    bare = row & (_redness(colour, tooth) < params.redder)
    light = np.ones((int(depth[row].max()), 3), np.float32)
    for step in range(len(light) - 1, -1, -1):  # upwards
        here = depth == step + 1
        below = light[step + 1 : step + 3]
        if (bare & here).sum() > params.least_bare * (row & here).sum():
            light[step] = np.median(share[bare & here], axis=0)
        elif len(below) == 2:
            light[step] = below[0] ** 2 / below[1]  # as it darkens below
        light[step] = np.clip(light[step], 1.0 / params.most_lifted, 1.0)
    if len(free := np.flatnonzero((light == 1.0).all(axis=1))):
        light = light[: free[0] + 1]
    colour[row] /= light[np.clip(depth[row] - 1, 0, len(light) - 1)]
    return light


def _redness(colour: FloatArray, tooth: FloatArray) -> FloatArray:
    """[h,w] red against green of `colour` [h,w,3], 1 where it is that of the `tooth` [1,w,3] there."""
    return np.asarray(colour[..., 0] * tooth[..., 1] / np.maximum(colour[..., 1] * tooth[..., 0], 1.0))


def _tooth_pixels(
    picture: FloatArray, opening: BoolArray, white: FloatArray, least_green: float, params: OwnTeethParams
) -> BoolArray:
    """[h,w] bright, hardly coloured pixels inside the lips: green against red at least so much of the `white`'s."""
    if opening.sum() < 12:
        return np.zeros_like(opening)
    light = picture.mean(axis=2)
    brightest = np.percentile(light[opening], 95)
    if brightest < params.least_brightness * white.mean():
        return np.zeros_like(opening)
    pale = _green_to_red(picture) > least_green * _green_to_red(white)
    tooth = opening & pale & (light > params.tooth_share * brightest)
    return cv2.morphologyEx(tooth.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0


def _least_green(
    picture: FloatArray, row: BoolArray, lips: FloatArray, white: FloatArray, params: OwnTeethParams
) -> float:
    """Green against red of the reddest tooth, of the `white`'s: beside `lips` [3], teeth are redder than white.

    row: [h,w] where some are found.
    """
    teeth, lip = float(np.median(_green_to_red(picture[row]))), float(_green_to_red(lips))
    least = lip + params.pale_share * (teeth - lip)
    return float(np.clip(least / _green_to_red(white), params.least_green_beside, params.least_green))


def _green_to_red(colour: FloatArray) -> FloatArray:
    """[...] of a `colour` [...,3]."""
    return np.asarray(colour[..., 1] / np.maximum(colour[..., 0], 1.0))


def _upper_row(tooth: BoolArray, opening: BoolArray, params: OwnTeethParams) -> BoolArray:
    """[h,w] the opening from the first bright pixel down to the row's lower edge: the first gap of a good part of its
    height. What is dark above it is gum or lip.

    The upper edge is even, and as high as teeth reach up, so that neither shadows nor gums between two teeth notch it;
    the lower one keeps the teeth's tips.
    """
    opened = np.flatnonzero(opening.any(axis=0))
    start, edge = np.full((2, opening.shape[1]), -1.0)
    for column in opened:
        inside, bright = np.flatnonzero(opening[:, column]), np.flatnonzero(tooth[:, column])
        # where no tooth hangs from the upper lip, what is bright belongs to the lower row
        if len(bright) == 0 or bright[0] - inside[0] > max(3, 0.45 * len(inside)):
            continue
        breaks = np.flatnonzero(np.diff(bright) > max(2, int(0.12 * len(inside))))
        edge[column] = bright[breaks[0]] if len(breaks) else bright[-1]
        start[column] = bright[0]
    columns = _longest_run(np.flatnonzero(edge >= 0.0), int(params.most_gap * len(opened)))
    row = np.zeros_like(opening)
    if len(columns) < 3:
        return row
    across = np.arange(columns[0], columns[-1] + 1)
    start, edge = (np.interp(across, columns, line[columns]) for line in (start, edge))
    size = max(3, len(opened) // 8) | 1
    upper = gaussian_filter1d(
        percentile_filter(start, params.top_percentile, size, mode="nearest"), size / 4, mode="nearest"
    )
    lower = _smoothed(edge, size, size / 4)
    longest = _arc(across, edge) + params.longer * np.median(np.maximum(lower - upper, 0.0))
    edge, lower = np.minimum(edge, longest), np.minimum(lower, longest)  # where rows touch, the lower one hangs on
    height, tips = np.maximum(lower - upper, 0.0), _smoothed(edge, 3, params.tip_blur_px)
    lower = np.clip(tips, lower - params.notch * height, lower + params.tip * height)
    rows = np.arange(len(opening))[:, None]
    row[:, across] = opening[:, across] & (rows >= upper) & (rows <= lower)
    return row


def _arc(across: AnyArray, line: FloatArray, rounds: int = 5) -> FloatArray:
    """[n] the parabola over `across` [n] that most of a `line` [n] lies on, by iteratively reweighted least squares."""
    arc = np.full(len(line), np.median(line))
    for _ in range(rounds):
        off = np.abs(line - arc)
        weight = 1.0 / (1.0 + (off / max(float(np.median(off)), 0.5)) ** 2)
        arc = np.polynomial.Polynomial.fit(across, line, 2, w=np.sqrt(weight))(across)
    return np.asarray(arc)


def _smoothed(line: FloatArray, size: int, blur: float) -> FloatArray:
    """A running median of `size` values of a `line` [n], blurred."""
    return np.asarray(gaussian_filter1d(median_filter(line, size, mode="nearest"), blur, mode="nearest"))


def _longest_run(places: AnyArray, most_gap: int) -> AnyArray:
    """The longest stretch of sorted `places` with no gap wider than `most_gap` between neighbours."""
    runs = np.split(places, np.flatnonzero(np.diff(places) > most_gap + 1) + 1)
    return max(runs, key=len)
