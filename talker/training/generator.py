"""`python -m talker train generator`: the style-based generator, on photographs that the geometry led away and back.

Three kinds of squares are drawn in every step. Round trips, whose photograph is known: losses of reconstruction, and
adversaries. Their neighbours in time: what is added must move with the face. One-way trips, as films have them, of an
expression that nobody photographed: adversaries alone, while mean colours stay.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from talker.data.faces import face_rows
from talker.data.generator_batches import (
    ALONE,
    BACK,
    NEIGHBOUR,
    Batch,
    TripSet,
    augmented,
    held_out,
    importance,
    load_trips,
)
from talker.data.prepared_faces import pairs_folder
from talker.errors import InputError
from talker.render.generator import SIZES, Generator, GeneratorConfig, Refinement, refined, save_generator
from talker.render.regions import MOUTH, covered
from talker.training.generator_discriminators import (
    WANDER,
    DiscriminatorConfig,
    Discriminators,
    discriminator_loss,
    generator_adversarial_loss,
    matching_loss,
    r1_penalty,
)
from talker.training.generator_losses import (
    ReconstructionLosses,
    anchor,
    moved,
    temporal_consistency,
)
from talker.training.loop import Loop, Schedule, weighted_sum
from talker.types import Progress

CLUELESS, KNOWING = 1.97, 1.7  # hinge loss at which the adversaries don't count yet, and at which they count fully
SETS = ("permissive", "all")
CHECKED = 64  # held-out trips that are looked at
SHARPNESS_COUNTS = 0.5  # of the logarithm of the mouth's sharpness ratio, in the score


@dataclass(frozen=True)
class GeneratorTraining:
    """What is tuned in training.

    batch: round trips a step; half as many one-way trips and a quarter as many neighbours join them. photographed:
    share of the trips that lead from one photograph of a person to another one: there are few. opened: of the others
    and of one-way trips, share to mouths that stand open: most photographs show shut ones, and teeth are what drawings
    are told by. rate: of Adam.
    losses: weight of each term; `adversarial` is the norm of the adversaries' gradient at the drawn picture, as a share
    of the reconstruction's, and `one_way` the same where there is no photograph to compare with. adversary_after: share
    of the training after which the adversaries join; their share rises over as long again. r1, r1_every: weight of the
    penalty and how often it is worked out. mirrored_every: likewise, of the mirrored faces, round trips and one-way
    ones (of round trips alone, ten times the weight left what is added to open mouths lopsided).
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=30000, seconds=2700.0))
    batch: int = 16
    photographed: float = 0.15
    opened: float = 0.7
    rate: float = 1.5e-3
    losses: Mapping[str, float] = field(
        default_factory=lambda: {
            "pixels": 1.0, "edges": 2.0, "texture": 1.5, "features": 0.4, "matching": 0.05, "adversarial": 1.5,
            "anchor": 2.0, "steady": 1.0, "mirrored": 8.0, "flow": 0.002, "added": 0.005,
        }
    )  # fmt: skip
    one_way: float = 1.5
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    adversary_rate: float = 1e-3
    adversary_after: float = 0.2
    r1: float = 0.02
    r1_every: int = 16
    mirrored_every: int = 1

    @classmethod
    def for_processors(cls) -> GeneratorTraining:
        """Without a GPU: about an hour and a half of two cores."""
        plain = cls()
        return dataclasses.replace(
            plain,
            schedule=Schedule(steps=40000, seconds=5200.0, check_s=240.0),
            batch=8,
            losses={name: weight for name, weight in plain.losses.items() if name != "features"},
            discriminators=DiscriminatorConfig((32, 64, 96, 128)),
        )

    @classmethod
    def tiny(cls) -> GeneratorTraining:
        """One short run for tests, with every loss that needs no weights of others."""
        return dataclasses.replace(
            cls.for_processors(),
            schedule=Schedule(steps=2, log_every=1),
            batch=4,
            discriminators=DiscriminatorConfig.tiny(),
            adversary_after=0.0, r1_every=1,
        )  # fmt: skip


def train_generator(
    data: Path,
    out: Path,
    settings: GeneratorTraining | None = None,
    *,
    size: str = "small",
    sets: str = "permissive",
    progress: Progress | None = None,
) -> nn.Module:
    """Train one of `SIZES` on what `prepare faces` made of `data`; writes config.json and model.safetensors into `out`.

    sets: `permissive`, pictures whose licences allow any use, or `all`. Raises DataError when there are no pairs,
    InputError for a size or sets that don't exist.
    """
    if sets not in SETS:
        raise InputError(f"There are no sets {sets!r}; choose {' or '.join(SETS)}.")
    if size not in SIZES:
        raise InputError(f"There is no generator of size {size!r}; choose one of {', '.join(SIZES)}.")
    rows = [row for row in face_rows(data) if not row.reported and (row.permissive or sets == "all")]
    paths = [path for row in rows if (path := pairs_folder() / f"{row.name}.npz").is_file()]
    settings = settings or (GeneratorTraining() if torch.cuda.is_available() else GeneratorTraining.for_processors())
    task = GeneratorTask.of(paths, SIZES[size], settings)
    return Loop(task, settings.schedule, out).run(progress)


class GeneratorTask:
    """Generator and discriminators, one step at a time."""

    def __init__(
        self,
        config: GeneratorConfig,
        settings: GeneratorTraining,
        trips: TripSet,
        checked: TripSet,
        features: nn.Module | None = None,
    ) -> None:
        torch.manual_seed(settings.schedule.seed)
        self.device = trips.truths.device
        self.settings, self.trips, self.checked = settings, trips, checked
        self.network = Generator(config).to(self.device).to(memory_format=torch.channels_last)
        adversaries = Discriminators(settings.discriminators, config.mode)
        self.adversaries = adversaries.to(self.device).to(memory_format=torch.channels_last)
        self.losses = ReconstructionLosses(settings.losses, features).to(self.device)
        self._verdict = torch.full((), CLUELESS, device=self.device)
        self.networks = {"generator": self.network, "adversaries": self.adversaries}
        fused = self.device.type == "cuda"
        self.optimisers = {
            "optimiser": torch.optim.Adam(self.network.parameters(), settings.rate, betas=(0.9, 0.99), fused=fused),
            "opponent": torch.optim.Adam(
                self.adversaries.parameters(), settings.adversary_rate, betas=(0.5, 0.99), fused=fused
            ),
        }

    @classmethod
    def of(cls, paths: list[Path], config: GeneratorConfig, settings: GeneratorTraining) -> GeneratorTask:
        """On what was prepared; the held-out photographs are for choosing weights."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        taught, checked = (
            load_trips([path for path in paths if held_out(path) == kept], config.size, device)
            for kept in (False, True)
        )
        return cls(config, settings, taught, checked)

    def update(self, step: int, progress: float) -> dict[str, Tensor]:
        """One step of both optimisers."""
        settings = self.settings
        rng = torch.Generator(self.device).manual_seed(settings.schedule.seed * 1_000_003 + step)
        batch = self._batch(rng)
        count, alone = settings.batch, self._alone
        refinement, made = self._draw(self.network, batch)
        share = self._adversarial_share(progress)
        leaf = made.detach().requires_grad_(True)
        terms = self._judge(leaf, batch, step)
        wander = tuple(int(x) for x in np.random.default_rng(step).integers(-WANDER, WANDER + 1, 2))
        drawn, real = leaf[: count + alone], batch.photograph[:count]
        if share:
            self.adversaries.requires_grad_(False)
            with self._half():
                verdicts = self.adversaries(drawn, wander)
                with torch.no_grad():
                    wanted = self.adversaries(batch.truth[:count], wander)
            terms["matching"] = matching_loss([[x[:count] for x in seen] for seen in verdicts], wanted)
            terms["adversarial"] = generator_adversarial_loss(verdicts)
            self.adversaries.requires_grad_(True)
        gradient = self._gradient(leaf, terms, share)
        extra = moved(refinement)
        if settings.losses.get("mirrored") and step % settings.mirrored_every == 0:
            few = max(count // 4, 1)
            some = slice(count - max(few // 2, 1), count + min(few, alone))  # one-way trips, and half as many others
            _, other = self._draw(self.network, batch.rows(some).mirrored())
            extra["mirrored"] = (made[some] - other.flip(-1)).abs().mean()
        self.optimisers["optimiser"].zero_grad(set_to_none=True)
        weights = {name: settings.losses.get(name, 0.0) for name in extra}
        torch.autograd.backward([made, weighted_sum(extra, weights)], [gradient, None])
        self._improve("optimiser", self.network)
        if settings.losses.get("adversarial"):
            terms["verdict"] = self._oppose(drawn.detach(), real, wander, step)
        return terms | extra

    def check(self, network: nn.Module) -> dict[str, float]:
        """PSNR and sharpness of held-out mouths, and the distance of features, beside the geometry's."""
        rows = torch.arange(min(CHECKED, len(self.checked)), device=self.device)
        with torch.no_grad():
            batch = self.checked.take(rows, BACK)
            _, made = self._draw(network, batch)
            weight = importance(batch)
            figures: dict[str, float] = {}
            for name, picture in (("", made), ("geometry's ", batch.picture[:, :3])):
                terms = self.losses(picture, batch.truth, weight)
                figures[f"{name}distance"] = float(terms.get("features", terms["texture"]))
                figures[f"{name}mouth PSNR"] = float(mouth_psnr(picture, batch.truth))
                figures[f"{name}mouth sharpness"] = float(mouth_sharpness(picture) / mouth_sharpness(batch.truth))
        share = figures["distance"] / figures["geometry's distance"]
        figures["score"] = -share - SHARPNESS_COUNTS * abs(float(np.log(figures["mouth sharpness"])))
        return {name: round(value, 4) for name, value in figures.items()}

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write the checkpoint."""
        assert isinstance(network, Generator)
        save_generator(network, folder)

    def _batch(self, rng: torch.Generator) -> Batch:
        """Round trips [batch], one-way trips [batch/2] and neighbours of the first round trips [batch/4]."""
        count = self.settings.batch
        few = max(count // 4, 1)
        rows = self.trips.choose(count, self.settings.photographed, self.settings.opened, rng)
        others = self.trips.choose(self._alone, 0.0, self.settings.opened, rng, ALONE)
        first, neighbours = augmented([self.trips.take(rows[:few], place) for place in (BACK, NEIGHBOUR)], rng)
        rest = augmented([self.trips.take(rows[few:], BACK)], rng)
        alone = augmented([self.trips.take(others, ALONE)], rng) if self._alone else []
        return Batch.joined([first, *rest, *alone, neighbours])

    def _draw(self, network: nn.Module, batch: Batch) -> tuple[Refinement, Tensor]:
        assert isinstance(network, Generator)
        with self._half():
            refinement = network.refine(batch.picture, batch.maps, batch.style, network.encode(batch.source))
        return refinement, refined(batch.picture[:, :3], refinement)

    def _judge(self, made: Tensor, batch: Batch, step: int) -> dict[str, Tensor]:
        """Every term that needs no adversary; made: [B,3,S,S] of all of `batch`."""
        count = self.settings.batch
        few, alone = max(count // 4, 1), self._alone
        back = batch.rows(slice(0, count))
        rows, columns = covered(self.network.config.mode, made.shape[-1])
        parts = (picture[..., rows, columns] for picture in (made[:count], back.truth, importance(back)))
        terms = self.losses(*parts)
        one_way = slice(count, count + alone)
        if alone:
            terms["anchor"] = anchor(made[one_way], batch.picture[one_way, :3])
        added = made - batch.picture[:, :3]
        now, then = batch.rows(slice(0, few)), batch.rows(slice(count + alone, None))
        terms["steady"] = temporal_consistency(added[:few], now, added[count + alone :], then)
        return terms

    def _gradient(self, leaf: Tensor, terms: Mapping[str, Tensor], share: float) -> Tensor:
        """Of all terms with respect to the drawn pictures; the adversaries' part is scaled to the reconstruction's."""
        count, weights = self.settings.batch, self.settings.losses
        plain = {name: weights.get(name, 0.0) for name in terms if name != "adversarial"}
        contested = "adversarial" in terms
        (gradient,) = torch.autograd.grad(weighted_sum(terms, plain), leaf, retain_graph=contested)
        if not contested:
            return gradient
        (adverse,) = torch.autograd.grad(terms["adversarial"], leaf)
        usual = gradient[:count].square().mean().sqrt()
        one_way = slice(count, count + self._alone)
        for rows, part in ((slice(0, count), weights.get("adversarial", 0.0)), (one_way, self.settings.one_way)):
            own = adverse[rows].square().mean().sqrt().clamp_min(1e-12)
            gradient[rows] += adverse[rows] * (share * self._confidence() * part * usual / own)
        return gradient

    def _oppose(self, drawn: Tensor, real: Tensor, wander: tuple[int, ...], step: int) -> Tensor:
        """One step of the adversaries."""
        settings = self.settings
        with self._half():
            loss = verdict = discriminator_loss(
                self.adversaries(real, wander),
                self.adversaries(drawn, wander),
            )
        if step % settings.r1_every == 0:
            loss = loss + settings.r1 * settings.r1_every / 2 * r1_penalty(self.adversaries, real)
        self.optimisers["opponent"].zero_grad(set_to_none=True)
        loss.backward()
        self._improve("opponent", self.adversaries)
        self._verdict = torch.lerp(self._verdict, verdict.detach().float(), 0.05)
        return verdict

    def _confidence(self) -> Tensor:
        """0..1 how far the adversaries know what they say: what they ask for before is noise."""
        return ((CLUELESS - self._verdict) / (CLUELESS - KNOWING)).clamp(0.0, 1.0)

    def _improve(self, name: str, network: nn.Module) -> None:
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        self.optimisers[name].step()

    def _adversarial_share(self, progress: float) -> float:
        """0..1 how much of the adversaries' weight counts at this point of the training."""
        settings = self.settings
        if not settings.losses.get("adversarial"):
            return 0.0
        rising = (progress - settings.adversary_after) / max(settings.adversary_after, 1e-6)
        return float(np.clip(rising, 0.0, 1.0)) if settings.adversary_after else 1.0

    @property
    def _alone(self) -> int:
        """How many one-way trips a step has: without adversaries nothing could be learnt from them."""
        return self.settings.batch // 2 if self.settings.losses.get("adversarial") else 0

    def _half(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


def mouth_psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """dB, of squares [B,3,S,S]; the higher the better."""
    rows, columns = MOUTH.slices(picture.shape[-1])
    error = (picture.clamp(0, 1) - truth)[..., rows, columns].square().mean(dim=(1, 2, 3))
    return (-10 * torch.log10(error.clamp_min(1e-7))).mean()


def mouth_sharpness(picture: Tensor) -> Tensor:
    """Mean absolute Laplacian of the mouth's part of squares [B,3,S,S]."""
    rows, columns = MOUTH.slices(picture.shape[-1])
    grey = picture[..., rows, columns].mean(1)
    inner = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (4 * inner - around).abs().mean()
