"""Portraits that may be shown: two in the public domain that come with the dependencies (NASA, US Navy), and people who
don't exist (SFHQ and SFHQ-T2I, MIT; `assets/people/README.md`).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook
import skimage

from talker.resources import resource

ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"
ADMIRAL = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))


def person(name: str) -> Path:
    """The picture of one of the synthetic people, such as "sfhq_179"."""
    return resource("assets", "people") / f"{name}.jpg"
