"""Decoders in processes of their own: a file that crashes, stalls or inflates one costs that file, and nothing else.

The page turns this on (`isolate`), because a crash there would end everybody's session. It is off in the library and on
the command line, where it would only end the run of whoever chose the file; a worker takes 0.2 s of processor time to
start and 55 MB, which is much for one picture and nothing for a server that keeps its workers.

What crosses the border are JSON headers and raw arrays, never pickles, so that a worker that a file has taken over
can't run anything in the page.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from talker import errors
from talker.errors import InputError, TalkerError
from talker.limits import DECODER_BYTES, DECODER_SECONDS

IDLE_WORKERS = 3  # that are kept for the next file: two for stills, one for a film
PACKAGE = "talker.media."  # only functions in there are run for the page
BROKEN_ANSWER = (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError)
Parts = tuple[Any, ...]  # arrays, numbers and texts
Decoder = Callable[..., Iterator[Parts]]
_idle: list[_Worker] | None = None  # None: decoders run in this process
_lock = threading.Lock()


def isolate(on: bool = True) -> None:
    """Run the decoders of this process in workers from now on, or in this process again."""
    global _idle
    with _lock:
        for worker in _idle or ():
            worker.end()
        _idle = [] if on else None


def decoded(function: Decoder, *arguments: str | float | int, error: type[InputError] = InputError) -> Iterator[Parts]:
    """What the generator `function` yields: here, or in a worker once `isolate` was called.

    error: raised when the worker dies or needs longer than `DECODER_SECONDS` for the next parts.
    """
    if _idle is None:
        yield from function(*arguments)
        return
    worker = _taken()
    answered = False
    try:
        yield from worker.ask(function, arguments, error)
        answered = True
    except TalkerError:
        answered = True
        raise
    finally:
        if answered:
            _give_back(worker)
        else:  # whoever asked has gone, and the rest of the answer would come before the next one
            worker.end()


def decoded_once(function: Decoder, *arguments: str | float | int, error: type[InputError] = InputError) -> Parts:
    """`decoded` for functions that yield one time."""
    (parts,) = decoded(function, *arguments, error=error)
    return parts


def serve() -> None:
    """The worker's loop: requests as lines of JSON on stdin, answers on what was stdout."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    limit_memory()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        function = getattr(importlib.import_module(asked["module"]), asked["function"])
        try:
            for parts in function(*asked["arguments"]):
                _send(answers, parts)
            _write(answers, {"end": True})
        except TalkerError as error:
            _write(answers, {"error": type(error).__name__, "message": str(error)})


class _Worker:
    """A process that runs `serve`."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from talker.media.isolation import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        )

    def ask(self, function: Decoder, arguments: Parts, error: type[InputError]) -> Iterator[Parts]:
        """The parts that the function yields over there; its TalkerErrors are raised here."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {"module": function.__module__, "function": function.__name__, "arguments": arguments}
        assert function.__module__.startswith(PACKAGE)
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            while (answer := self._answer(self.process.stdout)) is not None:
                yield answer
        except BROKEN_ANSWER as cause:
            self.end()
            name = Path(str(arguments[0])).name
            raise error(f"{name} can't be read: its decoder crashed, or took too long or too much memory.") from cause

    def _answer(self, stream: IO[bytes]) -> Parts | None:
        """The next parts, None at the end."""
        watch = threading.Timer(DECODER_SECONDS, self.process.kill)
        watch.start()
        try:
            header = json.loads(stream.readline())
            if "error" in header:
                raised = getattr(errors, header["error"])(header["message"])
                assert isinstance(raised, TalkerError)
                raise raised
            return None if "end" in header else tuple(_received(stream, part) for part in header["parts"])
        finally:
            watch.cancel()

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(OSError):  # it may still hold what the process never took
                stream.close()


def _taken() -> _Worker:
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.process.poll() is None:
                return worker
    return _Worker()


def _give_back(worker: _Worker) -> None:
    with _lock:
        if _idle is not None and len(_idle) < IDLE_WORKERS and worker.process.poll() is None:
            _idle.append(worker)
            return
    worker.end()


def _send(stream: IO[bytes], parts: Parts) -> None:
    arrays = [np.ascontiguousarray(part) for part in parts if isinstance(part, np.ndarray)]
    _write(stream, {"parts": [_announced(part) for part in parts]}, *arrays)


def _announced(part: Any) -> Any:
    """A part of an answer as its header has it; an array follows behind the header."""
    return {"dtype": part.dtype.str, "shape": part.shape} if isinstance(part, np.ndarray) else part


def _write(stream: IO[bytes], header: dict[str, Any], *arrays: NDArray[Any]) -> None:
    stream.write(json.dumps(header).encode() + b"\n")
    for array in arrays:
        stream.write(array.data.cast("B") if array.size else b"")
    stream.flush()


def _received(stream: IO[bytes], part: Any) -> Any:
    """A part of an answer; EOFError when it breaks off, ValueError when it can't be meant."""
    if not isinstance(part, dict):
        return part
    dtype, shape = np.dtype(part["dtype"]), tuple(int(side) for side in part["shape"])
    count = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or count > DECODER_BYTES:
        raise ValueError("no array can be like that")
    content = bytearray(count)
    done = 0
    while done < count:
        read = stream.readinto(memoryview(content)[done:])  # type: ignore[attr-defined]
        if not read:
            raise EOFError("the worker is gone")
        done += read
    return np.frombuffer(content, dtype).reshape(shape)


def limit_memory() -> None:
    """Let the system refuse memory beyond `DECODER_BYTES`, where it can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (DECODER_BYTES, DECODER_BYTES))
