"""Networks through which a loss looks at faces. None of them is one that an evaluation measures with.

Offline there is the trunk of MediaPipe's face mesh, which has to know lips, lids and their edges to place 478 points.
From the Hub come VGG-16 (as in LPIPS) and a face recogniser (ArcFace).
"""

from __future__ import annotations

import zipfile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.errors import AssetError
from talker.training.tflite_network import TfliteNetwork
from talker.weights import store
from talker.weights.sources import hub_reachable

MESH_FILE = "face_landmarks_detector.tflite"
MESH_RESOLUTIONS = (128, 64, 32)  # of the network's own 256 px picture: a half, a quarter and an eighth
VGG = "vgg16.tv_in1k"
RECOGNISER, RECOGNISER_SIDE = "hf_hub:gaunernst/vit_tiny_patch8_112.arcface_ms1mv3", 112
VGG_MEAN, VGG_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def mesh_features() -> TfliteNetwork:
    """Pictures [B,3,h,w] in 0..1 to features [B,C,h/2,w/2], [B,C,h/4,w/4], [B,C,h/8,w/8]."""
    with zipfile.ZipFile(store.fetch("face_landmarker")) as task:
        return TfliteNetwork(task.read(MESH_FILE), MESH_RESOLUTIONS)


class HubFeatures(nn.Module):
    """A published network of the library timm behind its own scaling of colours."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, network: nn.Module, side: int | None, mean: tuple[float, ...], deviation: tuple[float, ...]
    ) -> None:
        """side: px to which pictures are brought; None leaves them."""
        super().__init__()
        self.network, self._side = network.eval().requires_grad_(False), side
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None])

    def forward(self, pictures: Tensor) -> Any:
        """What the network says to pictures [B,3,h,w] in 0..1."""
        if self._side is not None:
            pictures = functional.interpolate(pictures, (self._side, self._side), mode="bilinear", antialias=True)
        return self.network((pictures - self.mean) / self.deviation)


def vgg_features() -> HubFeatures:
    """VGG-16's features at five depths. AssetError when the Hub can't be reached."""
    return HubFeatures(_from_hub(VGG, features_only=True), None, VGG_MEAN, VGG_DEVIATION)


def recogniser() -> HubFeatures:
    """Faces that fill the square to points [B,D]. AssetError when the Hub can't be reached."""
    return HubFeatures(_from_hub(RECOGNISER), RECOGNISER_SIDE, (0.5,) * 3, (0.5,) * 3)


def _from_hub(name: str, **options: Any) -> nn.Module:
    import timm  # slow to import, and only needed where the weights are

    if not hub_reachable():
        raise AssetError(f"{name} can't be had: the Hugging Face Hub can't be reached. Give its loss no weight.")
    try:
        network: nn.Module = timm.create_model(name, pretrained=True, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise AssetError(f"{name} can't be had ({error}). Give its loss no weight.") from error
    return network


def feature_distance(one: list[Tensor], other: list[Tensor], weight: Tensor) -> Tensor:
    """How unlike features [B,C,h,w], scaled to length 1, are where `weight` [B,1,H,W] counts; 0 is the same."""
    total = weight.new_zeros(())
    for a, b in zip(one, other, strict=True):
        here = functional.adaptive_avg_pool2d(weight, (a.shape[-2], a.shape[-1]))  # [B,1,h,w]
        square = (functional.normalize(a, dim=1) - functional.normalize(b, dim=1)).square().sum(1, keepdim=True)
        total = total + (square * here).sum() / here.sum().clamp_min(1e-6)
    return total / len(one)
