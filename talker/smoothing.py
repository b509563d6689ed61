"""Values over time that are smoothed as they come: what follows changes nothing of what was given."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from talker.types import BoolArray, FloatArray


class Smoother:
    """A low-pass that knows only the past: two one-pole filters in a row, whose state goes from call to call.

    time_s: of each filter; a step is followed by half after 1.7 of it. start: what came before the first value.
    """

    def __init__(self, time_s: float, rate_hz: float, start: float = 0.0) -> None:
        self._keep = float(np.exp(-1.0 / (time_s * rate_hz)))
        self._state = start * np.array([1.0 - (1.0 - self._keep) ** 2, -(self._keep**2)])  # as if at rest there

    def __call__(self, values: FloatArray) -> FloatArray:
        """The next values [n], smoothed."""
        keep = self._keep
        smooth, self._state = lfilter(
            [(1 - keep) ** 2], [1.0, -2 * keep, keep**2], np.asarray(values, np.float64), zi=self._state
        )
        return smooth


class RunningMean:
    """The mean of what was given lately: of everything at first, later mostly of the last `window` values.

    start: taken for the mean of `weight` values before the first.
    """

    def __init__(self, window: float, start: float = 0.0, weight: float = 0.0) -> None:
        self.value, self._count, self._window = start, weight, window

    def __call__(self, values: FloatArray, counted: BoolArray) -> FloatArray:
        """The mean [n] after each of the values [n], of which those are `counted` [n]."""
        means = np.empty(len(values))
        for index, (value, counts) in enumerate(zip(values.tolist(), counted.tolist(), strict=True)):
            if counts:
                self._count = min(self._count + 1, self._window)
                self.value += (value - self.value) / self._count
            means[index] = self.value
        return means
