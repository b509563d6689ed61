"""What a Hugging Face Space with shared GPUs (ZeroGPU) wants to know; elsewhere nothing changes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def on_gpu(seconds: int) -> Callable[[Function], Function]:
    """Mark a function that may use a GPU for so long; without the package `spaces` it stays as it is."""
    if "spaces" not in sys.modules and importlib.util.find_spec("spaces") is None:
        return lambda function: function
    import spaces

    marked: Callable[[Function], Function] = spaces.GPU(duration=seconds)
    return marked
