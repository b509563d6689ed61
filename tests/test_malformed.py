"""Files and settings as people really hand them in: each gets the error of its kind, with a sentence that names it."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from talker.errors import AudioError, ImageError, InputError, MotionError, OptionsError, TalkerError, VideoError
from talker.media import audio, image, livelink, video, video_reader
from talker.options import SpeakOptions
from talker.types import FaceMotion, SpeechClip, Video

RATE = 16000
NOISE = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
Make = Callable[[Path], Any]


def nothing(path: Path) -> None:
    """Leave the path empty."""


def folder(path: Path) -> None:
    path.mkdir()


def holding(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


def sound(samples: np.ndarray, **settings: str) -> Make:
    return lambda path: soundfile.write(path, samples, RATE, format="WAV", **settings)


def cut_sound(path: Path) -> None:
    soundfile.write(path, np.random.default_rng(0).standard_normal(RATE) * 0.1, RATE, format="WAV")
    path.write_bytes(path.read_bytes()[:40])


def picture(width: int, height: int) -> Make:
    return lambda path: Image.new("RGB", (width, height), "red").save(path, "PNG")


def huge(path: Path) -> None:
    Image.new("1", (10_001, 10_000)).save(path, "PNG")


def cut_picture(kind: str) -> Make:
    def make(path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
        Image.fromarray(noise).save(path, kind)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return make


def bomb(path: Path) -> None:
    """A PNG header that promises 60000 x 60000 pixels."""

    def chunk(content: bytes) -> bytes:
        return (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")

    header = b"IHDR" + (60000).to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(header) + chunk(b"IDAT" + zlib.compress(b"")))


def film(with_sound: bool) -> Make:
    def make(path: Path) -> None:
        frames = iter([np.zeros((64, 64, 3), np.uint8)] * 10)
        speech = SpeechClip(np.full(RATE, 0.1, np.float32), RATE) if with_sound else None
        named = path.with_suffix(".mp4")
        video.write_video(Video(frames, 10, 25.0, (64, 64), speech), named)
        named.replace(path)

    return make


def cut_film(path: Path) -> None:
    film(True)(path)
    path.write_bytes(path.read_bytes()[:600])


def not_numbers(path: Path) -> None:
    Image.fromarray(np.full((80, 80), np.nan, np.float32)).save(path, "TIFF")


SOUNDS: dict[str, tuple[Make, str]] = {
    "missing": (nothing, "no sound file"),
    "a folder": (folder, "no sound file"),
    "no bytes": (holding(b""), "damaged or not"),
    "a text": (holding(b"Dear reader, this is not a sound." * 40), "damaged or not"),
    "random bytes": (holding(NOISE), "damaged or not"),
    "half a header": (cut_sound, "damaged or not|empty"),
    "no samples": (sound(np.zeros(0)), "empty"),
    "fifty milliseconds": (sound(np.full(RATE // 20, 0.1)), "empty"),
    "digital silence": (sound(np.zeros(RATE)), "silent"),
    "nearly silence": (sound(np.random.default_rng(0).standard_normal(RATE) * 1e-5, subtype="FLOAT"), "silent"),
    "only an offset": (sound(np.full(RATE, 0.3)), "silent"),
    "not a number": (sound(np.full(RATE, np.nan), subtype="FLOAT"), "not numbers"),
    "infinite": (sound(np.full(RATE, np.inf), subtype="FLOAT"), "not numbers"),
    "too long": (sound(np.full(3 * RATE, 0.1)), "longer than"),
    "a picture": (picture(80, 80), "damaged or not"),
    "a silent film": (film(False), "holds no sound"),
}
PICTURES: dict[str, tuple[Make, str]] = {
    "missing": (nothing, "no picture file"),
    "a folder": (folder, "no picture file"),
    "no bytes": (holding(b""), "not a picture"),
    "a text": (holding(b"Dear reader, this is not a picture." * 40), "not a picture"),
    "random bytes": (holding(NOISE), "not a picture"),
    "a vector drawing": (holding(b"<svg xmlns='http://www.w3.org/2000/svg'><circle r='9'/></svg>"), "not a picture"),
    "a sound": (sound(np.full(RATE, 0.1)), "not a picture"),
    "a film": (film(True), "not a picture"),
    "half a jpeg": (cut_picture("JPEG"), "damaged"),
    "half a png": (cut_picture("PNG"), "damaged"),
    "half a webp": (cut_picture("WEBP"), "damaged|not a picture"),
    "one pixel": (picture(1, 1), "too small"),
    "a thin line": (picture(2000, 63), "too small"),
    "too many pixels": (huge, "too large"),
    "a decompression bomb": (bomb, "too large"),
    "not a number": (not_numbers, "not numbers"),
}
FILMS: dict[str, tuple[Make, str]] = {
    "missing": (nothing, "no video file"),
    "a folder": (folder, "no video file"),
    "no bytes": (holding(b""), "damaged or not"),
    "a text": (holding(b"Dear reader, this is not a film." * 40), "damaged or not"),
    "random bytes": (holding(NOISE), "damaged or not"),
    "a sound": (sound(np.full(RATE, 0.1)), "no picture"),
    "a film without its index": (cut_film, "damaged or not"),
}


@pytest.mark.parametrize("case", SOUNDS)
def test_bad_sounds(tmp_path: Path, case: str) -> None:
    make, message = SOUNDS[case]
    make(tmp_path / "speech")
    with pytest.raises(AudioError, match=message) as caught:
        audio.load_speech(tmp_path / "speech", max_seconds=2)
    assert_is_a_sentence(caught.value, "speech")


@pytest.mark.parametrize("case", PICTURES)
def test_bad_pictures(tmp_path: Path, case: str) -> None:
    make, message = PICTURES[case]
    make(tmp_path / "portrait")
    with pytest.raises(ImageError, match=message) as caught:
        image.load_image(tmp_path / "portrait")
    assert_is_a_sentence(caught.value, "picture" if case == "not a number" else "portrait")


@pytest.mark.parametrize("case", FILMS)
def test_bad_films(tmp_path: Path, case: str) -> None:
    make, message = FILMS[case]
    make(tmp_path / "film")
    with pytest.raises(VideoError, match=message) as caught:
        video_reader.open_video(tmp_path / "film")
    assert_is_a_sentence(caught.value, "film")


def assert_is_a_sentence(error: TalkerError, name: str) -> None:
    message = str(error)
    assert name in message
    assert message[0].isupper() or message.startswith(name)
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((80, 80, 3), np.float32),
        np.zeros((80, 80, 7), np.uint8),
        np.zeros(6400, np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((5, 80, 80, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_bad_arrays(array: np.ndarray) -> None:
    with pytest.raises(ImageError):
        image.load_image(array)


def test_a_film_that_breaks_off_is_used_so_far_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), np.uint8)
    video.write_video(Video(iter(noise), 30, 25.0, (64, 64)), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = video_reader.open_video(path)
    assert "breaks off after" in reader.note
    assert 0 < len(list(reader)) == reader.frame_count < 30


@pytest.mark.parametrize("target", ["out.avi", "out", "file/out.mp4"])
def test_bad_places_for_results(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="can't be written"):
        video.write_video(Video(iter([np.zeros((64, 64, 3), np.uint8)]), 1, 25.0, (64, 64)), tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_other_results_report_bad_places_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    motion = FaceMotion(np.zeros((2, 52)), np.zeros((2, 6)))
    with pytest.raises(MotionError):
        livelink.save_livelink(motion, tmp_path / "file" / "motion.csv")
    with pytest.raises(ImageError):
        image.save_image(np.zeros((64, 64, 3), np.uint8), tmp_path / "file" / "picture.png")
    with pytest.raises(ImageError):
        image.save_image(np.zeros((64, 64, 3), np.uint8), tmp_path / "picture.nonsense")
    with pytest.raises(AudioError):
        audio.save_speech(SpeechClip(np.zeros(9, np.float32), RATE), tmp_path / "speech.nonsense")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strength", -0.1),
        ("strength", 1.51),
        ("strength", float("nan")),
        ("strength", "strong"),
        ("strength", None),
        ("mouth", 2.5),
        ("head", -1),
        ("wrinkles", 1.1),
        ("still", "yes"),
        ("still", 1),
        ("size", "huge"),
        ("size", 512),
        ("fps", 0),
        ("fps", 500),
        ("fps", float("inf")),
        ("renderer", "magic"),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", True),
        ("face_index", -2),
    ],
)
def test_bad_options(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(OptionsError, match=name):
        SpeakOptions(**{name: value})  # type: ignore[arg-type]
    (tmp_path / "settings.json").write_text(json.dumps({name: value}))
    with pytest.raises(OptionsError, match="not a number" if value != value or value == float("inf") else name):
        SpeakOptions.load(tmp_path / "settings.json")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2]", b'"text"', b"null", b'{"strenght": 1}', NOISE, b"\xff\xfe\x00"]
)
def test_bad_settings_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(OptionsError, match=r"settings\.json"):
        SpeakOptions.load(tmp_path / "settings.json")


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="absent"):
        SpeakOptions.load(tmp_path / "absent.json")


MOTIONS: dict[str, dict[str, Any]] = {
    "no pose": {"blendshapes": np.zeros((5, 52)), "fps": 25.0},
    "51 blendshapes": {"blendshapes": np.zeros((5, 51)), "pose": np.zeros((5, 6)), "fps": 25.0},
    "lengths differ": {"blendshapes": np.zeros((5, 52)), "pose": np.zeros((4, 6)), "fps": 25.0},
    "not a number": {"blendshapes": np.full((5, 52), np.nan), "pose": np.zeros((5, 6)), "fps": 25.0},
    "objects": {"blendshapes": np.array([None] * 5), "pose": np.zeros((5, 6)), "fps": 25.0},
    "words": {"blendshapes": np.full((5, 52), "open"), "pose": np.zeros((5, 6)), "fps": 25.0},
    "no rate": {"blendshapes": np.zeros((5, 52)), "pose": np.zeros((5, 6)), "fps": 0.0},
    "no frames": {"blendshapes": np.zeros((0, 52)), "pose": np.zeros((0, 6)), "fps": 25.0},
    "rates": {"blendshapes": np.zeros((5, 52)), "pose": np.zeros((5, 6)), "fps": np.zeros(2)},
}


@pytest.mark.parametrize("case", MOTIONS)
def test_bad_motions(tmp_path: Path, case: str) -> None:
    np.savez(tmp_path / "motion.npz", **MOTIONS[case])
    with pytest.raises(MotionError, match=r"motion\.npz"):
        FaceMotion.load(tmp_path / "motion.npz")


@pytest.mark.parametrize("content", [b"", b"Dear reader", NOISE, b"PK\x03\x04" + NOISE])
def test_files_that_are_no_motion(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "motion.npz").write_bytes(content)
    with pytest.raises(MotionError, match=r"motion\.npz"):
        FaceMotion.load(tmp_path / "motion.npz")
    with pytest.raises(MotionError, match="absent"):
        FaceMotion.load(tmp_path / "absent.npz")
