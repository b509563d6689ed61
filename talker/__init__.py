"""Talker: one portrait, some speech and an emotion become a video of that person saying it with that emotion."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from talker.version import __version__

if TYPE_CHECKING:
    from talker.errors import TalkerError
    from talker.options import SpeakOptions
    from talker.pipeline import Talker
    from talker.types import EmotionCode, FaceMotion, Portrait, Result, SpeechClip

__all__ = [
    "EmotionCode",
    "FaceMotion",
    "Portrait",
    "Result",
    "SpeakOptions",
    "SpeechClip",
    "Talker",
    "TalkerError",
    "__version__",
]
_MODULES = {"TalkerError": "errors", "SpeakOptions": "options", "Talker": "pipeline"}


def __getattr__(name: str) -> Any:
    """Import a name's module at its first use, so that nothing is imported in vain (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'talker' has no attribute {name!r}")
    return getattr(import_module(f"talker.{_MODULES.get(name, 'types')}"), name)
