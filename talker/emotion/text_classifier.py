"""Does a text speak of an emotion at all? A small regularised logistic regression on the language tower's vectors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.types import FloatArray

# A text that is clearly read as one label may speak of it in pictures ("the brakes don't work"): the log-odds of the
# gate and this many times the likeliest label's share must reach the sum. Four of five other texts stay out.
SHARE_COUNTS, NAMES_FEELING = 2.0, 0.6
REGULARISATION = 0.5  # half the squared weights, against the sum of balanced losses
STEPS = 100


def names_emotion(probability: float, labels: FloatArray) -> bool:
    """Whether a text speaks of an emotion: by the gate's `probability`, and by the `labels` [8] that it reads as."""
    log_odds = float(np.log(max(probability, 1e-6)) - np.log(max(1.0 - probability, 1e-6)))
    return log_odds + SHARE_COUNTS * float(labels[1:].max()) >= NAMES_FEELING


def fit_gate(gate: nn.Linear, speaking: Tensor, other: Tensor) -> None:
    """Fit `gate` to tell texts of emotions [N, width] from other texts [M, width]; both kinds count the same."""
    texts = torch.cat([speaking, other])
    named = torch.cat([torch.ones(len(speaking)), torch.zeros(len(other))])
    weight = torch.where(named > 0, len(texts) / (2.0 * len(speaking)), len(texts) / (2.0 * len(other)))
    gate.weight.data.zero_()
    gate.bias.data.zero_()
    parameters = [gate.weight.requires_grad_(True), gate.bias.requires_grad_(True)]
    optimiser = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = gate(texts)[:, 0]
        value = functional.binary_cross_entropy_with_logits(logits, named, weight=weight, reduction="sum")
        value = value + REGULARISATION * (gate.weight**2).sum()
        value.backward()
        return value

    optimiser.step(lambda: float(loss()))
