"""Where the named emotions lie in the emotion space, read without the framework that its networks need."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from talker.errors import AssetError
from talker.types import FloatArray
from talker.weights import store

CHECKPOINT = "emotion"
PERMISSIVE_CHECKPOINT = "emotion-permissive"


@lru_cache(maxsize=2)
def emotion_prototypes(permissive: bool = False) -> dict[str, FloatArray]:
    """Name -> place [width] on the unit sphere; AssetError when the checkpoint doesn't hold a space."""
    folder = store.checkpoint(PERMISSIVE_CHECKPOINT if permissive else CHECKPOINT)
    try:
        names = json.loads((folder / "config.json").read_text())["emotions"]
        prototypes = load_file(folder / "model.safetensors")["prototypes"]
        unit = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
        return dict(zip(names, unit, strict=True))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise AssetError(f"{folder} doesn't hold an emotion space ({error}).") from error
