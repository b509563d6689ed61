"""The example gallery: rows of data, made only from what everybody may use."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talker.example_faces import ADMIRAL, ASTRONAUT, person
from talker.resources import resource
from talker.web.inputs import START, PageInputs

FOLDER = resource("assets", "examples")
SAD, LOUD, CALM = (FOLDER / f"{name}.flac" for name in ("sad", "loud", "calm"))
SURPRISE = FOLDER / "surprise.mp4"


@dataclass(frozen=True)
class Example:
    """A row of the gallery.

    name: of its thumbnail in `assets/examples`. values: what it fills in beside the picture, as fields of `PageInputs`.
    """

    name: str
    caption: str
    picture: Path
    values: Mapping[str, Any]

    @property
    def thumbnail(self) -> Path:
        """A small picture of the person with the emotion."""
        return FOLDER / f"{self.name}.webp"

    @property
    def inputs(self) -> PageInputs:
        """Everything that the example hands in."""
        return dataclasses.replace(START, picture=str(self.picture), **self.values)


# fmt: off
EXAMPLES = (
    Example("happy", "Happy", ASTRONAUT, {
        "text": "From up here you can see no borders at all. I wish everyone could look at it once."}),
    Example("scornful", "Scornful", ADMIRAL, {
        "text": "We have always done it this way? That is the most dangerous phrase in the language.",
        "emotion": "contempt", "strength": 1.0}),
    Example("changing", "Changing", person("sfhq_t2i_0780"), {
        "text": "[happy] We made it home! [sad:0.9] But the house is silent. [surprised] Wait, there they are!"}),
    Example("words", "In words", ADMIRAL, {
        "text": "I found the bug. It was an actual moth, and it was in the relay.",
        "source": "text", "feeling_text": "slightly disgusted, but amused", "strength": 1.2}),
    Example("map", "On the map", person("sfhq_167"), {
        "text": "The sea is quiet tonight, and so am I.", "source": "map", "point": "0.4,-0.55", "strength": 1.2}),
    Example("mixture", "A mixture", person("sfhq_t2i_0520"), {
        "text": "The curtain opens in ten seconds. I have waited for this all my life.",
        "source": "mix", "mix": "happy=0.5, fear=0.5", "strength": 1.2}),
    Example("picture", "From a face", ADMIRAL, {
        "text": "A ship in port is safe, but that is not what ships are built for.",
        "source": "picture", "feeling_picture": str(ASTRONAUT)}),
    Example("video", "From a video", person("sfhq_t2i_0430"), {
        "text": "Did you see that? It flew right past the window!", "source": "video", "feeling_video": str(SURPRISE)}),
    Example("voice", "From a voice", person("sfhq_t2i_0570"), {
        "text": "I will always remember this evening.", "source": "voice", "feeling_voice": str(SAD)}),
    Example("speech", "From speech", person("sfhq_t2i_0060"), {
        "tab": "speech", "speech": str(LOUD), "source": "speech"}),
)
# fmt: on
