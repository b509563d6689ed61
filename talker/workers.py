"""Processes that share out heavy work."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def worker_processes(count: int) -> ProcessPoolExecutor:
    """`count` processes that begin anew, and import what they need.

    A fork of this one would wait for ever where torch or OpenCV has begun threads: they don't live on in it, but what
    they held stays held.
    """
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))
