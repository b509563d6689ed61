"""Talker: one portrait, some speech and an emotion become a video of that person saying it with that emotion."""

from typing import TYPE_CHECKING, Any

from talker.errors import TalkerError
from talker.options import SpeakOptions
from talker.types import EmotionCode, FaceMotion, Portrait, Result, SpeechClip

if TYPE_CHECKING:
    from talker.pipeline import Talker

__version__ = "0.2.0"

__all__ = [
    "EmotionCode",
    "FaceMotion",
    "Portrait",
    "Result",
    "SpeakOptions",
    "SpeechClip",
    "Talker",
    "TalkerError",
]


def __getattr__(name: str) -> Any:
    """Import the pipeline at first use, so that the packages below it can be imported without it (PEP 562)."""
    if name == "Talker":
        from talker.pipeline import Talker

        return Talker
    raise AttributeError(f"module 'talker' has no attribute {name!r}")
