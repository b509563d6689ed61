"""Models that are loaded once and shared, and can be released together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Loader = TypeVar("Loader", bound=Callable[..., Any])
_CACHES: list[Any] = []


def loaded_once(load: Loader) -> Loader:
    """Decorate a loader: equal arguments give the same object until `release`."""
    cached = functools.cache(load)
    _CACHES.append(cached)
    return cached  # type: ignore[return-value]


def release() -> None:
    """Forget every shared model; what nobody else holds is freed, and loaded again when it is next needed."""
    for cache in _CACHES:
        cache.cache_clear()
