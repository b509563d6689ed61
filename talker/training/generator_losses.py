"""What the generator is trained with, by name. Pictures are [B,3,S,S] in 0..1."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.data.generator_batches import Batch
from talker.errors import InputError
from talker.render.generator import Refinement, places
from talker.training.perception import feature_distance, mesh_features

SCALES = 3  # of the pyramids
CHARBONNIER = 0.03  # differences below it count squared, above it straight
GABOR_PX, GABOR_WAVE_PX, ORIENTATIONS = 7, 4.0, 4
ANCHOR_PX = 8  # over so many pixels, what is drawn without a photograph to compare with keeps its mean colours
LUMA = (0.299, 0.587, 0.114)
RECONSTRUCTION = ("pixels", "edges", "texture", "features", "matching")
OTHERS = ("adversarial", "anchor", "steady", "mirrored", "flow", "added")


def check_names(weights: Mapping[str, float]) -> None:
    """InputError for a weight that no term has."""
    unknown = sorted(set(weights) - {*RECONSTRUCTION, *OTHERS})
    if unknown:
        raise InputError(
            f"There is no loss called {', '.join(unknown)}; known are {', '.join(RECONSTRUCTION + OTHERS)}."
        )


class ReconstructionLosses(nn.Module):
    """How far what is drawn is from its photograph.

    pixels: robust difference of colours. edges: of a Laplacian pyramid. texture: of the local energy of Gabor filters,
    which asks for structure without asking where exactly it lies. features: distance of MediaPipe's face mesh features;
    its network is fetched only when it has a weight.
    """

    gabor: Tensor

    def __init__(self, weights: Mapping[str, float], features: nn.Module | None = None) -> None:
        """features: instead of the published network. Raises AssetError when that one can't be had."""
        super().__init__()
        check_names(weights)
        self.register_buffer("gabor", gabor_bank(), persistent=False)
        self.features = (features or mesh_features()) if weights.get("features") else None

    def forward(self, made: Tensor, truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """Each term; weight: [B,1,S,S] how much a pixel counts."""
        terms = {
            "pixels": weighted(robust(made - truth), weight),
            "edges": self._edges(made, truth, weight),
            "texture": self._texture(made, truth, weight),
        }
        if self.features is not None:
            with torch.no_grad():
                wanted = self.features(truth)
            terms["features"] = feature_distance(self.features(made), wanted, weight)
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
        luma = made.new_tensor(LUMA)[:, None, None]
        one, other = ((picture * luma).sum(dim=1, keepdim=True) for picture in (made, truth))
        total = made.new_zeros(())
        for _ in range(SCALES - 1):
            total = total + weighted((self._energy(one) - self._energy(other)).abs(), weight)
            one, other, weight = (functional.avg_pool2d(x, 2) for x in (one, other, weight))
        return total / (SCALES - 1)

    def _energy(self, grey: Tensor) -> Tensor:
        """[B,ORIENTATIONS,h,w] local amplitude of `grey` [B,1,h,w]."""
        even, odd = functional.conv2d(grey, self.gabor, padding=GABOR_PX // 2).chunk(2, dim=1)
        return functional.avg_pool2d(torch.sqrt(even.square() + odd.square() + 1e-5), 3, stride=1, padding=1)


def anchor(made: Tensor, picture: Tensor) -> Tensor:
    """How far the mean colours of small blocks have moved."""
    return robust(functional.avg_pool2d(made - picture, ANCHOR_PX)).mean()


def temporal_consistency(added: Tensor, batch: Batch, neighbour_added: Tensor, neighbour: Batch) -> Tensor:
    """How far what is added to a frame, carried along with the face, differs from what is added to its neighbour.

    added: [B,3,S,S]. Both batches' maps say which place of the source each pixel shows, and so where a pixel of the
    neighbour lies in the frame.
    """
    height, width = added.shape[-2:]
    there = neighbour.maps[:, 4:6] - batch.maps[:, 4:6]  # [B,2,S/4,S/4] sides of the square
    there = functional.interpolate(there, size=(height, width), mode="bilinear", align_corners=False)
    grid = 2.0 * (there.permute(0, 2, 3, 1) + places(height, width, added.device)) - 1.0
    carried = functional.grid_sample(added, grid, padding_mode="border", align_corners=False)
    return robust(neighbour_added - carried).mean()


def moved(refinement: Refinement) -> dict[str, Tensor]:
    """flow: how unsmooth and how large the residual flow is. added: how much texture is added at all."""
    flow = refinement.flow
    return {"flow": roughness(flow) + 0.05 * flow.square().mean(), "added": refinement.texture.abs().mean()}


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
