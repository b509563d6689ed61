"""Files of the user: what is read is checked before anything trusts it, what is written never replaces what is read."""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from talker.errors import ARCHIVE_ERRORS, InputError
from talker.limits import MOTION_BYTES, TEXT_FILE_BYTES

MOST_ARRAYS = 64  # in one .npz
NPY_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def existing_file(path: str | Path, kind: str, *, error: type[InputError] = InputError, most_bytes: int) -> Path:
    """The path of a regular file that is there and no larger than `most_bytes`.

    kind: what it is to the user, such as "picture". Raises `error` for everything else, folders and devices too.
    """
    path = Path(path)
    try:
        status = path.stat()
    except PermissionError as cause:
        raise error(f"The {kind} file {path} can't be read: permission denied.") from cause
    except (OSError, ValueError) as cause:  # a ValueError is a name with a NUL in it
        raise error(f"There is no {kind} file {str(path)[:200]!r}.") from cause
    if not stat.S_ISREG(status.st_mode):
        raise error(f"There is no {kind} file {path}: it is a folder or a device.")
    if status.st_size > most_bytes:
        raise error(f"{path.name} is too large: {status.st_size / 1e6:.0f} MB; at most {most_bytes / 1e6:.0f} MB.")
    return path


def read_text(path: str | Path, kind: str, *, error: type[InputError] = InputError) -> str:
    """The text of a small UTF-8 file, with or without a byte order mark; `error` names what is wrong with it."""
    path = existing_file(path, kind, error=error, most_bytes=TEXT_FILE_BYTES)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as cause:
        raise error(f"The {kind} file {path.name} is not text in UTF-8; please save it as UTF-8.") from cause
    except OSError as cause:
        raise error(f"The {kind} file {path.name} can't be read ({cause}).") from cause


def read_json(path: str | Path, kind: str, *, error: type[InputError] = InputError) -> Any:
    """What a small JSON file holds; `error` where it is no JSON, nests too deep or holds NaN or infinity."""
    text = read_text(path, kind, error=error)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        reason = "it is nested too deep" if isinstance(cause, RecursionError) else str(cause)
        raise error(f"The {kind} file {Path(path).name} is not valid JSON ({reason}).") from cause


def load_arrays(path: str | Path, kind: str, *, error: type[InputError] = InputError) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz`, whose shapes are checked before memory is asked for; `error` for anything else."""
    path = existing_file(path, kind, error=error, most_bytes=MOTION_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS or sum(member.file_size for member in members) > MOTION_BYTES:
                raise ValueError(f"it unpacks to more than {MOTION_BYTES / 1e6:.0f} MB")
            return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
    except ARCHIVE_ERRORS as cause:
        raise error(f"{path} is not a {kind} file that Talker saved ({cause}).") from cause


@contextmanager
def replaced_when_done(path: Path) -> Iterator[Path]:
    """A scratch file with the same suffix that takes the place of `path` when the block ends without an error.

    The folder is made when it is missing. Raises OSError when nothing can be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".talker-", suffix=path.suffix)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o644)  # mkstemp makes files that only their owner can read
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def prepare_outputs(outputs: Iterable[str | Path | None], inputs: Iterable[object] = ()) -> None:
    """Make the folders of `outputs`. InputError, before any work is done, when one of them can't be written.

    That is the case, too, when an output is one of the `inputs` (paths; other values are passed over) or two outputs
    are one file: links of both kinds count, and so do names that differ only in upper and lower case.
    """
    wanted = [Path(output) for output in outputs if output is not None]
    taken: dict[object, Path] = {}
    for given in inputs:
        if isinstance(given, str | Path):
            taken |= dict.fromkeys(_identities(Path(given)), Path(given))
    for output in wanted:
        for identity in _identities(output):
            if identity in taken:
                raise InputError(f"{output} can't be written: {taken[identity]} is the same file, and would be lost.")
    for index, output in enumerate(wanted):
        if any(_identities(output) & _identities(other) for other in wanted[:index]):
            raise InputError(f"{output} can't be written: two results would have this name.")
        prepare_folder(output)


def prepare_folder(path: Path) -> None:
    """Make the folder that `path` shall be written into; InputError, before any work is done, when that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        is_folder = False
    except (OSError, ValueError) as error:  # a ValueError is a name with a NUL in it
        raise InputError(f"{str(path)[:200]!r} can't be written ({error}).") from error
    if is_folder:
        raise InputError(f"{path} can't be written: it is a folder.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} can't be written: permission denied.")


def _identities(path: Path) -> set[object]:
    """What makes two paths one file: the folded real path, and what the disk says where the file is there."""
    try:
        real = unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
        status = path.stat()
    except FileNotFoundError:
        return {real}
    except (OSError, ValueError):
        return set()
    return {real, (status.st_dev, status.st_ino)}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as stream:
        shape, _, dtype = NPY_HEADERS[npy.read_magic(stream)](stream)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(f"{member.filename} promises more than it holds")
    with archive.open(member) as stream:
        return np.asarray(npy.read_array(stream, allow_pickle=False))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a number")
