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
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from talker.data.voice_corpora import VoiceRecords
from talker.emotion.space import EmotionSpace, VoiceTower
from talker.training.emotion_losses import among
from talker.training.voice_strength import StrengthTraining, learn_strength

MIDDLE_ROWS = 300  # a corpus of fewer windows says too little of its studio's sound


@dataclass(frozen=True)
class VoiceTraining:
    """One run. penalty: on the squared weights of the tower."""

    iterations: int = 100
    penalty: float = 0.05
    strength: StrengthTraining = field(default_factory=StrengthTraining)


def train_voice_tower(space: EmotionSpace, voices: VoiceRecords, training: VoiceTraining) -> EmotionSpace:
    """A copy of the space that hears voices anew; everything else in it stays bit for bit."""
    network = copy.deepcopy(space.network).requires_grad_(False)
    names = tuple(name for name in space.config.emotions if name in voices.emotion[~voices.plain])
    network.config = dataclasses.replace(space.config, voice_emotions=names)
    network.heard = [space.config.emotions.index(name) for name in names]
    windows, width = voices.statistics.shape[1:]
    network.voice = VoiceTower(width, len(names))
    acted = torch.from_numpy(voices.statistics[~voices.plain]).flatten(0, 1)  # [N · windows, width]
    network.voice.mean.copy_(acted.mean(0))
    network.voice.deviation.copy_(acted.std(0).clamp_min(1e-4))
    emotion, corpus = (np.repeat(values[~voices.plain], windows) for values in (voices.emotion, voices.corpus))
    _learn_emotions(network.voice.linear, network.voice.standardised(acted), emotion, corpus, names, training)
    learn_strength(network.voice, voices, training.strength)
    return EmotionSpace(network)


def _learn_emotions(
    layer: nn.Linear,
    scaled: Tensor,
    emotion: np.ndarray,
    corpus: np.ndarray,
    names: tuple[str, ...],
    training: VoiceTraining,
) -> None:
    """Multinomial regression with one term for each corpus, in which only its own emotions are told apart.

    A corpus's own middle, in which its emotions count the same, is taken away: it is the sound of the studio. A voice
    of no corpus, and a corpus too small to have a middle, lies around the middle of these middles.
    """
    corpora = {one: scaled[torch.from_numpy(corpus == one)] for one in np.unique(corpus)}
    targets = {one: torch.tensor([names.index(name) for name in emotion[corpus == one]]) for one in corpora}
    middles = {
        one: torch.stack([heard[targets[one] == label].mean(0) for label in torch.unique(targets[one])]).mean(0)
        for one, heard in corpora.items()
        if len(heard) >= MIDDLE_ROWS
    }
    overall = torch.stack(list(middles.values())).mean(0) if middles else scaled.mean(0)
    groups = []
    for one, heard in corpora.items():
        classes, counts = torch.unique(targets[one], return_counts=True)
        weight = len(heard) / counts / len(counts)
        groups.append((heard - middles.get(one, overall), classes, targets[one], weight))

    def loss() -> Tensor:
        told_apart = torch.stack([among(layer(heard), *classes) for heard, *classes in groups])
        return told_apart.mean() + training.penalty * (layer.weight**2).sum()

    minimise(loss, layer, training.iterations)
    with torch.no_grad():
        layer.bias.sub_(layer.weight @ overall)


def minimise(loss: Callable[[], Tensor], layer: nn.Linear, iterations: int) -> None:
    """Fit a layer, from zero, by L-BFGS: the losses are convex, so no seed matters."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return float(value.detach())

    optimiser.step(closure)
