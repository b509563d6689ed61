"""A classifier two-sample test: how well can a network and hand-made features tell drawn pictures from photographs?

Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests" (2017). Five folds, in which no person is in both halves.
What tells a few hundred pictures apart has learnt from thousands of others first, of people who are not in the test.
The accuracy of a generator whose pictures can't be told from photographs is a half; sharp eyes reach 1.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from talker.types import AnyArray, ByteArray, FloatArray

FOLDS = 5
EPOCHS, EPOCHS_AFTER, BATCH, DECAY = 14, 5, 32, 0.05  # epochs: of the first lesson, and of one that follows it
RATE, RATE_AFTER = 3e-3, 3e-4  # few faces make those who learnt from many forget: with the first rate, 5 % more errors
WIDTHS = (16, 32, 48, 64)
CELLS = 4  # rows and columns of cells over which hand-made features are taken
SCALES = (0.8, 1.6, 3.2)  # px, of the differences of Gaussians
ORIENTATIONS = 6
REGULARISATION = 0.01  # of the logistic regression


@dataclass(frozen=True)
class TwoSampleResult:
    """Accuracies (0.5 is the best that a drawing can do): of the network, of hand-made features, of both together.

    kernel_distance: squared MMD with KID's polynomial kernel between hand-made features; 0 for the same distribution.
    """

    network: float
    features: float
    both: float
    kernel_distance: float


def two_sample_test(
    real: ByteArray,
    drawn: ByteArray,
    people: list[str],
    seed: int = 0,
    others: tuple[ByteArray, ByteArray] | None = None,
) -> TwoSampleResult:
    """Tell `real` [N,h,w,3] from `drawn` [N,h,w,3]; people: whose face row n of both shows.

    others: real and drawn pictures [M,h,w,3] of other people, to learn from.
    """
    torch.manual_seed(seed)  # a network's first weights
    pictures = np.concatenate([real, drawn])
    labels = np.repeat([0, 1], len(real))
    groups = np.array(people * 2)
    features = np.stack([hand_made_features(picture) for picture in pictures])
    taught, taught_labels, schooled = np.zeros((0, features.shape[1]), np.float32), np.zeros(0, int), None
    if others is not None:
        taught = np.stack([hand_made_features(picture) for both in others for picture in both])
        taught_labels = np.repeat([0, 1], [len(part) for part in others])
        schooled = _trained(SmallClassifier(), np.concatenate(others), taught_labels, seed, EPOCHS, RATE)
    scores = np.zeros((2, len(labels)))  # log odds of the network and of the features
    for fold, (train, test) in enumerate(
        GroupKFold(FOLDS, shuffle=True, random_state=seed).split(pictures, labels, groups)
    ):
        network = SmallClassifier() if schooled is None else copy.deepcopy(schooled)
        lesson = (EPOCHS, RATE) if schooled is None else (EPOCHS_AFTER, RATE_AFTER)
        network = _trained(network, pictures[train], labels[train], seed * FOLDS + fold, *lesson)
        scores[0, test] = _scores(network, pictures[test])
        model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=500))
        model.fit(np.concatenate([features[train], taught]), np.concatenate([labels[train], taught_labels]))
        scores[1, test] = model.decision_function(features[test])
    both = (scores / np.maximum(scores.std(axis=1, keepdims=True), 1e-6)).sum(axis=0)
    right = [float(((row > 0) == labels).mean()) for row in (*scores, both)]
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-6)
    by_network, by_hand, together = right
    return TwoSampleResult(by_network, by_hand, together, kernel_distance(scaled[labels == 0], scaled[labels == 1]))


def kernel_distance(one: FloatArray, other: FloatArray) -> float:
    """Unbiased squared MMD of features [N,D], with the kernel (x·y/D + 1)³ (KID; Bińkowski et al., 2018)."""

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        return np.asarray((a @ b.T / a.shape[1] + 1.0) ** 3)

    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(one, one), kernel(other, other))]
    return float(sum(within) - 2.0 * kernel(one, other).mean())


def hand_made_features(picture: ByteArray) -> FloatArray:
    """[D] of a picture [h,w,3]: colour, detail at three scales and edges by direction, in a grid of cells."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32) / 255.0
    grey = colours[..., 0]
    layers = [colours, np.square(colours - cv2.GaussianBlur(colours, (0, 0), 8.0))]
    for scale in SCALES:
        detail = cv2.GaussianBlur(grey, (0, 0), scale) - cv2.GaussianBlur(grey, (0, 0), 1.6 * scale)
        layers += [np.abs(detail)[..., None], (detail**2)[..., None]]
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = np.hypot(across, down), np.arctan2(down, across) % np.pi
    bins = np.minimum((angle / np.pi * ORIENTATIONS).astype(int), ORIENTATIONS - 1)
    layers.append(strength[..., None] * np.eye(ORIENTATIONS, dtype=np.float32)[bins])
    cells = cv2.resize(np.concatenate(layers[:2], axis=-1)[..., :3], (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    rest = np.concatenate(layers[1:], axis=-1)
    energies = [cv2.resize(np.ascontiguousarray(rest[..., k]), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
                for k in range(rest.shape[-1])]  # fmt: skip
    return np.concatenate([cells.ravel(), np.log(np.stack(energies).ravel() + 1e-5)]).astype(np.float32)


class SmallClassifier(nn.Module):
    """Pictures [B,3,h,w] in 0..1 to log odds [B] of being drawn."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * before, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """[B] log odds."""
        x = self.trunk(pictures - 0.5)
        return self.head(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))[:, 0]


def _trained(
    network: nn.Module, pictures: ByteArray, labels: AnyArray, seed: int, epochs: int, rate: float
) -> nn.Module:
    """The network, trained further on `pictures` [N,h,w,3] with `labels` [N]: 1 where they are drawn."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=DECAY)
    steps = epochs * -(-len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    truth = labels.astype(np.float32)
    for _ in range(steps):
        rows = rng.integers(len(labels), size=BATCH)
        batch = _tensor(pictures[rows]).to(device)
        if rng.random() < 0.5:
            batch = batch.flip(-1)
        down, right = (int(step) for step in rng.integers(-4, 5, 2))
        batch = torch.roll(batch, (down, right), (2, 3)) * float(rng.uniform(0.85, 1.15))
        loss = functional.binary_cross_entropy_with_logits(network(batch), torch.from_numpy(truth[rows]).to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network


def _scores(network: nn.Module, pictures: ByteArray) -> FloatArray:
    """[M] log odds of being drawn of `pictures` [M,h,w,3], and of their mirror images."""
    device = next(network.parameters()).device
    network.eval()
    given = _tensor(pictures).to(device)
    with torch.inference_mode():
        scores: FloatArray = torch.stack([network(given), network(given.flip(-1))]).mean(0).cpu().numpy()
        return scores


def _tensor(pictures: ByteArray) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0
