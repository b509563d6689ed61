"""The network through which a loss looks at faces: the trunk of MediaPipe's face mesh, which has to know lips, lids and
their edges to place 478 points. No evaluation measures perceptual distance with it.
"""

from __future__ import annotations

import zipfile

from torch import Tensor
from torch.nn import functional

from talker.training.tflite_network import TfliteNetwork
from talker.weights import store

MESH_FILE = "face_landmarks_detector.tflite"
MESH_RESOLUTIONS = (128, 64, 32)  # of the network's own 256 px picture: a half, a quarter and an eighth


def mesh_features() -> TfliteNetwork:
    """Pictures [B,3,h,w] in 0..1 to features [B,C,h/2,w/2], [B,C,h/4,w/4], [B,C,h/8,w/8]."""
    with zipfile.ZipFile(store.fetch("face_landmarker")) as task:
        return TfliteNetwork(task.read(MESH_FILE), MESH_RESOLUTIONS)


def feature_distance(one: list[Tensor], other: list[Tensor], weight: Tensor) -> Tensor:
    """How unlike features [B,C,h,w], scaled to length 1, are where `weight` [B,1,H,W] counts; 0 is the same."""
    total = weight.new_zeros(())
    for a, b in zip(one, other, strict=True):
        here = functional.adaptive_avg_pool2d(weight, (a.shape[-2], a.shape[-1]))  # [B,1,h,w]
        square = (functional.normalize(a, dim=1) - functional.normalize(b, dim=1)).square().sum(1, keepdim=True)
        total = total + (square * here).sum() / here.sum().clamp_min(1e-6)
    return total / len(one)
