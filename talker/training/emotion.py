"""`python -m talker train emotion` and `train voices`: measure the data, train the spaces, write their cards.

`emotion` makes both spaces anew; `voices` replaces the voice tower of those that lie there and touches nothing else.
"""

from __future__ import annotations

from pathlib import Path

from talker.cache import cache_path, load, save
from talker.data.face_photographs import FaceRecords, join_faces, load_photographs
from talker.data.portraits import building_portraits
from talker.data.rendered_faces import render_faces
from talker.data.voice_corpora import load_voices, teaching
from talker.emotion.model import CHECKPOINT, PERMISSIVE_CHECKPOINT
from talker.emotion.space import EmotionSpace, SpaceConfig, save_space
from talker.training.emotion_space import EmotionTraining, SpaceTrainer, taught_texts
from talker.training.voice_tower import VoiceTraining, train_voice_tower
from talker.types import Progress

RENDERED_PORTRAITS = 36
RENDERED_VERSION = 1  # of the rendered faces in the cache: raise it when renderer, catalogue or face model change

RESEARCH_VOICES = (
    "RAVDESS and nEMO (CC BY-NC-SA 4.0), ASED (no licence stated, free for research), read speech of "
    "Arabic news readers (broadcast footage, for research)"
)
LIMITS = {
    False: "**For research, non-commercial**: see the voices above. `emotion-permissive` was trained without them.",
    True: "No voices with a restriction on commercial use went into these weights.",
}
FIGURES = {
    False: (
        "Voices, four labels, a whole corpus held out each time: RAVDESS 70 %, EMO-DB 84 %, nEMO 45 %, ASED 71 % (mean "
        "67 %, chance 25 %); label or its neighbour 70 %. Actors of RAVDESS held out, eight labels: 77 %. Never used: "
        "TurEV 39 %, Korean 33 %. Open talk is shown at 0.3 or less in four of five clips, read speech at 0.00; quiet "
        "acting in a studio that was not taught (nEMO) at 0 as well."
    ),
    True: (
        "Voices, four labels, corpora never heard: RAVDESS 60 %, nEMO 47 %, ASED 51 % (mean 53 %, chance 25 %); label "
        "or its neighbour 56 %. Never used by either variant: TurEV 32 %, Korean 26 %. Open talk is shown at 0.3 or "
        "less in four of five clips, read speech at 0.03 at most."
    ),
}
CARD = """---
license: {licence}
---
# Emotion space{variant}

A unit sphere (64 dimensions) on which texts, voices, faces and {emotions} named emotions lie, and the towers that put
them there. `talker.emotion.space.EmotionSpace.load` reads it; docs/emotion.md says how it was made and measured.

Towers: text (all-MiniLM-L6-v2 sentences, 384 numbers), picture (478 landmarks freed of pose, 80 principal shapes, with
52 detector scores: 132), voice (Whisper tiny.en, second layer, mean and spread, with prosody: 790). Texts and pictures
were trained by `python -m talker train emotion --data DIR` with a symmetric contrastive loss and the geometry of words,
faces and affect, the shipped ones together with an earlier voice tower of the same voices; voices by
`python -m talker train voices --data DIR`: a multinomial regression around each studio's own middle, and, for the
strength, least squares between acting and talk.

Voices: {voices}. Pictures: measurements of labelled face photographs, and faces rendered from the catalogue on
synthetic portraits. Texts: prompts written for the project and words of WordNet 3.0 (its licence is beside
`talker/emotion`).

{figures}

{limits}
It reads expressions as most people would label them. It does not know what a person feels, and must not be used to
decide anything about anyone. Sung, very noisy and very short recordings are refused or marked as uncertain.
"""


def train(data: Path, out: Path, progress: Progress | None = None) -> None:
    """Write the space to `out` and its permissive variant beside it. Raises DataError when `data` lacks something."""
    faces = join_faces(load_photographs(data), rendered(data, progress))
    config = SpaceConfig()
    texts = taught_texts(config.emotions)
    space = SpaceTrainer(config, EmotionTraining(), texts, faces).fit()
    for folder in (out, _permissive(out)):
        save_space(space, folder)
    train_voices(data, out, progress)


def train_voices(data: Path, out: Path, progress: Progress | None = None) -> None:
    """Replace the voice tower of the space in `out` and of its permissive variant beside it.

    Raises DataError when `data` holds no voices, AssetError when `out` holds no space.
    """
    voices = load_voices(data, progress)
    for folder in (out, _permissive(out)):
        permissive = folder != out
        taught = teaching(voices, permissive=permissive)
        space = train_voice_tower(EmotionSpace.load(folder), taught, VoiceTraining())
        save_space(space, folder)
        (folder / "README.md").write_text(_card(space, permissive=permissive))


def _permissive(out: Path) -> Path:
    return out.with_name(out.name + PERMISSIVE_CHECKPOINT.removeprefix(CHECKPOINT))


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
    own = (
        "EMO-DB, one acted voice (NVIDIA Audio2Face samples, Apache-2.0), read sentences of GRID (CC BY 4.0) and of "
        "the offline voice, also as other throats, and talk by Kokoro's voices (Apache-2.0)"
    )
    return CARD.format(
        licence="apache-2.0" if permissive else "cc-by-nc-sa-4.0",
        variant=", permissive variant" if permissive else "",
        emotions=len(space.emotions),
        voices=own if permissive else f"{RESEARCH_VOICES}, {own}",
        figures=FIGURES[permissive],
        limits=LIMITS[permissive] + "\n",
    )
