"""Adversaries of the generator: small networks that learn to tell drawn faces from real ones, patch by patch.

One looks at every part of the square, and one each at mouths and at eyes alone. Hinge loss, R1 on real pictures
(Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018) every few steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.render.generator import PICTURE, SLOPE
from talker.render.regions import EYES, MOUTH, WHOLE, Region

PARTS = {"mouth": MOUTH, "eyes": EYES}  # regions with an adversary of their own
EVERYWHERE = "patch"


@dataclass(frozen=True)
class DiscriminatorConfig:
    """widths: channels of the layers, each of which halves the resolution."""

    widths: tuple[int, ...] = (24, 48, 96)

    @classmethod
    def tiny(cls) -> DiscriminatorConfig:
        """For tests."""
        return cls((4, 6))


class Discriminator(nn.Module):
    """Colours and masks [B,6,h,w] to each layer's features and, last, a map [B,1,h',w'], high where it looks real."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        widths = (PICTURE, *config.widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.verdict = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """[B,C,h/2,w/2], [B,C,h/4,w/4], …, [B,1,h',w']."""
        x, seen = picture - 0.5, []
        for down in self.down:
            x = functional.leaky_relu(down(x), SLOPE)
            seen.append(x)
        return [*seen, self.verdict(x)]


class Discriminators(nn.Module):
    """All discriminators, and what they make of a batch that shows `region` of the square."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.networks = nn.ModuleDict({name: Discriminator(config) for name in (EVERYWHERE, *PARTS)})

    def looks(self, picture: Tensor, weight: Tensor, region: Region) -> Iterator[tuple[list[Tensor], Tensor]]:
        """What each one sees in `picture` [B,6,h,w], and how much its patches count, of `weight` [B,1,h,w]."""
        for name, network in self.networks.items():
            part = _part(name, region, picture.shape[-1])
            if part is not None:
                seen = network(picture[:, :, *part])
                yield seen, functional.adaptive_avg_pool2d(weight[:, :, *part], seen[-1].shape[-2:])


def _part(name: str, region: Region, side: int) -> tuple[slice, slice] | None:
    """Rows and columns of a batch that the adversary `name` is shown; None when its region isn't there."""
    if name == EVERYWHERE or PARTS[name] == region:
        return slice(None), slice(None)
    return PARTS[name].slices(side) if region == WHOLE else None


def generator_adversarial_loss(
    adversaries: Discriminators, made: Tensor, real: Tensor, weight: Tensor, region: Region
) -> dict[str, Tensor]:
    """The generator's terms: adversarial, how little `made` [B,6,h,w] passes for real; matching, how far the
    adversaries' features lie from those of the real picture.
    """
    adversarial, matching = [], []
    with torch.no_grad():
        wanted = [seen for seen, _ in adversaries.looks(real, weight, region)]
    for (seen, counts), true in zip(adversaries.looks(made, weight, region), wanted, strict=True):
        adversarial.append(_mean(-seen[-1], counts))
        matching += [(one - other).abs().mean() for one, other in zip(seen[:-1], true[:-1], strict=True)]
    return {"adversarial": torch.stack(adversarial).mean(), "matching": torch.stack(matching).mean()}


def discriminator_loss(
    adversaries: Discriminators, made: Tensor, real: Tensor, weight: Tensor, region: Region
) -> Tensor:
    """The adversaries' hinge loss; 0 when they are never wrong."""
    terms = []
    for sign, picture in ((1.0, real), (-1.0, made)):
        for seen, counts in adversaries.looks(picture, weight, region):
            terms.append(_mean(functional.relu(1 - sign * seen[-1]), counts))
    return 2 * torch.stack(terms).mean()


def r1_penalty(adversaries: Discriminators, real: Tensor, weight: Tensor, region: Region) -> Tensor:
    """R1: the mean squared gradient of the verdicts with respect to real pictures [B,6,h,w], summed over a picture."""
    real = real.detach().requires_grad_(True)
    verdicts = torch.stack([seen[-1].mean(dim=(1, 2, 3)).sum() for seen, _ in adversaries.looks(real, weight, region)])
    (gradient,) = torch.autograd.grad(verdicts.sum(), real, create_graph=True)
    return gradient[:, :3].square().sum(dim=(1, 2, 3)).mean()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp_min(1e-6)
