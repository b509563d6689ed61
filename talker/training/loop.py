"""The one training loop: schedule, averaged weights, log, checks on held-out data, and going on after a stop.

What is trained is a `Task`: it owns networks, optimisers and data, and does one step. The loop does the rest and is
the same for every task. A run writes into `NAME-training/` beside the checkpoint: `state.safetensors` (everything that
going on needs, without code in it) and `log.jsonl` (a line of means every so many steps, and one for every check).
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from talker.files import replaced_when_done
from talker.types import Progress


@dataclass(frozen=True)
class Schedule:
    """When a training does what.

    steps, seconds: it ends with whichever comes first. warm_up: steps over which the learning rates rise from 0.
    least_rate: share of the rates that is left at the end, after half a cosine. average: share of the past in the mean
    of the weights. log_every: steps between lines of the log. check_s: seconds between checks and kept states.
    """

    steps: int
    seconds: float = math.inf
    warm_up: int = 100
    least_rate: float = 0.02
    average: float = 0.998
    log_every: int = 50
    check_s: float = 300.0
    seed: int = 0

    def rate(self, step: int, progress: float) -> float:
        """Share of the highest learning rate at `step`, when `progress` (0..1) of the training is over."""
        falling = self.least_rate + (1 - self.least_rate) * (1 + math.cos(math.pi * progress)) / 2
        return min(1.0, (step + 1) / max(self.warm_up, 1)) * falling


Network = TypeVar("Network", bound=nn.Module)


class Task(Protocol[Network]):
    """What is trained.

    network: whose averaged weights are the result. networks, optimisers: everything that must be kept to go on.
    """

    network: Network

    @property
    def networks(self) -> Mapping[str, nn.Module]: ...

    @property
    def optimisers(self) -> Mapping[str, Optimizer]: ...

    def update(self, step: int, progress: float) -> dict[str, Tensor]:
        """One step, with gradients and optimisers; the terms of the loss by name."""

    def check(self, network: Network) -> dict[str, float]:
        """Figures of `network` on held-out data; `score` is the one by which weights are chosen: higher is better."""

    def save(self, network: Network, folder: Path) -> None:
        """Write the checkpoint."""


class Loop(Generic[Network]):
    """One run of a task; the checkpoint and what belongs to the run go to `out` and beside it."""

    def __init__(self, task: Task[Network], schedule: Schedule, out: Path) -> None:
        self.task, self.schedule, self.out = task, schedule, out
        self.average = copy.deepcopy(task.network).requires_grad_(False).eval()
        self.step, self.spent, self.best = 0, 0.0, -math.inf
        self._rates = {name: [g["lr"] for g in each.param_groups] for name, each in task.optimisers.items()}
        self._folder = out.with_name(out.name + "-training")
        if self._state.is_file():
            self._restore()

    def run(self, progress: Progress | None = None) -> Network:
        """Train until the schedule ends; the averaged network that did best in the checks."""
        schedule = self.schedule
        sums: dict[str, Tensor] = {}
        started = checked = time.monotonic()
        before = self.spent
        while self.step < schedule.steps and self.spent < schedule.seconds:
            for name, value in self.advance().items():
                sums[name] = sums.get(name, torch.zeros((), device=value.device)) + value.detach()
            now = time.monotonic()
            self.spent = before + now - started
            if self.step % schedule.log_every == 0:
                means = {name: round(float(value) / schedule.log_every, 5) for name, value in sums.items()}
                self._log({"step": self.step, "seconds": round(self.spent, 1), **means})
                sums = {}
                if progress:
                    progress(self.step, schedule.steps)
            if now - checked > schedule.check_s:
                self.keep()
                checked = now
        self.keep()
        return self.average

    def advance(self) -> dict[str, Tensor]:
        """One step, and the mean of the weights; the terms of the loss."""
        schedule = self.schedule
        progress = min(1.0, max(self.step / schedule.steps, self.spent / schedule.seconds))
        share = schedule.rate(self.step, progress)
        for name, optimiser in self.task.optimisers.items():
            for group, rate in zip(optimiser.param_groups, self._rates[name], strict=True):
                group["lr"] = rate * share
        terms = self.task.update(self.step, progress)
        self.step += 1
        kept = min(schedule.average, (1 + self.step) / (10 + self.step))
        means, latest = ([*network.parameters()] for network in (self.average, self.task.network))
        with torch.no_grad():
            for mean, now in zip(means, latest, strict=True):
                mean.lerp_(now, 1 - kept)
            for held, latest_held in zip(self.average.buffers(), self.task.network.buffers(), strict=True):
                held.copy_(latest_held)
        return terms

    def keep(self) -> None:
        """Look at held-out data, keep the weights when they do best, and everything that going on needs."""
        figures = self.task.check(self.average)
        if figures["score"] >= self.best:
            self.best = figures["score"]
            self.task.save(self.average, self.out)
        self._log({"step": self.step, "seconds": round(self.spent, 1)} | figures)
        state = {"step": torch.tensor(self.step), "spent": torch.tensor(self.spent), "best": torch.tensor(self.best)}
        networks: dict[str, nn.Module] = {**self.task.networks, "average": self.average}
        for name, network in networks.items():
            state |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for name, optimiser in self.task.optimisers.items():
            for number, row in optimiser.state_dict()["state"].items():
                state |= {f"{name}.{number}.{key}": torch.as_tensor(value) for key, value in row.items()}
        with replaced_when_done(self._state) as scratch:
            save_file({key: value.detach().cpu().clone().contiguous() for key, value in state.items()}, scratch)

    def _restore(self) -> None:
        state = load_file(self._state)
        self.step, self.spent, self.best = int(state["step"]), float(state["spent"]), float(state["best"])
        for name, network in (dict(self.task.networks) | {"average": self.average}).items():
            network.load_state_dict(_under(state, name))
        for name, optimiser in self.task.optimisers.items():
            rows: dict[int, dict[str, Tensor]] = {}
            for key, value in _under(state, name).items():
                number, _, part = key.partition(".")
                rows.setdefault(int(number), {})[part] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": rows})

    @property
    def _state(self) -> Path:
        return self._folder / "state.safetensors"

    def _log(self, row: Mapping[str, object]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The sum of the terms times their weights; KeyError for a weight whose term does not exist."""
    return torch.stack([terms[name].float() * weight for name, weight in weights.items()]).sum()


def _under(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
