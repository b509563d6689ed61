"""How much memory this machine has left, and how much this process has held at most."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

from talker.errors import InputError
from talker.limits import FILM_BYTES, FILM_BYTES_PER_PIXEL

SYSTEM = Path("/proc/meminfo")
BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024  # of the peak that the system counts
CONTAINER = Path("/sys/fs/cgroup")  # version 2: memory.max and memory.current


def available_bytes(system: Path = SYSTEM, container: Path = CONTAINER) -> int | None:
    """Memory that can be had without swapping, within the container's limit; None where no system tells (not Linux)."""
    return min(_readings(system, container), default=None)


def check_film_memory(width: int, height: int, free: int | None) -> None:
    """InputError when frames of `width`×`height` px take more than the `free` bytes; None is taken for enough."""
    needed = FILM_BYTES + width * height * FILM_BYTES_PER_PIXEL
    if free is not None and needed > free:
        raise InputError(
            f"A film of {width}×{height} px takes about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are "
            "free. Please choose a smaller picture, or a size such as crop512."
        )


def _readings(system: Path, container: Path) -> Iterator[int]:
    try:
        for line in system.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        most, used = ((container / name).read_text().strip() for name in ("memory.max", "memory.current"))
        if most != "max":
            yield max(0, int(most) - int(used))
    except (OSError, ValueError):
        pass


def return_freed_memory() -> None:
    """Give back to the system what was freed, as far as the C library knows how to (glibc does)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def peak_mb() -> float:
    """Largest resident size of this process so far.

    Where there is only getrusage to ask, the process that started this one is counted, too.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))  # VmHWM:  123456 kB
        return int(line.split()[1]) / 2**10
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT / 2**20
