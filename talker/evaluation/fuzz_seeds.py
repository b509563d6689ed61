"""Small healthy files of every kind that Talker reads, as bytes, from which the fuzzer makes broken ones."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from talker.options import SpeakOptions
from talker.types import FaceMotion

RATE = 16000
# (end of the name, container, codec, sampling rate)
SOUNDS: tuple[tuple[str, str, Any, int], ...] = (
    ("wav", "wav", "pcm_s16le", RATE), ("float.wav", "wav", "pcm_f32le", RATE), ("adpcm.wav", "wav", "adpcm_ms", RATE),
    ("mp3", "mp3", "libmp3lame", RATE), ("m4a", "mp4", "aac", RATE), ("aac", "adts", "aac", RATE),
    ("flac", "flac", "flac", RATE), ("opus", "ogg", "libopus", 48000), ("webm", "webm", "libopus", 48000),
    ("alac.m4a", "ipod", "alac", RATE), ("mka", "matroska", "ac3", 32000), ("aiff", "aiff", "pcm_s16be", RATE),
)  # fmt: skip
# (end of the name, container, codec, pixel format)
VIDEOS: tuple[tuple[str, str, Any, str], ...] = (
    ("mp4", "mp4", "libx264", "yuv420p"), ("mkv", "matroska", "libx264", "yuv420p"),
    ("webm", "webm", "libvpx-vp9", "yuv420p"), ("vp8.webm", "webm", "libvpx", "yuv420p"),
    ("avi", "avi", "mpeg4", "yuv420p"), ("mov", "mov", "mjpeg", "yuvj420p"),
    ("ts", "mpegts", "mpeg2video", "yuv420p"), ("hevc.mp4", "mp4", "libx265", "yuv420p"),
)  # fmt: skip
# (end of the name, format, mode, settings)
PICTURES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("jpg", "JPEG", "RGB", {}), ("progressive.jpg", "JPEG", "RGB", {"progressive": True}),
    ("cmyk.jpg", "JPEG", "CMYK", {}), ("grey.jpg", "JPEG", "L", {}), ("png", "PNG", "RGB", {}),
    ("alpha.png", "PNG", "RGBA", {}), ("palette.png", "PNG", "P", {}), ("deep.png", "PNG", "I;16", {}),
    ("webp", "WEBP", "RGB", {}), ("lossless.webp", "WEBP", "RGBA", {"lossless": True}), ("tif", "TIFF", "RGB", {}),
    ("lzw.tif", "TIFF", "RGB", {"compression": "tiff_lzw"}), ("jpeg.tif", "TIFF", "RGB", {"compression": "jpeg"}),
    ("deflate.tif", "TIFF", "RGBA", {"compression": "tiff_adobe_deflate"}), ("bmp", "BMP", "RGB", {}),
    ("gif", "GIF", "P", {}), ("avif", "AVIF", "RGB", {}),
)  # fmt: skip
WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
QUIET = {"libx265": {"x265-params": "log-level=none"}}


def seeds() -> dict[str, tuple[tuple[str, bytes], ...]]:
    """(end of the name, content) of healthy files, by the kinds that `talker.evaluation.fuzz` has readers for."""
    with tempfile.TemporaryDirectory(prefix="talker-") as folder:
        place = Path(folder) / "seed"
        FaceMotion(np.zeros((5, 52), np.float32), np.zeros((5, 6), np.float32)).save(place)
        motion = place.read_bytes()
        SpeakOptions().save(place)
        options = place.read_bytes()
    rows = [{"start_s": 0, "emotion": "happy", "strength": 0.8}, {"start_s": 1.5, "emotion": "sad"}]
    jobs = [{"portrait": "a.png", "text": "Hi [sad:0.5] you", "emotion": "happy", "strength": 0.5, "out": "a.mp4"}]
    sheet = b"portrait,text,emotion,source,strength,still,out\na.png,Hi,happy,label,0.5,yes,a.mp4\n"
    return {
        "picture": tuple((name, _picture(kind, mode, settings)) for name, kind, mode, settings in PICTURES),
        "sound": tuple((name, _sound(*row)) for name, *row in SOUNDS),
        "video": tuple((name, _video(*row)) for name, *row in VIDEOS),
        "motion": (("npz", motion),),
        "settings": (("json", options),),
        "timeline": (("json", json.dumps(rows).encode()),),
        "manifest": (("csv", sheet), ("json", json.dumps(jobs).encode())),
        "archive": (("zip", _archive(sheet)),),
    }


def _picture(kind: str, mode: str, settings: dict[str, Any]) -> bytes:
    y, x = np.mgrid[0:96, 0:80]
    colours = np.stack((x * 3, y * 2, (x * y) % 256), axis=2).astype(np.uint8)
    image = Image.fromarray(colours)
    image = Image.fromarray((x * 800).astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    if kind in WITH_EXIF:
        settings = settings | {"exif": exif}
    content = io.BytesIO()
    image.save(content, kind, **settings)
    return content.getvalue()


def _sound(container: str, codec: Any, rate: int) -> bytes:
    """Half a second of a tone in stereo."""
    tone = (0.3 * np.sin(np.arange(rate // 2) * 2 * np.pi * 220 / rate)).astype(np.float32)
    content = io.BytesIO()
    with av.open(content, "w", format=container) as file:
        stream: av.AudioStream = file.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([tone] * 2), format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        context = stream.codec_context
        fitting = av.AudioResampler(context.format, "stereo", rate, frame_size=context.frame_size or 1024)
        for piece in [*fitting.resample(frame), *fitting.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return content.getvalue()


def _video(container: str, codec: Any, pixels: str) -> bytes:
    """Twelve small frames."""
    content = io.BytesIO()
    with av.open(content, "w", format=container) as file:
        stream: av.VideoStream = file.add_stream(codec, rate=25, options=QUIET.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = 80, 64, pixels
        for index in range(12):
            image = np.full((64, 80, 3), (index * 20, 90, 200), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode(None))
    return content.getvalue()


def _archive(sheet: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", sheet)
        archive.writestr("films/a.png", _picture("PNG", "RGB", {}))
    return content.getvalue()
