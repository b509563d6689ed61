"""The five networks together, with LivePortrait's published weights or without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from talker.errors import AssetError
from talker.loaded import loaded_once
from talker.render.liveportrait.appearance import AppearanceExtractor
from talker.render.liveportrait.config import LivePortraitConfig
from talker.render.liveportrait.decoder import Decoder
from talker.render.liveportrait.keypoints import Stitching
from talker.render.liveportrait.motion_extractor import MotionExtractor
from talker.render.liveportrait.warping import WarpingModule
from talker.weights.store import fetch

ASSET = "liveportrait"
STITCHING_FILE = "retargeting_models/stitching_retargeting_module.pth"
STITCHING_PART = "retarget_shoulder"  # the file also holds networks for eyes and lips that are not needed here
PARALLEL_PREFIX = "module."  # left in its names by the training on several GPUs


@dataclass(frozen=True)
class Networks:
    """What reads a face's motion, what reads its looks, what moves them, what draws them, and what holds the neck."""

    motion: MotionExtractor
    appearance: AppearanceExtractor
    warping: WarpingModule
    decoder: Decoder
    stitching: Stitching

    @classmethod
    def untrained(cls, config: LivePortraitConfig) -> Networks:
        """Networks of these sizes, ready to be used, with random weights."""
        return cls(
            MotionExtractor(config).eval(), AppearanceExtractor(config).eval(), WarpingModule(config).eval(),
            Decoder(config).eval(), Stitching(config).eval(),
        )  # fmt: skip

    def published(self) -> dict[str, nn.Module]:
        """The networks by the names that their published files have."""
        return {
            "motion_extractor": self.motion,
            "appearance_feature_extractor": self.appearance,
            "warping_module": self.warping,
            "spade_generator": self.decoder,
        }

    def load(self, folder: Path) -> None:
        """Take the weights from the published files in `folder`; every name and shape has to be there."""
        for name, network in self.published().items():
            network.load_state_dict(_read(folder / "base_models" / f"{name}.pth"))
        stitching = _read(folder / STITCHING_FILE)[STITCHING_PART]
        self.stitching.load_state_dict({name.removeprefix(PARALLEL_PREFIX): value for name, value in stitching.items()})

    def to(self, device: torch.device) -> None:
        """Move all of them."""
        for network in (*self.published().values(), self.stitching):
            network.to(device)


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@loaded_once
def published_networks() -> Networks:
    """The networks with the published weights, on the best device; AssetError when the weights can't be had."""
    try:
        folder = fetch(ASSET)
    except AssetError as error:
        raise AssetError(f"{error} Until they are there, choose another renderer.") from error
    networks = Networks.untrained(LivePortraitConfig())
    networks.load(folder)
    networks.to(best_device())
    return networks


def _read(path: Path) -> dict[str, Any]:
    """The tensors in `path`; nothing but tensors is taken from the file."""
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found
