"""Finding the face in real photographs, and saying what is wrong with those that can't be used."""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.errors import FaceError
from talker.face.detector import FaceDetector
from talker.face.tracking import track_frames
from talker.media.image import load_image
from talker.portrait.analyse import analyse
from talker.types import ByteArray


@pytest.fixture(scope="module")
def astronaut() -> ByteArray:
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def hopper() -> ByteArray:
    return load_image(Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))))


def resized(image: ByteArray, factor: float) -> ByteArray:
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((round(picture.width * factor), round(picture.height * factor))))


def test_both_photographs_fit(astronaut: ByteArray, hopper: ByteArray) -> None:
    for image in (astronaut, hopper):
        portrait = analyse(image)
        assert portrait.fit.error < 0.02  # of the face's width
        assert portrait.faces == 1


def test_a_smile_is_found_as_a_smile(astronaut: ByteArray, hopper: ByteArray) -> None:
    smile = BLENDSHAPE_INDEX["mouthSmileLeft"]
    assert analyse(astronaut).source_expression[smile] > 0.7
    assert analyse(hopper).source_expression[smile] < analyse(astronaut).source_expression[smile] - 0.3


@pytest.mark.parametrize("factor", [0.7, 2.5])
def test_size_does_not_matter(astronaut: ByteArray, factor: float) -> None:
    one, other = analyse(astronaut), analyse(resized(astronaut, factor))
    distance = np.abs(one.landmarks[:, :2] - other.landmarks[:, :2] / factor).mean()
    assert distance < 0.02 * one.face_width
    assert np.abs(one.source_expression - other.source_expression).max() < 0.35


def test_small_and_frame_filling_faces_are_found(astronaut: ByteArray) -> None:
    wide = np.full((1200, 1600, 3), 128, np.uint8)
    wide[600:856, 900:1156] = resized(astronaut, 0.5)
    with FaceDetector() as detector:
        assert len(detector.detect(wide)) == 1
        left, top, right, bottom = (int(value) for value in analyse(astronaut).face_box)
        assert len(detector.detect(np.ascontiguousarray(astronaut[top:bottom, left:right]))) == 1


def test_of_several_faces_the_largest_is_taken_or_the_one_asked_for(astronaut: ByteArray) -> None:
    pair = np.full((512, 900, 3), 200, np.uint8)
    pair[:, :512] = astronaut
    pair[100:407, 560:867] = resized(astronaut, 0.6)[:307, :307]
    first, second = analyse(pair), analyse(pair, face_index=1)
    assert first.faces == second.faces == 2
    assert first.face_width > second.face_width
    assert second.face_box[0] > 512
    with pytest.raises(FaceError, match="2 faces"):
        analyse(pair, face_index=2)


@pytest.mark.parametrize(
    ("what", "message"),
    [("nothing", "No face"), ("tiny", "too small"), ("half", "cut off|No face"), ("cat", "No face")],
)
def test_bad_pictures_get_a_sentence(astronaut: ByteArray, what: str, message: str) -> None:
    left, _top, right, _bottom = (int(value) for value in analyse(astronaut).face_box)
    pictures = {
        "nothing": np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype(np.uint8),
        "tiny": resized(astronaut, 0.3),
        "half": np.ascontiguousarray(astronaut[:, (left + right) // 2 :]),
        "cat": skimage.data.chelsea(),
    }
    with pytest.raises(FaceError, match=message):
        analyse(pictures[what])


def test_a_film_is_tracked_through_a_gap(astronaut: ByteArray) -> None:
    empty = np.full_like(astronaut, 90)
    frames = [np.roll(astronaut, 2 * index, axis=1) for index in range(12)]
    frames[5] = empty
    track = track_frames(frames, len(frames), 25.0)
    assert len(track) == len(frames)
    assert not track.detected[5]
    drift = np.diff(track.landmarks[:, :468, 0].mean(axis=1))
    assert (np.abs(drift - 2) < 1.0).all()
    assert len(track.motion()) == len(frames)
