"""The emotion space on what it never saw: voices of other actors, faces of other people, texts written beforehand.

`run` prints the tables of docs/emotion.md. Whatever needs held-out speakers or people trains the space anew without
them; texts are read by the shipped space, which was never taught them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker import hub
from talker.emotion.prompts import prompt_bank
from talker.emotion.sentences import sentence_tower
from talker.emotion.space import EmotionSpace, SpaceConfig, emotion_space
from talker.emotion.text import TextReader
from talker.training.emotion_space import EmotionTraining, SpaceTrainer, TextSet
from talker.training.face_photographs import FaceRecords, load_photographs
from talker.training.voice_corpora import RAVDESS_FEELINGS, VoiceRecords, load_voices
from talker.types import EMOTION_LABELS, FloatArray, Progress

HELD_OUT_TEXTS = Path(__file__).with_name("prompts_test.json")
FOLDS = 6
FOLD_TRAINING = EmotionTraining(text_steps=1)  # texts are not what the folds measure
FOUR = ("angry", "happy", "neutral", "sad")
FIVE = (*FOUR, "surprised")


@dataclass(frozen=True)
class HeldOut:
    """What a space trained on the other folds says of one fold: guesses and truth, as indices; similarities."""

    voice: tuple[FloatArray, FloatArray]
    face: tuple[FloatArray, FloatArray]
    voice_to_face: float
    face_to_voice: float


def run(data: Path, progress: Progress | None = None) -> str:
    """All retrieval tables, as text."""
    voices = load_voices(data, hub.cache_folder() / "emotion-voices.npz")
    faces = load_photographs(data)
    texts = TextSet.encode(prompt_bank(), sentence_tower(), SpaceConfig().feelings)
    folds = []
    for fold in range(FOLDS):
        folds.append(held_out_fold(texts, voices, faces, fold))
        if progress is not None:
            progress(fold + 1, FOLDS + 2)
    rows = [*_fold_rows(folds), *corpus_rows(texts, voices, faces), *text_rows(emotion_space())]
    lines = ["| from | to | held out | score | chance |", "|---|---|---|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def mean_recall(truth: FloatArray, guess: FloatArray) -> float:
    """Unweighted mean over classes of the share found; 1 is perfect."""
    return float(np.mean([(guess[truth == label] == label).mean() for label in np.unique(truth)]))


def held_out_fold(texts: TextSet, voices: VoiceRecords, faces: FaceRecords, fold: int) -> HeldOut:
    """Train without one fold of RAVDESS's actors and of the photographs' people, and read these."""
    ravdess = voices.corpus == "ravdess"
    actor = np.array(
        [int(speaker.split("/")[1]) if own else -1 for speaker, own in zip(voices.speaker, ravdess, strict=True)]
    )
    heard_not = ravdess & ((actor - 1) // 2 % FOLDS == fold)
    person = np.array([int(name.split("/")[1]) for name in faces.person])
    seen_not = person % FOLDS == fold
    space = SpaceTrainer(
        SpaceConfig(), FOLD_TRAINING, texts, voices.where(ravdess & ~heard_not), faces.where(~seen_not)
    ).fit()
    voice, face = voices.where(heard_not), faces.where(seen_not & np.isin(faces.feeling, FIVE))
    voice_points, _ = space.place_voice(voice.statistics[:, 0])
    face_points = space.place_picture(face.landmarks, face.blendshapes)
    eight = [space.config.feelings.index(name) for name in RAVDESS_FEELINGS]
    voice_truth = np.array([RAVDESS_FEELINGS.index(name) for name in voice.feeling])
    five = [EMOTION_LABELS.index(label) for label in FIVE]
    face_truth = np.array([FIVE.index(name) for name in face.feeling])
    both = np.isin(voice.feeling, FIVE)
    return HeldOut(
        (voice_truth, space.read(voice_points).weights[:, eight].argmax(1)),
        (face_truth, space.read(face_points).probabilities[:, five].argmax(1)),
        retrieval(space, voice_points[both], face_points, voice.feeling[both], face.feeling),
        retrieval(space, face_points, voice_points[both], face.feeling, voice.feeling[both]),
    )


def retrieval(
    space: EmotionSpace, query: FloatArray, gallery: FloatArray, query_label: np.ndarray, gallery_label: np.ndarray
) -> float:
    """Mean over labels of how often the nearest of the gallery has the query's label; 1 is perfect."""
    nearest = gallery_label[(space.settle(query) @ space.settle(gallery).T).argmax(1)]
    return float(np.mean([(nearest[query_label == label] == label).mean() for label in np.unique(query_label)]))


def corpus_rows(texts: TextSet, voices: VoiceRecords, faces: FaceRecords) -> list[tuple[str, ...]]:
    """Four classes from RAVDESS to EMO-DB and back."""
    rows: list[tuple[str, ...]] = []
    for source, target in (("ravdess", "emodb"), ("emodb", "ravdess")):
        known = voices.where((voices.corpus == source) & np.isin(voices.feeling, FOUR))
        space = SpaceTrainer(SpaceConfig(), FOLD_TRAINING, texts, known, faces).fit()
        unknown = voices.where((voices.corpus == target) & np.isin(voices.feeling, FOUR))
        points, _ = space.place_voice(unknown.statistics[:, 0])
        four = [space.config.feelings.index(name) for name in FOUR]
        guess = space.read(points).weights[:, four].argmax(1)
        truth = np.array([FOUR.index(name) for name in unknown.feeling])
        rows.append((f"voice ({source})", "4 labels", f"corpus {target}", f"{mean_recall(truth, guess):.1%}", "25.0%"))
    return rows


def text_rows(space: EmotionSpace) -> list[tuple[str, ...]]:
    """The shipped space on the held-out texts."""
    texts = json.loads(HELD_OUT_TEXTS.read_text())
    reader = TextReader(space, sentence_tower())
    pairs = [(text, (label,)) for label, group in texts["paraphrases"].items() for text in group]
    paraphrases = found(reader, pairs)
    unseen = found(reader, [(text, tuple(labels)) for text, labels in texts["unseen"].items()])
    return [
        ("text", "8 labels", f"{len(pairs)} paraphrases", f"{paraphrases:.1%}", "12.5%"),
        ("text", "8 families", f"{len(texts['unseen'])} unseen feelings", f"{unseen:.1%}", "12.5%"),
    ]


def found(reader: TextReader, pairs: Sequence[tuple[str, tuple[str, ...]]]) -> float:
    """Share of texts whose likeliest label is one of those accepted; 1 is perfect."""
    hits = [EMOTION_LABELS[int(reader.read(text).probabilities.mean(0).argmax())] in labels for text, labels in pairs]
    return float(np.mean(hits))


def _fold_rows(folds: Sequence[HeldOut]) -> list[tuple[str, ...]]:
    voice_truth, voice_guess = (np.concatenate([fold.voice[side] for fold in folds]) for side in (0, 1))
    face_truth, face_guess = (np.concatenate([fold.face[side] for fold in folds]) for side in (0, 1))
    to_face = np.mean([fold.voice_to_face for fold in folds])
    to_voice = np.mean([fold.face_to_voice for fold in folds])
    return [
        ("voice", "8 labels", "actors (RAVDESS, 6 folds)", f"{mean_recall(voice_truth, voice_guess):.1%}", "12.5%"),
        ("face", "5 labels", "people (photographs, 6 folds)", f"{mean_recall(face_truth, face_guess):.1%}", "20.0%"),
        ("voice", "face of the same label", "actors and people", f"{to_face:.1%}", "20.0%"),
        ("face", "voice of the same label", "people and actors", f"{to_voice:.1%}", "20.0%"),
    ]
