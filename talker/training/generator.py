"""`python -m talker train generator`: the style-based generator, on pairs of drawn and real frames.

One process on whatever device there is; under `torchrun` one per device, each with its own chance. A run goes on where
an earlier one stopped, if its state lies in the folder beside (`NAME-training`), where its log and pictures are, too.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from talker.cache import load
from talker.data.generator_batches import Batch, Sampler, importance, run_on
from talker.data.generator_pairs import Pairs, prepare
from talker.errors import InputError
from talker.render.generator import SIZES, Generator, GeneratorConfig, save_generator
from talker.render.regions import EYES, MOUTH, Region
from talker.training.generator_discriminators import (
    DiscriminatorConfig,
    Discriminators,
    discriminator_loss,
    generator_adversarial_loss,
    r1_penalty,
)
from talker.training.generator_losses import Losses, total
from talker.training.generator_state import load_state, save_state
from talker.training.processes import joined, share_gradients, share_weights
from talker.training.sample_grid import SampleGrid
from talker.types import Progress

WARM_UP = 100  # steps over which the rate rises
LEAST_RATE = 0.02  # of the rate, at the end


@dataclass(frozen=True)
class GeneratorTraining:
    """What is tuned in training.

    batch: pairs a step. accumulate: batches per update. rate: of Adam, at the start. average: of the weights that are
    kept (EMA). losses: weight of each term. regions: how often each part of the square is taken. discriminators,
    adversary_rate: the adversaries and their Adam's rate; they begin after adversary_after steps, when there is
    something to be told apart. steepness: weight of R1, every steepness_every steps. log_every, show_every: steps
    between lines of the log and pictures. keep_s: seconds between checkpoints. seconds: after which training ends,
    should that come before `steps`. compiled: whether a GPU's work goes through torch.compile.
    """

    steps: int = 30000
    seconds: float = 2700.0
    batch: int = 8
    accumulate: int = 1
    rate: float = 1e-3
    average: float = 0.998
    losses: Mapping[str, float] = field(
        default_factory=lambda: {
            "pixels": 0.5, "edges": 2.0, "texture": 0.5, "flow": 0.002, "added": 0.01, "steady": 0.3, "features": 0.4,
            "adversarial": 0.01, "matching": 0.05, "mirrored": 2.0,
        }
    )  # fmt: skip
    regions: tuple[tuple[Region, float], ...] = ((MOUTH, 0.8), (EYES, 0.2))
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    adversary_rate: float = 2e-4
    adversary_after: int = 1500
    r1_penalty: float = 1.0
    r1_every: int = 16
    log_every: int = 50
    show_every: int = 500
    keep_s: float = 300.0
    seed: int = 0
    compiled: bool = True

    @classmethod
    def tiny(cls) -> GeneratorTraining:
        """One short run for tests, with every loss that needs no weights of others."""
        return cls(steps=2, batch=2, discriminators=DiscriminatorConfig.tiny(), adversary_after=0, r1_every=1,
                   show_every=1, log_every=1)  # fmt: skip


def train_generator(
    data: Path,
    out: Path,
    settings: GeneratorTraining | None = None,
    *,
    size: str = "small",
    progress: Progress | None = None,
) -> Generator:
    """Train one of `SIZES` on the films and portraits of `data`; writes config.json and model.safetensors into `out`.

    Raises DataError when the data isn't there, InputError for a size that doesn't exist.
    """
    if size not in SIZES:
        raise InputError(f"There is no generator of size {size!r}; choose one of {', '.join(SIZES)}.")
    config = SIZES[size]
    groups = {
        kind: [Pairs(**load(path)) for path in paths] for kind, paths in prepare(data, config.size, progress).items()
    }
    return Trainer(config, settings or GeneratorTraining(), groups, out).fit()


class Trainer:
    """One model, its average, its adversaries, their optimisers and the log."""

    def __init__(
        self,
        config: GeneratorConfig,
        settings: GeneratorTraining,
        groups: Mapping[str, Sequence[Pairs]],
        out: Path,
        losses: Losses | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.rank, self.device = joined()
        self.settings, self.out = settings, out
        self.generator = Generator(config).to(self.device).to(memory_format=torch.channels_last)
        self.adversaries = Discriminators(settings.discriminators).to(self.device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.optimiser = torch.optim.Adam(self.generator.parameters(), settings.rate, betas=(0.9, 0.99))
        self.opponent = torch.optim.Adam(self.adversaries.parameters(), settings.adversary_rate, betas=(0.0, 0.99))
        self.losses = (losses or Losses(settings.losses)).to(self.device)
        self.sampler = Sampler(groups, settings.batch, settings.regions, settings.seed + self.rank)
        self.exhibition = SampleGrid(groups, self.device)
        self.step = 0
        self._start = time.monotonic()
        if self._state.is_file():
            self.step = load_state(self._state, self._networks, self._optimisers, self.device)
        share_weights(self.generator)
        share_weights(self.adversaries)
        self._make = torch.compile(run_on) if settings.compiled and self.device.type == "cuda" else run_on

    def fit(self) -> Generator:
        """Train until the steps or the time are over; returns the averaged generator."""
        settings = self.settings
        start = self._start = kept = time.monotonic()
        sums: dict[str, list[float]] = {}
        while self.step < settings.steps and time.monotonic() - start < settings.seconds:
            for name, value in self.update().items():
                sums.setdefault(name, []).append(value)
            if self.step % settings.log_every == 0:
                means = {name: round(float(np.mean(values)), 5) for name, values in sums.items()}
                self._log({"step": self.step, "seconds": round(time.monotonic() - start, 1), **means})
                sums = {}
            if self.step % settings.show_every == 0 and self.rank == 0:
                self.exhibition.show(self.average, self._state.with_name(f"step-{self.step:06d}.png"))
            if time.monotonic() - kept > settings.keep_s:
                self.keep()
                kept = time.monotonic()
        self.keep()
        return self.average

    def update(self) -> dict[str, float]:
        """One step of both optimisers; the terms of its last batch."""
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.optimiser.zero_grad(set_to_none=True)
        self.opponent.zero_grad(set_to_none=True)
        for _ in range(settings.accumulate):
            batch, region = self.sampler.batch()
            batch = batch.to(self.device)
            fade = torch.from_numpy(region.fade(*batch.picture.shape[-2:])).to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                terms, made, weight = self._terms(batch, fade, region)
            (total(terms, settings.losses) / settings.accumulate).backward()
            if self._contested:
                terms["verdict"] = self._opposed(made.detach(), batch, weight, region)
        self._improve(self.optimiser, self.generator)
        if self._contested:
            self._improve(self.opponent, self.adversaries)
        self.step += 1
        share = min(settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(value, 1 - share)
        return {f"{region.name} {name}": float(value.detach()) for name, value in terms.items()}

    def keep(self) -> None:
        """Write the averaged generator, and what is needed to go on."""
        if self.rank == 0:
            save_generator(self.average, self.out)
            save_state(self._state, self.step, self._networks, self._optimisers)

    def _terms(self, batch: Batch, fade: Tensor, region: Region) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """All of the generator's terms, what it made [B,3,h,w], and how much each pixel counts [B,1,h,w]."""
        rng = torch.get_rng_state()
        made, refinement = self._make(self.generator, batch, fade)
        weight = importance(batch, fade)
        terms = self.losses(made, batch.truth, weight, refinement, in_pairs=True)
        if self.settings.losses.get("mirrored"):
            torch.set_rng_state(rng)  # the same parts of the style are dropped
            other, _ = self._make(self.generator, batch.mirrored(), fade)
            terms["mirrored"] = (made - other.flip(-1)).abs().mean()
        if self._contested:
            self.adversaries.requires_grad_(False)
            terms |= generator_adversarial_loss(
                self.adversaries, batch.dressed(made), batch.dressed(batch.truth), weight, region
            )
            self.adversaries.requires_grad_(True)
        return terms, made, weight

    def _opposed(self, made: Tensor, batch: Batch, weight: Tensor, region: Region) -> Tensor:
        """What the adversaries say to `made`; leaves their gradients."""
        settings = self.settings
        made, real = batch.dressed(made), batch.dressed(batch.truth)
        verdict = discriminator_loss(self.adversaries, made, real, weight, region)
        loss = verdict
        if self.step % settings.r1_every == 0:
            share = settings.r1_penalty * settings.r1_every / 2
            loss = loss + share * r1_penalty(self.adversaries, real, weight, region)
        (loss / settings.accumulate).backward()
        return verdict

    def _improve(self, optimiser: torch.optim.Optimizer, network: nn.Module) -> None:
        share_gradients(network.parameters())
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()

    def _rate(self) -> float:
        """The generator's rate: rises, then falls as half a cosine."""
        settings = self.settings
        spent = (time.monotonic() - self._start) / settings.seconds
        progress = min(max(self.step / settings.steps, spent), 1.0)
        falling = LEAST_RATE + (1 - LEAST_RATE) * (1 + np.cos(np.pi * progress)) / 2
        return float(settings.rate * min(1.0, (self.step + 1) / WARM_UP) * falling)

    @property
    def _contested(self) -> bool:
        """Whether the adversaries take part in this step."""
        wanted = self.settings.losses.get("adversarial") or self.settings.losses.get("matching")
        return bool(wanted) and self.step >= self.settings.adversary_after

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "average": self.average, "adversaries": self.adversaries}

    @property
    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimiser": self.optimiser, "opponent": self.opponent}

    @property
    def _state(self) -> Path:
        """What is needed to go on; beside the checkpoint, because it is no part of it."""
        return self.out.with_name(self.out.name + "-training") / "state.safetensors"

    def _log(self, row: Mapping[str, object]) -> None:
        if self.rank == 0:
            self._state.parent.mkdir(parents=True, exist_ok=True)
            with open(self._state.with_name("log.jsonl"), "a") as file:
                file.write(json.dumps(row) + "\n")
