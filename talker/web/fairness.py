"""Whose run comes next: visitors take turns, however many runs one of them has waiting."""

from __future__ import annotations

import contextvars
import functools
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.context import LocalContext

MOST_WAITING = 32  # of all visitors; who comes then is told so
MOST_OF_ONE = 8  # requests of one session that may wait; a click can cause several
CORES_A_FACE = 2  # that a live face takes
GIVES_WAY_S = 0.2  # that a film waits at each break while somebody waits for a still
MODESTY = 5  # steps of niceness by which films come after everything else on the page
Given = ParamSpec("Given")
Value = TypeVar("Value")


def share_fairly(page: gr.Blocks) -> None:
    """Keep the page's queue in fair order, and refuse sessions that have `MOST_OF_ONE` requests waiting."""
    queue = page._queue
    push = queue.push

    async def pushed(body: Any, request: Any, username: str | None) -> Any:
        waiting = [event for one in queue.event_queue_per_concurrency_id.values() for event in one.queue]
        if body.session_hash and sum(event.session_hash == body.session_hash for event in waiting) >= MOST_OF_ONE:
            return False, f"You have {MOST_OF_ONE} requests waiting already; please wait for one of them.", "error"
        answer = await push(body, request, username)
        for one in queue.event_queue_per_concurrency_id.values():
            one.queue[:] = in_turns(one.queue, lambda event: (event.session_hash, visitor_address(event)))
        return answer

    vars(queue)["push"] = pushed


def in_turns(waiting: Sequence[Any], visitor: Callable[[Any], tuple[str, str]]) -> list[Any]:
    """What waits, each visitor's first before anybody's second.

    visitor: (session, address) of one. Somebody with many sessions counts as one address, but many people behind one
    address take turns by their sessions first.
    """
    sessions: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    ranked = []
    for place, event in enumerate(waiting):
        session, address = visitor(event)
        ranked.append((sessions[session], addresses[address], place, event))
        sessions[session] += 1
        addresses[address] += 1
    return [event for *_, event in sorted(ranked, key=lambda row: row[:3])]


def listener() -> Callable[[], bool]:
    """Whether somebody still waits for the result of the run that is under way in this thread; true where nobody knows.

    Clients that leave, and those that cancel through the API, count as gone.
    """
    page, number = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    queue = getattr(page, "_queue", None)
    event = queue.event_ids_to_events.get(number) if queue is not None and number is not None else None
    if queue is None or event is None:
        return lambda: True
    return lambda: event.alive and number in queue.pending_event_ids_session.get(event.session_hash, ())


def visitor_address(event: Any) -> str:
    """Where a request came from; behind a proxy, what the proxy says."""
    forwarded = event.request.headers.get("x-forwarded-for", "")
    return forwarded.rsplit(",", 1)[-1].strip() or (event.request.client.host if event.request.client else "")


def modestly(function: Callable[Given, Value]) -> Callable[Given, Value]:
    """Run a function that makes films in a thread of its own, to which the system gives a core after all others.

    Threads and programs that it starts (renderers', encoders', FFmpeg) inherit that. Only Linux gives threads
    priorities of their own; elsewhere films still take breaks.
    """

    @functools.wraps(function)
    def run(*arguments: Given.args, **named: Given.kwargs) -> Value:
        context = contextvars.copy_context()  # in which Gradio finds its page, and the log its job
        thread = ThreadPoolExecutor(1, "film", initializer=_step_back)
        try:
            return thread.submit(context.run, functools.partial(function, *arguments, **named)).result()
        finally:
            thread.shutdown(wait=False)  # somebody who presses Ctrl-C waits for the next break only

    return run


def _step_back() -> None:
    """Make this thread nicer than the others."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + MODESTY))


class Seats:
    """Who may have a live face at the same time: one for each visitor, and no more than the machine can draw."""

    def __init__(self, seats: int | None = None) -> None:
        self.seats = seats or max(1, (os.cpu_count() or 1) // CORES_A_FACE)
        self._visitors: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, visitor: str) -> Iterator[bool]:
        """Whether the visitor has got a seat, which they hold until the end of the block."""
        with self._lock:
            got = visitor not in self._visitors and len(self._visitors) < self.seats
            if got:
                self._visitors.add(visitor)
        try:
            yield got
        finally:
            if got:
                with self._lock:
                    self._visitors.discard(visitor)


class Stills:
    """Pictures that somebody waits for. Films give way to them, a little at a time, so that they are made, too."""

    def __init__(self) -> None:
        self._under_way = 0
        self._changed = threading.Condition()

    @contextmanager
    def first(self) -> Iterator[None]:
        """While the block, or the function that this decorates, makes a still."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def let_pass(self) -> None:
        """Wait until no still is under way, `GIVES_WAY_S` at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, GIVES_WAY_S)


STILLS = Stills()
