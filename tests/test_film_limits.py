"""Limits: films that players show, memory that is there, texts that end; and the notes that tell of them."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stand_ins import FakeComponents, FakeRenderer

from talker import Talker
from talker.emotion.resolve import EmotionRequest, resolve
from talker.emotion.timeline import split_tags
from talker.errors import EmotionError, InputError
from talker.limits import (
    MACROBLOCKS,
    MACROBLOCKS_PER_SECOND,
    SPOKEN_CHARACTERS,
)
from talker.machine import available_bytes
from talker.options import SpeakOptions
from talker.render.crop import film_size, for_film
from talker.types import Portrait

FAILING = Path(__file__).resolve().parent / "data" / "failing"


def portrait_of(width: int, height: int) -> Portrait:
    return FakeComponents().analyse(np.zeros((height, width, 3), np.uint8), 0)


@pytest.mark.parametrize(
    ("size", "fps", "film"),
    [
        ((1803, 2400), 25, (1803, 2400)),
        ((4096, 2304), 25, (4096, 2304)),
        ((3024, 4032), 25, (2659, 3545)),
        ((4096, 2304), 60, (2730, 1536)),
        ((64, 24000), 25, (64, 24000)),
    ],
)
def test_films_are_no_larger_than_players_show(size: tuple[int, int], fps: float, film: tuple[int, int]) -> None:
    found = film_size(portrait_of(*size), "native", fps)
    assert found == pytest.approx(film, rel=0.01)
    blocks = -(-found[0] // 16) * -(-found[1] // 16)
    assert blocks <= MACROBLOCKS
    assert blocks * fps <= MACROBLOCKS_PER_SECOND


def test_a_face_keeps_its_place_in_a_smaller_film() -> None:
    """Everything that is measured in pixels shrinks with the picture."""
    whole = portrait_of(6048, 8064)
    smaller = for_film(whole, "native", 25)
    factor = smaller.image.shape[1] / 6048
    assert factor < 0.5
    assert np.allclose(smaller.landmarks, whole.landmarks * factor)
    assert np.allclose(smaller.face_box, np.array(whole.face_box) * factor)
    assert smaller.fit.scale == pytest.approx(whole.fit.scale * factor)
    assert for_film(whole, "crop512", 25) is whole


def test_the_notes_tell_of_a_smaller_film_and_of_damage(tmp_path: Path) -> None:
    components = FakeComponents()
    components.create_renderer = lambda portrait, options: FakeRenderer(for_film(portrait, options.size, options.fps))  # type: ignore[method-assign]
    talker = Talker(components.as_components())
    Image.new("RGB", (3000, 3600)).save(tmp_path / "large.png")
    notes = talker.speak(tmp_path / "large.png", text="Hi", options=SpeakOptions(fps=10), out=tmp_path / "o.mp4").notes
    assert any("3000×3600 px, more than players show" in note for note in notes)
    notes = talker.speak(FAILING / "damaged_inside.jpg", text="Hi", out=tmp_path / "o.mp4").notes
    assert any("damaged_inside.jpg is damaged" in note for note in notes)
    notes = talker.speak(FAILING / "ordinary_face.jpg", text="Hi", out=tmp_path / "o.mp4").notes
    assert not any("damaged" in note or "players" in note for note in notes)


def test_what_does_not_fit_into_memory_is_refused_with_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talker.pipeline.available_bytes", lambda: 700_000_000)
    talker = Talker(FakeComponents().as_components())
    with pytest.raises(InputError, match=r"takes about 1\.5 GB of memory, and 0\.7 GB are free"):
        talker.create_renderer(portrait_of(3000, 3333), SpeakOptions())
    talker.create_renderer(portrait_of(3000, 3333), SpeakOptions(size="crop512"))


def test_a_container_may_have_less_memory_than_its_machine(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 99 kB\nMemAvailable:    2000 kB\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 2_048_000
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 600_000
    assert available_bytes(tmp_path / "none", tmp_path / "none") is None


def test_texts_have_an_end() -> None:
    with pytest.raises(InputError, match=f"at most {SPOKEN_CHARACTERS}"):
        split_tags("word " * SPOKEN_CHARACTERS)
    with pytest.raises(EmotionError, match="at most"):
        resolve(EmotionRequest("text", "very " * 1000 + "sad"))


@pytest.mark.parametrize("text", ["[" + " " * 9000, "[" + "a " * 4000, "[" + " " * 2000 + ":" + "1" * 5000, "[" * 9999])
def test_tags_are_found_in_no_time(text: str) -> None:
    started = time.perf_counter()
    assert split_tags(text)[1] == []
    assert time.perf_counter() - started < 1
