"""Taking the picture's own creases away: what a smile or a frown in the photograph has folded, a neutral face has not.

Where the fitted expression of the picture folds the skin (its shading differs from the expressionless face's), the
picture's middle frequencies, which hold the fold, are exchanged for their surroundings' brightness; the finest ones,
which hold pores and hair, stay. Frames show this smoothed skin as far as their expression has left the picture's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.blendshapes import BLENDSHAPE_NAMES
from talker.face.camera import FACE_WIDTH_CM
from talker.face.landmarks import FACE_OVAL, LEFT_BROW, LEFT_EYE, LIPS, NOSE_RIDGE, NOSTRILS, RIGHT_BROW, RIGHT_EYE
from talker.face.raster import rasterise
from talker.render.affine import Affine
from talker.render.geometry import HeadGeometry
from talker.render.patch import Window
from talker.render.sampling import BORDER, bordered
from talker.render.source import SourceFrame
from talker.types import BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class CreaseParams:
    """What counts as a crease, and what takes its place."""

    working_face_px: int = 320  # folds are smooth: they are worked out on a face of at most this width
    no_fold: float = 1.0  # log brightness: what differs more from its surroundings is a nostril or a hair
    black: float = 8.0  # added to pixel values before the logarithm
    fine: float = 0.0035  # of the face's width: finer structure is kept
    line: float = 0.03  # of the face's width: a darker line up to this wide, in a fold, is the fold's bottom
    line_weight: float = 1.0  # times the weight of a fold: as far the line is taken out; more takes skin along
    stroke_cm: float = 0.9  # of such a line: along it, it is on average
    stroke_over: tuple[float, float] = (1.8, 2.8)  # so many times as dark as all around; hair and stubble are not,
    stroke_dark: tuple[float, float] = (0.08, 0.16)  # and so dark in log brightness; pores are not
    hair_cm: float = 0.25  # blur of the red that skin has and hair has not,
    hair: tuple[float, float] = (0.1, 0.22)  # which in a beard falls so far below: in log brightness against green
    coarse: float = 0.075  # what a fold is exchanged for is as smooth as this
    shading_to_weight: float = 5.0  # of the change in log shading that counts as a whole fold
    fold_cm: float = 0.6  # lit and shaded sides this far apart are one fold, though between them no shading changes
    keep_away_cm: float = 0.45  # from lips, eyes, brows and nostrils, whose edges are no folds
    least_expression: float = 0.25  # a face at rest has no folds to take away


UPPER_FACE = ("eye", "brow")
STROKES = 12  # directions in which lines are looked for


class CreaseRemoval:
    """A region of the picture without the creases of its own expression, and how much of that a frame shows."""

    def __init__(self, source: SourceFrame, wrinkles: float, params: CreaseParams) -> None:
        """wrinkles: strength of the frames' shading."""
        geometry, corner = source.geometry, source.region.corner
        self._rest = geometry.source_expression
        image = np.ascontiguousarray(source.image[source.region.slices])
        self._image = bordered(image)
        self._parts: list[tuple[list[int], NDArray[np.int16]]] = []  # channels, what unfolding adds
        efforts = [(half, float(np.linalg.norm(self._rest[half]))) for half in HALVES]
        if max(effort for _, effort in efforts) < params.least_expression:
            return
        relaxed = source.light.ratio(geometry.shape(np.zeros_like(geometry.source_expression)).camera, 1.0)  # [V]
        change = np.log(np.maximum(relaxed, 1e-3))
        shrink = min(1.0, params.working_face_px / (source.unit * FACE_WIDTH_CM))
        points = geometry.rest_points - corner
        margin = params.coarse * source.unit * FACE_WIDTH_CM
        face = Window.around(geometry.landmark_points(points, FACE_OVAL), margin, image.shape)
        inner = np.ascontiguousarray(image[face.slices])
        gain = _fold_gain(geometry, inner, points - face.corner, change, shrink, wrinkles, params)  # [h,w,3]
        folded = np.abs(gain).max(axis=2) > 1e-3
        if not folded.any():
            return  # a smooth face
        within = _bounds(folded)
        rows, columns = (
            slice(side.start + first, side.stop + first)
            for side, first in zip(within, (face.top, face.left), strict=True)
        )
        self._box = tuple(slice(side.start + BORDER, side.stop + BORDER) for side in (rows, columns))
        inside = image[rows, columns].astype(np.float32) + params.black
        added = inside * np.expm1(gain[within])
        added = np.concatenate([added, np.zeros_like(added[..., :1])], axis=2)  # the fourth channel is no colour
        ridge = geometry.landmark_points(points, (NOSE_RIDGE,))[0, 1]
        height = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None, None]
        upper = np.clip((ridge - height) / geometry.fit.scale + 0.5, 0, 1)  # eases over a centimetre
        for (half, effort), share in zip(efforts, (upper, 1.0 - upper), strict=True):
            if effort >= params.least_expression:
                self._parts.append((half, np.round(share * added).astype(np.int16)))

    def source(self, expression: FloatArray) -> ByteArray:
        """The region [h+5,w+4,4] to sample for a frame with this `expression` [52], `bordered`."""
        if not self._parts:
            return self._image
        face = self._image[self._box]
        for half, added in self._parts:
            left = let_go(expression, self._rest, half)
            face = cv2.addWeighted(face, 1.0, added, left, 0.0, dtype=cv2.CV_8U)
        source = self._image.copy()
        source[self._box] = face
        return source


def _channels(upper: bool) -> list[int]:
    """Blendshapes of the upper or the lower half of the face, without gaze."""
    return [
        row for row, name in enumerate(BLENDSHAPE_NAMES)
        if name.startswith(UPPER_FACE) == upper and not name.startswith("eyeLook")
    ]  # fmt: skip


HALVES = (_channels(True), _channels(False))


def let_go(expression: FloatArray, rest: FloatArray, half: list[int]) -> float:
    """0..1 how much of the picture's expression `rest` [52] another `expression` [52] no longer shows, in one half."""
    kept = float(np.dot(expression[half], rest[half])) / max(float(np.dot(rest[half], rest[half])), 1e-6)
    return float(np.clip(1.0 - kept, 0.0, 1.0))


def _fold_weights(
    geometry: HeadGeometry,
    mesh: FloatArray,
    shape: tuple[int, ...],
    change: FloatArray,
    scale: float,
    params: CreaseParams,
) -> tuple[FloatArray, FloatArray]:
    """[h,w] 0..1 how much of a fold each pixel lies in, and its change in log shading.

    mesh: [V,2] px. change: [V] in log shading. scale: px per cm.
    """
    triangles = geometry.traits.mask_triangles
    drawn = rasterise(mesh, geometry.rest_camera[:, 2], triangles, shape[0], shape[1])
    free = np.ones_like(change) if geometry.free is None else geometry.free[:, 0]  # the edges of glasses are no folds
    brighter, free = np.moveaxis(drawn.interpolate(triangles, np.stack([change, free], axis=1)), -1, 0)
    weight = (free * np.clip(params.shading_to_weight * np.abs(brighter), 0.0, 1.0)).astype(np.float32)
    size = max(round(params.fold_cm * scale), 1) | 1
    weight = cv2.morphologyEx(weight, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    features = np.ones(shape[:2], np.uint8)
    for outline in (LIPS, LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, NOSTRILS):
        points = geometry.landmark_points(mesh, outline)
        if outline is LIPS:  # the corners of a smile lie in its folds
            points = _narrowed(points, params.keep_away_cm * scale)
        hull = cv2.convexHull(np.round(points).astype(np.int32))
        cv2.fillConvexPoly(features, hull, 0)
    away = cv2.distanceTransform(features, cv2.DIST_L2, 5) / (params.keep_away_cm * scale)
    inside = np.zeros(shape[:2], np.uint8)
    oval = geometry.landmark_points(mesh, FACE_OVAL)
    cv2.fillPoly(inside, [np.round(oval).astype(np.int32)], 1)
    border = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / (params.keep_away_cm * scale)
    weight *= np.clip(away, 0, 1) * np.clip(border, 0, 1)
    return cv2.GaussianBlur(weight, (0, 0), 0.1 * scale), brighter


def _narrowed(points: FloatArray, length: float) -> FloatArray:
    """`points` [N,2] px, narrower by `length` px at each end."""
    centre, width = points.mean(axis=0), np.ptp(points[:, 0])
    return centre + (points - centre) * [max(1.0 - 2.0 * length / width, 0.1), 1.0]


def _fold_gain(
    geometry: HeadGeometry,
    image: ByteArray,
    mesh: FloatArray,
    change: FloatArray,
    shrink: float,
    wrinkles: float,
    params: CreaseParams,
) -> FloatArray:
    """[h,w,3] log brightness that takes out what lies between FINE and COARSE in folds; worked out at `shrink` size."""
    height, width = image.shape[:2]
    size = (max(round(width * shrink), 2), max(round(height * shrink), 2))
    picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = Affine.resize((width, height), size).points(mesh)
    scale = geometry.fit.scale * shrink
    weight, brighter = _fold_weights(geometry, small, picture.shape, change, scale, params)
    light = np.log(picture + params.black)  # per channel: a fold's shadow is redder than the skin beside it
    lips, face = (geometry.landmark_points(small, outline) for outline in (LIPS, FACE_OVAL))
    weight *= 1.0 - _beard(light, lips, face, params.hair_cm * scale, params.hair)
    inside = (weight > 0.02).astype(np.float32) * (1.0 - 0.9 * weight) + 1e-3  # the fold itself counts little
    face_width = scale * FACE_WIDTH_CM
    fine = cv2.GaussianBlur(light, (0, 0), params.fine * face_width)
    sums = cv2.GaussianBlur(light * inside[..., None], (0, 0), params.coarse * face_width)
    coarse = sums / cv2.GaussianBlur(inside, (0, 0), params.coarse * face_width)[..., None]
    gain = coarse - fine
    is_fold = np.clip((params.no_fold - np.abs(gain).mean(axis=2)) / 0.3, 0.0, 1.0)
    gain *= (weight * is_fold)[..., None]
    gain -= (wrinkles * weight * np.maximum(brighter, 0.0))[..., None]  # the frame's shading lights the fold up again
    lines = _line_gain(light + gain, params.line * face_width)
    weight = np.clip(params.line_weight * weight, 0.0, 1.0) * _stroke_share(lines, params.stroke_cm * scale, params)
    gain += lines * weight[..., None]
    return cv2.resize(gain, (width, height), interpolation=cv2.INTER_LINEAR)


def _beard(light: FloatArray, lips: FloatArray, face: FloatArray, blur: float, hair: tuple[float, float]) -> FloatArray:
    """[h,w] 0..1 how far each pixel of `light` [h,w,3], the logarithm of the picture, is less red than the skin.

    lips, face: [N,2] px, their outlines. blur: px.
    """
    redness = light[..., 0] - light[..., 1]
    known = np.ones(redness.shape, np.float32)
    cv2.fillConvexPoly(known, cv2.convexHull(np.round(lips).astype(np.int32)), 0.0)
    share = np.maximum(cv2.GaussianBlur(known, (0, 0), blur), 1e-3)
    redness = cv2.GaussianBlur(redness * known, (0, 0), blur) / share
    inside = np.zeros(redness.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(face).astype(np.int32)], 1)
    skin = np.median(redness[inside > 0]) if inside.any() else 0.0
    return np.clip((skin - redness - hair[0]) / (hair[1] - hair[0]), 0.0, 1.0)


def _line_gain(light: FloatArray, width: float) -> FloatArray:
    """[h,w,3] what lifts dark lines narrower than `width` px in `light` [h,w,3] to what lies beside them."""
    size = max(round(width), 2) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    beside = cv2.GaussianBlur(cv2.morphologyEx(light, cv2.MORPH_CLOSE, disc), (0, 0), size / 4)
    return np.maximum(beside - light, 0.0)


def _stroke_share(lines: FloatArray, length: float, params: CreaseParams) -> FloatArray:
    """[h,w] 0..1 how far what is dark in `lines` [h,w,3] is one long line, of `length` px, and no hair among hairs."""
    dark = lines.mean(axis=2)
    size = max(round(length), 3) | 1
    along = np.zeros_like(dark)
    for turn in np.linspace(0.0, np.pi, STROKES, endpoint=False):
        stroke = np.zeros((size, size), np.float32)
        half = size / 2 * np.array([np.cos(turn), np.sin(turn)])
        ends = [tuple(int(value) for value in np.round(size // 2 + side * half)) for side in (-1, 1)]
        cv2.line(stroke, ends[0], ends[1], 1.0)
        along = np.maximum(along, cv2.filter2D(dark, -1, stroke / stroke.sum()))
    around = cv2.blur(dark, (size, size))
    (low, high), (faint, clear) = params.stroke_over, params.stroke_dark
    share = np.clip((along / np.maximum(around, 1e-3) - low) / (high - low), 0.0, 1.0)
    share *= np.clip((along - faint) / (clear - faint), 0.0, 1.0)
    return cv2.GaussianBlur(cv2.dilate(share, np.ones((3, 3), np.uint8), iterations=2), (0, 0), 1.0)


def _bounds(mask: BoolArray) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle around `mask` [h,w]; empty when nothing is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
