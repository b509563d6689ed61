"""Losses of the emotion space; each is 0, or as low as it can be, when everything lies where it should."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def contrastive(one: Tensor, other: Tensor, one_label: Tensor, other_label: Tensor, sharpness: Tensor) -> Tensor:
    """Symmetric contrastive loss between two modalities, where all pairs of equal label are positives.

    one: [N, D] and other: [M, D] unit vectors; labels [N] and [M]. (Radford et al., 2021; with several positives as in
    Khosla et al., "Supervised Contrastive Learning", 2020.)
    """
    similarity = one @ other.T * sharpness  # [N, M]
    same = (one_label[:, None] == other_label[None]).float()
    return (_pull(similarity, same) + _pull(similarity.T, same.T)) / 2


def _pull(similarity: Tensor, same: Tensor) -> Tensor:
    known = same.sum(1) > 0
    if not known.any():
        return similarity.sum() * 0.0
    log_probability = functional.log_softmax(similarity[known], dim=1)
    return -((log_probability * same[known]).sum(1) / same[known].sum(1)).mean()


def family(log_weights: Tensor, reads_as: Tensor, label: Tensor) -> Tensor:
    """Negative log-probability of `label` [N].

    log_weights: [N, emotions]; reads_as: [emotions, 8], how each emotion is shared out over the labels.
    """
    probabilities = log_weights.exp() @ reads_as  # [N, 8]
    return functional.nll_loss(probabilities.clamp_min(1e-6).log(), label)


def among(log_weights: Tensor, candidates: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of emotion `target` [N] where only `candidates` (indices of emotions) can be told apart."""
    positions = torch.full((log_weights.shape[1],), -1, dtype=torch.long)
    positions[candidates] = torch.arange(len(candidates))
    return functional.cross_entropy(log_weights[:, candidates], positions[target], weight=class_weight)


def geometry(points: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared difference between the similarities of unit vectors [N, D] and the `wanted` ones [N, N]."""
    return functional.mse_loss(points @ points.T, wanted)
