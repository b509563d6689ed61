"""What the lips hear, by name: every model of speech features behind one door."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol

from talker.errors import AssetError
from talker.speech import self_taught
from talker.speech.encoder import SpeechEncoder
from talker.types import FloatArray, SpeechClip

WHISPER = "whisper"
FEATURES = (WHISPER, *self_taught.MODELS)


class SpeechFeatures(Protocol):
    """What a model of speech features can do."""

    @property
    def width(self) -> int:
        """Numbers per frame."""

    def encode(self, clip: SpeechClip, project: Callable[[FloatArray], FloatArray] | None = None) -> FloatArray:
        """Features [T, width] at 50 Hz; frame t is centred on t / 50 s. project: applied before they are kept."""


@functools.cache
def load_features(name: str) -> SpeechFeatures:
    """The model of that name, one of `FEATURES`; AssetError when there is none or its weights can't be had."""
    if name == WHISPER:
        return SpeechEncoder.load()
    if name not in self_taught.MODELS:
        raise AssetError(f"There are no speech features called {name!r}; known are {', '.join(FEATURES)}.")
    return self_taught.SelfTaughtEncoder.load(self_taught.MODELS[name])
