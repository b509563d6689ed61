"""`python -m talker train generator`: the style-based generator, on pairs of drawn and real frames.

One process on whatever device there is; under `torchrun` one per device, each with its own chance. A run goes on where
an earlier one stopped, if its state lies in the folder beside (`NAME-training`), where the log is written, too.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from talker.render.aligned import MAP_STRIDE, MIRRORED_SIGN, MIRRORED_STYLE
from talker.render.generator import SIZES, Generator, GeneratorConfig, Refinement, absolute, refined, save_generator
from talker.render.regions import EYES, MOUTH, Region
from talker.training.generator_data import Pairs, load_pairs, prepare
from talker.training.generator_losses import Losses, total
from talker.types import Progress

KINDS = {"talking": 0.6, "grid": 0.2, "portraits": 0.2}
FORGOTTEN = 0.3  # of the styles: what can be seen must do without them
SHAKEN = 0.05  # standard deviation of what is added to a style
SHIFT = 3  # cells of the maps by which a part of the square is moved about
EXPOSURE = 0.12  # light and colour of a pair are changed by up to this share
LIPS_COUNT, EYES_COUNT, SKIN_COUNT, BASE = 4.0, 2.0, 1.0, 0.1  # how much a pixel counts


@dataclass(frozen=True)
class GeneratorTraining:
    """What is tuned in training.

    batch: pairs a step. accumulate: batches per update. rate: of Adam, at the start. average: of the weights that are
    kept (EMA). losses: weight of each term. regions: how often each part of the square is taken. keep_s: seconds
    between checkpoints. seconds: after which training ends, should that come before `steps`.
    """

    steps: int = 30000
    seconds: float = 1260.0
    batch: int = 8
    accumulate: int = 1
    rate: float = 1.5e-3
    average: float = 0.998
    losses: Mapping[str, float] = field(
        default_factory=lambda: {
            "pixels": 1.0, "edges": 2.0, "texture": 1.0, "flow": 0.002, "added": 0.01, "steady": 0.3
        }
    )  # fmt: skip
    regions: tuple[tuple[Region, float], ...] = ((MOUTH, 0.7), (EYES, 0.3))
    keep_s: float = 300.0
    seed: int = 0

    @classmethod
    def tiny(cls) -> GeneratorTraining:
        """One short run for tests."""
        return cls(steps=2, batch=2)


def train_generator(
    data: Path,
    out: Path,
    settings: GeneratorTraining | None = None,
    *,
    size: str = "small",
    progress: Progress | None = None,
) -> Generator:
    """Train one of `SIZES` on the films and portraits of `data`; writes config.json and model.safetensors into `out`.

    Raises DataError when the data isn't there.
    """
    config = SIZES[size]
    groups = {
        kind: [load_pairs(path) for path in paths] for kind, paths in prepare(data, config.size, progress).items()
    }
    return Trainer(config, settings or GeneratorTraining(), groups, out).fit()


@dataclass
class Batch:
    """Parts of B squares: picture [B,6,h,w], truth [B,3,h,w], maps [B,6,h/4,w/4], style [B,STYLE], source [B,3,S,S]."""

    picture: Tensor
    truth: Tensor
    maps: Tensor
    style: Tensor
    source: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(*(getattr(self, part.name).to(device) for part in dataclasses.fields(self)))

    def mirrored(self) -> Batch:
        """The mirrored faces."""
        maps = self.maps.flip(-1) * torch.tensor([-1.0, 1, 1, 1, -1, 1])[:, None, None]
        maps[:, 4] += 1.0  # places are 0..1 from the left
        style = self.style[:, MIRRORED_STYLE] * torch.from_numpy(MIRRORED_SIGN)
        return Batch(self.picture.flip(-1), self.truth.flip(-1), maps, style, self.source.flip(-1))

    def lit(self, gain: Tensor) -> Batch:
        """The faces with each colour multiplied by `gain` [B,3,1,1]."""
        picture = torch.cat([self.picture[:, :3] * gain, self.picture[:, 3:]], dim=1)
        return dataclasses.replace(self, picture=picture, truth=self.truth * gain, source=self.source * gain)


class Sampler:
    """Draws batches of neighbouring frames from films and portraits."""

    def __init__(self, groups: Mapping[str, Sequence[Pairs]], settings: GeneratorTraining, seed: int) -> None:
        self._groups = {kind: list(pairs) for kind, pairs in groups.items() if pairs}
        shares = np.array([KINDS.get(kind, 1.0) for kind in self._groups])
        self._shares = shares / shares.sum()
        self._settings, self._random = settings, np.random.default_rng(seed)

    def batch(self) -> tuple[Batch, Region]:
        """A batch, and the part of the square that it shows."""
        random, settings = self._random, self._settings
        regions, shares = zip(*settings.regions, strict=True)
        region: Region = regions[random.choice(len(regions), p=np.array(shares) / sum(shares))]
        kinds = list(self._groups)
        parts: list[Batch] = []
        while sum(len(part.style) for part in parts) < settings.batch:
            pairs = self._groups[kinds[random.choice(len(kinds), p=self._shares)]]
            chosen = pairs[random.integers(len(pairs))]
            shift = random.integers(-SHIFT, SHIFT + 1, 2)
            part = take(chosen, self._rows(len(chosen)), region, (int(shift[0]), int(shift[1])))
            part.style = self._shaken(part.style)
            if random.random() < 0.5:
                part = part.mirrored()
            gain = (1 + EXPOSURE * random.uniform(-1, 1)) * (1 + 0.3 * EXPOSURE * random.uniform(-1, 1, (1, 3, 1, 1)))
            parts.append(part.lit(torch.from_numpy(gain.astype(np.float32))))
        columns = [torch.cat([getattr(part, name.name) for part in parts]) for name in dataclasses.fields(Batch)]
        return Batch(*(column[: settings.batch] for column in columns)), region

    def _shaken(self, style: Tensor) -> Tensor:
        """The style [B,STYLE] with noise, or nothing of it."""
        if self._random.random() < FORGOTTEN:
            return torch.zeros_like(style)
        return style + SHAKEN * torch.from_numpy(self._random.standard_normal(style.shape).astype(np.float32))

    def _rows(self, count: int) -> list[int]:
        """Two frames that follow one another, or the only one there is."""
        if count == 1:
            return [0]
        first = int(self._random.integers(count - 1))
        return [first, first + 1]


def take(pairs: Pairs, rows: list[int], region: Region, shift: tuple[int, int] = (0, 0)) -> Batch:
    """Some frames' part of the square, moved by `shift` cells of the maps (down, right) as far as the square goes."""
    side = pairs.source.shape[0]
    cells = side // MAP_STRIDE
    coarse = tuple(_moved(part, by, cells) for part, by in zip(region.slices(cells), shift, strict=True))
    there = tuple(slice(part.start * MAP_STRIDE, part.stop * MAP_STRIDE) for part in coarse)
    inputs = np.concatenate([pairs.pictures[rows][:, *there], pairs.masks[rows][:, *there]], axis=-1)
    maps = absolute(torch.from_numpy(pairs.maps[rows].astype(np.float32)).permute(0, 3, 1, 2))
    return Batch(
        _tensor(inputs),
        _tensor(pairs.truths[rows][:, *there]),
        maps[:, :, *coarse],
        torch.from_numpy(pairs.styles[rows]),
        _tensor(pairs.source[None]).expand(len(rows), -1, -1, -1),
    )


def _moved(part: slice, by: int, end: int) -> slice:
    by = min(max(by, -part.start), end - part.stop)
    return slice(part.start + by, part.stop + by)


def run_on(generator: nn.Module, batch: Batch, fade: Tensor) -> tuple[Tensor, Refinement]:
    """What the generator makes of a batch [B,3,h,w], and how."""
    model: Generator = generator.module if hasattr(generator, "module") else generator  # type: ignore[assignment]
    refinement = generator(batch.picture, batch.maps, batch.style, model.encode(batch.source))
    return refined(batch.picture[:, :3], refinement, fade), refinement


class Trainer:
    """One model, its average, its optimiser and its log."""

    def __init__(
        self, config: GeneratorConfig, settings: GeneratorTraining, groups: Mapping[str, Sequence[Pairs]], out: Path
    ) -> None:
        torch.manual_seed(settings.seed)
        self.rank, self.device = _placed()
        self.settings, self.out = settings, out
        self.generator = Generator(config).to(self.device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.generator.parameters(), settings.rate, betas=(0.9, 0.99))
        self.losses = Losses().to(self.device)
        self.sampler = Sampler(groups, settings, settings.seed + self.rank)
        self.step = 0
        self._start = time.monotonic()
        self._resume()
        self.parallel: nn.Module = self.generator
        if torch.distributed.is_initialized():
            self.parallel = nn.parallel.DistributedDataParallel(self.generator, find_unused_parameters=True)

    def fit(self) -> Generator:
        """Train until the steps or the time are over; returns the averaged generator."""
        start = self._start = kept = time.monotonic()
        sums: dict[str, list[float]] = {}
        while self.step < self.settings.steps and time.monotonic() - start < self.settings.seconds:
            for name, value in self.update().items():
                sums.setdefault(name, []).append(value)
            if self.step % 50 == 0:
                means = {name: round(float(np.mean(values)), 5) for name, values in sums.items()}
                self._log({"step": self.step, "seconds": round(time.monotonic() - start, 1), **means})
                sums = {}
            if time.monotonic() - kept > self.settings.keep_s:
                self.keep()
                kept = time.monotonic()
        self.keep()
        return self.average

    def update(self) -> dict[str, float]:
        """One step of the optimiser; the terms of its last batch."""
        settings = self.settings
        spent = (time.monotonic() - self._start) / settings.seconds
        progress = min(max(self.step / settings.steps, spent), 1.0)
        rate = settings.rate * min(1.0, (self.step + 1) / 100) * (0.51 + 0.49 * np.cos(np.pi * progress))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        for _ in range(settings.accumulate):
            batch, region = self.sampler.batch()
            batch = batch.to(self.device)
            fade = torch.from_numpy(region.fade(*batch.picture.shape[-2:])).to(self.device)
            made, refinement = run_on(self.parallel, batch, fade)
            terms = self.losses(made, batch.truth, importance(batch, fade), refinement, in_pairs=True)
            (total(terms, settings.losses) / settings.accumulate).backward()
        nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        share = min(settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(value, 1 - share)
        return {f"{region.name} {name}": float(value.detach()) for name, value in terms.items()}

    def keep(self) -> None:
        """Write the averaged generator, and what is needed to go on."""
        if self.rank:
            return
        save_generator(self.average, self.out)
        state = {f"generator.{name}": value for name, value in self.generator.state_dict().items()}
        for number, row in enumerate(self.optimiser.state_dict()["state"].values()):
            state |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in row.items()}
        self._state.parent.mkdir(parents=True, exist_ok=True)
        save_file({**state, "step": torch.tensor(self.step)}, self._state)

    @property
    def _state(self) -> Path:
        """What is needed to go on; beside the checkpoint, because it is no part of it."""
        return self.out.with_name(self.out.name + "-training") / "state.safetensors"

    def _resume(self) -> None:
        if not self._state.is_file():
            return
        state = load_file(self._state, device=str(self.device))
        self.step = int(state.pop("step"))
        self.generator.load_state_dict(
            {name.removeprefix("generator."): v for name, v in state.items() if name.startswith("generator.")}
        )
        self.average.load_state_dict(load_file(self.out / "model.safetensors", device=str(self.device)))
        saved = self.optimiser.state_dict()
        rows: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            if name.startswith("optimiser."):
                _, number, part = name.split(".")
                rows.setdefault(int(number), {})[part] = value
        self.optimiser.load_state_dict({**saved, "state": rows})

    def _log(self, row: Mapping[str, object]) -> None:
        if self.rank == 0:
            self._state.parent.mkdir(parents=True, exist_ok=True)
            with open(self._state.with_name("log.jsonl"), "a") as file:
                file.write(json.dumps(row) + "\n")


def importance(batch: Batch, fade: Tensor) -> Tensor:
    """[B,1,h,w] how much each pixel counts: lips and what lies around them most."""
    coarse = nn.functional.avg_pool2d(batch.picture[:, 4:6], MAP_STRIDE)  # [B,2,h/4,w/4] lips, eyes
    around = nn.functional.max_pool2d(coarse, 5, stride=1, padding=2)
    weight = BASE + SKIN_COUNT * batch.maps[:, 3:4] + LIPS_COUNT * around[:, :1] + EYES_COUNT * around[:, 1:]
    return (
        nn.functional.interpolate(weight, scale_factor=float(MAP_STRIDE), mode="bilinear", align_corners=False) * fade
    )


def _placed() -> tuple[int, torch.device]:
    """This process' number and device; joins the others when `torchrun` started it."""
    rank = int(os.environ.get("LOCAL_RANK", 0))
    cuda = torch.cuda.is_available()
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    return rank, torch.device(f"cuda:{rank}" if cuda else "cpu")


def _tensor(pictures: np.ndarray) -> Tensor:
    """[B,C,h,w] 0..1 of [B,h,w,C] uint8."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255.0
