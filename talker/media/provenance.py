"""Every video that Talker writes says about itself that it is generated."""

from __future__ import annotations

from pathlib import Path

import av

GENERATED_MARK = "Generated with Talker: an animated portrait. The person shown did not say or do this."


def is_generated(path: str | Path) -> bool:
    """Whether a video carries Talker's mark; false for everything that can't be read as a video."""
    try:
        with av.open(str(path)) as container:
            return GENERATED_MARK in container.metadata.values()
    except (av.FFmpegError, OSError):
        return False
