"""Trains checkpoints/motion: ridge regression from speech features to the mouth, logistic regression to the gate.

The closed form is the point: a few hundred clips of one speaker and a synthetic voice are all there is, and every
stronger head that was tried learns that speaker's vocabulary instead of speech (docs/results.md).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import minimize

from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.data.speech_clips import Example, grid_examples, voice_examples
from talker.motion.mouth_regressor import ArticulationConfig, MouthRegressor, in_context
from talker.speech.encoder import shared_encoder
from talker.types import FloatArray, Progress

UNSPOKEN = ("mouthSmile", "mouthFrown", "mouthDimple", "mouthLeft", "mouthRight")  # expression, not speech
CHANNELS = tuple(
    name
    for name in BLENDSHAPE_NAMES
    if name in ("jawOpen", "tongueOut") or (name.startswith("mouth") and not name.startswith(UNSPOKEN))
)


@dataclass(frozen=True)
class MotionTraining:
    """What is tuned in training.

    sentences: how many the offline voice reads. voice_weight: of its frames, beside 1 for tracked video.
    ridge: penalty relative to the number of frames. gate_penalty: of the gate's logistic regression.
    """

    sentences: int = 240
    voice_weight: float = 0.7
    ridge: float = 0.1
    gate_penalty: float = 3e-3
    seed: int = 0
    head: ArticulationConfig = dataclasses.field(default_factory=lambda: ArticulationConfig(CHANNELS))

    @classmethod
    def tiny(cls) -> MotionTraining:
        """A few sentences and a small head for tests."""
        return cls(sentences=3, head=ArticulationConfig(CHANNELS, components=8, context=1))


def train_motion(
    data: Path,
    out: Path,
    settings: MotionTraining | None = None,
    progress: Progress | None = None,
) -> MouthRegressor:
    """Train the head on `data` (GRID's layout in grid/) and write config.json and model.safetensors into `out`.

    About five minutes on one core. Raises DataError when the
    data isn't there.
    """
    settings = settings or MotionTraining(head=ArticulationConfig(CHANNELS))
    encoder = shared_encoder()
    real = _collected(grid_examples(data, encoder), 450, progress)
    spoken = _collected(voice_examples(settings.sentences, settings.seed, encoder), settings.sentences, progress)
    head = fit_mouth_regressor(real, spoken, settings)
    save_mouth_regressor(head, out)
    return head


def fit_mouth_regressor(real: Sequence[Example], spoken: Sequence[Example], settings: MotionTraining) -> MouthRegressor:
    """The head that explains the tracked (`real`) and the synthetic (`spoken`) examples best."""
    config = settings.head
    features = np.concatenate([example.features for example in (*real, *spoken)])
    mean = features.mean(0)
    _, _, axes = np.linalg.svd(np.cov((features - mean).T))
    components = axes[: config.components].T  # [384, K]
    weight = np.concatenate(
        [np.full(len(e.features), w) for group, w in ((real, 1.0), (spoken, settings.voice_weight)) for e in group]
    )
    inputs = np.concatenate(
        [in_context((e.features - mean) @ components, config.context) for e in (*real, *spoken)]
    )  # [N, (2·context+1)·K]
    channels = [BLENDSHAPE_INDEX[name] for name in config.channels]
    targets = np.concatenate([example.targets[:, channels] for example in (*real, *spoken)])
    closed = np.concatenate([example.closed for example in (*real, *spoken)])
    weights, bias = ridge(inputs, targets, weight, settings.ridge)
    gate_weights, gate_bias = logistic(inputs, closed, settings.gate_penalty)
    return MouthRegressor(
        config,
        mean.astype(np.float32),
        np.ascontiguousarray(components, np.float32),
        np.concatenate([weights, gate_weights[:, None]], axis=1).astype(np.float32),
        np.append(bias, gate_bias).astype(np.float32),
    )


def ridge(inputs: FloatArray, targets: FloatArray, weight: FloatArray, penalty: float) -> tuple[FloatArray, FloatArray]:
    """(weights [N,C], bias [C]) of the weighted least squares with a squared penalty per frame."""
    share = weight[:, None] / weight.sum()
    input_mean, target_mean = (inputs * share).sum(0), (targets * share).sum(0)
    centred = inputs - input_mean
    gram = (centred * share).T @ centred
    gram[np.diag_indices_from(gram)] += penalty
    weights = np.linalg.solve(gram, (centred * share).T @ (targets - target_mean))
    return weights, target_mean - input_mean @ weights


def logistic(inputs: FloatArray, labels: FloatArray, penalty: float) -> tuple[FloatArray, float]:
    """(weights [N], bias) of a logistic regression on standardised inputs with a squared penalty."""
    mean, spread = inputs.mean(0), inputs.std(0) + 1e-6
    scaled = ((inputs - mean) / spread).astype(np.float32)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        logits = scaled @ parameters[:-1].astype(np.float32) + parameters[-1]
        error = 1.0 / (1.0 + np.exp(-logits)) - labels
        value = np.mean(np.logaddexp(0.0, logits) - labels * logits) + penalty * np.sum(parameters[:-1] ** 2)
        slope = scaled.T @ error.astype(np.float32) / len(labels) + 2 * penalty * parameters[:-1]
        return float(value), np.append(slope, error.mean()).astype(np.float64)

    best = minimize(loss, np.zeros(inputs.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    weights = best[:-1] / spread
    return weights, float(best[-1] - mean @ weights)


def save_mouth_regressor(head: MouthRegressor, out: Path) -> None:
    """Write config.json and model.safetensors."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(dataclasses.asdict(head.config), indent=2) + "\n")
    tensors = {name: getattr(head, name) for name in ("mean", "components", "weights", "bias")}
    save_file(tensors, out / "model.safetensors")


def _collected(examples: Iterable[Example], total: int, progress: Progress | None) -> list[Example]:
    """All examples, with progress."""
    found: list[Example] = []
    for example in examples:
        found.append(example)
        if progress:
            progress(len(found), total)
    return found
