"""Portraits in the public domain that come with the dependencies (NASA, US Navy)."""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook
import skimage

ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"
ADMIRAL = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
