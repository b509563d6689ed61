"""The same photograph as another camera, another network or another light would have left it."""

from __future__ import annotations

import cv2
import numpy as np

from talker.types import ByteArray


def augment_picture(image: ByteArray, rng: np.random.Generator) -> ByteArray:
    """The picture [H,W,3] with some of: a lower resolution, blur, noise, another light, no colours, JPEG's blocks."""
    height, width = image.shape[:2]
    if rng.random() < 0.35:
        factor = rng.uniform(0.4, 0.85)
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < 0.15:  # what a skin filter does
        image = cv2.bilateralFilter(image, 5, float(rng.uniform(5, 20)), 5)
    if rng.random() < 0.25:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(1, 6))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        gamma, cast = rng.uniform(0.6, 1.6), rng.uniform(0.6, 1.1, 3)
        levels = 255 * (np.arange(256)[:, None] / 255.0) ** gamma * cast  # [256,3]
        image = cv2.LUT(image, np.clip(levels, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.5:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image
