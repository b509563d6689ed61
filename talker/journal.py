"""What a run does, as log records that hold the number of its job and the seconds of its stages."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from talker.errors import CancelledError

Given = ParamSpec("Given")
Value = TypeVar("Value")
FIELDS = ("run", "stage", "seconds", "outcome")  # of structured records, beside time, level, job and message
LOG = logging.getLogger("talker")
_job: ContextVar[str] = ContextVar("job", default="-")


@contextmanager
def job(name: str) -> Iterator[None]:
    """Give what is done in the block a number of its own, and record how it ended; blocks inside keep the number."""
    if _job.get() != "-":
        yield
        return
    token = _job.set(uuid.uuid4().hex[:8])
    outcome, start = "failed", time.perf_counter()
    try:
        yield
        outcome = "made"
    finally:
        error = None if outcome == "made" else sys.exception()
        causes = (error, error and error.__context__)  # the page shows a run that was stopped as an error of its own
        if any(isinstance(cause, KeyboardInterrupt | CancelledError) for cause in causes):
            outcome = "stopped"
        seconds = time.perf_counter() - start
        fields = {"run": name, "outcome": outcome, "seconds": seconds}
        LOG.info("%s: %s after %.2f s", name, outcome, seconds, extra=fields)
        _job.reset(token)


def as_job(function: Callable[Given, Value]) -> Callable[Given, Value]:
    """Makes every call of a function a `job` of its name."""

    @functools.wraps(function)
    def run(*arguments: Given.args, **named: Given.kwargs) -> Value:
        with job(function.__name__):
            return function(*arguments, **named)

    return run


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Record how long the block takes, if it ends well."""
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    LOG.info("%s took %.2f s", name, seconds, extra={"stage": name, "seconds": seconds})


class StageTimer:
    """Times the stages of a run: `with timer("speech"): …`.

    seconds: per stage. announce: called with the name of each before it starts; what it raises stops the run.
    """

    def __init__(self, announce: Callable[[str], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._announce = announce

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the block."""
        if self._announce is not None:
            self._announce(name)
        start = time.perf_counter()
        with stage(name):
            yield
        self.seconds[name] = time.perf_counter() - start


def write_log(verbose: bool) -> None:
    """Write Talker's records to stderr: all if `verbose` or $TALKER_LOG is set (json: as JSON lines), else warnings."""
    handler = logging.StreamHandler()
    handler.addFilter(_with_job)
    wanted = os.environ.get("TALKER_LOG", "")
    handler.setLevel(logging.INFO if verbose or wanted else logging.WARNING)
    handler.setFormatter(
        _Json() if wanted == "json" else logging.Formatter("%(asctime)s %(job)s %(message)s", "%H:%M:%S")
    )
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)


def _with_job(record: logging.LogRecord) -> bool:
    record.job = _job.get()
    return True


class _Json(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        row = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower()}
        row |= {"job": vars(record).get("job", "-"), "message": record.getMessage()}
        return json.dumps(row | {name: vars(record)[name] for name in FIELDS if name in vars(record)})
