"""Videos out, streamed frame by frame, and videos in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from talker.errors import VideoError
from talker.files import existing_file, prepare_folder, replaced_when_done
from talker.limits import MEDIA_BYTES, VIDEO_FRAMES, VIDEO_PIXELS, VIDEO_SECONDS
from talker.media.audio import fit_length
from talker.media.decoding import DECODER_ERRORS, is_readable, open_container
from talker.media.isolation import decoded, decoded_once
from talker.media.provenance import GENERATED_MARK
from talker.types import ByteArray, FloatArray, Progress, SpeechClip, Video

QUALITY = {"crf": "17", "preset": "veryfast"}
SOUND_BITS_PER_SECOND = 160_000
KEPT_SHARE = 0.95  # a file with fewer of the frames that its index promises is damaged
FRAMES_IN_FLIGHT = 8  # between the renderer and the encoder's thread
BT709 = 1  # the number that H.264 gives to ITU-R BT.709 primaries, transfer and matrix
DEFAULT_RATE, MAX_RATE = 25.0, 1000.0  # frames per second of a film that doesn't say, and what can't be meant
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def write_video(video: Video, path: str | Path, progress: Progress | None = None) -> None:
    """Write H.264 (yuv420p, faststart) with AAC sound; the sound is cut or padded to the picture's length.

    Frames with an odd width or height are padded by repeating their last column or row. The file appears only when
    it is complete: after an error, or a `CancelledError` raised from `progress`, there is none.

    Raises VideoError when the name doesn't end in .mp4 or the file can't be written.
    """
    path = Path(path)
    check_video_path(path)
    try:
        with replaced_when_done(path) as scratch:
            _encode(video, scratch, progress)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"The video can't be written to {path} ({error}).") from error


def check_video_path(path: str | Path) -> None:
    """VideoError or InputError, before any work is done, when no mp4 can have this name."""
    if Path(path).suffix.lower() != ".mp4":
        raise VideoError(f"{path} can't be written: the name of the video must end in .mp4.")
    prepare_folder(Path(path))


def _encode(video: Video, path: Path, progress: Progress | None) -> None:
    """Encode in a thread of its own while the next frames are rendered in this one."""
    pending: deque[Future[None]] = deque()
    with (
        av.open(str(path), "w", options={"movflags": "+faststart"}) as container,
        ThreadPoolExecutor(1, "encoder") as thread,
    ):
        writer = _Writer(container, video)
        for index, frame in enumerate(video.frames):
            pending.append(thread.submit(writer.add, frame))
            if len(pending) > FRAMES_IN_FLIGHT:
                pending.popleft().result()
            if progress is not None:
                progress(index + 1, video.frame_count)
        for future in pending:
            future.result()
        writer.finish()


class _Writer:
    """An open mp4 that takes one frame after the other, each with the sound that belongs to it."""

    def __init__(self, container: av.container.OutputContainer, video: Video) -> None:
        self.container = container
        self.broken = False  # after a failed write FFmpeg must not be handed more: it would crash
        self.fps = Fraction(video.fps).limit_denominator(1001)
        self.frames = 0
        container.metadata["comment"] = GENERATED_MARK
        width, height = (side + side % 2 for side in video.size)
        self.picture = container.add_stream("libx264", rate=self.fps, options=QUALITY)
        self.picture.width, self.picture.height, self.picture.pix_fmt = width, height, "yuv420p"
        context = self.picture.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = ColorRange.MPEG
        self.speech = video.speech
        self.sound_written = 0
        if self.speech is not None:
            rate = next((rate for rate in AAC_RATES if rate >= self.speech.sample_rate), AAC_RATES[-1])
            self.sound = container.add_stream("aac", rate=rate, layout="mono", bit_rate=SOUND_BITS_PER_SECOND)
            self.resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)

    def add(self, image: ByteArray) -> None:
        """Encode the next frame and the sound up to its end; nothing after an earlier frame has failed."""
        if self.broken:
            return
        self.broken = True
        self._add(image)
        self.broken = False

    def _add(self, image: ByteArray) -> None:
        rows, columns = (self.picture.height - image.shape[0], self.picture.width - image.shape[1])
        padded = np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else image
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base = self.frames, 1 / self.fps
        self.container.mux(self.picture.encode(frame))
        self.frames += 1
        if self.speech is not None:
            self._add_sound(self.speech, round(self.frames / self.fps * self.speech.sample_rate))

    def _add_sound(self, speech: SpeechClip, end: int) -> None:
        """Encode the samples up to `end`, as silence where the speech is over."""
        piece = fit_length(speech.samples[self.sound_written : end], end - self.sound_written)
        frame = av.AudioFrame.from_ndarray(piece[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = speech.sample_rate
        frame.pts, frame.time_base = self.sound_written, Fraction(1, speech.sample_rate)
        self.sound_written = end
        for resampled in self.resampler.resample(frame):
            self.container.mux(self.sound.encode(resampled))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        self.container.mux(self.picture.encode(None))
        if self.speech is not None:
            for resampled in self.resampler.resample(None):
                self.container.mux(self.sound.encode(resampled))
            self.container.mux(self.sound.encode(None))


@dataclass(frozen=True)
class VideoReader:
    """The frames of a video, upright; iterating streams them, as often as wanted.

    fps: frames per second of what is iterated.
    size: (width, height) px.
    times_s: [T] when each iterated frame is shown, from the first frame's time.
    sources: [T] which decoded frame each one is.
    """

    path: Path
    fps: float
    size: tuple[int, int]
    times_s: FloatArray
    sources: NDArray[np.intp]

    @property
    def frame_count(self) -> int:
        """How many frames iterating gives."""
        return len(self.sources)

    def __iter__(self) -> Iterator[ByteArray]:
        """The frames as [H,W,3] uint8; VideoError where the file is damaged.

        The last frame stands in for those that a decoder swallows at the end, so that there are always `frame_count`.
        """
        repeats = np.bincount(self.sources, minlength=int(self.sources[-1]) + 1)
        given = 0
        for (image,), count in zip(decoded(read_frames, str(self.path), error=VideoError), repeats, strict=False):
            yield from repeat(image, count)
            given += count
        if given:
            yield from repeat(image, self.frame_count - given)


def read_frames(name: str) -> Iterator[tuple[ByteArray]]:
    """The decoded frames [H,W,3], upright: what a `VideoReader` hands to a decoder, which may run in a worker."""
    path = Path(name)
    try:
        with open_container(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                yield (_upright(frame, (stream.width, stream.height)),)
    except DECODER_ERRORS as error:
        raise VideoError(f"{path.name} is damaged ({error}).") from error


def open_video(path: str | Path, *, fps: float | None = None) -> VideoReader:
    """Look into a video without decoding it; with `fps`, its frames are repeated or left out to that constant rate.

    Raises VideoError when the file is missing, is not a video, holds no frame, or is larger or longer than
    `talker.limits` allows.
    """
    path = existing_file(path, "video", error=VideoError, most_bytes=MEDIA_BYTES)
    average, width, height, times = decoded_once(read_film_facts, str(path), error=VideoError)
    if fps is None:
        return VideoReader(path, average, (width, height), times, np.arange(len(times)))
    wanted = np.arange(max(1, round((times[-1] + 1 / average) * fps))) / fps
    # the frame that is on the screen at the middle of each wanted one
    sources = np.maximum(np.searchsorted(times, wanted + 0.5 / fps, side="right") - 1, 0)
    return VideoReader(path, fps, (width, height), wanted, sources)


def read_film_facts(name: str) -> Iterator[tuple[float, int, int, FloatArray]]:
    """Frames per second, width, height and times (s) of all frames: what `open_video` hands to a decoder."""
    path = Path(name)
    try:
        with open_container(path) as container:
            stream = _picture_stream(container, path)
            average = float(stream.average_rate or 0)
            average = average if 0 < average <= MAX_RATE else DEFAULT_RATE
            first = _upright(next(container.decode(stream)), (stream.width, stream.height))
            times = _frame_times(container, stream, path)  # [N] s
            if len(times) < KEPT_SHARE * stream.frames:
                raise VideoError(f"{path.name} is damaged: it breaks off after {len(times)} of {stream.frames} frames.")
        yield average, first.shape[1], first.shape[0], times
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
