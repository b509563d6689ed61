"""The emotion space on what it never saw: voices of other actors, faces of other people, texts written beforehand.

Whatever needs held-out speakers, corpora or people trains the space, or its voice tower, anew without them; texts
and people who just talk are read by the shipped spaces, which were never taught them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talker.data.face_photographs import FaceRecords, load_photographs
from talker.data.filmed_speakers import NEWS_REPORT
from talker.data.speech_clips import GRID_SELF
from talker.data.voice_corpora import RAVDESS_EMOTIONS, TESTING, VoiceRecords, load_voices, teaching
from talker.emotion.clip import SentencePlacer
from talker.emotion.model import EmotionModel, emotion_model
from talker.emotion.sentences import sentence_tower
from talker.emotion.space import EmotionSpace, SpaceConfig
from talker.emotion.text import TextReader
from talker.emotion.voice import voice_code
from talker.evaluation.metrics import Recorder
from talker.media.audio import load_speech
from talker.speech.analysis import SpeechAnalysis
from talker.training.emotion_space import EmotionTraining, SpaceTrainer, TextSet, taught_texts
from talker.training.voice_tower import VoiceTraining, train_voice_tower
from talker.types import EMOTION_LABELS, FloatArray, Progress

HELD_OUT_TEXTS = Path(__file__).with_name("prompts_test.json")
FOLDS = 6
# The folds don't measure texts, so the text tower stays small there and learns no longer than the others.
FOLD_CONFIG, FOLD_TRAINING = SpaceConfig(text_hidden=64), EmotionTraining(steps=600, text_steps=1)
FOUR = ("angry", "happy", "neutral", "sad")
FIVE = (*FOUR, "surprised")
MILD = ("neutral", "calm")
HELD_OUT_CORPORA = ("ravdess", "emodb", "nEMO", "ASED")
DRAMATIC = 0.3  # a strength that ordinary talk shall not be shown at
NEIGHBOURS = {  # what an emotion may also be read as: the nearest in valence and arousal, or what mixes with it
    "neutral": ("calm", "sad"), "calm": ("neutral", "sad"), "happy": ("surprised",), "sad": ("neutral", "calm"),
    "angry": ("disgusted", "contempt"), "surprised": ("happy", "fear"), "fear": ("surprised", "sad"),
    "disgusted": ("angry", "contempt"),
}  # fmt: skip


@dataclass(frozen=True)
class HeldOut:
    """What a space trained on the other folds says of one fold.

    voice, face: truth and guess, as indices. moved: of the clips that act an emotion, whether the face would show it.
    voice_to_face, face_to_voice: how often the nearest has the same label.
    """

    voice: tuple[FloatArray, FloatArray]
    moved: np.ndarray
    face: tuple[FloatArray, FloatArray]
    voice_to_face: float
    face_to_voice: float


def run(data: Path, record: Recorder, progress: Progress | None = None) -> None:
    """All retrieval figures."""
    voices = load_voices(data)
    faces = load_photographs(data)
    texts = taught_texts(FOLD_CONFIG.emotions)
    folds = []
    for fold in range(FOLDS):
        folds.append(held_out_fold(texts, voices, faces, fold))
        if progress is not None:
            progress(fold + 1, FOLDS + 2)
    record_folds(folds, record)
    for model in (emotion_model(), emotion_model(permissive=True)):
        across_corpora(model, voices, record)
        ordinary_voices(model, data, record)
    held_out_texts(emotion_model().space, record)


def note(record: Recorder, what: str, score: float | np.floating[Any], chance: float = float("nan")) -> None:
    """One figure, with what guessing would give."""
    record.add("space/hits", float(score), what)
    record.add("space/chance", chance, what)


def mean_recall(truth: np.ndarray, guess: np.ndarray) -> float:
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
    taught = voices.where((ravdess & ~heard_not) | voices.plain)
    space = SpaceTrainer(FOLD_CONFIG, FOLD_TRAINING, texts, faces.where(~seen_not)).fit()
    space = train_voice_tower(space, taught, VoiceTraining())
    voice, face = voices.where(heard_not), faces.where(seen_not & np.isin(faces.emotion, FIVE))
    voice_points, strengths = space.place_voice(voice.statistics[:, 0])
    face_points = space.place_picture(face.landmarks, face.blendshapes)
    eight = [space.config.emotions.index(name) for name in RAVDESS_EMOTIONS]
    voice_truth = np.array([RAVDESS_EMOTIONS.index(name) for name in voice.emotion])
    five = [EMOTION_LABELS.index(label) for label in FIVE]
    face_truth = np.array([FIVE.index(name) for name in face.emotion])
    both = np.isin(voice.emotion, FIVE)
    return HeldOut(
        (voice_truth, space.read(voice_points).weights[:, eight].argmax(1)),
        strengths[~np.isin(voice.emotion, MILD)] > 0.5,
        (face_truth, space.read(face_points).probabilities[:, five].argmax(1)),
        retrieval(space, voice_points[both], face_points, voice.emotion[both], face.emotion),
        retrieval(space, face_points, voice_points[both], face.emotion, voice.emotion[both]),
    )


def retrieval(
    space: EmotionSpace, query: FloatArray, gallery: FloatArray, query_label: np.ndarray, gallery_label: np.ndarray
) -> float:
    """Mean over labels of how often the nearest of the gallery has the query's label; 1 is perfect."""
    nearest = gallery_label[(space.project_to_prototypes(query) @ space.project_to_prototypes(gallery).T).argmax(1)]
    return float(np.mean([(nearest[query_label == label] == label).mean() for label in np.unique(query_label)]))


def across_corpora(model: EmotionModel, voices: VoiceRecords, record: Recorder) -> None:
    """Corpora read by a voice tower that was taught without them: four labels, label or neighbour, strength shown."""
    taught = teaching(voices, permissive=model.permissive)
    kind = " (permissive)" if model.permissive else ""
    for corpus in (*HELD_OUT_CORPORA, *TESTING):
        if corpus not in voices.corpus:
            continue
        space = train_voice_tower(model.space, taught.where(taught.corpus != corpus), VoiceTraining())
        unknown = voices.where(voices.corpus == corpus)
        points, strengths = space.place_voice(unknown.statistics[:, 0])
        reading = space.read(points)
        four = np.isin(unknown.emotion, FOUR)
        columns = [space.config.emotions.index(name) for name in FOUR]
        guess = reading.weights[four][:, columns].argmax(1)
        truth = np.array([FOUR.index(name) for name in unknown.emotion[four]])
        note(record, f"voice, 4 labels, {corpus} held out{kind}", mean_recall(truth, guess), 1 / 4)
        for emotion in np.unique(unknown.emotion):
            own = unknown.emotion == emotion
            read = np.array(EMOTION_LABELS)[reading.probabilities[own].argmax(1)]
            near = np.isin(read, (emotion, *NEIGHBOURS[emotion]))
            note(record, f"voice, label or neighbour, {corpus} held out{kind}", near.mean())
            record.add("space/strength", float(np.median(strengths[own])), f"{emotion}, {corpus} held out{kind}")


def ordinary_voices(model: EmotionModel, data: Path, record: Recorder) -> None:
    """People who just talk, none of them taught: how many come out neutral, and how strongly they are shown."""
    kind = ", permissive" if model.permissive else ""
    sets = {
        "GRID, read": [path for path in (data / "grid" / "audio").glob("o_*") if path.stem != GRID_SELF],
        "news, read": [path for speaker in NEWS_REPORT for path in (data / "news_arabic").glob(f"{speaker}_*.mp4")],
        "open speech": list((data / "talking" / "speech").glob("*.mp4")),
    }
    for name, paths in sets.items():
        for path in sorted(paths):
            code = voice_code(SpeechAnalysis(load_speech(path)), per_moment=False, model=model)
            strength = float(code.strength[0])
            neutral = code.probabilities[0].argmax() == 0
            note(record, f"ordinary voice is neutral ({name}{kind})", float(neutral), 1 / 8)
            note(record, f"ordinary voice is shown at {DRAMATIC} at most ({name}{kind})", float(strength <= DRAMATIC))
            record.add("space/strength", strength, f"ordinary voice ({name}{kind})")


def held_out_texts(space: EmotionSpace, record: Recorder) -> None:
    """The shipped space on texts written beforehand: hits on one of the labels accepted."""
    texts = json.loads(HELD_OUT_TEXTS.read_text())
    reader = TextReader(SentencePlacer(space, sentence_tower()))
    pairs = [("text, paraphrases", text, (label,)) for label, group in texts["paraphrases"].items() for text in group]
    pairs += [("text, unseen emotions", text, tuple(labels)) for text, labels in texts["unseen"].items()]
    for what, text, labels in pairs:
        likeliest = EMOTION_LABELS[int(reader.read(text).probabilities.mean(0).argmax())]
        note(record, what, float(likeliest in labels), 1 / 8)


def record_folds(folds: Sequence[HeldOut], record: Recorder) -> None:
    """Figures over all folds together."""
    voice, face = ([np.concatenate([getattr(fold, name)[side] for fold in folds]) for side in (0, 1)]
                   for name in ("voice", "face"))  # fmt: skip
    note(
        record, "acted voice is shown at more than half strength", np.concatenate([fold.moved for fold in folds]).mean()
    )
    note(record, "voice, 8 labels, actors held out", mean_recall(*voice), 1 / 8)
    note(record, "face, 5 labels, people held out", mean_recall(*face), 1 / 5)
    note(record, "voice to face of the same label", np.mean([fold.voice_to_face for fold in folds]), 1 / 5)
    note(record, "face to voice of the same label", np.mean([fold.face_to_voice for fold in folds]), 1 / 5)
