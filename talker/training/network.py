"""`python -m talker train motion-network`: trains the sequence model of `talker.motion.network` on clips of any origin.

`data` is a folder that `python -m talker prepare` made, or one with GRID's tracked speaker (grid/); the offline voice
reads sentences beside it, with the visemes of its phones as teacher. The best exponential mean of the weights on held
out clips is kept. A run that was stopped goes on from `training.safetensors` with the same batches as if it had not
been: everything that is drawn depends on the seed and the step alone.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from talker.data.motion_dataset import MotionDataset, Sample, batch_of, gather
from talker.motion.mouth_regressor import ArticulationConfig
from talker.motion.network import STYLE_WIDTH, MotionNetwork, NetworkConfig, NetworkMouthRegressor
from talker.training.motion import CHANNELS
from talker.training.network_losses import LipLandmarks, losses
from talker.types import Progress

STATE, LOG = "training.safetensors", "training.jsonl"


@dataclass(frozen=True)
class NetworkTraining:
    """What is tuned in training.

    steps, batch, window: updates, clips in one, and frames (20 ms) of each. rate: highest learning rate, reached after
    `warm_up` steps and eased to 0. decay: of the weights. ema: share of the past in the mean of the weights.
    copies: of each tracked clip, heard in other voices, rooms and lines.
    sentences, voice_weight: what the offline voice reads, and how much it counts beside real faces.
    hidden_phones, hidden_feeling: share of the clips whose phones, or whose emotion and style, the network isn't told.
    weights: of the losses, by name. check: steps between looks at the held-out clips.
    """

    steps: int = 1500
    batch: int = 16
    window: int = 150
    rate: float = 1e-3
    warm_up: int = 100
    decay: float = 0.05
    ema: float = 0.995
    copies: int = 2
    sentences: int = 400
    voice_weight: float = 0.3
    hidden_phones: float = 0.5
    hidden_feeling: float = 0.2
    check: int = 150
    seed: int = 0
    weights: dict[str, float] = field(
        default_factory=lambda: {
            "coefficients": 1.0, "lips": 1.0, "velocity": 0.5, "closure": 0.3, "gate": 0.2, "silence": 0.3,
        }
    )  # fmt: skip
    head: ArticulationConfig = field(
        default_factory=lambda: ArticulationConfig(
            CHANNELS, opening_gain=1.2, rounding_gain=1.2, phone_share_opening=0.0, phone_share_rounding=0.0
        )
    )
    network: NetworkConfig = field(default_factory=lambda: NetworkConfig(len(CHANNELS), width=128, blocks=5))

    @classmethod
    def tiny(cls) -> NetworkTraining:
        """A few steps of a small network for tests."""
        return cls(
            steps=8,
            batch=2,
            window=20,
            warm_up=2,
            copies=1,
            sentences=2,
            check=4,
            network=NetworkConfig.tiny(len(CHANNELS)),
        )


def train_network(
    data: Path, out: Path, settings: NetworkTraining | None = None, progress: Progress | None = None
) -> NetworkMouthRegressor:
    """Train on `data` and write config.json and model.safetensors into `out`, with the log beside them.

    Raises DataError when `data` holds neither prepared clips nor grid/.
    """
    settings = settings or NetworkTraining()
    material = gather(
        data,
        settings.head,
        emotion=settings.network.emotion,
        sentences=settings.sentences,
        voice_weight=settings.voice_weight,
        copies=settings.copies,
        seed=settings.seed,
    )
    return fit_network(material, out, settings, progress)


def fit_network(
    material: MotionDataset, out: Path, settings: NetworkTraining, progress: Progress | None = None
) -> NetworkMouthRegressor:
    """The network that explains the lessons best, chosen on the held-out ones; goes on where a run was stopped."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = _Run(material, settings, device)
    out.mkdir(parents=True, exist_ok=True)
    if (out / STATE).is_file():
        run.restore(load_file(out / STATE))
    while run.step < settings.steps:
        figures = run.update()
        if run.step % settings.check == 0 or run.step == settings.steps:
            figures |= run.look()
            with open(out / LOG, "a", encoding="utf-8") as log:
                log.write(json.dumps({"step": run.step} | figures) + "\n")
            save_file(run.state(), out / STATE)
            NetworkMouthRegressor(settings.head, run.best).save(out)
        if progress is not None:
            progress(run.step, settings.steps)
    return NetworkMouthRegressor(settings.head, run.best.eval())


class _Run:
    """Weights on their way: the network, the mean of its past, and the best of these means so far."""

    def __init__(self, material: MotionDataset, settings: NetworkTraining, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.material, self.settings, self.device = material, settings, device
        self.step, self.best_score = 0, -1.0
        self.network = MotionNetwork(settings.network)
        heard = np.concatenate([sample.heard[::5].astype(np.float32) for sample in material.train])
        self.network.mean.copy_(torch.from_numpy(heard.mean(0)))
        self.network.spread.copy_(torch.from_numpy(heard.std(0) + 1e-3))
        self.network.to(device)
        self.mean = copy.deepcopy(self.network)
        self.best = copy.deepcopy(self.network).cpu()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=settings.rate, weight_decay=settings.decay)
        self.lips = LipLandmarks.of(settings.head.channels).to(device)
        target = np.concatenate([sample.target for sample in material.train])
        self.spread = torch.as_tensor(target.std(0) + 0.02, device=device)

    def update(self) -> dict[str, float]:
        """One step; returns the losses by name."""
        settings = self.settings
        rng = np.random.default_rng([settings.seed, self.step])
        torch.manual_seed(settings.seed * 1_000_003 + self.step)
        chosen = [self.material.train[index] for index in rng.integers(len(self.material.train), size=settings.batch)]
        batch = batch_of(
            chosen, settings.window, rng,
            hidden_phones=settings.hidden_phones, hidden_feeling=settings.hidden_feeling,
        ).to(self.device)  # fmt: skip
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate * _schedule(self.step, settings)
        self.network.train()
        values, closing = self.network(batch.heard, batch.prior, batch.emotion, batch.style)
        named = losses(values, closing, batch, self.lips, self.spread)
        total = torch.stack([settings.weights[name] * value for name, value in named.items()]).sum()
        self.optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(settings.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1.0 - keep)
        return {name: round(value.item(), 5) for name, value in named.items()}

    def look(self) -> dict[str, float]:
        """How the mean of the weights does on the held-out clips; it is kept when it does best."""
        found = opening_match(self.mean, self.material.validation, self.lips)
        if found > self.best_score:
            self.best_score, self.best = found, copy.deepcopy(self.mean).cpu()
        return {"held out, opening r": round(found, 4)}

    def state(self) -> dict[str, Tensor]:
        """Everything that going on needs, as tensors."""
        state = {"step": torch.tensor(self.step), "best_score": torch.tensor(self.best_score)}
        for kind, network in (("network", self.network), ("mean", self.mean), ("best", self.best)):
            state |= {f"{kind}.{name}": value.detach().cpu().clone() for name, value in network.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{index}.{name}": value.detach().cpu().clone() for name, value in moments.items()}
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self.step, self.best_score = int(state["step"]), float(state["best_score"])
        for kind, network in (("network", self.network), ("mean", self.mean), ("best", self.best)):
            prefix = f"{kind}."
            network.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            if name.startswith("optimiser."):
                _, index, which = name.split(".")
                moments.setdefault(int(index), {})[which] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})


@torch.inference_mode()
def opening_match(network: MotionNetwork, samples: Sequence[Sample], lips: LipLandmarks) -> float:
    """Mean correlation of the lip opening (perfect: 1) from sound alone, emotion and style untold."""
    network.eval()
    device = lips.opening.device
    found = []
    for sample in samples:
        heard = torch.from_numpy(sample.heard.astype(np.float32))[None].to(device)
        nothing = [torch.zeros(1, *shape, device=device) for shape in (sample.prior.shape, (1, len(sample.emotion)))]
        values, _ = network(heard, *nothing, torch.zeros(1, STYLE_WIDTH, device=device))
        target = torch.from_numpy(sample.target).to(device)
        pair = torch.stack([values[0] @ lips.opening, target @ lips.opening])
        if float(pair.std(1).min()) > 1e-6:
            found.append(float(torch.corrcoef(pair)[0, 1]))
    return float(np.mean(found)) if found else 0.0


def _schedule(step: int, settings: NetworkTraining) -> float:
    """Share of the highest learning rate: up over the warm-up, then down a half cosine."""
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    return 0.5 + 0.5 * math.cos(math.pi * step / settings.steps)
