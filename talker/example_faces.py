"""Portraits in the public domain that come with the dependencies (NASA, US Navy), and what they look like emotion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.cbook
import numpy as np
import skimage

from talker.types import ByteArray, EmotionCode, FloatArray

ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"
ADMIRAL = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))


def draw_faces(codes: Sequence[EmotionCode]) -> Iterator[tuple[FloatArray, list[ByteArray]]]:
    """Of each portrait: its landmarks [478, 3] px, and pictures [256, 256, 3] of it with each code's first moment."""
    from talker.emotion.retargeting import retarget_to_portrait
    from talker.media.image import load_image
    from talker.options import SpeakOptions
    from talker.portrait.analyse import analyse
    from talker.render.geometry_renderer import GeometryRenderer

    for path in (ASTRONAUT, ADMIRAL):
        portrait = analyse(load_image(path))
        renderer = GeometryRenderer(portrait, SpeakOptions(size="crop256"))
        faces = [
            retarget_to_portrait(code, portrait.source_expression).blendshape_offset[0] * code.strength[0]
            for code in codes
        ]
        yield renderer.portrait.landmarks, [renderer.frame(face, np.zeros(6)) for face in faces]
