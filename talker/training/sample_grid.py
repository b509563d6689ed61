"""The same few frames, drawn again and again while the generator learns: source, geometry, generator, real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from talker.data.generator_batches import run_on, take
from talker.data.generator_pairs import Pairs
from talker.media.image import save_image
from talker.render.generator import Generator
from talker.render.regions import WHOLE
from talker.types import ByteArray

FACES = 3  # of each kind of data


class SampleGrid:
    """Fixed frames of each kind of data, those with the widest mouths of evenly chosen faces."""

    def __init__(self, groups: Mapping[str, Sequence[Pairs]], device: torch.device) -> None:
        self._device = device
        self._frames = [
            (pairs[place], _widest(pairs[place]))
            for pairs in groups.values()
            for place in sorted({round(x) for x in np.linspace(0, len(pairs) - 1, FACES)})
            if pairs
        ]

    def show(self, generator: Generator, path: Path) -> None:
        """Write a row for each frame to the picture `path`."""
        save_image(np.concatenate([self._row(generator, *frame) for frame in self._frames]), path)

    def _row(self, generator: Generator, pairs: Pairs, row: int) -> ByteArray:
        side = len(pairs.source)
        fade = torch.from_numpy(WHOLE.fade(side, side)).to(self._device)
        training = generator.training
        with torch.no_grad():
            made, _ = run_on(generator.eval(), take(pairs, [row], WHOLE).to(self._device), fade)
        generator.train(training)
        drawn = (made[0].float().clamp(0, 1) * 255 + 0.5).byte().permute(1, 2, 0).cpu().numpy()
        return np.concatenate([pairs.source, pairs.pictures[row], drawn, pairs.truths[row]], axis=1)


def _widest(pairs: Pairs) -> int:
    """The frame with the largest opening between the lips."""
    return int(pairs.masks[..., 0].sum(axis=(1, 2), dtype=np.int64).argmax())
