"""What one video of a batch shall be."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from talker.emotion.resolve import Emotion, EmotionRequest
from talker.options import SpeakOptions


@dataclass(frozen=True)
class Job:
    """One row: whom to animate, what to say (a text or a file), the emotion, the settings and the video's name.

    source: a name in `SOURCES` that says what `emotion` is; empty for a label or a description.
    """

    portrait: Path
    text: str | None
    speech: Path | None
    voice: str
    emotion: str
    source: str
    options: SpeakOptions
    out: str

    def requested(self) -> Emotion:
        """What `Talker.speak` takes as the emotion."""
        return EmotionRequest(self.source, self.emotion) if self.source else self.emotion

    def digest(self) -> str:
        """The same as long as the row and the files that it reads are the same."""
        files = [Path(given) for given in self.inputs() if given and os.path.isfile(given)]
        known = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.sha256(repr((self, known)).encode()).hexdigest()

    def inputs(self) -> list[str | Path | None]:
        """The files that it reads; a label or a description is none, and does no harm among them."""
        return [self.portrait, self.speech, self.emotion]
