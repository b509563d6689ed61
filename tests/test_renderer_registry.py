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
from talker.options import AUTOMATIC_RENDERER, RENDERER_CLASSES, RENDERERS, RESEARCH_RENDERERS
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


class Asked:
    """A Talker that keeps in `renderers` which ones it was asked for."""

    def __init__(self) -> None:
        self.renderers: list[str] = []
        self._components = FakeComponents()
        self.talker = Talker(dataclasses.replace(self._components.as_components(), create_renderer=self._make))
        self.portrait = self.talker.analyze_portrait(np.full((96, 80, 3), 90, np.uint8))

    def _make(self, portrait: Portrait, options: SpeakOptions) -> FakeRenderer:
        self.renderers.append(options.renderer)
        return self._components.create_renderer(portrait, options)


def test_previews_never_wait_for_a_slow_renderer() -> None:
    asked = Asked()
    for name in RENDERERS:
        asked.talker.preview(asked.portrait, "happy", SpeakOptions(renderer=name))
    assert not {chosen(name) for name in asked.renderers} & set(SLOW)
    assert {chosen(name) for name in asked.renderers} >= {chosen(AUTOMATIC_RENDERER)}  # what the film will look like


def test_live_faces_are_drawn_by_the_fastest_renderer_unless_another_one_is_asked_for() -> None:
    asked = Asked()
    for name in (AUTOMATIC_RENDERER, "generator"):
        asked.talker.live(asked.portrait, options=SpeakOptions(renderer=name))
    assert asked.renderers == ["geometry", "generator"]


def test_the_weights_of_the_automatic_renderer_may_be_used_for_anything() -> None:
    assert chosen(AUTOMATIC_RENDERER) not in RESEARCH_RENDERERS


def test_the_geometry_renderer_is_made_by_its_name() -> None:
    from skimage.data import astronaut

    from talker.portrait.analyse import analyse

    made = create_renderer(analyse(astronaut()), SpeakOptions(size="crop256", renderer="geometry"))
    assert (made.name, made.size) == ("geometry", (256, 256))
