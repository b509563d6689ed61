"""What may be opened at all: containers and codecs by allow-list; and what decoders raise for broken files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
from PIL import ImageCms

# FFmpeg's demuxers and decoders for what the README promises; hundreds of others stay shut. Playlists and formats that
# name other files (hls, dash, concat, image sequences) are not among them, and only local files can be opened.
SOUND_CONTAINERS = ("wav", "w64", "mp3", "aac", "flac", "ogg", "aiff", "caf", "au", "amr", "ac3", "eac3")
VIDEO_CONTAINERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "gif")
SOUND_CODECS = (
    "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le",
    "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "mp3",
    "mp3float", "mp2", "mp2float", "aac", "aac_latm", "flac", "alac", "vorbis", "libvorbis", "opus", "libopus", "amrnb",
    "amrwb", "libopencore_amrnb", "libopencore_amrwb", "ac3", "eac3", "dca", "truehd", "wmav1", "wmav2", "wmapro",
)  # fmt: skip
VIDEO_CODECS = (
    "h264", "hevc", "vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d", "libaom-av1", "mpeg4", "mpeg1video",
    "mpeg2video", "mjpeg", "h263", "theora", "flv", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1", "prores",
    "dnxhd", "rawvideo", "ffv1", "gif",
)  # fmt: skip
OPTIONS = {
    "format_whitelist": ",".join((*SOUND_CONTAINERS, *VIDEO_CONTAINERS)),
    "codec_whitelist": ",".join((*SOUND_CODECS, *VIDEO_CODECS)),
    "protocol_whitelist": "file",
}
# Decoders that are handed damaged files raise all of these, not only the errors of their own kind.
DECODER_ERRORS: tuple[type[Exception], ...] = (
    av.FFmpegError, OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    RuntimeError, AssertionError, MemoryError, StopIteration, BufferError, struct.error, zlib.error,
    ImageCms.PyCMSError,
)  # fmt: skip


def open_container(path: Path) -> av.container.InputContainer:
    """A sound or video file that is on the allow-list, as a context; av.FFmpegError for every other."""
    return av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace")


def is_readable(stream: av.AudioStream | av.VideoStream) -> bool:
    """Whether the stream's codec is known and on the allow-list."""
    context = stream.codec_context
    return context is not None and context.name in (*SOUND_CODECS, *VIDEO_CODECS)
