"""The emotion space through the renderer: faces made from codes, read back, judged, scaled and bridged.

Reported on portraits 151-218, which nothing was tuned on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from talker.blendshapes import smile
from talker.data.portraits import reported_portraits
from talker.data.voice_corpora import RAVDESS_EMOTIONS, acted_recordings
from talker.emotion.clip import SentencePlacer
from talker.emotion.labels import label_code
from talker.emotion.model import emotion_model
from talker.emotion.picture import face_code
from talker.emotion.retargeting import retarget_to_portrait
from talker.emotion.sentences import sentence_tower
from talker.emotion.space import EmotionSpace
from talker.emotion.text import TextReader
from talker.emotion.voice import voice_code
from talker.errors import FaceError
from talker.evaluation.expression_classifier import ExpressionClassifier, Prediction
from talker.evaluation.metrics import Recorder
from talker.evaluation.recognition import SAME_PERSON, FaceRecogniser, distance
from talker.face.detector import Landmarker
from talker.face.landmarks import EYE_CORNERS
from talker.media.audio import load_speech
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.speech.analysis import SpeechAnalysis
from talker.types import EMOTION_LABELS, ByteArray, EmotionCode, FloatArray, Portrait, Progress

READ_BACK_PORTRAITS = 10
STRENGTHS = np.linspace(0.0, 1.5, 7)
SMILING, NOT_SMILING = 0.45, 0.15  # fitted mouthSmile of the portrait itself
BRIDGED = ("sad", "angry", "neutral")
SOURCE_TEXTS = {
    "neutral": "calm and businesslike, no emotion", "happy": "she is delighted and laughs",
    "sad": "heartbroken, in tears", "angry": "a fit of rage", "surprised": "what a surprise",
    "fear": "frightened to death", "disgusted": "that is so disgusting", "contempt": "a sneer full of scorn",
}  # fmt: skip
RAVDESS_STRONG = "02"  # fourth number of a file's name: the intensity that was asked for
LIP_CORNERS = (291, 61)  # the person's left and right
NOSE_BASE = 2


@dataclass(frozen=True)
class Drawn:
    """One label drawn on one portrait: what the judge says, how far it is from the portrait, where its landmarks lie.

    distance: of face embeddings. landmarks: [478, 3] px of the drawn picture.
    """

    verdict: Prediction
    distance: float
    landmarks: FloatArray


@dataclass(frozen=True)
class Subject:
    """One held-out portrait, ready to be drawn with any face."""

    name: str
    portrait: Portrait
    renderer: GeometryRenderer

    def draw(self, code: EmotionCode) -> ByteArray:
        """The portrait showing an emotion, bridged from its own."""
        shown = retarget_to_portrait(code, self.portrait.source_expression)
        return self.renderer.frame(shown.blendshape_offset[0] * float(shown.strength[0]), np.zeros(6))

    @property
    def smile(self) -> float:
        """How much the photograph itself smiles, 0..1."""
        return smile(self.portrait.source_expression)


def run(data: Path, record: Recorder, progress: Progress | None = None) -> None:
    """Everything that needs rendered stills."""
    judge, recogniser = ExpressionClassifier.load(), FaceRecogniser()
    space = emotion_model().space
    voices = voice_codes(data)
    paths = reported_portraits(data)
    with Landmarker() as landmarker:
        for done, subject in enumerate(subjects(paths)):
            record_stills(subject, judge_labels(subject, judge, recogniser, landmarker), record)
            if done < READ_BACK_PORTRAITS:
                read_back(subject, space, landmarker, voices, record)
                for label in EMOTION_LABELS[1:]:
                    record.add("still/strength", monotony(subject, label, landmarker), label)
            if progress is not None:
                progress(done + 1, len(paths))


def record_stills(subject: Subject, seen: dict[str, Drawn], record: Recorder) -> None:
    """What the judge, the recogniser and the landmarks say of one portrait's labels at strength 1."""
    if "neutral" not in seen:
        record.note(f"{subject.name}: no face is found on the neutral still.")
        return
    neutral = seen["neutral"]
    for label, face in seen.items():
        record.add("still/distance", face.distance, label)
        record.add("still/same", float(face.distance < SAME_PERSON), label)
        if label == "contempt":  # which has no judge
            left, right = corner_lift(face.landmarks) - corner_lift(neutral.landmarks)
            record.add("still/lift_left", left, label)
            record.add("still/lift_right", right, label)
            continue
        hit = float(face.verdict.reads_as(label))
        record.add("still/hit", hit, label)
        if label != "neutral":
            gain = face.verdict.log_probability(label) - neutral.verdict.log_probability(label)
            record.add("still/gain", gain, label)
            record.add("still/gained", float(gain > 0), label)
        if label in BRIDGED and subject.smile > SMILING:
            record.add("still/smiling", hit, label)
        elif label in BRIDGED and subject.smile < NOT_SMILING:
            record.add("still/serious", hit, label)


def subjects(paths: Sequence[Path]) -> Iterator[Subject]:
    """The portraits with a usable face."""
    for path in paths:
        try:
            portrait = analyse(load_image(path))
        except FaceError:
            continue
        yield Subject(path.stem, portrait, GeometryRenderer(portrait, SpeakOptions(size="crop512")))


def voice_codes(data: Path) -> dict[str, EmotionCode]:
    """The first strong RAVDESS clip of each label as a code; without the corpus none. Nobody acts contempt there."""
    codes: dict[str, EmotionCode] = {}
    for recording in acted_recordings(data / "speech_emotion"):
        label, sound = recording.emotion, recording.sound
        if recording.corpus != "ravdess" or label not in EMOTION_LABELS or not isinstance(sound, Path):
            continue
        if label not in codes and (label == "neutral" or sound.stem.split("-")[3] == RAVDESS_STRONG):
            codes[label] = voice_code(SpeechAnalysis(load_speech(sound)), per_moment=False)
        if len(codes) == len(set(RAVDESS_EMOTIONS) & set(EMOTION_LABELS)):
            break
    return codes


def judge_labels(
    subject: Subject, judge: ExpressionClassifier, recogniser: FaceRecogniser, landmarker: Landmarker
) -> dict[str, Drawn]:
    """What each label looks like at strength 1; labels whose face isn't found are left out."""
    own = recogniser.embed(subject.portrait.image, subject.portrait.landmarks)
    drawn = {}
    for label in EMOTION_LABELS:
        picture = subject.draw(label_code(label))
        seen = landmarker.look(picture)
        if seen:
            landmarks = seen[0].landmarks
            apart = distance(own, recogniser.embed(picture, landmarks))
            drawn[label] = Drawn(judge.judge(picture, landmarks), apart, landmarks)
    return drawn


def read_back(
    subject: Subject,
    space: EmotionSpace,
    landmarker: Landmarker,
    voices: dict[str, EmotionCode],
    record: Recorder,
) -> None:
    """Codes from several sources, rendered and read again by the picture tower."""
    reader = TextReader(SentencePlacer(space, sentence_tower()))
    for label in EMOTION_LABELS:
        first = label_code(label)
        codes = {"label": first, "text": reader.read(SOURCE_TEXTS[label])}
        if label in voices:
            codes["voice"] = voices[label]
        seen = seen_code(subject, first, space, landmarker)
        if seen is not None:
            codes["picture"] = seen
        for source, code in codes.items():
            again = seen_code(subject, code, space, landmarker)
            if again is not None:
                same = int(again.probabilities[0].argmax()) == int(code.probabilities[0].argmax())
                record.add("read_back/cosine", float(again.embedding[0] @ code.embedding[0]), source)
                record.add("read_back/label", float(same), source)


def seen_code(subject: Subject, code: EmotionCode, space: EmotionSpace, landmarker: Landmarker) -> EmotionCode | None:
    """The code of the sitter's face when it shows `code`, or None when no face is found."""
    seen = landmarker.look(subject.draw(code.with_strength(1.0)))
    return face_code(space, seen[0].landmarks[None], seen[0].blendshapes[None]) if seen else None


def monotony(subject: Subject, label: str, landmarker: Landmarker) -> float:
    """Spearman between strength and how far the landmarks moved towards the full face; 1 is perfect."""
    seen = [landmarker.look(subject.draw(label_code(label, strength))) for strength in STRENGTHS]
    if not all(seen):
        return float("nan")
    places = np.stack([found[0].landmarks[:, :2].ravel() for found in seen])
    moved = places - places[0]
    return float(spearmanr(STRENGTHS, moved @ moved[4])[0])


def corner_lift(landmarks: FloatArray) -> FloatArray:
    """Height [2] of the left and right lip corner over the nose's base, along the face, in eye corners' distances."""
    places = landmarks[:, :2]
    across = places[EYE_CORNERS[1]] - places[EYE_CORNERS[0]]
    length = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]]) / length
    return -((places[list(LIP_CORNERS)] - places[NOSE_BASE]) @ down) / length
