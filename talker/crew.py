"""Who makes the videos of a batch: this process, several, or the machines of a Ray cluster.

A job may run twice, when a worker died in it or a batch was killed; its video takes its place whole, or not at all.
"""

from __future__ import annotations

import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talker.errors import AssetError, CancelledError, InputError, TalkerError
from talker.jobs import Job
from talker.workers import worker_processes

if TYPE_CHECKING:
    from talker.pipeline import Talker

TRIES = 3  # of a job whose workers die
LOST = "The worker that made it died {tries} times; perhaps there was too little memory."
IN_FLIGHT = 2  # jobs for each worker of a cluster that are handed out: one that runs, and one that waits for it


@dataclass(frozen=True)
class Outcome:
    """How a job ended: after how many seconds, and what was wrong; an empty problem where its video was made."""

    number: int
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class Step:
    """What one worker does at a time: a whole job, or, of a long film, one part or the joining of all.

    part: None for the job, or for what comes before its parts; -1 for the joining.
    """

    number: int
    job: Job
    part: int | None = None


JOINING = -1
Numbered = tuple[int, Job]  # the row of the manifest, from 1
Engine = Callable[[], "Talker"]  # makes what makes the videos, once in each worker
Crew = Callable[[Sequence[Numbered], Path], Iterator[Outcome]]  # makes jobs into a folder, in any order


class Schedule:
    """The steps that wait, and those that follow from what was done."""

    def __init__(self, jobs: Sequence[Numbered]) -> None:
        self._waiting = deque(Step(number, job) for number, job in jobs)
        self._parts_left: dict[int, int] = {}
        self._seconds: dict[int, float] = {}
        self._ended: set[int] = set()

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def take(self) -> Step | None:
        """The next step; None where none waits."""
        while self._waiting:
            step = self._waiting.popleft()
            if step.number not in self._ended:
                return step
        return None

    def put(self, step: Step) -> None:
        """Let a step be done again."""
        self._waiting.append(step)

    def done(self, step: Step, found: Outcome | int) -> Outcome | None:
        """How the step's job ended, if it did; else what follows is put first. found: what `do` gave."""
        seconds = found.seconds if isinstance(found, Outcome) else 0.0
        self._seconds[step.number] = self._seconds.get(step.number, 0.0) + seconds
        if step.number in self._ended:
            return None
        if isinstance(found, int):
            self._parts_left[step.number] = found
            self._waiting.extendleft(Step(step.number, step.job, part) for part in reversed(range(found)))
        elif found.problem or step.part in (None, JOINING):
            self._ended.add(step.number)
            return Outcome(step.number, self._seconds[step.number], found.problem)
        else:
            self._parts_left[step.number] -= 1
            if not self._parts_left[step.number]:
                self._waiting.appendleft(Step(step.number, step.job, JOINING))
        return None

    def lost(self, step: Step) -> Outcome:
        """The job's end when its workers die again and again."""
        self._ended.add(step.number)
        return Outcome(step.number, 0.0, LOST.format(tries=TRIES))


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
        schedule = Schedule(jobs)
        suspects = yield from _in_pool(schedule, folder, count, engine)
        for suspect in suspects:
            for _ in range(TRIES - 1):
                schedule.put(suspect)
                if not (yield from _in_pool(schedule, folder, 1, engine)):
                    break
            else:
                yield schedule.lost(suspect)

    return crew


def _in_pool(schedule: Schedule, folder: Path, count: int, engine: Engine) -> Generator[Outcome, None, list[Step]]:
    """Do what is scheduled until nothing is left; returns the steps that ran when a worker died."""
    suspects: list[Step] = []
    while schedule.waiting:
        running: dict[Future[Outcome | int], Step] = {}
        try:
            with worker_processes(count) as pool:
                while True:
                    while len(running) < count and (step := schedule.take()):
                        running[_submitted(pool, schedule, engine, step, folder)] = step
                    if not running:
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        outcome = schedule.done(running[future], future.result())
                        del running[future]
                        if outcome is not None:
                            yield outcome
        except BrokenProcessPool:
            suspects += running.values()
    return suspects


def _submitted(
    pool: ProcessPoolExecutor, schedule: Schedule, engine: Engine, step: Step, folder: Path
) -> Future[Outcome | int]:
    """A step in a worker's hands; it waits again where there is no worker any more."""
    try:
        return pool.submit(do, engine, step, folder)
    except BrokenProcessPool:
        schedule.put(step)
        raise


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
            task = ray.remote(num_cpus=1, max_retries=TRIES - 1)(do)
            most = IN_FLIGHT * max(1, int(ray.cluster_resources().get("CPU", 1)))
            schedule, running = Schedule(jobs), dict[Any, Step]()
            while True:
                while len(running) < most and (step := schedule.take()):
                    running[task.remote(engine, step, folder.resolve())] = step
                if not running:
                    break
                (ended,), _ = ray.wait(list(running))
                step = running.pop(ended)
                try:
                    outcome = schedule.done(step, ray.get(ended))
                except ray.exceptions.RayError:
                    outcome = schedule.lost(step)
                if outcome is not None:
                    yield outcome
        finally:
            ray.shutdown()

    return crew


def do(engine: Engine, step: Step, folder: Path) -> Outcome | int:
    """One step in a worker: how it ended, or how many parts a long film has now that its motion is composed."""
    from talker import parts  # needs the whole engine

    talker, job, start, problem = _engine(engine), step.job, time.perf_counter(), ""
    try:
        if step.part is None and not parts.is_long(job):
            return make(talker, step.number, job, folder)
        if step.part is None:
            return parts.compose(talker, job, folder)
        if step.part == JOINING:
            parts.join(job, folder)
        else:
            parts.draw(talker, job, folder, step.part)
    except (TalkerError, OSError) as error:
        problem = " ".join(str(error).split())
    return Outcome(step.number, time.perf_counter() - start, problem)


@functools.cache
def _engine(engine: Engine) -> Talker:
    return engine()
