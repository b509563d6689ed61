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
from talker.media.audio import fit_length
from talker.media.files import prepare_folder, replaced_when_done
from talker.media.provenance import GENERATED_MARK, UNNAMED, Provenance
from talker.types import ByteArray, FloatArray, Progress, SpeechClip, Video

QUALITY = {"crf": "17", "preset": "veryfast"}
SOUND_BITS_PER_SECOND = 160_000
KEPT_SHARE = 0.95  # a file with fewer of the frames that its index promises is damaged
FRAMES_IN_FLIGHT = 8  # between the renderer and the encoder's thread
BT709 = 1  # the number that H.264 gives to ITU-R BT.709 primaries, transfer and matrix
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def write_video(
    video: Video, path: str | Path, progress: Progress | None = None, provenance: Provenance = UNNAMED
) -> None:
    """Write H.264 (yuv420p, faststart) with AAC sound; the sound is cut or padded to the picture's length.

    Frames with an odd width or height are padded by repeating their last column or row. The file appears only when
    it is complete: after an error, or a `CancelledError` raised from `progress`, there is none.

    Raises VideoError when the name doesn't end in .mp4 or the file can't be written.
    """
    path = Path(path)
    check_video_path(path)
    try:
        with replaced_when_done(path) as scratch:
            _encode(video, scratch, progress, provenance)
            provenance.seal(scratch)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"The video can't be written to {path} ({error}).") from error


def check_video_path(path: str | Path) -> None:
    """VideoError or InputError, before any work is done, when no mp4 can have this name."""
    if Path(path).suffix.lower() != ".mp4":
        raise VideoError(f"{path} can't be written: the name of the video must end in .mp4.")
    prepare_folder(Path(path))


def _encode(video: Video, path: Path, progress: Progress | None, provenance: Provenance) -> None:
    """Encode in a thread of its own while the next frames are rendered in this one."""
    pending: deque[Future[None]] = deque()
    with (
        av.open(str(path), "w", options={"movflags": "+faststart"}) as container,
        ThreadPoolExecutor(1, "encoder") as thread,
    ):
        writer = _Writer(container, video, provenance)
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

    def __init__(self, container: av.container.OutputContainer, video: Video, provenance: Provenance) -> None:
        self.container = container
        self.fps = Fraction(video.fps).limit_denominator(1001)
        self.frames = 0
        container.metadata["comment"] = GENERATED_MARK
        width, height = (side + side % 2 for side in video.size)
        self.marker = provenance.marker((width, height))
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
        """Encode the next frame and the sound up to its end."""
        rows, columns = (self.picture.height - image.shape[0], self.picture.width - image.shape[1])
        padded = np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else image
        marked = np.ascontiguousarray(padded) if self.marker is None else self.marker.add(padded)
        frame = av.VideoFrame.from_ndarray(marked, format="rgb24")
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
        given = 0
        repeats = np.bincount(self.sources, minlength=int(self.sources[-1]) + 1)
        try:
            with av.open(str(self.path)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                for frame, count in zip(container.decode(stream), repeats, strict=False):
                    if count:
                        image = _upright(frame)
                        yield from repeat(image, count)
                        given += count
                if given:
                    yield from repeat(image, self.frame_count - given)
        except av.FFmpegError as error:
            raise VideoError(f"{self.path.name} is damaged ({error}).") from error


def open_video(path: str | Path, *, fps: float | None = None) -> VideoReader:
    """Look into a video without decoding it; with `fps`, its frames are repeated or left out to that constant rate.

    Raises VideoError when the file is missing, is not a video or holds no frame.
    """
    path = Path(path)
    if not path.is_file():
        raise VideoError(f"There is no video file {path}.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise VideoError(f"{path.name} holds no picture; please choose a video.")
            stream = container.streams.video[0]
            first = _upright(next(container.decode(stream)))
            times = _frame_times(container, stream)  # [N] s
            average = float(stream.average_rate or 25)
            if len(times) < KEPT_SHARE * stream.frames:
                raise VideoError(f"{path.name} is damaged: it breaks off after {len(times)} of {stream.frames} frames.")
    except (av.FFmpegError, StopIteration, ValueError) as error:
        raise VideoError(f"{path.name} is damaged or not a video.") from error
    size = (first.shape[1], first.shape[0])
    if fps is None:
        return VideoReader(path, average, size, times, np.arange(len(times)))
    wanted = np.arange(max(1, round((times[-1] + 1 / average) * fps))) / fps
    # the frame that is on the screen at the middle of each wanted one
    sources = np.maximum(np.searchsorted(times, wanted + 0.5 / fps, side="right") - 1, 0)
    return VideoReader(path, fps, size, wanted, sources)


def _frame_times(container: av.container.InputContainer, stream: av.VideoStream) -> FloatArray:
    """When each frame is shown (s from the first), in the order of decoding them."""
    container.seek(0, stream=stream)
    stamps = [packet.pts for packet in container.demux(stream) if packet.pts is not None and not packet.is_discard]
    seconds = np.sort(np.array(stamps, np.float64)) * float(stream.time_base or 0)
    return seconds - seconds[0]


def _upright(frame: av.VideoFrame) -> ByteArray:
    """A decoded frame as [H,W,3] uint8, turned as the camera held it."""
    quarters = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), quarters))
