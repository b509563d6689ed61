"""The real page in a process of its own, for tests and measurements that talk to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 180.0  # the machine may be busy with other things


@dataclass(frozen=True)
class Server:
    """Where the page answers, which process it is, and how long it took to answer first, by clock and processor."""

    url: str
    pid: int
    started_s: float
    processor_s: float


@contextmanager
def served(**environment: str) -> Iterator[Server]:
    """`python app.py` as the README says, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    own = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}  # this process's, perhaps
    settings = own | {"GRADIO_SERVER_PORT": url.rsplit(":", 1)[1]} | environment
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    try:
        while not answers(url):
            assert time.perf_counter() - start < PATIENCE_SECONDS
            time.sleep(0.1)
        yield Server(url, process.pid, time.perf_counter() - start, processor_seconds(process.pid))
    finally:
        process.terminate()
        process.wait(60)


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far, and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def answers(url: str) -> bool:
    """Whether the page is there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return b"Talker" in response.read()
    except (urllib.error.URLError, TimeoutError):
        return False


def resident_mb(pid: int) -> float:
    """Memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def stored_bytes(folder: Path) -> int:
    """Size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
