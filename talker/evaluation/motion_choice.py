"""The settings of articulation, chosen without the speaker that they are then scored on.

The shipped settings were set by hand while looking at the open clips. Here every clip is scored with the settings that
do best on the other clips, so that nothing about its speaker is known: leave one out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from talker.data.speech_clips import TrackedClip
from talker.evaluation.lip_metrics import SCORE_FPS, LipTrace, scores
from talker.motion.articulation import (
    MouthPrediction,
    articulate,
    predict_mouth,
    shipped_mouth_regressor,
)
from talker.motion.mouth_regressor import ArticulationConfig
from talker.speech.analysis import SpeechAnalysis
from talker.types import FloatArray

Settings = dict[str, Any]
Scores = dict[str, list[float]]  # of one clip, by metric
# what is tried, one row after the other, twice
GRID: tuple[tuple[Settings, ...], ...] = (
    tuple({"lead_s": value} for value in (0.0, 0.02, 0.04, 0.06)),
    tuple({"phone_share_opening": value} for value in (0.0, 0.15, 0.25, 0.35, 0.5)),
    tuple({"phone_share_rounding": value} for value in (0.25, 0.5, 0.75)),
    tuple({"gate_open": low, "gate_shut": high} for low, high in ((0.1, 0.3), (0.15, 0.45), (0.25, 0.6), (0.35, 0.7))),
    tuple({"opening_gain": value} for value in (1.0, 1.25, 1.5, 1.75, 2.0)),
)
SWEEPS = 2


class _Scored:
    """A clip whose sound was heard once, scored under many settings."""

    def __init__(self, clip: TrackedClip, *, phones: bool) -> None:
        self.clip = clip
        self.speech = clip.speech if phones else clip.speech.with_transcript(None)
        analysis = SpeechAnalysis(self.speech)
        self.heard: MouthPrediction = predict_mouth(analysis)
        self.voice: FloatArray = analysis.speaking(max(1, round(self.speech.duration_s * SCORE_FPS)), SCORE_FPS)
        self.truth = LipTrace.of_clip(clip)
        self.under = functools.cache(self._under)

    def _under(self, config: ArticulationConfig) -> Scores:
        motion = articulate(self.heard, self.voice, SCORE_FPS, self.speech.transcript, config)
        return scores(LipTrace.of_motion(motion, self.clip.speech), self.truth)


def chosen_without_the_speaker(clips: Sequence[TrackedClip]) -> dict[str, list[Scores]]:
    """Scores with a transcript and from sound alone, each clip under the settings that suit the others best."""
    found = {}
    for name, phones in (("with transcript", True), ("sound alone", False)):
        scored = [_Scored(clip, phones=phones) for clip in clips]
        rows = [one.under(best_settings([other for other in scored if other is not one])) for one in scored]
        found[f"{name}, settings without the speaker"] = rows
    return found


def best_settings(scored: Sequence[_Scored]) -> ArticulationConfig:
    """The settings that do best on these clips: one row of `GRID` after the other, begun at its first values."""
    config = shipped_mouth_regressor().config
    for row in GRID:
        config = dataclasses.replace(config, **row[0])
    for row in GRID * SWEEPS:
        tried = [dataclasses.replace(config, **settings) for settings in row]
        config = max(tried, key=lambda one: _worth([clip.under(one) for clip in scored]))
    return config


def _worth(rows: Sequence[Scores]) -> float:
    """One number to choose by: timing first, then size and closures."""
    mean = {metric: float(np.mean([value for row in rows for value in row[metric]])) for metric in rows[0]}
    size = np.mean([abs(np.log(max(row["lips/amplitude"][0], 1e-3))) for row in rows])
    timing = mean["lips/opening_r"] + 0.5 * mean["lips/width_r"]
    return float(timing - 0.1 * size + 0.25 * (mean["lips/closed"] - mean["lips/falsely_closed"]))
