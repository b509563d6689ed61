"""Videos as they come: codecs, containers, rates, depths and sizes give a film; what is no film says so."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data
from PIL import Image

from talker import Talker
from talker.errors import FaceError, VideoError
from talker.media.video_reader import open_video
from talker.options import VideoOptions
from talker.types import ByteArray

pytestmark = [pytest.mark.slow, pytest.mark.videos]
COUNT = 12
QUIET = {"x265-params": "log-level=none"}
Make = Callable[[Path, list[ByteArray]], None]


@pytest.fixture(scope="module")
def talker() -> Talker:
    return Talker()


@pytest.fixture(scope="module")
def frames() -> list[ByteArray]:
    picture = np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352])
    return [np.roll(picture, index, axis=1) for index in range(COUNT)]


def encoded(
    codec: str,
    pixels: str = "yuv420p",
    rate: int | Fraction = 25,
    options: dict[str, str] | None = None,
    times_ms: list[int] | None = None,
) -> Make:
    """Writes a film with PyAV."""

    def make(path: Path, frames: list[ByteArray]) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = pixels
            if times_ms:
                stream.codec_context.time_base = Fraction(1, 1000)
            for index, picture in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                if times_ms:
                    frame.pts, frame.time_base = times_ms[index], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))

    return make


def animated(path: Path, frames: list[ByteArray]) -> None:
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=40)


def uneven(path: Path, frames: list[ByteArray]) -> None:
    encoded("ffv1", "bgr0")(path, [frame[:251, :243] for frame in frames])


KINDS: dict[str, Make] = {
    "hevc.mp4": encoded("libx265", options=QUIET),
    "tenbit.mp4": encoded("libx265", "yuv420p10le", options=QUIET),
    "hdr.mp4": encoded(
        "libx265", "yuv420p10le", options={"x265-params": "log-level=none:colorprim=bt2020:transfer=smpte2084"}
    ),
    "full-colour.mp4": encoded("libx264", "yuv444p"),
    "interlaced.mp4": encoded("libx264", options={"x264-params": "interlaced=1"}),
    "vp8.webm": encoded("libvpx"),
    "vp9.webm": encoded("libvpx-vp9"),
    "av1.mp4": encoded("libsvtav1"),
    "prores.mov": encoded("prores_ks", "yuv422p10le"),
    "mpeg4.avi": encoded("mpeg4"),
    "mjpeg.avi": encoded("mjpeg", "yuvj420p"),
    "mpeg2.mpg": encoded("mpeg2video"),
    "flash.flv": encoded("flv"),
    "windows.wmv": encoded("wmv2"),
    "broadcast.ts": encoded("libx264"),
    "one-a-second.mp4": encoded("libx264", rate=1),
    "120-a-second.mp4": encoded("libx264", rate=120),
    "film.mp4": encoded("libx264", rate=Fraction(24000, 1001)),
    "ntsc.mp4": encoded("libx264", rate=Fraction(30000, 1001)),
    "varying.mp4": encoded("libx264", times_ms=np.cumsum([0, *[20, 70, 33] * 4])[:COUNT].tolist()),
    "uneven.mkv": uneven,
    "animated.gif": animated,
    "animated.webp": animated,
    "animated.png": animated,
    "one-frame.mp4": lambda path, frames: encoded("libx264")(path, frames[:1]),
    "two-frames.mp4": lambda path, frames: encoded("libx264")(path, frames[:2]),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_film_of_any_kind_is_edited(name: str, frames: list[ByteArray], talker: Talker, tmp_path: Path) -> None:
    path = tmp_path / name
    KINDS[name](path, frames)
    reader = open_video(path)
    result = talker.edit(path, "happy", options=VideoOptions(strength=0.7), out=tmp_path / "out.mp4")
    made = open_video(result.video)
    assert made.frame_count == reader.frame_count
    np.testing.assert_allclose(made.times_s, reader.times_s - reader.times_s[0], atol=0.01)
    assert made.size == tuple(side + side % 2 for side in reader.size)


def test_what_is_no_film_of_a_face_says_so(frames: list[ByteArray], talker: Talker, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mp4").touch()
    encoded("libx264")(tmp_path / "whole.mp4", frames)
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "no-index.mp4").write_bytes(content[: len(content) // 2])
    noise = np.random.default_rng(0).integers(0, 256, (8, 128, 128, 3), np.uint8)
    encoded("libx264")(tmp_path / "noise.mp4", list(noise))
    for name, error in (("text", VideoError), ("empty", VideoError), ("no-index", VideoError), ("noise", FaceError)):
        with pytest.raises(error, match=f"{name}.mp4"):
            talker.edit(tmp_path / f"{name}.mp4", "happy", out=tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
