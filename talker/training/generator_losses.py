"""What the generator is trained with, by name. Pictures are [B,3,h,w] in 0..1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.render.generator import Refinement
from talker.training.perception import feature_distance, mesh_features, recogniser, vgg_features

SCALES = 3  # of the pyramids
CHARBONNIER = 0.03  # differences below it count squared, above it straight
GABOR_PX, GABOR_WAVE_PX, ORIENTATIONS = 7, 4.0, 4
NETWORKS = {"features": mesh_features, "vgg": vgg_features, "identity": recogniser}  # terms that look through one
LUMA = (0.299, 0.587, 0.114)


class Losses(nn.Module):
    """All terms of one step.

    pixels: robust difference of colours. edges: of a Laplacian pyramid. texture: of the local energy of Gabor filters,
    which asks for structure without asking where exactly it lies. flow: how unsmooth the residual flow is. added: how
    much texture is added at all. steady: how far what changes between two frames of a film differs from the film.
    features: distance of MediaPipe's face mesh features. vgg: the same of VGG-16's, as in LPIPS. identity: 1 less the
    cosine of a face recogniser's points; of whole squares only. The last three look through networks, which are
    fetched only when their terms have a weight.
    """

    gabor: Tensor

    def __init__(self, weights: Mapping[str, float], **networks: nn.Module) -> None:
        """networks: of `NETWORKS`, instead of the published ones. Raises AssetError when one can't be had."""
        super().__init__()
        self.register_buffer("gabor", gabor_bank(), persistent=False)
        self.weights = dict(weights)
        self.networks = nn.ModuleDict(
            {name: networks.get(name) or fetch() for name, fetch in NETWORKS.items() if weights.get(name)}
        )

    def forward(
        self, made: Tensor, truth: Tensor, weight: Tensor, refinement: Refinement, *, in_pairs: bool
    ) -> dict[str, Tensor]:
        """Each term; weight: [B,1,h,w] how much a pixel counts. in_pairs: every two rows follow in one film."""
        terms = self._plain(made, truth, weight, refinement, in_pairs=in_pairs)
        for name, network in self.networks.items():
            if name == "identity":
                if made.shape[-1] == made.shape[-2]:
                    terms[name] = (1 - functional.cosine_similarity(network(made), _seen(network, truth))).mean()
            else:
                terms[name] = feature_distance(network(made), _seen(network, truth), weight)
        return terms

    def _plain(
        self, made: Tensor, truth: Tensor, weight: Tensor, refinement: Refinement, *, in_pairs: bool
    ) -> dict[str, Tensor]:
        """The terms that need no network."""
        terms = {
            "pixels": weighted(robust(made - truth), weight),
            "edges": self._edges(made, truth, weight),
            "texture": self._texture(made, truth, weight),
            "flow": roughness(refinement.flow),
            "added": (refinement.texture * refinement.mask).abs().mean(),
        }
        if in_pairs:
            change = (made[::2] - made[1::2]) - (truth[::2] - truth[1::2])
            terms["steady"] = weighted(robust(change), weight[::2])
        return terms

    def _edges(self, made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        total = made.new_zeros(())
        difference = made - truth  # the pyramid is linear
        for _ in range(SCALES):
            coarse = functional.avg_pool2d(difference, 2)
            detail = difference - functional.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
            total = total + weighted(robust(detail), weight)
            difference, weight = coarse, functional.avg_pool2d(weight, 2)
        return total / SCALES

    def _texture(self, made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        luma = torch.tensor(LUMA).to(made)[:, None, None]
        one, other = (made * luma).sum(1, keepdim=True), (truth * luma).sum(1, keepdim=True)
        total = made.new_zeros(())
        for _ in range(SCALES - 1):
            total = total + weighted((self._energy(one) - self._energy(other)).abs(), weight)
            one, other, weight = (functional.avg_pool2d(x, 2) for x in (one, other, weight))
        return total / (SCALES - 1)

    def _energy(self, grey: Tensor) -> Tensor:
        """[B,ORIENTATIONS,h,w] local amplitude of `grey` [B,1,h,w]."""
        even, odd = functional.conv2d(grey, self.gabor, padding=GABOR_PX // 2).chunk(2, dim=1)
        return functional.avg_pool2d(torch.sqrt(even.square() + odd.square() + 1e-5), 3, stride=1, padding=1)


def _seen(network: nn.Module, truth: Tensor) -> Any:
    with torch.no_grad():
        return network(truth)


def total(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of the terms that have a weight."""
    return torch.stack([terms[name] * weight for name, weight in weights.items() if name in terms]).sum()


def robust(difference: Tensor) -> Tensor:
    """Charbonnier's loss: smooth at 0, straight far from it."""
    return torch.sqrt(difference.square() + CHARBONNIER**2) - CHARBONNIER


def weighted(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of `values` [B,C,h,w] where `weight` [B,1,h,w] counts."""
    return (values * weight).sum() / (weight.sum() * values.shape[1]).clamp_min(1e-6)


def roughness(flow: Tensor) -> Tensor:
    """Mean absolute difference of neighbours in `flow` [B,2,h,w]."""
    return (flow[..., 1:] - flow[..., :-1]).abs().mean() + (flow[..., 1:, :] - flow[..., :-1, :]).abs().mean()


def gabor_bank() -> Tensor:
    """[2·ORIENTATIONS,1,GABOR_PX,GABOR_PX] even, then odd filters without a mean."""
    y, x = torch.meshgrid(*[torch.arange(GABOR_PX) - GABOR_PX // 2.0] * 2, indexing="ij")
    envelope = torch.exp(-(x.square() + y.square()) / (2 * (GABOR_WAVE_PX / 2) ** 2))
    phases = []
    for phase in (0.0, math.pi / 2):
        for number in range(ORIENTATIONS):
            angle = math.pi * number / ORIENTATIONS
            along = x * math.cos(angle) + y * math.sin(angle)
            wave = envelope * torch.cos(2 * math.pi * along / GABOR_WAVE_PX + phase)
            wave = wave - envelope * (wave.sum() / envelope.sum())
            phases.append(wave / wave.abs().sum())
    return torch.stack(phases)[:, None]
