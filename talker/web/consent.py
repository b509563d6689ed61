"""Nobody's face is animated without the visitor's word that they may; the page's own examples need none."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from talker.web.examples import EXAMPLES


def may_animate(consent: object, *pictures: str | None) -> bool:
    """Whether consent is the boolean true (the text "no" isn't), or all pictures are the page's own."""
    return consent is True or all(_is_own(Path(picture)) for picture in pictures if picture is not None)


def _is_own(picture: Path) -> bool:
    try:
        return picture.stat().st_size in _own() and hashlib.sha256(picture.read_bytes()).hexdigest() in _own().values()
    except (OSError, ValueError):
        return False


@functools.cache
def _own() -> dict[int, str]:
    """Digests of the examples' pictures by their size in bytes."""
    contents = [example.picture.read_bytes() for example in EXAMPLES]
    return {len(content): hashlib.sha256(content).hexdigest() for content in contents}
