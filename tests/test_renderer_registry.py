"""Which renderer draws: every name that a user may ask for, and what the notes call it."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest
from stand_ins import FakeComponents, FakeRenderer

from talker import SpeakOptions, Talker
from talker.errors import OptionsError
from talker.options import AUTOMATIC_RENDERER, RENDERER_CLASSES, RENDERERS
from talker.render.registry import SLOW, chosen, create_renderer
from talker.types import Portrait


def test_every_name_is_a_row_and_every_row_leads_to_a_renderer_of_that_name() -> None:
    for name, place in RENDERER_CLASSES.items():
        module, _, renderer = place.partition(":")
        assert getattr(importlib.import_module(module), renderer).name == name


def test_automatic_stands_for_a_renderer() -> None:
    assert chosen(AUTOMATIC_RENDERER) in RENDERER_CLASSES
    assert chosen("geometry") == "geometry"


def test_an_unknown_renderer_is_named() -> None:
    with pytest.raises(OptionsError, match="magic"):
        SpeakOptions(renderer="magic")


def test_the_notes_name_the_renderer(tmp_path: Path) -> None:
    talker = Talker(FakeComponents().as_components())
    result = talker.speak(np.full((96, 80, 3), 90, np.uint8), text="Hello", out=tmp_path / "out.mp4")
    assert "Rendered by stand-in at 80×96 px." in result.notes


def test_previews_never_wait_for_a_slow_renderer() -> None:
    asked: list[str] = []
    components = FakeComponents()

    def make(portrait: Portrait, options: SpeakOptions) -> FakeRenderer:
        asked.append(options.renderer)
        return components.create_renderer(portrait, options)

    talker = Talker(dataclasses.replace(components.as_components(), create_renderer=make))
    portrait = talker.analyze_portrait(np.full((96, 80, 3), 90, np.uint8))
    for name in RENDERERS:
        talker.preview(portrait, "happy", SpeakOptions(renderer=name))
    assert not set(asked) & set(SLOW)


def test_the_geometry_renderer_is_made_by_its_name() -> None:
    from skimage.data import astronaut

    from talker.portrait.analyse import analyse

    made = create_renderer(analyse(astronaut()), SpeakOptions(size="crop256", renderer="geometry"))
    assert (made.name, made.size) == ("geometry", (256, 256))
