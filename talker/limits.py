"""How much of everything Talker takes, in one table.

The numbers keep one request within a few gigabytes and minutes; docs/limits.md lists them for users.
"""

from __future__ import annotations

from talker.errors import InputError

# Pictures, in pixels
PICTURE_MIN_SIDE = 64
PICTURE_PIXELS = 100_000_000  # of a picture that is decoded whole
JPEG_PIXELS = 250_000_000  # of a JPEG, which can be decoded at an eighth of its size
WORKING_PIXELS = 25_000_000  # larger pictures are made smaller while they are read
MACROBLOCKS = 36_864  # 16×16 px in a frame, and
MACROBLOCKS_PER_SECOND = 983_040  # in a second: H.264 level 5.1, the highest that common players decode
FILM_BYTES, FILM_BYTES_PER_PIXEL = 300_000_000, 130  # memory of a film: measured, with 2 threads drawing
# Sound
SOUND_SECONDS = 600.0
SOUND_MIN_SECONDS = 0.1
SOUND_RATES = (4_000, 768_000)  # Hz, lowest and highest
SOUND_CHANNELS = 64
SOUND_TRACKS = 16
LIVE_SECONDS = 600.0  # of one visitor's face in the page's tab "Live"; then others may have the seat
# Videos that are read
VIDEO_SECONDS = 600.0
VIDEO_FRAMES = 36_000  # 600 s at 60 frames per second
VIDEO_PIXELS = 36_000_000  # in a frame; 8K has 33 million
# Files, in bytes
PICTURE_BYTES = 200_000_000
MEDIA_BYTES = 2_000_000_000
TEXT_FILE_BYTES = 1_000_000  # settings, timelines, manifests
JOBS_BYTES = 100_000_000  # of a jsonl of jobs
MOTION_BYTES = 100_000_000  # of a motion file and of each array in it
ARCHIVE_BYTES = 2_000_000_000  # of an unpacked zip
ARCHIVE_FILES = 2_000
# Decoders in workers of their own
DECODER_SECONDS = 60.0  # until the next answer: a picture, a whole sound, or a frame of a video
DECODER_BYTES = 4_000_000_000  # address space of a worker
# Texts, in characters, and rows
SPOKEN_CHARACTERS = 10_000
EMOTION_CHARACTERS = 2_000
TIMELINE_ROWS = 1_000
MANIFEST_ROWS = 200  # of a batch on the page
BATCH_ROWS = 100_000  # of one on the command line


def check_characters(text: str, what: str, most: int, *, error: type[InputError] = InputError) -> None:
    """Raise `error` when a text is longer than `most` characters."""
    if len(text) > most:
        raise error(f"{what} has {len(text)} characters; at most {most} can be used. Please shorten it.")


def film_scale(width: int, height: int, fps: float) -> float:
    """By how much frames of `width`×`height` px must be scaled (at most 1) to fit H.264 level 5.1 at `fps`."""
    most = min(MACROBLOCKS, MACROBLOCKS_PER_SECOND / fps)
    scale = 1.0
    while _macroblocks(width * scale, height * scale) > most:
        scale *= min(0.995, (most / _macroblocks(width * scale, height * scale)) ** 0.5)
    return scale


def _macroblocks(width: float, height: float) -> int:
    return -int(-width // 16) * -int(-height // 16)
