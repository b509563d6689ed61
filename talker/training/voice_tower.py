"""Trains the voice tower of a space whose prototypes, texts and pictures stand.

`python -m talker train voices --data DIR` replaces the voice tower of both shipped spaces. Every corpus comes from one
studio and knows only some of the emotions, so a clip is told apart from the emotions of its own corpus alone, and each
corpus counts as much as any other. Whoever just reads aloud teaches the strength and nothing else. The tower is linear
and strongly regularised: a hidden layer found no more in studios that were kept out (docs/emotion.md).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.data.voice_corpora import VoiceRecords
from talker.emotion.space import EmotionSpace, VoiceTower
from talker.training.emotion_losses import among

CALM = ("neutral", "calm")  # acted, but nothing is felt


@dataclass(frozen=True)
class VoiceTraining:
    """One run. penalty, strength_penalty: on the squared weights of the tower and of the strength."""

    iterations: int = 40
    penalty: float = 0.1
    strength_penalty: float = 1.0


def train_voice_tower(space: EmotionSpace, voices: VoiceRecords, training: VoiceTraining) -> EmotionSpace:
    """A copy of the space that hears voices anew; everything else in it stays bit for bit."""
    network = copy.deepcopy(space.network).requires_grad_(False)
    names = tuple(name for name in space.config.emotions if name in voices.emotion[~voices.plain])
    network.config = dataclasses.replace(space.config, voice_emotions=names)
    network.heard = [space.config.emotions.index(name) for name in names]
    windows, width = voices.statistics.shape[1:]
    network.voice, network.voice_strength = VoiceTower(width, len(names)), nn.Linear(width, 1)
    rows = torch.from_numpy(voices.statistics).flatten(0, 1)  # [N · windows, width]
    emotion, corpus, plain = (np.repeat(values, windows) for values in (voices.emotion, voices.corpus, voices.plain))
    acted = torch.from_numpy(rows.numpy()[~plain])
    network.voice.mean.copy_(acted.mean(0))
    network.voice.deviation.copy_(acted.std(0).clamp_min(1e-4))
    _learn_emotions(network.voice, rows, emotion, np.where(plain, "", corpus), names, training)
    _learn_strength(network.voice_strength, network.voice.standardised(rows), emotion, corpus, plain, training)
    return EmotionSpace(network)


def _learn_emotions(
    tower: VoiceTower,
    rows: Tensor,
    emotion: np.ndarray,
    corpus: np.ndarray,
    names: tuple[str, ...],
    training: VoiceTraining,
) -> None:
    """Multinomial regression with one term for each corpus, in which only its own emotions are told apart."""
    groups = []
    for one in sorted(set(corpus) - {""}):
        target = torch.tensor([names.index(name) for name in emotion[corpus == one]])
        classes, counts = torch.unique(target, return_counts=True)
        groups.append((rows[torch.from_numpy(corpus == one)], classes, target, len(target) / counts / len(counts)))

    def loss() -> Tensor:
        told_apart = torch.stack([among(tower(heard), *classes) for heard, *classes in groups])
        return told_apart.mean() + training.penalty * (tower.linear.weight**2).sum()

    _minimise(loss, tower.linear, training.iterations)


def _learn_strength(
    layer: nn.Linear,
    scaled: Tensor,
    emotion: np.ndarray,
    corpus: np.ndarray,
    plain: np.ndarray,
    training: VoiceTraining,
) -> None:
    """Logistic regression of acted emotions against neutral acting and reading; corpora count the same on each side."""
    moved = ~plain & ~np.isin(emotion, CALM)
    share = np.zeros(len(moved))
    for side in (moved, ~moved):
        corpora = np.unique(corpus[side])
        for one in corpora:
            own = side & (corpus == one)
            share[own] = 0.5 / len(corpora) / own.sum()
    weight, target = torch.from_numpy(share).float(), torch.from_numpy(moved).float()

    def loss() -> Tensor:
        error = functional.binary_cross_entropy_with_logits(layer(scaled)[:, 0], target, weight, reduction="sum")
        return error + training.strength_penalty * (layer.weight**2).sum()

    _minimise(loss, layer, training.iterations)


def _minimise(loss: Callable[[], Tensor], layer: nn.Linear, iterations: int) -> None:
    """Fit a layer, from zero, by L-BFGS: the losses are convex, so no seed matters."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    optimiser.step(closure)
