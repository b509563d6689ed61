"""Where the named feelings lie in the emotion space, read without the framework that its networks need."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from talker import hub
from talker.errors import AssetError
from talker.types import FloatArray

CHECKPOINT = "emotion"
PERMISSIVE_CHECKPOINT = "emotion-permissive"


@lru_cache(maxsize=2)
def feeling_keys(permissive: bool = False) -> dict[str, FloatArray]:
    """Name -> place [width] on the unit sphere; AssetError when the checkpoint doesn't hold a space."""
    folder = hub.checkpoint(PERMISSIVE_CHECKPOINT if permissive else CHECKPOINT)
    try:
        names = json.loads((folder / "config.json").read_text())["feelings"]
        keys = load_file(folder / "model.safetensors")["keys"]
        unit = keys / np.linalg.norm(keys, axis=1, keepdims=True)
        return dict(zip(names, unit, strict=True))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise AssetError(f"{folder} doesn't hold an emotion space ({error}).") from error
