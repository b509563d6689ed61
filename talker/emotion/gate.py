"""Does a text speak of a feeling at all? A small regularised logistic regression on the language tower's vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NAMES_FEELING = 0.4  # from this probability a text counts as speaking of a feeling
REGULARISATION = 0.5  # half the squared weights, against the sum of balanced losses
STEPS = 100


def fit_gate(gate: nn.Linear, speaking: Tensor, other: Tensor) -> None:
    """Fit `gate` to tell texts of feelings [N, width] from other texts [M, width]; both kinds count the same."""
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
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[arg-type]
