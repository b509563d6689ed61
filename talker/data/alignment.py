"""A photograph laid over what was drawn of it, so that what is learnt from the pair is matter and not place.

The way back of a round trip misses its photograph a little, in the same direction on most faces: mouths are too narrow.
Who learns from that moves every mouth, also those that lie right. So the photograph is moved to the drawing: along the
optical flow between the two, made smooth, so that it follows the form of mouth and cheeks and nothing smaller.
"""

from __future__ import annotations

import cv2
import numpy as np

from talker.render.patch import Window
from talker.render.photometric import offset_flow
from talker.types import ByteArray, FloatArray

SMOOTH = 0.025  # of the side: standard deviation of the mean over the flow
LARGEST = 0.025  # of the side: what lies further off is another thing
AGREEMENT_PX = 1.0  # flow there and back that misses by so much counts little
LEAST_WEIGHT = 1e-3


def laid_over(photograph: ByteArray, drawn: ByteArray) -> ByteArray:
    """`photograph` [S,S,3], moved to where `drawn` [S,S,3] shows the same parts of the face."""
    flow = alignment(photograph, drawn)
    places = flow + Window(0, 0, len(drawn), len(drawn)).pixels()
    return cv2.remap(photograph, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def alignment(photograph: ByteArray, drawn: ByteArray) -> FloatArray:
    """[S,S,2] px, smooth, from each pixel of `drawn` [S,S,3] to the same place in `photograph` [S,S,3]."""
    side = len(drawn)
    there, back = offset_flow(drawn, photograph), offset_flow(photograph, drawn)
    places = there + Window(0, 0, side, side).pixels()
    missed = there + cv2.remap(back, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = np.exp(-np.square(missed / AGREEMENT_PX).sum(axis=-1)) + LEAST_WEIGHT
    summed = cv2.GaussianBlur(np.dstack([there * weight[..., None], weight]), (0, 0), SMOOTH * side)
    flow = summed[..., :2] / summed[..., 2:]
    length = np.linalg.norm(flow, axis=-1, keepdims=True)
    smooth: FloatArray = (flow * np.minimum(1.0, LARGEST * side / np.maximum(length, 1e-6))).astype(np.float32)
    return smooth
