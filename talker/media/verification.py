"""What a picture or film says about where it came from: metadata, invisible mark and signed manifest."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.media.animation import is_animation
from talker.media.image import load_image
from talker.media.manifest import read_manifest
from talker.media.provenance import MODELS, PICTURES, is_generated
from talker.media.video_reader import open_video
from talker.media.watermark_reader import MOST_FRAMES, Mark, find_mark
from talker.types import ByteArray

STILLS = {*PICTURES, ".heic", ".avif", ".bmp"} - {".gif"}


@dataclass(frozen=True)
class Evidence:
    """What was found in a file.

    metadata: it says itself that it is generated. mark: in its pixels. manifest: what C2PA's reader says of a signed
    one: `Trusted`, `Valid` (whole, by a signer whom nobody vouches for) or `Invalid`; empty where there is none.
    """

    metadata: bool
    mark: Mark | None
    manifest: str

    @property
    def is_generated(self) -> bool:
        """Whether anything says that Talker made it."""
        return self.metadata or self.mark is not None or bool(self.manifest)

    def describe(self) -> str:
        """All of it in sentences, one a line."""
        lines = ["Metadata: says that it is generated." if self.metadata else "Metadata: says nothing of Talker."]
        if self.mark is None:
            lines.append("Invisible mark: none found.")
        elif self.mark.payload is None:
            lines.append(f"Invisible mark: found (strength {self.mark.strength:.1f}), too damaged to be read.")
        else:
            payload = self.mark.payload
            made = datetime.datetime.fromtimestamp(60 * payload.minutes, datetime.UTC)
            model = MODELS[payload.model] if 0 < payload.model < len(MODELS) else "unnamed"
            lines.append(
                f"Invisible mark: found (strength {self.mark.strength:.1f}); made {made:%Y-%m-%d %H:%M} UTC by Talker "
                f"{payload.version // 16}.{payload.version % 16}, renderer {model}, settings {payload.settings.hex()}."
            )
        lines.append(f"C2PA manifest: {self.manifest.lower()}." if self.manifest else "C2PA manifest: none found.")
        return "\n".join(lines)


def verify(path: str | Path) -> Evidence:
    """Look for everything in a picture or film that says that it is generated.

    Raises ImageError or VideoError where the file can't be read.
    """
    path = Path(path)
    mark = find_mark(_frames(path))
    manifest = read_manifest(path)
    return Evidence(is_generated(path), mark, "" if manifest is None else str(manifest["validation_state"]))


def _frames(path: Path) -> Iterator[ByteArray]:
    """A still picture, or frames of a film or animation, evenly spread."""
    if path.suffix.lower() in STILLS and not (path.is_file() and is_animation(path)):
        return iter([load_image(path)])
    film = open_video(path)
    wanted = set(np.linspace(0, film.frame_count - 1, MOST_FRAMES).astype(int))
    return (frame for index, frame in enumerate(film) if index in wanted)
