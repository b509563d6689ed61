"""`python -m talker train emotion`: measures the data, trains the space and its permissive variant, writes cards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talker.cache import cache_path, load, save
from talker.data.face_photographs import FaceRecords, join_faces, load_photographs
from talker.data.portraits import building_portraits
from talker.data.rendered_faces import render_faces
from talker.data.voice_corpora import NON_COMMERCIAL, load_voices
from talker.emotion.model import CHECKPOINT, PERMISSIVE_CHECKPOINT
from talker.emotion.space import EmotionSpace, SpaceConfig, save_space
from talker.training.emotion_space import EmotionTraining, SpaceTrainer, taught_texts
from talker.types import Progress

RENDERED_PORTRAITS = 36
RENDERED_VERSION = 1  # of the rendered faces in the cache: raise it when renderer, catalogue or face model change

CARD = """---
license: {licence}
---
# Emotion space{variant}

A unit sphere (64 dimensions) on which texts, voices, faces and {feelings} named feelings lie, and the towers that put
them there. `talker.emotion.space.EmotionSpace.load` reads it; docs/emotion.md says how it was made and measured.

Towers: text (all-MiniLM-L6-v2 sentences, 384 numbers), voice (Whisper tiny.en, second layer, mean and spread, with
prosody: 790), picture (478 landmarks freed of pose, 80 principal shapes, with 52 detector scores: 132). Trained by
`python -m talker train emotion --data DIR` with a symmetric contrastive loss between all pairs of modalities, the
geometry of words, faces and affect, and cross-reconstruction of voices.

Trained on {voices}; measurements of labelled face photographs; faces rendered from the catalogue on synthetic
portraits; prompts written for the project and words of WordNet 3.0 (its licence is beside `talker/emotion`).

{limits}
It reads expressions as most people would label them. It does not know what a person feels, and must not be used to
decide anything about anyone.
"""


def train(data: Path, out: Path, progress: Progress | None = None) -> None:
    """Write the space to `out` and its permissive variant beside it. Raises DataError when `data` lacks something."""
    voices = load_voices(data, progress)
    faces = join_faces(load_photographs(data), rendered(data, progress))
    config = SpaceConfig()
    texts = taught_texts(config.emotions)
    beside = out.with_name(out.name + PERMISSIVE_CHECKPOINT.removeprefix(CHECKPOINT))
    for folder, chosen in ((out, np.ones(len(voices), bool)), (beside, ~np.isin(voices.corpus, NON_COMMERCIAL))):
        space = SpaceTrainer(config, EmotionTraining(), texts, voices.where(chosen), faces).fit()
        save_space(space, folder)
        (folder / "README.md").write_text(_card(space, permissive=folder == beside))


def rendered(data: Path, progress: Progress | None = None) -> FaceRecords:
    """Faces rendered on portraits of `data`, from the cache when they were rendered before."""
    cache = cache_path("emotion-rendered", RENDERED_VERSION)
    if cache.is_file():
        return FaceRecords(**load(cache))
    paths = building_portraits(data)
    records = render_faces(paths[:: max(1, len(paths) // RENDERED_PORTRAITS)], progress=progress)
    save(cache, records)
    return records


def _card(space: EmotionSpace, *, permissive: bool) -> str:
    limits = (
        "No data with a restriction on commercial use went into these weights."
        if permissive
        else "**Non-commercial**: RAVDESS is licensed CC BY-NC-SA 4.0. `emotion-permissive` was trained without it."
    )
    own = (
        "EMO-DB, one acted voice (NVIDIA Audio2Face samples, Apache-2.0), read sentences of GRID (CC BY 4.0) and of "
        "the offline voice, also as other throats"
    )
    return CARD.format(
        licence="apache-2.0" if permissive else "cc-by-nc-sa-4.0",
        variant=", permissive variant" if permissive else "",
        emotions=len(space.emotions),
        voices=own if permissive else f"RAVDESS, {own}",
        limits=limits + "\n",
    )
