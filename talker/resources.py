"""Where the files lie that come with Talker: in the package once it is installed, beside it in the repository."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of something in `assets` or `checkpoints`, which a wheel carries inside the package."""
    installed = PACKAGE.joinpath(*parts)
    return installed if installed.exists() else PACKAGE.parent.joinpath(*parts)
