"""Clips of any origin as lessons for the sequence model, and the windows of them that make a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.emotion.labels import label_code
from talker.motion.head import ArticulationConfig, felt, phone_prior
from talker.motion.lips import LipGeometry
from talker.motion.network import STYLE_WIDTH
from talker.speech.encoder import FRAME_RATE, shared_encoder
from talker.training import prepared
from talker.training.motion_data import Example, grid_examples, sounding, voice_examples
from talker.training.network_losses import Batch
from talker.types import FloatArray, TimedToken

HELD_OUT_VOICE = 10  # every so many of the offline voice's sentences are for choosing
MASKS, MASK_FRAMES, MASK_FEATURES = 2, 8, 40  # SpecAugment on the features (Park et al., 2019)
SLOW_S = 0.12  # movements that are slower than this are the course of the mouth, faster ones its articulation


@dataclass(frozen=True)
class Lesson:
    """A clip: heard [T,384], prior [T,C+2], target [T,C], closed [T], silent [T]; feeling [D], style [3], weight."""

    heard: FloatArray
    prior: FloatArray
    target: FloatArray
    closed: FloatArray
    silent: FloatArray
    feeling: FloatArray
    style: FloatArray
    weight: float = 1.0


@dataclass(frozen=True)
class Material:
    """Lessons to learn from, and those of held-out clips that the best weights are chosen on."""

    train: list[Lesson]
    validation: list[Lesson]


def gather(
    data: Path, head: ArticulationConfig, *, emotion: int, sentences: int, voice_weight: float, copies: int, seed: int
) -> Material:
    """All lessons: of a prepared folder, or of GRID's tracked speaker, and of the offline voice.

    emotion: width of a feeling's embedding. copies: of each tracked clip, heard in other voices, rooms and lines.
    """
    encoder = shared_encoder()
    if (data / prepared.INDEX).is_file():
        train = list(_prepared_lessons(data, "train", head))
        validation = list(_prepared_lessons(data, "validation", head))
    else:
        train = [_lesson(one, head, emotion) for one in grid_examples(data, encoder, copies=copies, seed=seed)]
        validation = [_lesson(one, head, emotion) for one in grid_examples(data, encoder, held_out=True)]
    for index, one in enumerate(voice_examples(sentences, seed, encoder)):
        held_out = index % HELD_OUT_VOICE == 0
        (validation if held_out else train).append(_lesson(one, head, emotion, weight=voice_weight))
    return _with_styles(Material(train, validation), head)


def _prepared_lessons(data: Path, split: str, head: ArticulationConfig) -> Iterator[Lesson]:
    for row, clip in prepared.clips(data, split):
        time = np.arange(len(clip.features)) / FRAME_RATE
        frames = np.arange(len(clip.mouth)) / clip.fps + clip.lag_s
        target = np.stack([np.interp(time, frames, channel) for channel in clip.mouth.T], axis=1).astype(np.float32)
        code = label_code(row.feeling, row.intensity)
        feeling = felt(code)[0]
        example = Example(clip.features, target, sounding(clip.phones, time), clip.phones)
        yield _lesson(example, head, len(feeling), feeling=feeling)


def _lesson(
    example: Example,
    head: ArticulationConfig,
    emotion: int,
    *,
    feeling: FloatArray | None = None,
    weight: float = 1.0,
) -> Lesson:
    frames = len(example.features)
    return Lesson(
        example.features.astype(np.float16),
        phone_prior(head, example.phones, frames),
        example.targets[:, [BLENDSHAPE_INDEX[name] for name in head.channels]].astype(np.float32),
        example.closed,
        _silent(example.phones, frames),
        np.zeros(emotion, np.float32) if feeling is None else feeling.astype(np.float32),
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


def _with_styles(material: Material, head: ArticulationConfig) -> Material:
    """The same lessons with how their people speak: amplitude, articulation and speed, in standard deviations."""
    effect = LipGeometry.load().opening[[BLENDSHAPE_INDEX[name] for name in head.channels]]
    raw = [_style(lesson.target @ effect) for lesson in material.train]
    mean, spread = np.mean(raw, axis=0), np.std(raw, axis=0) + 1e-3

    def styled(lessons: list[Lesson]) -> list[Lesson]:
        return [
            replace(one, style=np.clip((_style(one.target @ effect) - mean) / spread, -3, 3).astype(np.float32))
            for one in lessons
        ]

    return Material(styled(material.train), styled(material.validation))


def _style(opening: FloatArray) -> FloatArray:
    """[3] logarithms of how far the lips part, how much of it is quick, and how fast they move for it."""
    slow = gaussian_filter1d(opening, SLOW_S * FRAME_RATE, mode="nearest")
    spread = opening.std() + 1e-3
    quick, speed = (opening - slow).std() + 1e-4, np.abs(np.diff(opening)).mean() + 1e-5
    return np.log(np.array([spread, quick / spread, speed / spread]))


def batch_of(
    lessons: Sequence[Lesson],
    window: int,
    chance: np.random.Generator,
    *,
    hidden_phones: float,
    hidden_feeling: float,
) -> Batch:
    """A window of each lesson, at a place drawn by chance, with parts of what is heard and told masked."""
    rows: dict[str, list[FloatArray]] = {name: [] for name in Batch.__dataclass_fields__}
    for lesson in lessons:
        start = int(chance.integers(max(1, len(lesson.heard) - window + 1)))
        part = slice(start, start + window)
        missing = max(0, window - (len(lesson.heard) - start))
        known = float(chance.random() >= hidden_phones)
        told = float(chance.random() >= hidden_feeling)
        rows["heard"].append(_padded(masked(lesson.heard[part].astype(np.float32), chance), missing))
        rows["prior"].append(_padded(lesson.prior[part] * known, missing))
        rows["feeling"].append(lesson.feeling[None] * told)
        rows["style"].append(lesson.style * told)
        rows["weight"].append(_padded(np.full(window - missing, lesson.weight, np.float32), missing))
        for name in ("target", "closed", "silent"):
            rows[name].append(_padded(getattr(lesson, name)[part], missing))
    return Batch(**{name: torch.from_numpy(np.stack(values).astype(np.float32)) for name, values in rows.items()})


def masked(heard: FloatArray, chance: np.random.Generator) -> FloatArray:
    """Features [T,384] with a few moments and a few features replaced by their mean over the window."""
    mean = heard.mean(0)
    for _ in range(MASKS):
        start = int(chance.integers(len(heard)))
        heard[start : start + int(chance.integers(MASK_FRAMES + 1))] = mean
        first = int(chance.integers(heard.shape[1]))
        dropped = slice(first, first + int(chance.integers(MASK_FEATURES + 1)))
        heard[:, dropped] = mean[dropped]
    return heard


def _padded(values: FloatArray, missing: int) -> FloatArray:
    """Values [t,...] followed by `missing` rows of zeros."""
    return np.pad(values, [(0, missing), *[(0, 0)] * (values.ndim - 1)]) if missing else values
