"""How far a run is, shown on the page, and the place where a run notices that it shall stop."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import Self

import gradio as gr

from talker.breaks import at_breaks
from talker.errors import CancelledError, InputError
from talker.web import texts
from talker.web.fairness import STILLS
from talker.web.session import Stopped

SHOWN_EVERY = 0.15  # s; more often nobody can read it
GUESSED_FROM = 0.5  # s into a step its length can be guessed
REFUSED_FROM = 10.0  # s into a step the guess is good enough to refuse it
MOST_SECONDS = float(os.environ.get("TALKER_MOST_SECONDS", "600"))  # that one request may take


class Shown:
    """Progress on the page: which step, how many frames, how long it will take. Stops a run that shall stop.

    As a context: at every break of what is done in there, stills of others come first.
    """

    def __init__(self, progress: gr.Progress, stopped: Stopped = lambda: False) -> None:
        self._progress, self._stopped = progress, stopped
        self._stage, self._step, self._since, self._shown = "", "", 0.0, 0.0
        self._began, self._videos = time.monotonic(), 0
        self._breaks = ExitStack()

    def __enter__(self) -> Self:
        self._breaks.enter_context(at_breaks(self.pause))
        return self

    def __exit__(self, *error: object) -> None:
        self._breaks.close()

    def pause(self) -> None:
        """Between two pieces of work: end a run that shall end, and let stills pass."""
        self._check()
        STILLS.let_pass()

    def stage(self, name: str) -> None:
        """A step of `Talker.speak` begins."""
        self.pause()
        self._stage = name
        self._progress(None, desc=texts.STAGES[name])

    def drawing(self, done: int, total: int) -> None:
        """Frames of a film that are drawn, or looked at."""
        self._show(done, total, texts.STAGES["tracking" if self._stage == "tracking" else "rendering"], "frames")

    def comparing(self, done: int, total: int) -> None:
        """Faces of a comparison."""
        self._show(done, total, texts.COMPARING, "faces")

    def batching(self, done: int, total: int) -> None:
        """Videos of a batch, each of which may take as long as a request alone."""
        if done != self._videos:
            self._began, self._videos = time.monotonic(), done
        self._show(done, total, texts.BATCHING, "videos", limited=False)

    def fetching(self, what: str, done: int, total: int) -> None:
        """Bytes of weights, for which nobody's time is counted."""
        self._began = time.monotonic()
        self._show(done, total, texts.FETCHING.format(what=what), "bytes", limited=False)

    def _check(self) -> None:
        if self._stopped():
            raise CancelledError(texts.STOPPED)
        if time.monotonic() - self._began > MOST_SECONDS:
            raise InputError(texts.TOO_LONG.format(minutes=MOST_SECONDS / 60))

    def _show(self, done: int, total: int, what: str, unit: str, *, limited: bool = True) -> None:
        self._check()
        now = time.monotonic()
        if what != self._step:
            self._step, self._since, self._shown = what, now, 0.0
        if now - self._shown < SHOWN_EVERY and done < total:
            return
        self._shown, spent = now, now - self._since
        if limited and done and spent > REFUSED_FROM and spent / done * total > MOST_SECONDS:
            raise InputError(texts.WOULD_TAKE.format(wanted=spent / done * total / 60, minutes=MOST_SECONDS / 60))
        if 0 < done < total and spent > GUESSED_FROM:
            what = texts.TIME_LEFT.format(what=what, seconds=max(1.0, spent / done * (total - done)))
        self._progress((done, total), desc=what, unit=unit)
