"""Slow measurements are stored in the cache folder under a name, a version set by hand and the files measured.

Whoever changes what a measurement gives raises its version; renaming or moving code does not.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from talker.errors import ARCHIVE_ERRORS, AssetError
from talker.files import replaced_when_done
from talker.weights.store import cache_folder


def cache_path(name: str, version: int, measured: Iterable[Path] = ()) -> Path:
    """`name`-v`version`[-digest of the contents of the `measured` files].npz in the cache folder."""
    digest = hashlib.sha256()
    files = list(measured)
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    suffix = f"-{digest.hexdigest()[:12]}" if files else ""
    return cache_folder() / f"{name}-v{version}{suffix}.npz"


def save(path: Path, measured: Any) -> None:
    """Write a dataclass of arrays to a path of `cache_path`; an interrupted write leaves no file."""
    names = [field.name for field in dataclasses.fields(measured)]
    arrays: dict[str, Any] = {name: np.asarray(getattr(measured, name)) for name in names}
    with replaced_when_done(path) as scratch:
        np.savez(scratch, **arrays)


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `save` wrote, by the names of their fields. Raises AssetError for a damaged file."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except ARCHIVE_ERRORS as error:
        raise AssetError(f"The stored measurement {path} is damaged ({error}); please delete it.") from error
