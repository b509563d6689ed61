"""The page under load: many visitors at once, each with a face of their own, while films are made; and for a long time.

`python -m talker.web.measure --load` and `--soak MINUTES` print the tables.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageOps

from talker.errors import TalkerError
from talker.media.image import load_image
from talker.media.video_reader import open_video
from talker.resources import resource
from talker.types import EMOTION_LABELS, ByteArray
from talker.web.serving import Server, resident_mb

VISITORS, REQUESTS, PREVIEWERS = 30, 300, 20
FILM_EVERY = 10  # of a visitor's requests is a film, the others are previews
WORDS = "Hi! It's me."
COMPARED = (64, 64)  # px: what is told apart are people
SOAK_PAUSE_S = 0.5
SETTLED = 0.2  # of the time of a soak, in which caches fill


@dataclass
class Visitor:
    """Somebody with a face of their own. shown: what the page shows of it when nobody else asks, [64,64] grey."""

    client: Client
    picture: Path
    shown: ByteArray = field(default_factory=lambda: np.zeros(COMPARED, np.uint8))

    def preview(self, label: str) -> ByteArray:
        """A still with an emotion. AppError when the page refuses."""
        shown, said = self.client.predict(
            picture=handle_file(str(self.picture)), emotion=label, consent=True, api_name="/preview"
        )
        if not shown.get("value"):
            raise AppError(said)
        return thumbnail(load_image(shown["value"]))

    def film(self) -> ByteArray:
        """The first frame of a short film. AppError when the page refuses."""
        film, *_ = self.client.predict(
            picture=handle_file(str(self.picture)), text=WORDS, size="crop512", consent=True, api_name="/speak"
        )
        return thumbnail(next(iter(open_video(film if isinstance(film, str) else film["video"]))))


@dataclass
class Answers:
    """What many requests came to. previews_s: how long each preview took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    previews_s: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)


def thumbnail(image: ByteArray) -> ByteArray:
    """[64,64] grey."""
    return cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), COMPARED, interpolation=cv2.INTER_AREA)


def visitors(server: Server, scratch: Path, count: int) -> list[Visitor]:
    """As many people of `assets/people`, some of them mirrored, each seen alone first."""
    people = sorted(resource("assets", "people").glob("*.jpg"))
    found = []
    for number in range(min(count, 2 * len(people))):
        image = Image.open(people[number % len(people)]).convert("RGB")
        picture = scratch / f"{number}.png"
        (image if number < len(people) else ImageOps.mirror(image)).save(picture)
        found.append(Visitor(Client(server.url, verbose=False, download_files=str(scratch / f"v{number}")), picture))
        found[-1].shown = found[-1].preview("neutral")
    return found


def ask(visitor: Visitor, number: int, everybody: Sequence[Visitor], answers: Answers, films: bool) -> None:
    """One request, and whether what comes back shows this visitor's own face."""
    start = time.perf_counter()
    is_film = films and number % FILM_EVERY == 0
    try:
        seen = visitor.film() if is_film else visitor.preview(EMOTION_LABELS[number % len(EMOTION_LABELS)])
    except (AppError, ValueError, TalkerError) as error:
        answers.outcomes["told to wait"] += 1
        answers.refusals[str(error)[:60]] += 1
        return
    if not is_film:
        answers.previews_s.append(time.perf_counter() - start)
    off = [np.abs(seen.astype(float) - other.shown).mean() for other in everybody]
    answers.outcomes["served" if everybody[int(np.argmin(off))] is visitor else "mixed up"] += 1


def load(server: Server, scratch: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of what, measured, wanted: 300 requests of 30 visitors; then previews of 20 while films are made."""
    everybody, answers = visitors(server, scratch, VISITORS), Answers()
    with ThreadPoolExecutor(VISITORS) as pool:
        for number in range(REQUESTS):
            pool.submit(ask, everybody[number % VISITORS], number // VISITORS, everybody, answers, True)
    told = ", ".join(f"{count} {outcome}" for outcome, count in answers.outcomes.items())
    yield f"{REQUESTS} requests of {VISITORS} visitors, every tenth a film", told, "none mixed up or lost"
    for refusal, count in answers.refusals.items():
        yield "refused", f"{count}: {refusal}", ""
    busy, done = Answers(), threading.Event()
    with ThreadPoolExecutor(PREVIEWERS + 1) as pool:
        films = pool.submit(_make_films, everybody[-1], everybody, done)
        asked = [pool.submit(_preview_for_a_while, one, everybody, busy) for one in everybody[:PREVIEWERS]]
        for each in asked:
            each.result()
        done.set()
        made = films.result()
    middle, slow = np.percentile(busy.previews_s, [50, 95])
    what = (
        f"{len(busy.previews_s)} previews of {PREVIEWERS} visitors while {made} films are made: median, 95th percentile"
    )
    yield what, f"{middle:.2f} s, {slow:.2f} s", "95 % < 2 s"


def _make_films(visitor: Visitor, everybody: Sequence[Visitor], done: threading.Event) -> int:
    """Ask for one film after the other until `done`; how many were made."""
    answers = Answers()
    while not done.is_set():
        ask(visitor, 0, everybody, answers, True)
    return answers.outcomes["served"]


def _preview_for_a_while(visitor: Visitor, everybody: Sequence[Visitor], answers: Answers) -> None:
    """Ten previews, as somebody asks for them who tries emotions: one every second or two."""
    for number in range(10):
        ask(visitor, number, everybody, answers, False)
        time.sleep(1.0 + 0.05 * (number * 7 % 20))


def soak(server: Server, scratch: Path, minutes: float) -> Iterator[tuple[str, str, str]]:
    """Rows of what, measured, wanted: memory while four visitors ask for previews and films for a long time."""
    everybody, answers, memory = visitors(server, scratch, 4), Answers(), []
    end, number = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        ask(everybody[number % 4], number // 4, everybody, answers, True)
        memory.append(resident_mb(server.pid))
        number += 1
        time.sleep(SOAK_PAUSE_S)
    settled = memory[int(SETTLED * len(memory))]
    told = ", ".join(f"{count} {outcome}" for outcome, count in answers.outcomes.items())
    yield f"{number} requests in {minutes:g} minutes", told, "none mixed up or lost"
    yield (
        "memory at the start, once settled, most, at the end",
        (f"{memory[0]:.0f}, {settled:.0f}, {max(memory):.0f}, {memory[-1]:.0f} MB"),
        "back within 10 %",
    )
