"""Where slow measurements are kept: under a name that changes with whatever they depend on, so none is ever stale."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from talker import hub

PACKAGE = Path(hub.__file__).parent


def kept(name: str, depends_on: Iterable[Path | str]) -> Path:
    """`name`-<digest>.npz in the cache folder.

    depends_on: files, or folders of Python files, of the package (as strings relative to it) or of the data.
    """
    digest = hashlib.sha256()
    for place in depends_on:
        path = PACKAGE / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.name.encode() + file.read_bytes())
    return hub.cache_folder() / f"{name}-{digest.hexdigest()[:12]}.npz"


def keep(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays to a path of `kept`; whoever is interrupted leaves nothing half written there."""
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)
