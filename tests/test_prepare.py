"""Corpora become clips: every layout is read, a stopped run goes on, and what can't be used is named."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.cli import main
from talker.data import prepare as prepare_module
from talker.data.corpora import recordings
from talker.data.mouth_fit import as_measured
from talker.data.prepare import PrepareSettings, picture_lead, prepare
from talker.data.prepared_clips import clips, read_index, split_speakers
from talker.errors import DataError
from talker.media import audio
from talker.media.video import write_video
from talker.motion.lips import LipGeometry
from talker.speech import voice
from talker.types import SpeechClip, TimedToken, Transcript, Video

LENIENT = PrepareSettings(least_movement=0.0)  # the face of the film stands still
TEXT = "Bin blue at F two now."


@pytest.fixture(scope="module")
def speech() -> SpeechClip:
    return audio.beginning(voice.say(TEXT), 1.4)


@pytest.fixture(scope="module")
def film(speech: SpeechClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face with a voice."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    picture = np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352])
    frames = [picture] * round(speech.duration_s * 25)
    write_video(Video(iter(frames), len(frames), 25.0, (256, 256), speech), path)
    return path


def _place(film: Path, folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, folder / name)
    return folder


def test_grid_names_spell_their_sentences(film: Path, tmp_path: Path) -> None:
    _place(film, tmp_path, "s1/bbaf2n.mpg", "s1/video/mpg_6000/swwj1a.mpg", "s2/prwzzp.mpg", "notes/bbaf2n.mpg")
    audio.save_speech(SpeechClip(np.ones(8000, np.float32), 16000), _made(tmp_path / "audio_25k/s2/prwzzp.wav"))
    found = recordings(tmp_path)
    assert [(one.speaker, one.text) for one in found] == [
        ("s1", "bin blue at f two now"),
        ("s1", "set white with j one again"),
        ("s2", "place red with z zero please"),
    ]
    assert [one.sound.suffix for one in found] == [".mpg", ".mpg", ".wav"]


def test_mead_has_its_sound_apart(film: Path, tmp_path: Path) -> None:
    _place(film, tmp_path, "M003/video/front/angry/level_2/001.mp4", "M003/video/left_60/angry/level_2/001.mp4")
    _place(film, tmp_path, "W009/video/front/neutral/level_1/004.mp4")
    _made(tmp_path / "M003/audio/angry/level_2/001.m4a").write_bytes(b"")
    angry, neutral = recordings(tmp_path)
    assert (angry.speaker, angry.emotion, angry.sound.suffix) == ("M003", "angry", ".m4a")
    assert angry.intensity == pytest.approx(2 / 3) and neutral.intensity == 1.0 and neutral.sound == neutral.video


def test_cremad_and_ravdess_names(film: Path, tmp_path: Path) -> None:
    cremad = _place(film, tmp_path / "c", "VideoFlash/1001_DFA_ANG_XX.flv", "VideoFlash/1002_IEO_NEU_XX.flv")
    _made(cremad / "AudioWAV/1001_DFA_ANG_XX.wav").write_bytes(b"")
    angry, neutral = recordings(cremad)
    assert (angry.speaker, angry.emotion, angry.text) == ("1001", "angry", "Don't forget a jacket")
    assert angry.sound.suffix == ".wav" and neutral.sound.suffix == ".flv" and neutral.emotion == "neutral"
    ravdess = _place(
        film, tmp_path / "r", "Actor_01/01-01-05-02-01-01-01.mp4", "Actor_02/02-01-05-02-01-01-02.mp4",
        "Actor_02/01-02-05-02-01-01-02.mp4", "Actor_02/01-01-08-01-02-01-02.mp4",
    )  # fmt: skip
    assert [(one.speaker, one.emotion, one.intensity) for one in recordings(ravdess)] == [
        ("Actor_01", "angry", 1.0),
        ("Actor_02", "surprised", 0.6),
    ]


def test_a_plain_folder_reads_what_is_written_beside_the_film(film: Path, tmp_path: Path) -> None:
    _place(film, tmp_path, "anna/one.mp4", "anna/two.mp4", "ben.mp4")
    (tmp_path / "anna" / "one.txt").write_text("Good\nmorning")
    assert [(one.name, one.speaker, one.text) for one in recordings(tmp_path)] == [
        ("anna-one", "anna", "Good morning"),
        ("anna-two", "anna", ""),
        ("ben", "ben", ""),
    ]


def test_folders_without_films_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no films"):
        recordings(tmp_path)
    with pytest.raises(DataError, match="no layout 'lrs3'"):
        recordings(tmp_path, "lrs3")


def test_films_become_clips_and_a_stopped_run_goes_on(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _place(film, tmp_path / "grid", "s1/bbaf2n.mp4", "s2/bbaf2n.mp4", "s3/bbaf2n.mp4", "s4/lgaz9a.mp4")
    (data / "s4" / "lgaz9a.mp4").write_bytes(b"not a film")
    seen: list[tuple[int, int]] = []
    text = prepare(data, tmp_path / "out", settings=LENIENT, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert "Dropped: 1× no usable sound" in text and "s4-lgaz9a: lgaz9a.mp4 is damaged" in text
    assert sorted(row.split for row in read_index(tmp_path / "out")) == ["test", "train", "validation"]
    ((row, clip),) = clips(tmp_path / "out", "train")
    assert row.emotion == "neutral" and row.seconds == pytest.approx(1.4, abs=0.05)
    assert clip.features.shape == (70, 384) and clip.coefficients.shape == clip.mouth.shape == (35, 52)
    assert clip.pose.shape == (35, 6) and clip.lips.shape == (35, 2) and clip.fps == 25.0
    assert {"B", "N"} <= {phone.text for phone in clip.phones}
    monkeypatch.setattr(prepare_module, "track_video", None)  # a second run must not need it
    assert prepare(data, tmp_path / "out", settings=LENIENT) == text


def test_still_lips_are_dropped_and_the_command_says_so(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _place(film, tmp_path / "films", "anna.mp4")
    assert main(["prepare", "--data", str(data), "--out", str(tmp_path / "out")]) == 0
    assert "the lips do not move while something is said" in capsys.readouterr().out


def test_speakers_are_in_one_split_each() -> None:
    splits = split_speakers(f"person {index}" for index in range(40))
    assert sorted(splits.values()) == ["test"] * 4 + ["train"] * 32 + ["validation"] * 4
    assert split_speakers(["one", "two"]) == {"one": "train", "two": "train"}


@pytest.mark.parametrize("lead_s", [-0.08, 0.0, 0.12])
def test_the_lead_of_the_picture_is_found_where_lips_shut(lead_s: float) -> None:
    moments = np.cumsum(np.random.default_rng(0).uniform(0.25, 0.6, 20))
    shut = tuple(TimedToken("M", moment - 0.03, moment + 0.03) for moment in moments)
    time = np.arange(0, moments[-1] + 1, 0.04)
    nearest = np.abs(time[:, None] + lead_s - moments).min(axis=1)
    lips = np.stack([0.1 * np.minimum(nearest / 0.1, 1.0), np.ones(len(time))], axis=1)
    speech = SpeechClip(np.zeros(16000, np.float32), 16000, Transcript((), shut))
    assert picture_lead(lips, 25.0, speech, PrepareSettings()) == pytest.approx(lead_s, abs=0.02)
    few = dataclasses.replace(PrepareSettings(), closures=30)
    assert picture_lead(lips, 25.0, speech, few) == 0.0


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_fitted_mouths_are_as_open_and_as_wide_as_measured() -> None:
    geometry = LipGeometry.load()
    rng = np.random.default_rng(0)
    fitted = np.zeros((40, 52))
    fitted[:, [BLENDSHAPE_INDEX[name] for name in ("jawOpen", "mouthPucker")]] = rng.uniform(0, 0.5, (40, 2))
    lips = np.stack([rng.uniform(0, 0.1, 40), 0.4 + rng.uniform(-0.02, 0.02, 40)], axis=1)
    mouth = as_measured(fitted, lips)
    np.testing.assert_allclose(mouth @ geometry.opening, lips[:, 0], atol=1e-9)
    width, before = mouth @ geometry.width, fitted @ geometry.width
    np.testing.assert_allclose(width - width.mean(), lips[:, 1] - lips[:, 1].mean(), atol=1e-9)
    assert width.mean() == pytest.approx(before.mean())  # how wide a person's lips are at rest is not speech
    np.testing.assert_allclose(as_measured(mouth, lips), mouth, atol=1e-9)
    assert not mouth[:, BLENDSHAPE_INDEX["browInnerUp"]].any()
