"""Adversaries of the generator: small networks that learn to tell drawn mouths, eyes and faces from photographs.

They see colours alone, neither what the geometry drew nor where its lips lie, so that they judge realism. Hinge loss
(Lim & Ye, "Geometric GAN", 2017), R1 on real pictures every few steps (Mescheder et al., "Which Training Methods for
GANs do actually Converge?", 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.render.generator import SLOPE
from talker.render.regions import EYES, MODES, MOUTH, WHOLE, Region

PARTS: dict[str, tuple[Region, int]] = {"mouth": (MOUTH, 1), "eyes": (EYES, 1), "face": (WHOLE, 2)}  # and how coarse
DETAIL_PX, DETAIL_GAIN = 5, 8.0  # what is finer than that is shown apart, and louder: it gives most drawings away
WANDER = 6  # px of the square by which a part is moved about, so that no adversary learns its pictures by heart


@dataclass(frozen=True)
class DiscriminatorConfig:
    """widths: channels of the layers, each of which halves the resolution."""

    widths: tuple[int, ...] = (48, 96, 160, 224)

    @classmethod
    def tiny(cls) -> DiscriminatorConfig:
        """For tests."""
        return cls((4, 6))


class Discriminator(nn.Module):
    """Colours [B,3,h,w] to each layer's features and, last, a map [B,1,h',w'], high where it looks real."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        widths = (6, *config.widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.verdict = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """[B,C,h/2,w/2], [B,C,h/4,w/4], …, [B,1,h',w']."""
        coarse = functional.avg_pool2d(picture, DETAIL_PX, stride=1, padding=DETAIL_PX // 2, count_include_pad=False)
        x, seen = torch.cat([2.0 * picture - 1.0, DETAIL_GAIN * (picture - coarse)], dim=1), []  # [B,6,h,w]
        for down in self.down:
            x = functional.leaky_relu(down(x), SLOPE)
            seen.append(x)
        return [*seen, self.verdict(x)]


class Discriminators(nn.Module):
    """One for each of `PARTS` that the generator's `mode` works on."""

    def __init__(self, config: DiscriminatorConfig, mode: str = "face") -> None:
        super().__init__()
        names = PARTS if mode == "face" else [region.name for region in MODES[mode]]
        self.networks = nn.ModuleDict({name: Discriminator(config) for name in names})

    def forward(self, picture: Tensor, wander: tuple[int, int] = (0, 0)) -> list[list[Tensor]]:
        """What each one says to its part of squares [B,3,S,S], moved by `wander` px (down, right)."""
        return [network(cut(picture, name, wander)) for name, network in self.networks.items()]


def cut(picture: Tensor, name: str, wander: tuple[int, int]) -> Tensor:
    """[B,3,h,w] the part `name` of squares [B,3,S,S]."""
    region, coarse = PARTS[name]
    rows, columns = region.slices(picture.shape[-1])
    part = torch.roll(picture, wander, dims=(2, 3))[..., rows, columns]
    return functional.avg_pool2d(part, coarse) if coarse > 1 else part


def generator_adversarial_loss(verdicts: list[list[Tensor]]) -> Tensor:
    """How little drawn pictures pass for photographs; the lower the better."""
    return torch.stack([-seen[-1].float().mean() for seen in verdicts]).mean()


def matching_loss(verdicts: list[list[Tensor]], wanted: list[list[Tensor]]) -> Tensor:
    """Mean absolute difference of the discriminators' features of drawn pictures and of their photographs."""
    return torch.stack(
        [
            (one.float() - other.float()).abs().mean()
            for seen, true in zip(verdicts, wanted, strict=True)
            for one, other in zip(seen[:-1], true[:-1], strict=True)
        ]
    ).mean()


def discriminator_loss(real: list[list[Tensor]], drawn: list[list[Tensor]]) -> Tensor:
    """Hinge loss; 0 when they are never wrong and always sure, 2 when they know nothing."""
    terms = [
        functional.relu(1 - true[-1].float()).mean() + functional.relu(1 + made[-1].float()).mean()
        for true, made in zip(real, drawn, strict=True)
    ]
    return torch.stack(terms).mean()


def r1_penalty(networks: Discriminators, real: Tensor) -> Tensor:
    """The mean squared gradient of the verdicts with respect to photographs [B,3,S,S], summed over a picture."""
    real = real.detach().requires_grad_(True)
    verdicts = torch.stack([seen[-1].float().mean(dim=(1, 2, 3)).sum() for seen in networks(real)])
    (gradient,) = torch.autograd.grad(verdicts.sum(), real, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
