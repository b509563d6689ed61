"""What belongs to the visitors of the page: their runs, which they can stop, and their results."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from talker import TalkerError
from talker.errors import CancelledError

Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
RESULTS = tempfile.TemporaryDirectory(prefix="talker-", dir=get_upload_folder())  # where Gradio serves without copying
RUNS: dict[str, threading.Event] = {}  # session -> set when its run shall end


def session_of(request: gr.Request | None) -> str:
    """The name of a visitor; the same for everybody who has none."""
    name = (request.session_hash if request is not None else None) or "nobody"
    return "".join(letter for letter in name if letter.isalnum()) or "nobody"


@contextmanager
def errors_as_toasts() -> Iterator[None]:
    """Show what a TalkerError says to the person, and stop."""
    try:
        yield
    except CancelledError:
        raise gr.Error("Stopped.", title="Talker", duration=4, print_exception=False) from None
    except TalkerError as error:
        raise gr.Error(str(error), title="That won't work", duration=12, print_exception=False) from error


@contextmanager
def run_of(request: gr.Request | None, kind: str) -> Iterator[tuple[Path, threading.Event]]:
    """A folder for the results of a run, and the event that ends it.

    The session's earlier results of this kind go; what a stopped or failed run has left goes, too.
    """
    session = session_of(request)
    stopped = RUNS[session] = threading.Event()
    home = Path(RESULTS.name) / session / kind
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    folder = Path(tempfile.mkdtemp(dir=home))  # a new address, or the browser would show what it has kept
    finished = False
    try:
        with errors_as_toasts():
            yield folder, stopped
            finished = True
    finally:
        if not finished:
            shutil.rmtree(folder, ignore_errors=True)
        if RUNS.get(session) is stopped:
            del RUNS[session]


def stop(request: gr.Request) -> None:
    """End the run of this session at its next frame."""
    event = RUNS.get(session_of(request))
    if event is not None:
        event.set()


def leave(request: gr.Request) -> None:
    """End the session's run and remove its results: the visitor has closed the page."""
    stop(request)
    shutil.rmtree(Path(RESULTS.name) / session_of(request), ignore_errors=True)
