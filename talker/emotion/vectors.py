"""Emotions as vectors: differences of codes are directions that can be scaled, added to any other code, and kept.

C-MET (2026) transfers an emotion as target − source between a pair of recordings or faces. Here both the place on the
sphere and the displacement of the face are carried along, so `a + 0.5 * (b - c)` moves the face exactly linearly.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import numpy as np

from talker.emotion.action_units import limit_sneer
from talker.emotion.labels import label_code
from talker.emotion.model import EmotionModel, emotion_model
from talker.errors import EmotionError
from talker.types import EmotionCode, FloatArray

LOWEST, HIGHEST = -0.5, 1.5  # displacements stay within what FaceMotion holds


@dataclass(frozen=True)
class EmotionVector:
    """A code, or a difference of codes, at its own strength.

    embedding: [width], not of unit length. blendshape_offset: [52]. affect: [3].
    """

    embedding: FloatArray
    blendshape_offset: FloatArray
    affect: FloatArray

    def __add__(self, other: EmotionVector) -> EmotionVector:
        return EmotionVector(
            self.embedding + other.embedding,
            self.blendshape_offset + other.blendshape_offset,
            self.affect + other.affect,
        )

    def __sub__(self, other: EmotionVector) -> EmotionVector:
        return self + -1.0 * other

    def __mul__(self, factor: float) -> EmotionVector:
        return EmotionVector(self.embedding * factor, self.blendshape_offset * factor, self.affect * factor)

    __rmul__ = __mul__

    def code(self, source: str = "arithmetic", model: EmotionModel | None = None) -> EmotionCode:
        """The vector as an emotion at strength 1. Raises EmotionError for the zero vector: it points nowhere."""
        space = (model or emotion_model()).space
        length = float(np.linalg.norm(self.embedding))
        if length < 1e-6:
            raise EmotionError("These feelings cancel each other out: nothing is left to show.")
        reading = space.read(self.embedding[None])
        return EmotionCode(
            embedding=(self.embedding / length)[None].astype(np.float32),
            blendshape_offset=limit_sneer(np.clip(self.blendshape_offset, LOWEST, HIGHEST))[None],
            strength=np.ones(1, np.float32),
            probabilities=reading.probabilities,
            source=source,
            affect=np.clip(self.affect, -1.0, 1.0)[None].astype(np.float32),
            onset_s=reading.onset_s,
            decay_s=reading.decay_s,
        )


def vector_of(code: EmotionCode) -> EmotionVector:
    """A code as a vector: its mean over time, at its own strength; neutral is the origin of the face."""
    strength = code.strength[:, None]
    affect = np.broadcast_to(code.affect, (len(code.strength), 3))
    return EmotionVector(
        code.embedding.mean(0), (code.blendshape_offset * strength).mean(0), (affect * strength).mean(0)
    )


def direction(target: EmotionCode, source: EmotionCode) -> EmotionVector:
    """What has to be added to show `target` where `source` was shown: from a pair of voices, faces, texts or labels."""
    return vector_of(target) - vector_of(source)


def mix(shares: dict[str, float], model: EmotionModel | None = None) -> EmotionCode:
    """Named emotions in shares, as `happy=.6,fear=.4`; the sum of the shares, at most 1, is the mixture's strength.

    Raises EmotionError for an unknown name, a negative share, or none at all.
    """
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise EmotionError("A mixture needs emotions with shares above 0, for example happy=0.6,fear=0.4.")
    total = sum(shares.values())
    parts = [share / total * vector_of(label_code(name, model=model)) for name, share in shares.items()]
    source = "mixture: " + ", ".join(f"{name} {share:g}" for name, share in shares.items())
    return functools.reduce(operator.add, parts).code(source, model).with_strength(min(total, 1.0))


def parse_mix(text: str) -> dict[str, float]:
    """`happy=.6,fear=.4` as names and shares. Raises EmotionError when it reads differently."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError as error:
            raise EmotionError(f"{part.strip()!r} is not a share such as happy=0.6.") from error
    return shares
