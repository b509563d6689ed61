"""Processes that share out work."""

from __future__ import annotations

import operator

import torch

from talker.workers import worker_processes


def test_workers_have_threads_of_their_own() -> None:
    """After torch has worked in parallel here: forks would wait for its threads for ever."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    ones = torch.ones(600, 600)
    try:
        expected = ones @ ones
        ones.exp()
        with worker_processes(1) as pool:
            assert torch.equal(pool.submit(operator.matmul, ones, ones).result(timeout=120), expected)
    finally:
        torch.set_num_threads(before)
