"""Films that are read: their frames, upright, streamed as often as wanted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from talker.errors import VideoError
from talker.files import existing_file
from talker.limits import MEDIA_BYTES, VIDEO_FRAMES, VIDEO_PIXELS, VIDEO_SECONDS
from talker.media.animation import frame_times, is_animation, read_animation
from talker.media.decoding import DECODER_ERRORS, is_readable, open_container
from talker.media.isolation import decoded, decoded_once
from talker.types import ByteArray, FloatArray

IRREGULAR = 0.3  # of the time between frames: a frame this far off its place in a constant rate is timed by itself
KEPT_SHARE = 0.95  # a file with fewer of the frames that its index promises is damaged
DEFAULT_RATE, MAX_RATE = 25.0, 1000.0  # frames per second of a film that doesn't say, and what can't be meant


@dataclass(frozen=True)
class VideoReader:
    """The frames of a video, upright; iterating streams them, as often as wanted.

    fps: frames per second of what is iterated.
    size: (width, height) px.
    times_s: [T] when each iterated frame is shown, from the first frame's time.
    sources: [T] which decoded frame each one is.
    note: what is wrong with the file; empty where it is whole.
    quarter_turns: counter-clockwise, that every frame is turned by beyond what the file itself asks for.
    """

    path: Path
    fps: float
    size: tuple[int, int]
    times_s: FloatArray
    sources: NDArray[np.intp]
    note: str = ""
    quarter_turns: int = 0

    def turned(self, quarter_turns: int) -> VideoReader:
        """The same film, turned counter-clockwise by quarters."""
        size = self.size[::-1] if quarter_turns % 2 else self.size
        return dataclasses.replace(self, size=size, quarter_turns=(self.quarter_turns + quarter_turns) % 4)

    @property
    def frame_count(self) -> int:
        """How many frames iterating gives."""
        return len(self.sources)

    @property
    def is_regular(self) -> bool:
        """Whether the frames come at a constant rate."""
        expected = np.arange(len(self.times_s)) / self.fps
        return bool(np.abs(self.times_s - expected).max() < IRREGULAR / self.fps)

    def __iter__(self) -> Iterator[ByteArray]:
        """The frames as [H,W,3] uint8; VideoError where not even the first can be decoded.

        The last frame stands in for those that a decoder swallows at the end, so that there are always `frame_count`.
        """
        repeats = np.bincount(self.sources, minlength=int(self.sources[-1]) + 1)
        given = 0
        for (image,), count in zip(decoded(read_frames, str(self.path), error=VideoError), repeats, strict=False):
            if self.quarter_turns:
                image = np.ascontiguousarray(np.rot90(image, self.quarter_turns))
            yield from repeat(image, count)
            given += count
        if given:
            yield from repeat(image, self.frame_count - given)


def read_frames(name: str) -> Iterator[tuple[ByteArray]]:
    """The decoded frames [H,W,3], upright: what a `VideoReader` hands to a decoder, which may run in a worker."""
    path, given = Path(name), 0
    try:
        if is_animation(path):
            yield from ((image,) for image in read_animation(path))
            return
        with open_container(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                given += 1
                yield (_upright(frame, (stream.width, stream.height)),)
    except DECODER_ERRORS as error:
        if not given:
            raise VideoError(f"{path.name} is damaged ({error}).") from error


def read_frame_at(name: str, seconds: float) -> Iterator[tuple[ByteArray, float]]:
    """The frame [H,W,3], upright, that is shown at `seconds`, and how long the film is (s): for `frame_at`."""
    path = Path(name)
    try:
        if is_animation(path):
            rate, _, _, times = frame_times(path)
            number = max(0, int(np.searchsorted(times, seconds, side="right")) - 1)
            yield next(islice(read_animation(path), number, None)), float(times[-1]) + 1 / rate
            return
        with open_container(path) as container:
            stream = _picture_stream(container, path)
            base, first = float(stream.time_base or 0), stream.start_time or 0
            length = float((container.duration or 0) / av.time_base)
            container.seek(first + round(seconds / max(base, 1e-9)), stream=stream)
            frame = None
            for frame in container.decode(stream):
                if frame.pts is None or (frame.pts - first) * base >= seconds - 1e-3:
                    break
            if frame is None:
                raise VideoError(f"{path.name} shows nothing at {seconds:.1f} s.")
            yield _upright(frame, (stream.width, stream.height)), length
    except DECODER_ERRORS as error:
        raise VideoError(f"{path.name} is damaged or not a video.") from error


def frame_at(path: str | Path, seconds: float) -> tuple[ByteArray, float]:
    """The frame [H,W,3] that a film shows at `seconds`, found without decoding all before it; and its length (s).

    Raises VideoError when the file can't be read.
    """
    path = existing_file(path, "video", error=VideoError, most_bytes=MEDIA_BYTES)
    image, length = decoded_once(read_frame_at, str(path), float(seconds), error=VideoError)
    return image, length


def open_video(path: str | Path, *, fps: float | None = None) -> VideoReader:
    """Look into a video without decoding it; with `fps`, its frames are repeated or left out to that constant rate.

    Raises VideoError when the file is missing, is not a video, holds no frame, or is larger or longer than
    `talker.limits` allows.
    """
    path = existing_file(path, "video", error=VideoError, most_bytes=MEDIA_BYTES)
    average, width, height, times, promised = decoded_once(read_film_facts, str(path), error=VideoError)
    note = ""
    if len(times) < KEPT_SHARE * promised:
        note = f"{path.name} is damaged: it breaks off after {len(times)} of {promised} frames, and is used so far."
    if fps is None:
        return VideoReader(path, average, (width, height), times, np.arange(len(times)), note)
    wanted = np.arange(max(1, round((times[-1] + 1 / average) * fps))) / fps
    # the frame that is on the screen at the middle of each wanted one
    sources = np.maximum(np.searchsorted(times, wanted + 0.5 / fps, side="right") - 1, 0)
    return VideoReader(path, fps, (width, height), wanted, sources, note)


def read_film_facts(name: str) -> Iterator[tuple[float, int, int, FloatArray, int]]:
    """Frames per second, width, height, times (s) of all frames, how many the file's index promises.

    This is what `open_video` hands to a decoder.
    """
    path = Path(name)
    try:
        if is_animation(path):
            average, width, height, times = frame_times(path)
            yield average, width, height, times, len(times)
            return
        with open_container(path) as container:
            stream = _picture_stream(container, path)
            average = float(stream.average_rate or 0)
            average = average if 0 < average <= MAX_RATE else DEFAULT_RATE
            first = _upright(next(container.decode(stream)), (stream.width, stream.height))
            times = _frame_times(container, stream, path)  # [N] s
        yield average, first.shape[1], first.shape[0], times, stream.frames
    except DECODER_ERRORS as error:
        raise VideoError(f"{path.name} is damaged or not a video.") from error


def _picture_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The first stream of pictures; VideoError where there is none that can be read, or its frames are too large."""
    if not container.streams.video:
        raise VideoError(f"{path.name} holds no picture; please choose a video.")
    stream = container.streams.video[0]
    if not is_readable(stream):
        raise VideoError(f"{path.name} holds a video in a form that can't be read; please save it as mp4 (H.264).")
    if stream.width * stream.height > VIDEO_PIXELS:
        raise VideoError(f"{path.name} is too large: {stream.width}×{stream.height} px; please use a smaller video.")
    return stream


def _frame_times(container: av.container.InputContainer, stream: av.VideoStream, path: Path) -> FloatArray:
    """When each frame is shown (s from the first), in the order of decoding them; VideoError when that is too long."""
    container.seek(0, stream=stream)
    stamps = []
    for packet in container.demux(stream):
        if packet.pts is not None and not packet.is_discard:
            stamps.append(packet.pts)
        if len(stamps) > VIDEO_FRAMES:
            raise VideoError(f"{path.name} has more than {VIDEO_FRAMES} frames; please cut it into parts.")
    seconds = np.sort(np.array(stamps, np.float64)) * float(stream.time_base or 0)
    if seconds[-1] - seconds[0] > VIDEO_SECONDS:
        raise VideoError(f"{path.name} is longer than {VIDEO_SECONDS / 60:g} minutes; please cut it into parts.")
    return seconds - seconds[0]


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> ByteArray:
    """A decoded frame as [H,W,3] uint8, scaled to the film's size, turned as the camera held it."""
    quarters = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24", width=size[0], height=size[1]), quarters))
