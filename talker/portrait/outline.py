"""A picture that shows a person which face was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from talker.face.landmarks import FACE_OVAL
from talker.types import ByteArray, Portrait

COLOUR = (255, 138, 76)
DIMMED = 0.55  # brightness outside the face
LONGEST_SIDE = 720  # px
SMOOTHING = 3  # the outline is drawn this many times larger and then reduced


def outline(portrait: Portrait, others: Sequence[Portrait] = ()) -> ByteArray:
    """The portrait [h,w,3], at most 720 px long, dimmed but for the found face, which is outlined.

    others: further faces of the same picture; they get a thin outline, as an offer.
    """
    height, width = portrait.image.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(portrait.image).resize(size, Image.Resampling.LANCZOS)
    large = (size[0] * SMOOTHING, size[1] * SMOOTHING)
    inside, line = Image.new("L", large), Image.new("L", large)
    ImageDraw.Draw(inside).polygon(_oval(portrait, scale), fill=255)
    thickness = max(4, round(max(size) * SMOOTHING / 160))
    for face, width_px in ((portrait, thickness), *((other, thickness // 3) for other in others)):
        points = _oval(face, scale)
        ImageDraw.Draw(line).line([*points, *points[:2]], fill=255, width=width_px, joint="curve")
    dark = Image.fromarray((np.asarray(picture) * DIMMED).astype(np.uint8))
    shown = Image.composite(picture, dark, inside.resize(size, Image.Resampling.LANCZOS))
    shown.paste(COLOUR, mask=line.resize(size, Image.Resampling.LANCZOS))
    return np.ascontiguousarray(np.rot90(np.asarray(shown), -portrait.quarter_turns))


def _oval(portrait: Portrait, scale: float) -> list[tuple[float, ...]]:
    """The face's outline in px of the enlarged drawing."""
    return [tuple(point) for point in portrait.landmarks[list(FACE_OVAL), :2] * scale * SMOOTHING]
