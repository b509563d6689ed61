"""Slow measurements are kept under a name that changes with whatever they depend on, so none is ever stale."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from talker import hub
from talker.media.files import replaced_when_done

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


def keep(path: Path, measured: Any) -> None:
    """Write a dataclass of arrays to a path of `kept`; whoever is interrupted leaves nothing half written there."""
    names = [field.name for field in dataclasses.fields(measured)]
    arrays: dict[str, Any] = {name: np.asarray(getattr(measured, name)) for name in names}
    with replaced_when_done(path) as scratch:
        np.savez(scratch, **arrays)


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `keep` wrote, by the names of their fields."""
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)
