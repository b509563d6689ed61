"""Films that are written, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.video.reformatter import ColorRange

from talker.breaks import take_break
from talker.errors import VideoError
from talker.files import prepare_folder, replaced_when_done
from talker.media.audio import fit_length
from talker.media.provenance import GENERATED_MARK, UNNAMED, Provenance
from talker.media.remux import with_sound_of
from talker.media.yuv import yuv420
from talker.types import ByteArray, FloatArray, Progress, Video

# measured on talking films: the luma's PSNR of `veryfast` at 60 % of its processor time, for files 15 % larger;
# macroblock trees, which `superfast` leaves out, halve its files
QUALITY = {"crf": "17", "preset": "superfast", "x264-params": "mbtree=1:rc-lookahead=10"}
WHOLE = {"movflags": "+faststart"}
FRAGMENTS = {"movflags": "+frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
SOUND_BITS_PER_SECOND = 160_000
FRAMES_IN_FLIGHT = 8  # between the renderer and the encoder's thread
SOUND_AFTER_S = 0.5
FINE_TIME = Fraction(1, 90_000)  # s, in which frames are timed that don't come at a constant rate
BT709 = 1  # the number that H.264 gives to ITU-R BT.709 primaries, transfer and matrix
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def write_video(
    video: Video, path: str | Path, progress: Progress | None = None, provenance: Provenance = UNNAMED, *,
    fragmented: bool = False,
) -> None:  # fmt: skip
    """Write H.264 (yuv420p, faststart) with AAC sound; the sound is cut or padded to the picture's length.

    Frames with an odd width or height are padded by repeating their last column or row. The file appears only when
    it is complete: after an error, or a `CancelledError` raised from `progress`, there is none.

    fragmented: the file is there at once and grows by a fragment a second, so that players start before it is complete.

    Raises VideoError when the name doesn't end in .mp4 or the file can't be written.
    """
    path = Path(path)
    check_video_path(path)
    try:
        with growing(path) if fragmented else replaced_when_done(path) as scratch:
            if video.sound_from is None:
                _encode(video, scratch, progress, provenance, fragmented)
            else:
                with TemporaryDirectory(prefix=".talker-", dir=path.parent) as folder:
                    pictures = Path(folder) / "pictures.mp4"
                    _encode(video, pictures, progress, provenance)
                    with_sound_of(video.sound_from, pictures, scratch, _length_s(video))
            provenance.seal(scratch)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"The video can't be written to {path} ({error}).") from error


def check_video_path(path: str | Path) -> None:
    """VideoError or InputError, before any work is done, when no mp4 can have this name."""
    if Path(path).suffix.lower() != ".mp4":
        raise VideoError(f"{path} can't be written: the name of the video must end in .mp4.")
    prepare_folder(Path(path))


@contextmanager
def growing(path: Path) -> Iterator[Path]:
    """The path of a file that others may read while it is written; it is removed when the block fails."""
    done = False
    try:
        yield path
        done = True
    finally:
        if not done:
            path.unlink(missing_ok=True)


def _encode(
    video: Video, path: Path, progress: Progress | None, provenance: Provenance, fragmented: bool = False
) -> None:
    """Encode in a thread of its own while the next frames are rendered in this one."""
    pending: deque[Future[None]] = deque()
    with (
        av.open(str(path), "w", format="mp4", options=FRAGMENTS if fragmented else WHOLE) as container,
        ThreadPoolExecutor(1, "encoder") as thread,
    ):
        writer = FilmWriter(container, video, provenance)
        if fragmented:
            writer.picture.codec_context.gop_size = round(video.fps)  # a fragment begins with each key frame
        for index, frame in enumerate(video.frames):
            pending.append(thread.submit(writer.add, frame))
            if len(pending) > FRAMES_IN_FLIGHT:
                pending.popleft().result()
            if progress is not None:
                progress(index + 1, video.frame_count)
            take_break()
        for future in pending:
            future.result()
        writer.finish()


def _length_s(video: Video) -> float:
    """Of the sound that may be copied: films' own often ends a little after the picture."""
    if video.times_s is None:
        return video.frame_count / video.fps + SOUND_AFTER_S
    return float(video.times_s[-1]) + 1.0 / video.fps + SOUND_AFTER_S


class FilmWriter:
    """An open mp4 that takes one frame after the other, each with the sound that belongs to it."""

    def __init__(
        self, container: av.container.OutputContainer, video: Video, provenance: Provenance | None,
        quality: dict[str, str] = QUALITY,
    ) -> None:  # fmt: skip
        self.container = container
        self.broken = False  # after a failed write FFmpeg must not be handed more: it would crash
        self.fps = Fraction(video.fps).limit_denominator(1001)
        self.frames = 0
        container.metadata["comment"] = GENERATED_MARK
        width, height = (side + side % 2 for side in video.size)
        self.marker = provenance.marker((width, height)) if provenance is not None else None
        self.picture = container.add_stream("libx264", rate=self.fps, options=quality)
        self.picture.width, self.picture.height, self.picture.pix_fmt = width, height, "yuv420p"
        context = self.picture.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = ColorRange.MPEG
        self.times_s = video.times_s
        if self.times_s is not None:
            context.time_base = FINE_TIME
        self.speech = video.speech
        self.sound_written = 0
        if self.speech is not None:
            rate = next((rate for rate in AAC_RATES if rate >= self.speech.sample_rate), AAC_RATES[-1])
            self.sound = container.add_stream("aac", rate=rate, layout="mono", bit_rate=SOUND_BITS_PER_SECOND)
            self.resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)

    def add(self, image: ByteArray, sound: FloatArray | None = None) -> None:
        """Encode the next frame and the sound up to its end; nothing after an earlier frame has failed.

        sound: [n] of this frame; by default from the video's speech.
        """
        if self.broken:
            return
        self.broken = True
        self._add(image)
        if self.speech is not None:
            end = round(self.frames / self.fps * self.speech.sample_rate)
            if sound is None:  # silence where the speech is over
                sound = fit_length(self.speech.samples[self.sound_written : end], end - self.sound_written)
            self._add_sound(sound, self.speech.sample_rate)
        self.broken = False

    def _add(self, image: ByteArray) -> None:
        rows, columns = (self.picture.height - image.shape[0], self.picture.width - image.shape[1])
        padded = np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else image
        frame = yuv420(padded, self.marker)
        if self.times_s is None:
            frame.pts, frame.time_base = self.frames, 1 / self.fps
        else:
            frame.pts, frame.time_base = round(float(self.times_s[self.frames]) / FINE_TIME), FINE_TIME
        self.container.mux(self.picture.encode(frame))
        self.frames += 1

    def _add_sound(self, samples: FloatArray, rate: int) -> None:
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate
        frame.pts, frame.time_base = self.sound_written, Fraction(1, rate)
        self.sound_written += len(samples)
        for resampled in self.resampler.resample(frame):
            self.container.mux(self.sound.encode(resampled))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        self.container.mux(self.picture.encode(None))
        if self.speech is not None:
            for resampled in self.resampler.resample(None):
                self.container.mux(self.sound.encode(resampled))
            self.container.mux(self.sound.encode(None))
