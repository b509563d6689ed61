"""What belongs to the visitors of the page: their runs, which they can stop, and their results."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from talker import TalkerError
from talker.errors import CancelledError
from talker.face.tracking import keep_tracks_beside
from talker.web import texts
from talker.web.fairness import listener

STOP = "stop"  # a file of this name ends the run of its session, also one in another process
FORGOTTEN_AFTER = 4 * 3600.0  # s; results of sessions that never say goodbye, such as a shell's
STILL_KEPT_S = 60.0
Stopped = Callable[[], bool]
_handed_in: dict[Path, set[str]] = {}  # the folder of an upload -> the sessions that use it
_lock = threading.Lock()


@functools.cache
def results_folder() -> Path:
    """Where results lie: made when first asked for, readable by this user only, gone when the process ends.

    Uploads lie beside it, in a folder of the page's own, unless $GRADIO_TEMP_DIR names one.
    """
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = _temporary("talker-page-")
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True, mode=0o700)
    keep_tracks_beside(Path(get_upload_folder()))
    return Path(_temporary("talker-", get_upload_folder()))  # where Gradio serves without copying


def _temporary(prefix: str, beside: str | None = None) -> str:
    folder = tempfile.mkdtemp(prefix=prefix, dir=beside)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def home_of(request: gr.Request | None) -> Path:
    """The folder of a visitor; the same for everybody without a session."""
    return results_folder() / _name(request)


def remember(request: gr.Request | None, *paths: str | None) -> None:
    """Note that a visitor uses these uploads, so that they go when the last who does has left."""
    uploads = Path(get_upload_folder()).resolve()
    with _lock:
        for path in paths:
            folder = Path(path).resolve().parent if path else uploads
            if folder.parent == uploads:
                _handed_in.setdefault(folder, set()).add(_name(request))


@contextmanager
def errors_as_toasts() -> Iterator[None]:
    """Show what a TalkerError says to the person, and stop."""
    try:
        yield
    except CancelledError:
        raise gr.Error(texts.STOPPED, visible=False, print_exception=False) from None  # `stop` has said so
    except TalkerError as error:
        raise gr.Error(str(error), title=texts.WONT_WORK, duration=12, print_exception=False) from error


def missing(what: str) -> gr.Error:
    """The toast for something that has to be given first."""
    return gr.Error(what, title=texts.TITLE, duration=8, print_exception=False)


@contextmanager
def run_of(request: gr.Request | None, kind: str) -> Iterator[tuple[Path, Stopped]]:
    """A folder for the results of a run, and a question whether it shall end.

    The session's earlier results of this kind go; what a stopped or failed run has left goes, too.
    """
    _forget_old()
    home, listening = home_of(request), listener()
    shutil.rmtree(home / kind, ignore_errors=True)
    (home / kind).mkdir(parents=True)
    marker = home / STOP
    marker.unlink(missing_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home / kind))  # a new address, or the browser would show what it has kept
    finished = False
    try:
        with errors_as_toasts():
            yield folder, lambda: marker.exists() or not folder.exists() or not listening()
            finished = True
    finally:
        if not finished:
            shutil.rmtree(folder, ignore_errors=True)


def still_path(request: gr.Request | None) -> Path:
    """Where a visitor's next still goes; those of a minute ago, which have been fetched long since, go."""
    folder = home_of(request) / "stills"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        with suppress(FileNotFoundError):  # another request of the visitor may have been quicker
            if time.time() - old.stat().st_mtime > STILL_KEPT_S:
                old.unlink()
    return folder / f"{uuid.uuid4().hex}.jpg"  # a new address, or the browser would show what it has kept


def stop(request: gr.Request) -> None:
    """End the run of this session at its next frame or step."""
    home = home_of(request)
    if home.exists():
        (home / STOP).touch()
    gr.Info(texts.STOPPED, title=texts.TITLE, duration=4)


def leave(request: gr.Request) -> None:
    """End the session's run, and remove its results and uploads: the visitor has closed the page."""
    shutil.rmtree(home_of(request), ignore_errors=True)
    with _lock:
        for folder, sessions in list(_handed_in.items()):
            sessions.discard(_name(request))
            if not sessions:
                shutil.rmtree(folder, ignore_errors=True)
                del _handed_in[folder]


def _forget_old() -> None:
    """Remove the results of those who have asked for nothing for `FORGOTTEN_AFTER`."""
    for home in results_folder().iterdir():
        if not home.name.startswith("example-") and time.time() - home.stat().st_mtime > FORGOTTEN_AFTER:
            shutil.rmtree(home, ignore_errors=True)


def _name(request: gr.Request | None) -> str:
    """What a visitor's folder is called: the letters and digits of their session."""
    name = (request.session_hash if request is not None else None) or "nobody"
    return "".join(letter for letter in name if letter.isalnum()) or "nobody"
