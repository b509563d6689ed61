"""Films that grow while somebody speaks: pictures and sound as they come, in fragments that players read at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import av
import numpy as np

from talker.errors import VideoError
from talker.media.provenance import UNNAMED
from talker.media.video import FRAGMENTS, FilmWriter, check_video_path
from talker.types import ByteArray, FloatArray, SpeechClip, Video

LIVE_QUALITY = {"crf": "20", "preset": "ultrafast", "tune": "zerolatency"}


def write_fragments(
    frames: Iterable[tuple[ByteArray, FloatArray]], size: tuple[int, int], fps: float, rate: int, path: str | Path
) -> int:
    """Write pictures [H,W,3], which are marked already, each with its sound [n] at `rate` Hz, as they come; how many.

    size: (width, height) px. The file may be played while it grows; it stays, and is whole, when the frames end or the
    person interrupts them. VideoError when it can't be written.
    """
    path = Path(path)
    check_video_path(path)
    try:
        with av.open(str(path), "w", format="mp4", options=FRAGMENTS) as container:
            video = Video(iter(()), 0, fps, size, SpeechClip(np.zeros(0, np.float32), rate))
            writer = FilmWriter(container, video, None, LIVE_QUALITY)
            writer.picture.codec_context.gop_size = round(fps)
            with suppress(KeyboardInterrupt):
                for picture, sound in frames:
                    writer.add(picture, sound)
            if writer.frames:
                writer.finish()
        UNNAMED.seal(path)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"The video can't be written to {path} ({error}).") from error
    return writer.frames
