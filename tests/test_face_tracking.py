"""Films of a face: pieces join without a jump, tracks are kept, and a new face model is fitted to kept landmarks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from talker.errors import FaceError
from talker.face import tracking
from talker.face.fit import landmark_basis
from talker.face.tracking import FaceTrack, track_frames, track_video
from talker.media.video import write_video
from talker.types import ByteArray, Video

STEP = 1.5  # px a frame


@pytest.fixture(scope="module")
def frames() -> list[ByteArray]:
    """A face that glides to the right."""
    picture = np.ascontiguousarray(skimage.data.astronaut()[:256, 64:448])
    return [np.roll(picture, round(STEP * index), axis=1) for index in range(40)]


@pytest.fixture(scope="module")
def film(frames: list[ByteArray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "glide.mp4"
    write_video(Video(iter(frames), len(frames), 25.0, (384, 256)), path)
    return path


def test_pieces_join_without_a_jump(frames: list[ByteArray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "CHUNK", 16)
    monkeypatch.setattr(tracking, "WARM_UP", 5)
    calls: list[tuple[int, int]] = []
    track = track_frames(frames, len(frames), 25.0, progress=lambda done, total: calls.append((done, total)))
    assert track.detected.all()
    moves = np.diff(track.landmarks[:, :468, 0].mean(axis=1))
    assert np.abs(moves - STEP).max() < 1.0
    assert calls[-1] == (2 * len(frames), 2 * len(frames))
    moved = track.motion().pose[:, 3]
    assert np.corrcoef(moved, np.arange(len(frames)))[0, 1] > 0.99


def test_a_kept_track_is_found_again_and_fitted_to_a_new_model(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path))
    monkeypatch.setattr(tracking, "track_frames", counted := _CountedTracking())
    first = track_video(film)
    second = track_video(film)
    assert counted.calls == 1
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    np.testing.assert_array_equal(first.fit.expression, second.fit.expression)
    monkeypatch.setattr(tracking, "face_model_key", lambda: "another model")
    refitted = track_video(film)
    assert counted.calls == 1
    assert refitted.model == "another model"
    np.testing.assert_array_equal(first.landmarks, refitted.landmarks)
    (kept,) = (tmp_path / "tracks").glob("*.npz")
    kept.write_bytes(b"broken")
    track_video(film)
    assert counted.calls == 2


class _CountedTracking:
    """Stands for `track_frames`: three frames of the neutral face, and how often they were asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object, **__: object) -> FaceTrack:
        self.calls += 1
        places = landmark_basis().neutral
        landmarks = np.tile(places * [10.0, -10.0, -10.0], (3, 1, 1)).astype(np.float32) + 200
        fit = tracking.fit_sequence(landmarks)
        return FaceTrack(
            landmarks, np.ones(3, bool), np.zeros((3, 52)), fit, 25.0, (384, 256), tracking.face_model_key()
        )


def test_gaps_are_filled_between_what_is_known() -> None:
    values = np.array([[9.0], [1.0], [0.0], [0.0], [4.0], [0.0]])
    known = np.array([False, True, False, False, True, False])
    np.testing.assert_allclose(tracking.fill_gaps(values, known).ravel(), [1, 1, 2, 3, 4, 4])


def test_a_film_without_a_face_says_so() -> None:
    with pytest.raises(FaceError, match="No face was found in the video"):
        track_frames([np.full((120, 160, 3), 90, np.uint8)] * 3, 3, 25.0)


def test_saved_and_loaded_tracks_are_equal(tmp_path: Path) -> None:
    track = _CountedTracking()()
    track.save(tmp_path / "track.npz")
    loaded = FaceTrack.load(tmp_path / "track.npz")
    assert (loaded.fps, loaded.size, loaded.model) == (track.fps, track.size, track.model)
    for part in dataclasses.fields(track.fit):
        np.testing.assert_array_equal(getattr(loaded.fit, part.name), getattr(track.fit, part.name))
