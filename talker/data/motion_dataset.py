"""Clips of any origin as lessons for the sequence model, and the windows of them that make a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.data import prepared_clips
from talker.data.speech_clips import Example, grid_examples, sounding, voice_examples
from talker.emotion.labels import label_code
from talker.motion.lips import LipGeometry
from talker.motion.mouth_regressor import ArticulationConfig, emotion_condition, phone_prior
from talker.motion.network import STYLE_WIDTH
from talker.speech.encoder import FRAME_RATE, shared_encoder
from talker.training.network_losses import Batch
from talker.types import FloatArray, TimedToken

HELD_OUT_VOICE = 10  # every so many of the offline voice's sentences are for choosing
MASKS, MASK_FRAMES, MASK_FEATURES = 2, 8, 40  # SpecAugment on the features (Park et al., 2019)
SLOW_S = 0.12  # movements that are slower than this are the course of the mouth, faster ones its articulation


@dataclass(frozen=True)
class Sample:
    """A clip: heard [T,384], prior [T,C+2], target [T,C], closed [T], silent [T]; emotion [D], style [3], weight."""

    heard: FloatArray
    prior: FloatArray
    target: FloatArray
    closed: FloatArray
    silent: FloatArray
    emotion: FloatArray
    style: FloatArray
    weight: float = 1.0


@dataclass(frozen=True)
class MotionDataset:
    """Lessons to learn from, and those of held-out clips that the best weights are chosen on."""

    train: list[Sample]
    validation: list[Sample]


def gather(
    data: Path, head: ArticulationConfig, *, emotion: int, sentences: int, voice_weight: float, copies: int, seed: int
) -> MotionDataset:
    """All lessons: of a prepared folder, or of GRID's tracked speaker, and of the offline voice.

    emotion: width of an emotion's embedding. copies: of each tracked clip, heard in other voices, rooms and lines.
    """
    encoder = shared_encoder()
    if (data / prepared_clips.INDEX).is_file():
        train = list(_prepared_samples(data, "train", head))
        validation = list(_prepared_samples(data, "validation", head))
    else:
        train = [_sample(one, head, emotion) for one in grid_examples(data, encoder, copies=copies, seed=seed)]
        validation = [_sample(one, head, emotion) for one in grid_examples(data, encoder, held_out=True)]
    for index, one in enumerate(voice_examples(sentences, seed, encoder)):
        held_out = index % HELD_OUT_VOICE == 0
        (validation if held_out else train).append(_sample(one, head, emotion, weight=voice_weight))
    return _with_styles(MotionDataset(train, validation), head)


def _prepared_samples(data: Path, split: str, head: ArticulationConfig) -> Iterator[Sample]:
    for row, clip in prepared_clips.clips(data, split):
        time = np.arange(len(clip.features)) / FRAME_RATE
        frames = np.arange(len(clip.mouth)) / clip.fps + clip.lag_s
        target = np.stack([np.interp(time, frames, channel) for channel in clip.mouth.T], axis=1).astype(np.float32)
        code = label_code(row.emotion, row.intensity)
        condition = emotion_condition(code)[0]
        example = Example(clip.features, target, sounding(clip.phones, time), clip.phones)
        yield _sample(example, head, len(condition), condition=condition)


def _sample(
    example: Example,
    head: ArticulationConfig,
    emotion: int,
    *,
    condition: FloatArray | None = None,
    weight: float = 1.0,
) -> Sample:
    frames = len(example.features)
    return Sample(
        example.features.astype(np.float16),
        phone_prior(head, example.phones, frames),
        example.targets[:, [BLENDSHAPE_INDEX[name] for name in head.channels]].astype(np.float32),
        example.closed,
        _silent(example.phones, frames),
        np.zeros(emotion, np.float32) if condition is None else condition.astype(np.float32),
        np.zeros(STYLE_WIDTH, np.float32),
        weight,
    )


def _silent(phones: tuple[TimedToken, ...], frames: int) -> FloatArray:
    """[frames] 1 where no phone is near; 0 everywhere when the phones are not known."""
    silent = np.full(frames, float(bool(phones)), np.float32)
    time = np.arange(frames) / FRAME_RATE
    for phone in phones:
        if phone.text != "SIL":
            silent[(time > phone.start_s - SLOW_S) & (time < phone.end_s + SLOW_S)] = 0.0
    return silent


def _with_styles(material: MotionDataset, head: ArticulationConfig) -> MotionDataset:
    """The same lessons with how their people speak: amplitude, articulation and speed, in standard deviations."""
    effect = LipGeometry.load().opening[[BLENDSHAPE_INDEX[name] for name in head.channels]]
    raw = [_style(sample.target @ effect) for sample in material.train]
    mean, spread = np.mean(raw, axis=0), np.std(raw, axis=0) + 1e-3

    def styled(samples: list[Sample]) -> list[Sample]:
        return [
            replace(one, style=np.clip((_style(one.target @ effect) - mean) / spread, -3, 3).astype(np.float32))
            for one in samples
        ]

    return MotionDataset(styled(material.train), styled(material.validation))


def _style(opening: FloatArray) -> FloatArray:
    """[3] logarithms of how far the lips part, how much of it is quick, and how fast they move for it."""
    slow = gaussian_filter1d(opening, SLOW_S * FRAME_RATE, mode="nearest")
    spread = opening.std() + 1e-3
    quick, speed = (opening - slow).std() + 1e-4, np.abs(np.diff(opening)).mean() + 1e-5
    return np.log(np.array([spread, quick / spread, speed / spread]))


def batch_of(
    samples: Sequence[Sample],
    window: int,
    rng: np.random.Generator,
    *,
    hidden_phones: float,
    hidden_feeling: float,
) -> Batch:
    """A window of each lesson, at a place drawn by chance, with parts of what is heard and told masked."""
    rows: dict[str, list[FloatArray]] = {name: [] for name in Batch.__dataclass_fields__}
    for sample in samples:
        start = int(rng.integers(max(1, len(sample.heard) - window + 1)))
        part = slice(start, start + window)
        missing = max(0, window - (len(sample.heard) - start))
        known = float(rng.random() >= hidden_phones)
        told = float(rng.random() >= hidden_feeling)
        rows["heard"].append(_padded(masked(sample.heard[part].astype(np.float32), rng), missing))
        rows["prior"].append(_padded(sample.prior[part] * known, missing))
        rows["emotion"].append(sample.emotion[None] * told)
        rows["style"].append(sample.style * told)
        rows["weight"].append(_padded(np.full(window - missing, sample.weight, np.float32), missing))
        for name in ("target", "closed", "silent"):
            rows[name].append(_padded(getattr(sample, name)[part], missing))
    return Batch(**{name: torch.from_numpy(np.stack(values).astype(np.float32)) for name, values in rows.items()})


def masked(heard: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Features [T,384] with a few moments and a few features replaced by their mean over the window."""
    mean = heard.mean(0)
    for _ in range(MASKS):
        start = int(rng.integers(len(heard)))
        heard[start : start + int(rng.integers(MASK_FRAMES + 1))] = mean
        first = int(rng.integers(heard.shape[1]))
        dropped = slice(first, first + int(rng.integers(MASK_FEATURES + 1)))
        heard[:, dropped] = mean[dropped]
    return heard


def _padded(values: FloatArray, missing: int) -> FloatArray:
    """Values [t,...] followed by `missing` rows of zeros."""
    return np.pad(values, [(0, missing), *[(0, 0)] * (values.ndim - 1)]) if missing else values
