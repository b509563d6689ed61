"""Cross-reconstruction: makes the voice tower hear the emotion and neither the speaker nor the words.

After CEM-Net's audio emotion enhancement: a clip is rebuilt from the feeling of one clip and the content of another.
When the content comes from the same speaker saying the same words with another emotion, or the emotion from another
speaker with the same emotion, the original must come out; so nothing but the emotion may pass through the sphere.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CONTENT_WIDTH = 64


class CrossReconstruction(nn.Module):
    """Content encoder and decoder that stand beside the voice tower while it is trained."""

    def __init__(self, voice_width: int, space_width: int, hidden: int = 256) -> None:
        super().__init__()
        self.content = nn.Sequential(
            nn.Linear(voice_width, hidden), nn.GELU(), nn.Dropout(0.3), nn.Linear(hidden, CONTENT_WIDTH)
        )
        self.decoder = nn.Sequential(
            nn.Linear(space_width + CONTENT_WIDTH, hidden), nn.GELU(), nn.Linear(hidden, voice_width)
        )

    def forward(self, labels: Tensor, content_of: Tensor) -> Tensor:
        """Standardised statistics [B, voice_width] rebuilt from points [B, width] and another clip's statistics."""
        return self.decoder(torch.cat([labels, self.content(content_of)], dim=-1))

    def loss(self, standardised: Tensor, points: Tensor, other_feeling: Tensor, other_speaker: Tensor) -> Tensor:
        """Mean squared error of both swaps, 0 when perfect.

        standardised: [B, voice_width] the clips themselves and points: [B, width] where the tower puts them.
        other_feeling: [B, voice_width] same speaker and words, other emotion.
        other_speaker: [B, width] points of clips with the same emotion by other speakers.
        """
        content_swapped = self(points, other_feeling)
        both_swapped = self(other_speaker, other_feeling)
        return functional.mse_loss(content_swapped, standardised) + functional.mse_loss(both_swapped, standardised)


def partners(
    labels: np.ndarray, speaker: np.ndarray, words: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices (clips, content donors, emotion donors), each [M], for every clip that has both kinds of partner."""
    random = np.random.default_rng(seed)
    clips, content, emotion = [], [], []
    for index in range(len(labels)):
        same_voice = np.flatnonzero((speaker == speaker[index]) & (words == words[index]) & (labels != labels[index]))
        same_feeling = np.flatnonzero((labels == labels[index]) & (speaker != speaker[index]))
        if len(same_voice) and len(same_feeling):
            clips.append(index)
            content.append(random.choice(same_voice))
            emotion.append(random.choice(same_feeling))
    return np.array(clips, int), np.array(content, int), np.array(emotion, int)
