"""Trains checkpoints/motion: ridge regression from speech features to the mouth, logistic regression to the gate.

The closed form is the point: a convolutional network taught on the same people is no better on people that neither
heard (docs/results.md).
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
from talker.data.filmed_speakers import UsualMouth, news_speakers, performers, speaker_examples
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

    sentences: how many the offline voice reads.
    voice_weight, news_weight, performance_weight: of a frame of that voice, of the news readers, of the performances,
        beside 1 for GRID's.
    ridge: penalty relative to the number of frames. gate_penalty: of the gate's logistic regression.
    """

    sentences: int = 240
    voice_weight: float = 0.4
    news_weight: float = 1.5
    performance_weight: float = 3.0
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
    """Train on all of `data` and write config.json and model.safetensors into `out`; beside it the permissive variant.

    That one learns from GRID and the offline voice alone, and says how much the films' pictures lead their sound.
    Tracking the films takes half an hour the first time, the rest five minutes of one core. Raises DataError when the
    data isn't there.
    """
    settings = settings or MotionTraining()
    encoder, layers = shared_encoder(), settings.head.layers
    real = _collected(grid_examples(data, encoder, layers), 450, progress)
    spoken = _collected(
        voice_examples(settings.sentences, settings.seed, encoder, layers), settings.sentences, progress
    )
    voice = (spoken, settings.voice_weight)
    permissive = fit_mouth_regressor([(real, 1.0), voice], settings)
    save_mouth_regressor(permissive, out.with_name(f"{out.name}-permissive"))
    usual = UsualMouth.of_examples(real)
    news, performances = (
        [example for one in speakers for example in speaker_examples(one, usual, permissive, encoder)]
        for speakers in (news_speakers(data, report=False), performers(data))
    )
    filmed = [(news, settings.news_weight), (performances, settings.performance_weight)]
    regressor = fit_mouth_regressor([(real, 1.0), voice, *filmed], settings)
    save_mouth_regressor(regressor, out)
    return regressor


def fit_mouth_regressor(taught: Sequence[tuple[Sequence[Example], float]], settings: MotionTraining) -> MouthRegressor:
    """The regressor that explains all examples best; each group of them comes with the weight of its frames."""
    config, examples = settings.head, [example for group, _ in taught for example in group]
    features = np.concatenate([example.features for example in examples])
    mean = features.mean(0)
    _, _, axes = np.linalg.svd(np.cov((features - mean).T))
    components = axes[: config.components].T  # [F, K]
    weight = np.concatenate([np.full(len(one.features), share) for group, share in taught for one in group])
    inputs = np.concatenate(
        [in_context((one.features - mean) @ components, config.context) for one in examples]
    )  # [N, (2·context+1)·K]
    channels = [BLENDSHAPE_INDEX[name] for name in config.channels]
    targets = np.concatenate([example.targets[:, channels] for example in examples])
    closed = np.concatenate([example.closed for example in examples])
    known = np.isfinite(closed)
    weights, bias = ridge(inputs, targets, weight, settings.ridge)
    gate_weights, gate_bias = logistic(inputs[known], closed[known], settings.gate_penalty)
    return MouthRegressor(
        config,
        mean.astype(np.float32),
        np.ascontiguousarray(components, np.float32),
        np.concatenate([weights, gate_weights[:, None]], axis=1).astype(np.float32),
        np.append(bias, gate_bias).astype(np.float32),
    )


def ridge(inputs: FloatArray, targets: FloatArray, weight: FloatArray, penalty: float) -> tuple[FloatArray, FloatArray]:
    """(weights [N,C], bias [C]) of the weighted least squares with a squared penalty per frame."""
    share = (weight[:, None] / weight.sum()).astype(np.float32)
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
