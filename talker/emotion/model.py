"""The loaded emotion model: which checkpoint reads emotions, and so which weights may be opened."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from talker.emotion.catalogue import EMOTIONS
from talker.emotion.prototypes import added_prototypes, trained_prototypes
from talker.loaded import loaded_once
from talker.types import FloatArray
from talker.weights import store

if TYPE_CHECKING:
    from talker.emotion.space import EmotionSpace

CHECKPOINT = "emotion"
PERMISSIVE_CHECKPOINT = "emotion-permissive"


class EmotionModel:
    """One checkpoint of the emotion space; its parts are read when they are first needed.

    permissive: the variant that was trained without data for research only. With it no file of the other is opened.
    """

    def __init__(self, permissive: bool = False) -> None:
        self.permissive = permissive
        self.folder = store.checkpoint(PERMISSIVE_CHECKPOINT if permissive else CHECKPOINT)

    @cached_property
    def prototypes(self) -> dict[str, FloatArray]:
        """Name of every row of the catalogue -> place [width] on the unit sphere."""
        trained = trained_prototypes(self.folder)
        return trained | added_prototypes(trained)

    @cached_property
    def space(self) -> EmotionSpace:
        """The whole space with its towers."""
        from talker.emotion.space import EmotionSpace

        return EmotionSpace.load(self.folder)


def emotion_model(permissive: bool = False) -> EmotionModel:
    """The shipped model, loaded once for as long as the catalogue has the same rows."""
    return _emotion_model(permissive, tuple(EMOTIONS))


@loaded_once
def _emotion_model(permissive: bool, rows: tuple[str, ...]) -> EmotionModel:
    return EmotionModel(permissive)
