"""Places inside long steps at which a run may let others go first, or stop.

Steps that are worked through in pieces call `take_break` between them. Whoever runs the steps says, with `at_breaks`,
what happens there; otherwise nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Piece = TypeVar("Piece")


def _go_on() -> None:
    pass


_break: ContextVar[Callable[[], None]] = ContextVar("break", default=_go_on)


@contextmanager
def at_breaks(happens: Callable[[], None]) -> Iterator[None]:
    """Call `happens` at every break of what is done in the block; an exception that it raises ends that."""
    token = _break.set(happens)
    try:
        yield
    finally:
        _break.reset(token)


def take_break() -> None:
    """Let happen what has to between two pieces of work."""
    _break.get()()


def with_breaks(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces, with a break before each."""
    for piece in pieces:
        take_break()
        yield piece
