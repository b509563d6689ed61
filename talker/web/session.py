"""What belongs to the visitors of the page: their runs, which they can stop, and their results."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from talker import TalkerError
from talker.errors import CancelledError
from talker.web import texts

Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
RESULTS = tempfile.TemporaryDirectory(prefix="talker-", dir=get_upload_folder())  # where Gradio serves without copying
STOP = "stop"  # a file of this name ends the run of its session, also one in another process
Stopped = Callable[[], bool]


def home_of(request: gr.Request | None) -> Path:
    """The folder of a visitor; the same for everybody without a session."""
    name = (request.session_hash if request is not None else None) or "nobody"
    return Path(RESULTS.name) / ("".join(letter for letter in name if letter.isalnum()) or "nobody")


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
    home = home_of(request)
    shutil.rmtree(home / kind, ignore_errors=True)
    (home / kind).mkdir(parents=True)
    marker = home / STOP
    marker.unlink(missing_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home / kind))  # a new address, or the browser would show what it has kept
    finished = False
    try:
        with errors_as_toasts():
            yield folder, lambda: marker.exists() or not folder.exists()
            finished = True
    finally:
        if not finished:
            shutil.rmtree(folder, ignore_errors=True)


def stop(request: gr.Request) -> None:
    """End the run of this session at its next frame or step."""
    home = home_of(request)
    if home.exists():
        (home / STOP).touch()
    gr.Info(texts.STOPPED, title=texts.TITLE, duration=4)


def leave(request: gr.Request) -> None:
    """End the session's run and remove its results: the visitor has closed the page."""
    shutil.rmtree(home_of(request), ignore_errors=True)
