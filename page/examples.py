"""The example gallery: rows of data, made only from what everybody may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.cbook
import skimage

ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"
ADMIRAL = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))


@dataclass(frozen=True)
class Example:
    """A row of the gallery: a picture, what it could say, and a feeling from one of the sources.

    source: a name in `talker.emotion.request.SOURCES`. feeling: the value of that source.
    """

    picture: Path
    caption: str
    text: str
    source: str
    feeling: str
    strength: float = 1.0


EXAMPLES = (
    Example(
        ASTRONAUT,
        "Happy",
        "From up here you can see no borders at all. I wish everyone could look at it once.",
        "label",
        "happy",
        0.8,
    ),
    Example(
        ADMIRAL,
        "Contempt",
        "We have always done it this way? That is the most dangerous phrase in the language.",
        "label",
        "contempt",
    ),
    Example(
        ADMIRAL,
        "In words",
        "I found the bug. It was an actual moth, and it was in the relay.",
        "text",
        "slightly disgusted, but amused",
        1.2,
    ),
    Example(
        ASTRONAUT,
        "A mixture",
        "The engines start in ten seconds. I have waited for this all my life.",
        "mix",
        "happy=0.5, fear=0.5",
        1.2,
    ),
    Example(
        ADMIRAL,
        "Like her picture",
        "A ship in port is safe, but that is not what ships are built for.",
        "picture",
        str(ASTRONAUT),
    ),
    Example(
        ASTRONAUT,
        "Changing",
        "[happy] We made it to orbit! [sad:0.9] But the radio has gone silent. [surprised] Wait, there they are!",
        "label",
        "happy",
    ),
)
