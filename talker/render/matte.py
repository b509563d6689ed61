"""The foreground matte: head, hair, neck and shoulders against what lies behind them, from the mesh and colours alone.

The fitted mesh is sure to be foreground and the picture's upper corners are background. Between them, GrabCut (Rother
et al., 2004) cuts a small copy of the picture where colours change, and a guided filter (He et al., 2010) draws the
cut's edge at full resolution. Where both sides of the cut look alike it may be wrong; `certain` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.landmarks import BROW_ENDS, CHIN
from talker.face.raster import rasterise
from talker.render.affine import Affine
from talker.render.geometry import HeadGeometry
from talker.render.patch import copy_size
from talker.render.smooth_fill import smooth_fill
from talker.types import BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class MatteParams:
    """How the head is cut out; lengths in face widths."""

    cut_face_px: int = 80  # width of the face in the copies that are cut, and whose edge is refined
    edge_face_px: int = 160  # width of the face in the copies that are cut, and whose edge is refined
    cut_steps: int = 4
    hair: float = 0.1  # what lies that close to the bare head is hair rather than not
    corner: float = 0.35  # the background that is known lies at least that far from the head
    sure: float = 0.04  # inside the mesh by that much, there is no doubt
    shoulders: float = 0.25  # below the chin by that much, shoulders reach to both sides
    collar: tuple[float, float] = (
        0.05,
        0.35,
    )  # above the chin: from the first to the second a collar may be no background, whatever its colour
    largest_gap: float = 0.12  # holes in the cut smaller than a square of this side are no background
    beside: float = 0.05  # reach of the colours that are compared on both sides of the cut
    certainty_reach: float = 0.08
    doubt: tuple[float, float] = (
        0.3,
        0.8,
    )  # how clear the edge is nearby: below the first the cut is not used, from the second on fully
    stray: float = 0.15  # single hairs reach that far from the cut
    plain: float = 4.0  # levels of 255 by which a background without and with structure varies nearby
    structured: float = 12.0  # levels of 255 by which a background without and with structure varies nearby
    edge_reach: float = 0.035  # radius of the guided filter
    edge_smoothness: float = 12.0**2  # variance of colours (levels of 255) below which an edge is no edge
    least_apart: float = 0.8  # difference of both sides' mean colours over their spread
    clearly_apart: float = 1.6  # difference of both sides' mean colours over their spread
    noise: float = 6.0  # levels of 255 by which colours differ anyway
    like_head: float = (
        0.4  # background beside the cut that lies so far on the way to the head's colours was not cut right
    )
    clusters: int = 6


@dataclass(frozen=True)
class Matte:
    """Of a region of the picture, each [h,w] 0..1.

    alpha: 1 on the foreground, 0 on the background. certain: how far the cut can be trusted. plain: 1 where the
    background has no structure.
    """

    alpha: FloatArray
    certain: FloatArray
    plain: FloatArray


def foreground_matte(
    geometry: HeadGeometry, image: ByteArray, points: FloatArray, face_width: float, params: MatteParams
) -> Matte:
    """The matte of `image` [h,w,3], on which the mesh lies at `points` [V,2] px. face_width: px."""
    height, width = image.shape[:2]
    size, shrink = copy_size(image, face_width, params.cut_face_px)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    points = Affine.resize((width, height), size).points(points)
    drawn = rasterise(points, geometry.rest_camera[:, 2], geometry.model.skin_triangles, size[1], size[0])
    unit = face_width * shrink
    guess = _first_guess(geometry, small, points, drawn.covered, unit, params)
    is_foreground = (guess & 1).astype(bool)
    if is_foreground.all() or not is_foreground.any():  # there is nothing to cut
        return Matte(*(np.full((height, width), value, np.float32) for value in (1.0, 0.0, 0.0)))
    cv2.setRNGSeed(0)  # GrabCut starts from random clusters
    cv2.grabCut(small, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), params.cut_steps, cv2.GC_INIT_WITH_MASK)
    cut = _without_islands((guess & 1).astype(bool) | drawn.covered, drawn.covered, params.largest_gap * unit)
    stray, plain = _stray_hair(small, cut, unit, params)
    certain = _certainty(small, cut, stray, unit, params)
    chin = geometry.landmark_points(points, (CHIN,))[0, 1]
    above = (chin - np.arange(size[1], dtype=np.float32)[:, None]) / unit  # of the chin, face widths
    certain *= np.clip((above - params.collar[0]) / (params.collar[1] - params.collar[0]), 0.0, 1.0)
    stray, plain, certain = (np.clip(cv2.resize(values, (width, height)), 0, 1) for values in (stray, plain, certain))
    return Matte(np.maximum(_refined(image, cut, face_width, params), stray), certain, plain)


def _first_guess(
    geometry: HeadGeometry, picture: ByteArray, points: FloatArray, head: BoolArray, unit: float, params: MatteParams
) -> ByteArray:
    """[h,w] GrabCut's four labels. points: [V,2] px, the mesh. head: [h,w] what it covers. unit: px per face width."""
    row = np.arange(len(picture), dtype=np.float32)[:, None]
    outside = cv2.distanceTransform((~head).astype(np.uint8), cv2.DIST_L2, 5) / unit
    inside = cv2.distanceTransform(np.pad(head.astype(np.uint8), 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1] / unit
    chin = geometry.landmark_points(points, (CHIN,))[0, 1]
    brows = geometry.landmark_points(points, BROW_ENDS)[:, 1].mean()
    upper = (row < chin - 0.1 * unit) & np.ones_like(head)
    farthest = np.quantile(outside[upper], 0.9) if upper.any() else np.inf
    corners = upper & (outside >= max(farthest, params.corner))
    hair = (inside > 0.02) & (inside < 0.2) & (row < brows - 0.1 * unit)
    hair |= (outside > 0) & (outside < 0.06) & (row < chin - 0.4 * unit)
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    to_corners, to_hair = (_nearest(colours, part, params.clusters) + 2.0 for part in (corners, hair))
    unlike_hair = to_hair / (to_hair + to_corners)  # 0..1
    may_be = (outside < params.hair) | (unlike_hair < 0.45 - 0.5 * np.clip(outside - params.hair, 0.0, 0.5))
    may_be |= (row > chin + params.shoulders * unit) & (outside < 0.6)
    guess = np.where(may_be, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess[corners & (unlike_hair > 0.5)] = cv2.GC_BGD
    guess[inside > params.sure] = cv2.GC_FGD
    return guess


def _nearest(colours: FloatArray, where: BoolArray, clusters: int) -> FloatArray:
    """[h,w] distance of `colours` [h,w,3] to the nearest main colour of `where` [h,w]; 100 when that is empty."""
    samples = colours[where]
    if len(samples) < clusters:
        return np.full(where.shape, 100.0, np.float32)
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_MAX_ITER + cv2.TERM_CRITERIA_EPS, 10, 1.0)
    centres = cv2.kmeans(samples, clusters, None, stop, 1, cv2.KMEANS_PP_CENTERS)[2]
    return np.min([np.linalg.norm(colours - centre, axis=-1) for centre in centres], axis=0).astype(np.float32)


def _without_islands(cut: BoolArray, head: BoolArray, largest_gap: float) -> BoolArray:
    """The part of `cut` [h,w] that hangs together with `head`, without holes of less than `largest_gap` px squared."""
    labels = cv2.connectedComponents(cut.astype(np.uint8), connectivity=4)[1]
    if head.any():
        cut = labels == np.bincount(labels[head]).argmax()
    count, labels, statistics, _ = cv2.connectedComponentsWithStats((~cut).astype(np.uint8), connectivity=4)
    small = statistics[:, cv2.CC_STAT_AREA] < largest_gap**2
    small[0] = False  # the cut itself
    return cut | small[labels] if count > 1 else cut


def _certainty(picture: ByteArray, cut: BoolArray, stray: FloatArray, unit: float, params: MatteParams) -> FloatArray:
    """[h,w] 0..1 how clearly the colours on both sides of the nearest part of the cut's edge differ.

    Beside the head there must be what lies further out, too: hair that was taken for background looks like the head.
    """
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    means, spread = [], np.zeros(cut.shape, np.float32)
    for side in (cut.astype(np.float32), 1.0 - np.maximum(cut, stray)):
        weight = np.maximum(cv2.GaussianBlur(side, (0, 0), params.beside * unit), 1e-3)[..., None]
        mean = cv2.GaussianBlur(colours * side[..., None], (0, 0), params.beside * unit) / weight
        square = cv2.GaussianBlur(colours**2 * side[..., None], (0, 0), params.beside * unit) / weight
        means.append(mean)
        spread += np.maximum(square - mean**2, 0.0).sum(axis=2)
    apart = np.linalg.norm(means[0] - means[1], axis=2) / np.sqrt(spread + params.noise**2)
    known = np.clip((apart - params.least_apart) / (params.clearly_apart - params.least_apart), 0.0, 1.0)
    away = cv2.distanceTransform((~cut).astype(np.uint8), cv2.DIST_L2, 5) / unit
    far = smooth_fill(colours, away > params.stray)
    known *= np.clip(
        (params.like_head - position_between(means[1], far, means[0], params.noise)) / (0.5 * params.like_head),
        0.0,
        1.0,
    )
    edge = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    known = cv2.GaussianBlur(smooth_fill(known[..., None], edge)[..., 0], (0, 0), params.certainty_reach * unit)
    return np.clip((known - params.doubt[0]) / (params.doubt[1] - params.doubt[0]), 0.0, 1.0)


def position_between(colours: FloatArray, back: FloatArray, front: FloatArray, noise: float) -> FloatArray:
    """[h,w] where `colours` [h,w,3] lie on the way from the colours `back` (0) to the colours `front` (1)."""
    way = front - back
    return ((colours - back) * way).sum(axis=2) / np.maximum((way**2).sum(axis=2), noise**2)


def _stray_hair(picture: ByteArray, cut: BoolArray, unit: float, params: MatteParams) -> tuple[FloatArray, FloatArray]:
    """[h,w] opacity of single hairs around the `cut` [h,w], and [h,w] how plain the background is.

    What differs from a plain background and lies near the cut is hair; before a structured one that can't be told.
    """
    colours = picture.astype(np.float32)
    away = cv2.distanceTransform((~cut).astype(np.uint8), cv2.DIST_L2, 5) / unit
    beyond = away > params.stray
    if beyond.sum() < 16:
        return np.zeros(cut.shape, np.float32), np.zeros(cut.shape, np.float32)
    near = cv2.GaussianBlur(colours, (0, 0), params.beside * unit)
    rough = cv2.GaussianBlur(((colours - near) ** 2).sum(axis=2), (0, 0), params.beside * unit) ** 0.5
    rough = smooth_fill(rough[..., None], beyond)[..., 0]
    plain = np.clip((params.structured - rough) / (params.structured - params.plain), 0.0, 1.0)
    back, front = smooth_fill(colours, beyond), smooth_fill(colours, cut)
    difference = np.linalg.norm(colours - back, axis=2) - 2.0 * rough - params.noise
    whole = np.maximum(0.5 * np.linalg.norm(front - back, axis=2), 4.0 * params.noise)
    close = np.clip(2.0 * (1.0 - away / (2.0 * params.stray)), 0.0, 1.0)
    return plain * close * np.clip(difference / whole, 0.0, 1.0), plain


def _refined(image: ByteArray, cut: BoolArray, face_width: float, params: MatteParams) -> FloatArray:
    """[h,w] opacity: the `cut` of a small copy with the edges of `image` [h,w,3], by a guided filter."""
    size, shrink = copy_size(image, face_width, params.edge_face_px)
    guide = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    mask = np.clip(cv2.resize(cut.astype(np.float32), size, interpolation=cv2.INTER_CUBIC), 0, 1)
    reach = 2 * max(round(params.edge_reach * face_width * shrink), 1) + 1

    def mean(values: FloatArray) -> FloatArray:
        return cv2.blur(values, (reach, reach))

    colour, opacity = mean(guide), mean(mask)
    products = (guide[..., :, None] * guide[..., None, :]).reshape(*guide.shape[:2], 9)
    covariance = np.concatenate([mean(products[..., :3]), mean(products[..., 3:6]), mean(products[..., 6:])], axis=-1)
    covariance = covariance.reshape(*guide.shape[:2], 3, 3) - colour[..., :, None] * colour[..., None, :]
    both = mean(guide * mask[..., None]) - colour * opacity[..., None]
    slope = np.linalg.solve(covariance + params.edge_smoothness * np.eye(3, dtype=np.float32), both[..., None])[..., 0]
    offset = opacity - (slope * colour).sum(axis=-1)
    slope, offset = (cv2.resize(mean(values), image.shape[1::-1]) for values in (slope, offset))
    alpha = np.einsum("hwc,hwc->hw", slope, image.astype(np.float32)) + offset
    return np.clip((alpha - 0.1) / 0.8, 0.0, 1.0)
