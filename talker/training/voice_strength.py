"""Learns how strongly a voice feels, apart from what it feels: acting against neutral acting, reading and talk.

Least squares in closed form. What another microphone or room changes in a clip is penalised, so that it doesn't count
as emotion. What a face shows starts above what people who only talk reach in studios that nobody has heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from talker.data.voice_corpora import CLEAN_WINDOWS, VoiceRecords
from talker.emotion.space import VoiceTower

MILD = ("neutral", "calm")  # acted, but hardly emotional


@dataclass(frozen=True)
class StrengthTraining:
    """One run.

    penalty: on squared weights. steadiness: on the squared change by another microphone or room. range: the values
    below which a voice has no emotion and above which all of it; 0 is the mean of taught talk and 1 that of acting.
    """

    penalty: float = 1.0
    steadiness: float = 3.0
    range: tuple[float, float] = (0.5, 1.0)


@dataclass(frozen=True)
class _Moments:
    """Of a corpus's clips, those with emotion or those without: mean [D] and mean outer product [D, D]."""

    mean: np.ndarray
    square: np.ndarray


def learn_strength(tower: VoiceTower, voices: VoiceRecords, training: StrengthTraining) -> None:
    """Fit `moved` and `strength_range` of a tower that is standardised already."""
    scaled = tower.standardised(torch.from_numpy(voices.statistics)).numpy()  # [N, windows, D]
    emotional = ~voices.plain & ~np.isin(voices.emotion, MILD)
    moments = {
        (corpus, side): _moments(scaled[(voices.corpus == corpus) & (emotional == side)])
        for corpus in np.unique(voices.corpus)
        for side in (False, True)
        if ((voices.corpus == corpus) & (emotional == side)).any()
    }
    penalty = training.penalty * np.eye(scaled.shape[-1]) + training.steadiness * _shifts(scaled)
    weight, bias = _fit(moments, penalty)
    with torch.no_grad():
        tower.moved.weight.copy_(torch.from_numpy(weight)[None])
        tower.moved.bias.fill_(bias)
        tower.strength_range.copy_(torch.tensor(training.range))


def _moments(scaled: np.ndarray) -> _Moments:
    rows = scaled.reshape(-1, scaled.shape[-1])
    return _Moments(rows.mean(0), rows.T @ rows / len(rows))


def _shifts(scaled: np.ndarray) -> np.ndarray:
    """[D, D] mean outer product of what spoiling changes in statistics [N, windows, D]."""
    own = np.tile(scaled[:, :CLEAN_WINDOWS], (1, scaled.shape[1] // CLEAN_WINDOWS - 1, 1))
    shift = (scaled[:, CLEAN_WINDOWS:] - own).reshape(-1, scaled.shape[-1])
    return shift.T @ shift / max(1, len(shift))


def _fit(moments: dict[tuple[str, bool], _Moments], penalty: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights [D] and bias for 1 where there is emotion and 0 elsewhere; on each side corpora count the same."""
    sides = [[found for (_, side), found in moments.items() if side == emotional] for emotional in (False, True)]
    means = [np.mean([one.mean for one in side], 0) for side in sides]
    square = np.mean([np.mean([one.square for one in side], 0) for side in sides], 0)
    mean = (means[0] + means[1]) / 2
    spread = square - np.outer(mean, mean)
    weight = np.linalg.solve(spread + penalty, (means[1] - means[0]) / 4).astype(np.float32)
    return weight, float(0.5 - mean @ weight)
