"""What people are told about what their picture shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from talker.errors import CoveredMouthError
from talker.types import Portrait


def check_mouth(portrait: Portrait, damage: Callable[[], str] = str) -> None:
    """Raise CoveredMouthError when something hides the mouth.

    damage: asked for a sentence about the picture's file then, for shifted parts can look like a hand.
    """
    if portrait.attributes.mouth_covered:
        raise CoveredMouthError(
            "Something covers the mouth (a hand, a mask, a microphone, a cup?). Please use a picture that shows it, or "
            "allow a covered mouth to go on: then eyes, brows and head move, and nothing is drawn over what covers it."
            + f" {damage()}".rstrip()
        )


def attribute_notes(portrait: Portrait) -> Iterator[str]:
    """What the film depends on, one sentence each."""
    if portrait.quarter_turns:
        degrees = 90 * min(portrait.quarter_turns, 4 - portrait.quarter_turns)
        yield f"The face was turned upright by {degrees}° to be drawn."
    if portrait.attributes.mouth_covered:
        yield "Something covers the mouth, so it stays shut."
    if portrait.attributes.drawn:
        yield "The picture seems to be a drawing, which Talker is not made for: its mouth is drawn flat."
    if portrait.attributes.glasses == "sunglasses":
        yield "The eyes lie behind dark glasses and stay as they are."
