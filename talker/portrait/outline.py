"""A picture that shows a person which face was found."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from talker.face.landmarks import FACE_OVAL
from talker.types import ByteArray, Portrait

COLOUR = (255, 138, 76)
DIMMED = 0.55  # brightness outside the face
LONGEST_SIDE = 720  # px
SMOOTHING = 3  # the outline is drawn this many times larger and then reduced


def outline(portrait: Portrait) -> ByteArray:
    """The portrait [h,w,3], at most 720 px long, dimmed but for the found face, which is outlined."""
    height, width = portrait.image.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(portrait.image).resize(size, Image.Resampling.LANCZOS)
    large = (size[0] * SMOOTHING, size[1] * SMOOTHING)
    points = [tuple(point) for point in portrait.landmarks[list(FACE_OVAL), :2] * scale * SMOOTHING]
    inside = Image.new("L", large)
    ImageDraw.Draw(inside).polygon(points, fill=255)
    line = Image.new("L", large)
    thickness = max(4, round(max(size) * SMOOTHING / 160))
    ImageDraw.Draw(line).line([*points, points[0], points[1]], fill=255, width=thickness, joint="curve")
    dark = Image.fromarray((np.asarray(picture) * DIMMED).astype(np.uint8))
    shown = Image.composite(picture, dark, inside.resize(size, Image.Resampling.LANCZOS))
    shown.paste(COLOUR, mask=line.resize(size, Image.Resampling.LANCZOS))
    return np.asarray(shown)
