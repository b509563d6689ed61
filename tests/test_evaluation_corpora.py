"""Corpora of talking faces on made-up copies of their layouts, and the papers' table on one of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from talker.data.corpora import Recording, recordings, test_recordings
from talker.errors import DataError
from talker.evaluation import datasets, picture_metrics
from talker.evaluation.metrics import Recorder
from talker.types import ByteArray, FloatArray
from talker.web.examples import SURPRISE

test_recordings.__test__ = False  # type: ignore[attr-defined]  # not a test, but the recordings of the test split

LAYOUTS: dict[str, tuple[tuple[str, ...], Recording]] = {
    "grid": (("s1/bbaf2n.mpg",), Recording("s1-bbaf2n", Path(), Path(), "s1", text="bin blue at f two now")),
    "mead": (("M003/video/front/angry/level_2/001.mp4", "M003/audio/angry/level_2/001.m4a",
              "M005/video/front/happy/level_1/001.mp4"),
             Recording("M003-angry-2-001", Path(), Path(), "M003", "angry", 2 / 3)),
    "crema-d": (("VideoFlash/1015_DFA_ANG_HI.flv", "AudioWAV/1015_DFA_ANG_HI.wav", "VideoFlash/1001_DFA_SAD_LO.flv"),
                Recording("1015_DFA_ANG_HI", Path(), Path(), "1015", "angry", 1.0, "Don't forget a jacket")),
    "hdtf": (("WDA_AdamSchiff_000.mp4", "notes.mp4"), Recording("WDA_AdamSchiff_000", Path(), Path(), "AdamSchiff")),
    "ravdess": (("Actor_03/01-01-05-01-02-01-03.mp4",),
                Recording("01-01-05-01-02-01-03", Path(), Path(), "Actor_03", "angry", 0.6,
                          "Dogs are sitting by the door")),
    "plain": (("anna/hello.mp4", "anna/hello.txt"), Recording("anna-hello", Path(), Path(), "anna", text="so it is")),
}  # fmt: skip


class ColourRecogniser:
    """Stands in for the network of 100 MB."""

    def embed(self, image: ByteArray, landmarks: FloatArray) -> FloatArray:
        return image.mean(axis=(0, 1)) / 255


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_made_up_copy_of_each_layout_is_read(layout: str, tmp_path: Path) -> None:
    names, wanted = LAYOUTS[layout]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("so it is\n" if name.endswith(".txt") else "")
    (found,) = test_recordings(tmp_path, layout)
    assert (found.name, found.speaker, found.emotion, found.text) == (
        wanted.name, wanted.speaker, wanted.emotion, wanted.text,
    )  # fmt: skip
    assert found.intensity == pytest.approx(wanted.intensity) and found.video == tmp_path / names[0]
    assert found.sound == tmp_path / (names[1] if layout in ("mead", "crema-d") else names[0])


def test_the_official_split_holds_the_test_speakers_only(tmp_path: Path) -> None:
    path = tmp_path / "M005" / "video" / "front" / "happy" / "level_1" / "001.mp4"
    path.parent.mkdir(parents=True)
    path.touch()
    assert len(recordings(tmp_path, "mead")) == 1
    with pytest.raises(DataError, match="M003, M030, W009, W015"):
        test_recordings(tmp_path, "mead")


def test_the_papers_table_on_a_made_up_mead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_metrics, "recogniser", ColourRecogniser)
    monkeypatch.setattr(datasets, "LOOKED_AT_HZ", 5.0)
    for emotion, level in (("neutral", 1), ("surprised", 3)):
        path = tmp_path / "M003" / "video" / "front" / emotion / f"level_{level}" / "001.mp4"
        path.parent.mkdir(parents=True)
        shutil.copy(SURPRISE, path)
    record = Recorder()
    datasets.run("mead", tmp_path, record)
    found = {(one.metric, one.of): one for one in record.measurements}
    assert found["picture/ssim", "self-reenactment"].count == 2
    assert 0.3 < found["picture/ssim", "self-reenactment"].value <= 1
    assert {of for metric, of in found if metric == "emotion/clip_hit"} == {
        "neutral", "surprised", "neutral, real", "surprised, real",
    }  # fmt: skip
    assert ("emotion/gain", "surprised") in found and "M003" in record.notes[0]
