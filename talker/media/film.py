"""Films made of films, with MoviePy: several side by side, and short previews for pages that show no video."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from moviepy import ColorClip, CompositeVideoClip, TextClip, VideoClip, VideoFileClip, clips_array
from PIL import Image

from talker.breaks import take_break
from talker.errors import VideoError
from talker.files import replaced_when_done
from talker.media.provenance import GENERATED_MARK, UNNAMED
from talker.media.watermark import Marker
from talker.media.watermark_reader import MOST_FRAMES, find_mark
from talker.types import ByteArray

PREVIEW_FPS = 12.0
TITLE_PX = 22  # height of the letters
FORMAT = ["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-metadata", f"comment={GENERATED_MARK}"]


def write_grid(films: Sequence[tuple[str, Path]], path: str | Path, *, columns: int, height: int = 320) -> None:
    """Play films (title, path) at the same time in a grid of `columns`, each `height` px high, with the first's sound.

    Raises VideoError when a film can't be read or the result can't be written.
    """
    path = Path(path)
    try:
        with ExitStack() as opened, replaced_when_done(path) as scratch:
            clips = [opened.enter_context(VideoFileClip(str(film))) for _, film in films]
            cells = [_titled(clip.resized(height=height), title) for clip, (title, _) in zip(clips, films, strict=True)]
            empty = ColorClip(cells[0].size, (0, 0, 0), duration=clips[0].duration)
            cells += [empty] * (-len(cells) % columns)
            rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
            grid = clips_array(rows).with_audio(clips[0].audio)
            marker = UNNAMED.marker(grid.size)
            grid = grid.image_transform(functools.partial(_finished, marker=marker))
            grid.write_videofile(
                str(scratch),
                fps=clips[0].fps,
                codec="libx264",
                audio_codec="aac",
                preset="veryfast",
                ffmpeg_params=FORMAT,
                temp_audiofile_path=str(scratch.parent),
                logger=None,
            )
            UNNAMED.seal(scratch)
    except OSError as error:
        raise VideoError(f"The film {path} can't be made ({error}).") from error


def write_preview(film: str | Path, path: str | Path, *, seconds: float = 4.0, height: int = 240) -> None:
    """Write the beginning of a film as a silent, looping GIF or WebP; VideoError when that is not possible."""
    path = Path(path)
    try:
        with VideoFileClip(str(film)) as whole, replaced_when_done(path) as scratch:
            clip = whole.subclipped(0, min(seconds, whole.duration)).resized(height=height)
            marker = _marker_again(whole, (clip.w, clip.h))
            small = clip.iter_frames(fps=PREVIEW_FPS, dtype="uint8")
            frames = [Image.fromarray(_finished(frame, marker)) for frame in small]
            duration_ms = round(1000 / PREVIEW_FPS)
            metadata = UNNAMED.for_pillow(path.suffix.lower())
            frames[0].save(scratch, save_all=True, append_images=frames[1:], duration=duration_ms, loop=0, **metadata)
            UNNAMED.seal(scratch)
    except (OSError, ValueError) as error:
        raise VideoError(f"The preview {path} can't be made ({error}).") from error


def _marker_again(film: VideoFileClip, size: tuple[int, int]) -> Marker | None:
    """What puts a film's own mark anew into its frames, scaled to `size` (width, height) px and encoded once more."""
    mark = find_mark(itertools.islice(film.iter_frames(fps=PREVIEW_FPS, dtype="uint8"), MOST_FRAMES))
    return None if mark is None or mark.payload is None else Marker(size, mark.payload)


def _finished(frame: ByteArray, marker: Marker | None) -> ByteArray:
    """A frame of a grid or a preview with its mark."""
    take_break()
    return frame if marker is None else marker.add(frame.astype(np.uint8))


def _titled(clip: VideoClip, title: str) -> VideoClip:
    """The clip with its title on a dark strip over its upper edge; odd sizes are made even, as H.264 wants them."""
    even = clip.cropped(width=clip.w // 2 * 2, height=clip.h // 2 * 2, x1=0, y1=0)
    words = TextClip(text=title, font_size=TITLE_PX, color="white", bg_color="#202020", margin=(8, 3, 8, 11))
    return CompositeVideoClip([even, words.with_duration(even.duration).with_position(("left", "top"))])
