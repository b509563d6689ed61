"""Which renderer draws a portrait: a row of `talker.options.RENDERER_CLASSES` each, imported when it is chosen.

A renderer is a class that is made with (portrait, options), does there what does not depend on the frame, and is an
`Renderer` afterwards. A new one is a module and that row.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from talker.options import AUTOMATIC_RENDERER, RENDERER_CLASSES, SpeakOptions
from talker.render.crop import for_film
from talker.types import ByteArray, FaceMotion, Portrait

BEST, FASTEST = "generator", "geometry"
SLOW = ("liveportrait",)  # many seconds a frame without a GPU


class Renderer(Protocol):
    """A renderer after its work per portrait is done."""

    @property
    def name(self) -> str:
        """Which renderer it is, as the user chooses it."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of its frames."""

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """The frames [H,W,3] of a motion, one after the other."""


class TurnedRenderer:
    """A renderer whose frames are turned back as the picture was given; `upright` draws the face upright."""

    def __init__(self, upright: Renderer, quarter_turns: int) -> None:
        self._upright, self._turns = upright, quarter_turns
        self.name = upright.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the turned frames."""
        width, height = self._upright.size
        return (height, width) if self._turns % 2 else (width, height)

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """The frames [H,W,3] of a motion, one after the other."""
        return (np.ascontiguousarray(np.rot90(frame, -self._turns)) for frame in self._upright.render(motion))


def chosen(renderer: str) -> str:
    """The name of the renderer that `renderer`, which may be `auto`, stands for in a film."""
    return BEST if renderer == AUTOMATIC_RENDERER else renderer


def quick(renderer: str) -> str:
    """The renderer for previews, which have to be there at once on any machine, where `renderer` draws the film."""
    return FASTEST if renderer in SLOW else renderer


def in_time(renderer: str) -> str:
    """The renderer for faces that are drawn while somebody speaks: the fastest, unless another one is asked for."""
    return FASTEST if renderer == AUTOMATIC_RENDERER else renderer


def create_renderer(portrait: Portrait, options: SpeakOptions) -> Renderer:
    """The portrait, prepared by the renderer that the options ask for; smaller where no player could show the film.

    Raises AssetError when that one needs weights that can't be had.
    """
    module, _, name = RENDERER_CLASSES[chosen(options.renderer)].partition(":")
    make: Callable[[Portrait, SpeakOptions], Renderer] = getattr(importlib.import_module(module), name)
    renderer = make(for_film(portrait, options.size, options.fps), options)
    return TurnedRenderer(renderer, portrait.quarter_turns) if portrait.quarter_turns else renderer
