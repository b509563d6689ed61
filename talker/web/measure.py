"""How fast and how steady the page is: `python -m talker.web.measure` prints the table of docs/results.md.

Starts the page as the README says and asks it over HTTP; the first paint needs Chromium and `pip install playwright`.
`--load` and `--soak MINUTES` measure it under load (`load.py`) instead.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from gradio_client import Client, handle_file
from PIL import Image, ImageOps

from talker.example_faces import ASTRONAUT
from talker.types import EMOTION_LABELS
from talker.web.load import load, soak
from talker.web.serving import Server, processor_seconds, resident_mb, served, stored_bytes

FIVE_SECONDS = "I never thought I would see you again. What a wonderful surprise this is, my dear!"
REPEATED = 10
SETTLING = 3  # runs in which caches fill
FILMS = 3
PATIENCE_MS = 120_000
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


def seconds(action: Callable[[], Any]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def first_paint(url: str) -> float | None:
    """Seconds until a new visitor sees something; None without a browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if chromium is None:
        return None
    with sync_playwright() as engine:
        page = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page()
        page.goto(url)
        page.wait_for_selector("#start", timeout=PATIENCE_MS)
        return float(page.evaluate(PAINT))


def measure(server: Server, scratch: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of what, measured, wanted."""
    yield "page answers, by the clock", f"{server.started_s:.1f} s", "< 15 s"
    yield "page answers, processor time", f"{server.processor_s:.1f} s", "< 15 s"
    mirrored = scratch.parent / "mirrored.png"  # a picture that the page has never seen
    ImageOps.mirror(Image.open(ASTRONAUT).convert("RGB")).save(mirrored)
    picture = handle_file(str(mirrored))
    client = Client(server.url, verbose=False, download_files=tempfile.mkdtemp(dir=scratch.parent))
    client.predict(number=0, api_name="/example")  # waits until all is loaded
    paint = first_paint(server.url)
    yield "first paint", "no browser" if paint is None else f"{paint:.2f} s", "< 3 s"
    first = seconds(lambda: client.predict(picture=picture, emotion="happy", consent=True, api_name="/preview"))
    yield "first preview of a picture that was just handed in", f"{first:.2f} s", ""
    previews = [
        seconds(functools.partial(client.predict, picture=picture, emotion=label, consent=True, api_name="/preview"))
        for label in EMOTION_LABELS
    ]
    yield (
        "preview of another feeling, median / longest of eight",
        f"{median(previews):.2f} / {max(previews):.2f} s",
        "< 0.5 s",
    )
    spent = processor_seconds(server.pid)
    films = [
        seconds(lambda: client.predict(picture=picture, text=FIVE_SECONDS, consent=True, api_name="/speak"))
        for _ in range(FILMS)
    ]
    spent = (processor_seconds(server.pid) - spent) / FILMS
    yield "5 s of speech at 512×512 once warm, all downloads included, by the clock", f"{median(films):.1f} s", "≤ 7 s"
    yield "the same, processor time of both cores together", f"{spent:.1f} s", ""
    memory, files = [], []
    for _ in range(SETTLING + REPEATED):
        client.predict(picture=picture, text="Hi!", consent=True, api_name="/speak")
        memory.append(resident_mb(server.pid))
        files.append(stored_bytes(scratch) / 1e6)
    before = SETTLING - 1
    yield f"memory before and after {REPEATED} runs", f"{memory[before]:.0f} → {memory[-1]:.0f} MB", "± 5 %"
    yield f"temporary files before and after {REPEATED} runs", f"{files[before]:.2f} → {files[-1]:.2f} MB", "± 5 %"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the page.")
    parser.add_argument("--load", action="store_true", help="30 visitors at once, and previews while films are made")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="memory over so long a time")
    asked = parser.parse_args()
    print("| what | measured | wanted |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        with served(TMPDIR=str(scratch)) as server:
            rows = measure(server, scratch)
            if asked.load:
                rows = load(server, Path(folder))
            elif asked.soak:
                rows = soak(server, Path(folder), asked.soak)
            for row in rows:
                print("| " + " | ".join(row) + " |", flush=True)
    print(f"\nLoad average during the run {os.getloadavg()[1]:.1f}.")


if __name__ == "__main__":
    main()
