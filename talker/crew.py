"""Who makes the videos of a batch: this process, several, or the machines of a Ray cluster.

A job may run twice, when a worker died in it or a batch was killed; its video takes its place whole, or not at all.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talker.emotion.resolve import Emotion, EmotionRequest
from talker.errors import AssetError, CancelledError, InputError, TalkerError
from talker.options import SpeakOptions

if TYPE_CHECKING:
    from talker.pipeline import Talker

TRIES = 3  # of a job whose workers die
LOST = "The worker that made it died {tries} times; perhaps there was too little memory."
IN_FLIGHT = 2  # jobs for each worker of a cluster that are handed out: one that runs, and one that waits for it


@dataclass(frozen=True)
class Job:
    """One row: whom to animate, what to say (a text or a file), the emotion, the settings and the video's name.

    source: a name in `SOURCES` that says what `emotion` is; empty for a label or a description.
    """

    portrait: Path
    text: str | None
    speech: Path | None
    voice: str
    emotion: str
    source: str
    options: SpeakOptions
    out: str

    def requested(self) -> Emotion:
        """What `Talker.speak` takes as the emotion."""
        return EmotionRequest(self.source, self.emotion) if self.source else self.emotion

    def digest(self) -> str:
        """The same as long as the row and the files that it reads are the same."""
        files = [Path(given) for given in self.inputs() if given and os.path.isfile(given)]
        known = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.sha256(repr((self, known)).encode()).hexdigest()

    def inputs(self) -> list[str | Path | None]:
        """The files that it reads; a label or a description is none, and does no harm among them."""
        return [self.portrait, self.speech, self.emotion]


@dataclass(frozen=True)
class Outcome:
    """How a job ended: after how many seconds, and what was wrong; an empty problem where its video was made."""

    number: int
    seconds: float
    problem: str = ""


Numbered = tuple[int, Job]  # the row of the manifest, from 1
Engine = Callable[[], "Talker"]  # makes what makes the videos, once in each worker
Crew = Callable[[Sequence[Numbered], Path], Iterator[Outcome]]  # makes jobs into a folder, in any order


def new_talker() -> Talker:
    """A Talker of the worker's own."""
    from talker.pipeline import Talker

    return Talker()


def make(talker: Talker, number: int, job: Job, folder: Path, report: Callable[..., None] | None = None) -> Outcome:
    """Make one video; what is wrong with the job is told, and no error but a CancelledError is raised."""
    start = time.perf_counter()
    try:
        talker.speak(
            job.portrait, job.speech, text=job.text, voice=job.voice, emotion=job.requested(), options=job.options,
            out=folder / job.out, progress=report, stage=report,
        )  # fmt: skip
    except CancelledError:
        raise
    except TalkerError as error:
        return Outcome(number, time.perf_counter() - start, " ".join(str(error).split()))
    return Outcome(number, time.perf_counter() - start)


def processes(count: int, engine: Engine = new_talker) -> Crew:
    """So many processes on this machine; each loads the models once, and takes a new job when it has made one.

    A worker that dies takes what runs beside it with it. These jobs are made again at the end, each alone, so that the
    one at which workers die is found.
    """
    if count < 1:
        raise InputError(f"A batch needs one process or more, not {count}.")

    def crew(jobs: Sequence[Numbered], folder: Path) -> Iterator[Outcome]:
        waiting, suspects = deque(jobs), list[Numbered]()
        while waiting:
            suspects += yield from _in_pool(waiting, folder, count, engine)
        for suspect in suspects:
            for _ in range(TRIES - 1):
                again = deque([suspect])
                if not (yield from _in_pool(again, folder, 1, engine)):
                    break
            else:
                yield Outcome(suspect[0], 0.0, LOST.format(tries=TRIES))

    return crew


def _in_pool(
    waiting: deque[Numbered], folder: Path, count: int, engine: Engine
) -> Generator[Outcome, None, list[Numbered]]:
    """Make jobs from the left of `waiting` until none is left, or a worker dies; returns those that ran then."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        running: dict[Future[Outcome], Numbered] = {}
        try:
            while waiting or running:
                while waiting and len(running) < count:
                    number, job = waiting.popleft()
                    running[pool.submit(make_here, engine, number, job, folder)] = number, job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    del running[future]
                    yield outcome
        except BrokenProcessPool:
            return list(running.values())
    return []


def on_ray(address: str, engine: Engine = new_talker) -> Crew:
    """The machines of a Ray cluster, which see the same files: `auto`, an address, or `local` for one made here.

    Ray makes a job again whose worker is lost. Raises AssetError without the extra `ray`.
    """
    try:
        import ray
    except ImportError as error:
        raise AssetError("A cluster needs the extra `ray`: pip install 'talker-portrait[ray]'.") from error

    def crew(jobs: Sequence[Numbered], folder: Path) -> Iterator[Outcome]:
        try:
            ray.init(None if address == "local" else address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError) as error:
            raise InputError(f"There is no Ray cluster at {address} ({error}).") from error
        try:
            task = ray.remote(num_cpus=1, max_retries=TRIES - 1)(make_here)
            most = IN_FLIGHT * max(1, int(ray.cluster_resources().get("CPU", 1)))
            waiting, running = deque(jobs), dict[Any, int]()
            while waiting or running:
                while waiting and len(running) < most:
                    number, job = waiting.popleft()
                    running[task.remote(engine, number, job, folder.resolve())] = number
                (ended,), _ = ray.wait(list(running))
                number = running.pop(ended)
                try:
                    yield ray.get(ended)
                except ray.exceptions.RayError:
                    yield Outcome(number, 0.0, LOST.format(tries=TRIES))
        finally:
            ray.shutdown()

    return crew


def make_here(engine: Engine, number: int, job: Job, folder: Path) -> Outcome:
    """`make` in a worker."""
    return make(_engine(engine), number, job, folder)


@functools.cache
def _engine(engine: Engine) -> Talker:
    return engine()
