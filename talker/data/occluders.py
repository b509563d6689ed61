"""Things painted before the mouth of a photographed face: masks, hands, microphones, cups and cloths.

They teach and test the detector of covered mouths. All sizes are in units of the distance between the eyes' outer
corners, in axes that turn with the face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.landmarks import EYE_CORNERS, OUTER_LIPS
from talker.types import ByteArray, FloatArray

CHEEKS = (50, 280, 205, 425)
MASK_OUTLINE = (195, 117, 123, 132, 172, 136, 150, 152, 379, 365, 397, 361, 352, 346)  # over the nose, round the chin
SOFT_PX = 0.7  # blur of an occluder's border
Painter = Callable[["Place", np.random.Generator], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Place:
    """Where a face lies in a picture.

    image: [H,W,3]. landmarks: [478,2] px. unit: px between the outer corners of the eyes.
    axes: [2,2] rows are the face's right (as seen in the picture) and down. mouth: [2] px, the lips' middle.
    """

    image: ByteArray
    landmarks: FloatArray
    unit: float
    axes: FloatArray
    mouth: FloatArray

    @classmethod
    def of(cls, image: ByteArray, landmarks: FloatArray) -> Place:
        """The place of the face with these landmarks [478,2 or 3] px."""
        points = np.asarray(landmarks[:, :2], np.float64)
        across = points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]]
        unit = float(np.linalg.norm(across))
        across /= unit
        axes = np.array([across, [-across[1], across[0]]])
        return cls(image, points, unit, axes, points[list(OUTER_LIPS)].mean(axis=0))

    def at(self, *places: tuple[float, float]) -> FloatArray:
        """[N,2] px of (right, down) offsets from the mouth in units."""
        return self.mouth + self.unit * np.asarray(places) @ self.axes

    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """[H,W] each: right and down of the mouth, in units, of every pixel."""
        rows, columns = np.mgrid[: self.image.shape[0], : self.image.shape[1]].astype(np.float32)
        offset = np.stack([columns - self.mouth[0], rows - self.mouth[1]], axis=-1) / self.unit
        return offset @ self.axes[0].astype(np.float32), offset @ self.axes[1].astype(np.float32)

    def skin(self) -> FloatArray:
        """[3] colour of the cheeks."""
        height, width = self.image.shape[:2]
        places = np.clip(self.landmarks[list(CHEEKS)], 0, [width - 1, height - 1]).astype(int)
        return np.median(self.image[places[:, 1], places[:, 0]], axis=0).astype(np.float32)

    def fill(self, outline: FloatArray) -> FloatArray:
        """[H,W] 0..1 the inside of a polygon [N,2] px."""
        mask = np.zeros(self.image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return mask.astype(np.float32) / 255.0

    def line(self, start: FloatArray, end: FloatArray, width: float) -> FloatArray:
        """[H,W] 0..1 a stroke with round ends, `width` units wide."""
        mask = np.zeros(self.image.shape[:2], np.uint8)
        ends = [tuple(int(value) for value in np.round(point * 16)) for point in (start, end)]
        cv2.line(mask, ends[0], ends[1], 255, max(1, round(width * self.unit)), cv2.LINE_AA, 4)
        return mask.astype(np.float32) / 255.0


def cover(
    image: ByteArray, landmarks: FloatArray, kind: str, rng: np.random.Generator, *, away: float = 0.0
) -> tuple[ByteArray, float]:
    """The picture [H,W,3] with something before its mouth, and the share of the lips that it hides.

    kind: a row of `PAINTERS`. away: units by which the thing is moved off the mouth, towards the chin or a side.
    """
    place = Place.of(image, landmarks)
    target = place
    if away:
        angle = rng.uniform(0.1 * np.pi, 0.9 * np.pi)  # to a side or down, never over the nose
        shift = away * place.unit * (np.array([np.cos(angle), np.sin(angle)]) @ place.axes)
        target = Place(image, place.landmarks + shift, place.unit, place.axes, place.mouth + shift)
    opacity, colour = PAINTERS[kind](target, rng)
    opacity = cv2.GaussianBlur(opacity, (0, 0), SOFT_PX)
    lips = place.fill(place.landmarks[list(OUTER_LIPS)]) > 0.5
    hidden = float(opacity[lips].mean()) if lips.any() else 0.0
    shadow = 1.0 - rng.uniform(0.0, 0.4) * cv2.GaussianBlur(opacity, (0, 0), 0.06 * place.unit)[..., None]
    mixed = image * shadow * (1 - opacity[..., None]) + np.clip(colour, 0, 255) * opacity[..., None]
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8), hidden


def _texture(place: Place, colour: FloatArray, rng: np.random.Generator) -> FloatArray:
    """[H,W,3] a surface of one colour, with soft light and shade and a grain."""
    height, width = place.image.shape[:2]
    coarse = cv2.resize(rng.normal(0, 1, (4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), rng.uniform(0.4, 1.5))
    light = 1.0 + rng.uniform(0, 0.15) * coarse + rng.uniform(0, 0.06) * grain
    right, down = place.coordinates()
    light += rng.uniform(-0.3, 0.3) * right + rng.uniform(-0.3, 0.3) * down
    return (colour * light[..., None]).astype(np.float32)


def _colour(rng: np.random.Generator) -> FloatArray:
    """[3] a cloth's or a cup's colour: often white, black or grey."""
    if rng.random() < 0.4:
        return np.full(3, rng.choice([20.0, 60.0, 130.0, 210.0, 240.0])) + rng.uniform(-15, 15, 3)
    hue = np.array([[[rng.integers(180), rng.integers(60, 255), rng.integers(60, 255)]]], np.uint8)
    return cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def _mask(place: Place, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    outline = place.landmarks[list(MASK_OUTLINE)] + rng.normal(0, 0.03 * place.unit, (len(MASK_OUTLINE), 2))
    outline[0] += rng.uniform(-0.1, 0.45) * place.unit * place.axes[1]  # up on the bridge or down at the nose's tip
    outline = place.mouth + (outline - place.mouth) * rng.uniform(0.9, 1.1)
    if rng.random() < 0.7:
        colour = np.array([[150, 190, 220], [235, 235, 235], [30, 30, 32], [160, 210, 190]], np.float32)
        base = colour[rng.integers(4)] + rng.uniform(-20, 20, 3)
    else:
        base = _colour(rng)
    surface = _texture(place, base, rng)
    right, down = place.coordinates()
    if rng.random() < 0.7:  # folds
        period, sharp = rng.uniform(0.12, 0.3), rng.uniform(2, 12)
        bend = down + rng.uniform(-0.3, 0.3) * right**2
        surface *= (1 - rng.uniform(0.05, 0.3) * np.abs(np.cos(np.pi * bend / period)) ** sharp)[..., None]
    elif rng.random() < 0.5:  # a print
        spots = np.sin(right * rng.uniform(10, 40)) * np.sin(down * rng.uniform(10, 40)) > rng.uniform(0, 0.8)
        surface = np.where(spots[..., None], _colour(rng), surface)
    surface *= (1 - 0.25 * np.clip(np.abs(right) - 0.3, 0, 1))[..., None]
    opacity = place.fill(outline)
    if rng.random() < 0.6:  # straps to the ears
        for corner, ear in ((outline[2], 234), (outline[-2], 454)):
            opacity = np.maximum(opacity, place.line(corner, place.landmarks[ear], 0.025))
    return opacity, surface


def _hand(place: Place, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    direction = rng.choice([0.0, np.pi, rng.uniform(0, np.pi), rng.uniform(0, np.pi)])  # from a side or from below
    along = np.array([np.cos(direction), np.sin(direction)])  # from the fingertips to the palm
    across = np.array([-along[1], along[0]])
    count, width = int(rng.integers(3, 6)), rng.uniform(0.14, 0.24)
    pitch = width * rng.uniform(0.9, 1.15)
    skin = place.skin() * rng.uniform(0.65, 1.2) + rng.uniform(-12, 12, 3)
    surface = _texture(place, skin, rng)
    if rng.random() < 0.15:  # a glove
        surface = _texture(place, _colour(rng), rng)
    opacity = np.zeros(place.image.shape[:2], np.float32)
    shift = rng.uniform(-0.1, 0.1)
    for finger in range(count):
        side = (finger - (count - 1) / 2) * pitch + shift
        tip = -along * rng.uniform(0.35, 0.7) + across * side
        root = along * rng.uniform(0.6, 0.9) + across * (side * rng.uniform(0.9, 1.2))
        start, end = place.at(tuple(tip), tuple(root))
        stroke = place.line(start, end, width)
        core = cv2.GaussianBlur(place.line(start, end, 0.5 * width), (0, 0), 0.25 * width * place.unit)
        rounded = 0.6 + 0.45 * core / max(float(core.max()), 1e-3)
        surface = np.where(stroke[..., None] > 0.5, surface * rounded[..., None], surface)
        if rng.random() < 0.4:  # a nail
            start, end = place.at(tuple(tip * 0.98), tuple(tip * 0.85))
            nail = place.line(start, end, 0.5 * width)
            surface = np.where(nail[..., None] > 0.5, surface * 1.1 + 12, surface)
        opacity = np.maximum(opacity, stroke)
    start, end = place.at(tuple(along * 0.95), tuple(along * 1.8))
    palm = place.line(start, end, count * pitch * 1.05)
    return np.maximum(opacity, palm), surface


def _microphone(place: Place, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    right, down = place.coordinates()
    middle = rng.uniform(-0.08, 0.08), rng.uniform(-0.05, 0.15)
    radius = rng.uniform(0.32, 0.6)
    u, v = (right - middle[0]) / radius, (down - middle[1]) / (radius * rng.uniform(0.9, 1.25))
    away = np.sqrt(u * u + v * v)
    dark = np.full(3, rng.uniform(15, 150)) + rng.uniform(-10, 10, 3)
    base = _colour(rng) if rng.random() < 0.3 else dark
    surface = _texture(place, base.astype(np.float32), rng)
    if rng.random() < 0.6:  # a grille
        fine = rng.uniform(30, 70)
        surface *= (0.75 + 0.35 * np.sin(fine * right) * np.sin(fine * down))[..., None]
    light = 1.15 - 0.6 * np.clip(away, 0, 1) ** 2
    light += rng.uniform(0, 0.8) * np.exp(-((u + 0.4) ** 2 + (v + 0.4) ** 2) * 8)
    surface *= light[..., None]
    lean = rng.uniform(-0.7, 0.7)
    start, end = place.at((middle[0], middle[1] + 0.6 * radius), (middle[0] + 2.5 * lean, middle[1] + 2.5))
    handle = place.line(start, end, radius * rng.uniform(0.4, 1.0))
    ball = np.clip((1 - away) * radius * place.unit + 0.5, 0, 1)
    surface = np.where((ball > 0.5)[..., None], surface, surface * 0.7)
    return np.maximum(ball, handle).astype(np.float32), surface


def _cup(place: Place, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    top, bottom = rng.uniform(-0.3, -0.12), rng.uniform(0.4, 1.1)
    wide, narrow = rng.uniform(0.32, 0.6), rng.uniform(0.7, 1.0)
    lean, shift = rng.uniform(-0.15, 0.15), rng.uniform(-0.1, 0.1)
    corners = ((-wide, top), (wide, top + lean), (wide * narrow, bottom), (-wide * narrow, bottom))
    opacity = place.fill(place.at(*((x + shift, y) for x, y in corners)))
    right, down = place.coordinates()
    u = np.clip((right - shift) / wide, -1, 1)
    surface = _texture(place, _colour(rng), rng)
    light = 1.1 - 0.5 * (u - rng.uniform(-0.5, 0.5)) ** 2 + rng.uniform(0, 0.4) * np.exp(-((u + 0.4) ** 2) * 40)
    surface *= light[..., None]
    if rng.random() < 0.4:  # a band
        band = np.abs(down - rng.uniform(0.0, 0.5)) < rng.uniform(0.05, 0.2)
        surface = np.where(band[..., None], _colour(rng), surface)
    ends = place.at((-wide + shift, top), (wide + shift, top + lean))
    rim = place.line(ends[0], ends[1], rng.uniform(0.03, 0.12))
    surface = np.where(rim[..., None] > 0.5, surface * rng.uniform(0.6, 1.25), surface)
    return np.maximum(opacity, rim), surface


def _cloth(place: Place, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A scarf, a sheet of paper, a telephone: any outline with few corners or a wavy edge."""
    count = int(rng.integers(4, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count)) if count > 4 else np.pi / 4 + np.pi / 2 * np.arange(4)
    reach = rng.uniform(0.45, 1.0, count) if count > 4 else np.full(4, rng.uniform(0.5, 0.9))
    turn = rng.uniform(0, np.pi)
    shape = np.stack([np.cos(angles + turn) * reach * 1.3, np.sin(angles + turn) * reach * 0.8 + 0.15], axis=1)
    surface = _texture(place, _colour(rng), rng)
    right, down = place.coordinates()
    if rng.random() < 0.5:  # folds or stripes in any direction
        waves = np.sin(rng.uniform(5, 40) * (right * np.cos(turn) + down * np.sin(turn)) + 2 * down**2)
        surface *= (1 + rng.uniform(0.05, 0.3) * waves)[..., None]
    return place.fill(place.at(*(tuple(corner) for corner in shape))), surface


PAINTERS: dict[str, Painter] = {
    "mask": _mask,
    "hand": _hand,
    "microphone": _microphone,
    "cup": _cup,
    "cloth": _cloth,
}
