"""The emotion space through the renderer: faces made from codes, read back, judged, scaled and bridged.

Reported on portraits 151-218, which nothing was tuned on. `run` prints the tables of docs/emotion.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from talker.data.portraits import reported_portraits
from talker.data.voice_corpora import RAVDESS_EMOTIONS, acted_recordings
from talker.emotion.labels import label_code
from talker.emotion.picture import face_code
from talker.emotion.retargeting import retarget_to_portrait, smile
from talker.emotion.sentences import sentence_tower
from talker.emotion.space import EmotionSpace, emotion_space
from talker.emotion.text import TextReader
from talker.emotion.voice import voice_code
from talker.errors import FaceError
from talker.evaluation.expression_classifier import CLASSES, JUDGED, ExpressionClassifier, Prediction
from talker.evaluation.recognition import SAME_PERSON, FaceRecogniser, distance
from talker.face.detector import Landmarker
from talker.face.landmarks import EYE_CORNERS
from talker.media.audio import load_speech
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
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


def run(data: Path, progress: Progress | None = None) -> str:
    """All tables that need rendered faces."""
    judge, recogniser = ExpressionClassifier.fit(data), FaceRecogniser()
    space = emotion_space()
    voices = voice_codes(data)
    paths = reported_portraits(data)
    drawn: dict[str, list[tuple[Drawn, Drawn]]] = {label: [] for label in EMOTION_LABELS}
    smiles: dict[bool, list[dict[str, Drawn]]] = {True: [], False: []}
    back: list[tuple[str, str, float, bool]] = []
    monotone: list[float] = []
    with Landmarker() as landmarker:
        for done, subject in enumerate(subjects(paths)):
            seen = judge_labels(subject, judge, recogniser, landmarker)
            for label, face in seen.items():
                if "neutral" in seen:
                    drawn[label].append((face, seen["neutral"]))
            if subject.smile > SMILING or subject.smile < NOT_SMILING:
                smiles[subject.smile > SMILING].append(seen)
            if done < READ_BACK_PORTRAITS:
                back += read_back(subject, space, landmarker, voices)
                monotone += [monotony(subject, label, landmarker) for label in EMOTION_LABELS[1:]]
            if progress is not None:
                progress(done + 1, len(paths))
    tables = (judge_table(drawn), read_back_table(back), retargeting_table(smiles), contempt_line(drawn["contempt"]))
    return "\n\n".join([*tables, f"Spearman of strength and displacement measured: {np.nanmean(monotone):.3f}"])


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
        label = recording.emotion
        wanted = recording.corpus == "ravdess" and label in EMOTION_LABELS and (recording.strong or label == "neutral")
        if wanted and label not in codes and isinstance(recording.sound, Path):
            codes[label] = voice_code(load_speech(recording.sound), per_moment=False)
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
    subject: Subject, space: EmotionSpace, landmarker: Landmarker, voices: dict[str, EmotionCode]
) -> list[tuple[str, str, float, bool]]:
    """(source, label, cosine, right label) of codes that were rendered and read by the picture tower."""
    reader = TextReader(space, sentence_tower())
    rows = []
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
                cosine = float(again.embedding[0] @ code.embedding[0])
                same = int(again.probabilities[0].argmax()) == int(code.probabilities[0].argmax())
                rows.append((source, label, cosine, same))
    return rows


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


def judge_table(drawn: dict[str, list[tuple[Drawn, Drawn]]]) -> str:
    """Hit rate at strength 1, the gain in log-probability over the same portrait's neutral face, and the identity."""
    lines = [
        "| label | portraits | hit rate | gain in log-probability | gain > 0 | distance to portrait | same person |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, pairs in drawn.items():
        if not pairs:
            continue
        apart = np.array([face.distance for face, _ in pairs])
        cells = [label, str(len(pairs)), *_judged(label, pairs)]
        cells += [f"{apart.mean():.3f}, at most {apart.max():.3f}", f"{(apart < SAME_PERSON).mean():.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _judged(label: str, pairs: list[tuple[Drawn, Drawn]]) -> tuple[str, str, str]:
    """(hit rate, mean gain, share of gains above 0) as cells."""
    if label == "contempt":
        return "no judge", "", ""
    gains = np.array([_log(face.verdict, label) - _log(neutral.verdict, label) for face, neutral in pairs])
    hit = f"{np.mean([face.verdict.label == label for face, _ in pairs]):.0%}" if label in JUDGED else "indicative"
    return hit, f"{gains.mean():+.2f}", f"{(gains > 0).mean():.0%}"


def contempt_line(pairs: Sequence[tuple[Drawn, Drawn]]) -> str:
    """How far contempt lifts each lip corner: the left alone is perfect."""
    if not pairs:
        return "Contempt could not be measured."
    lifts = np.array([corner_lift(face.landmarks) - corner_lift(neutral.landmarks) for face, neutral in pairs])
    left, right = lifts.mean(0)
    return (
        f"Contempt lifts the left lip corner by {left:.1%} of the eye corners' distance, "
        f"the right by {right:.1%}; left more in {(lifts[:, 0] > lifts[:, 1]).mean():.0%} of {len(pairs)} portraits."
    )


def corner_lift(landmarks: FloatArray) -> FloatArray:
    """Height [2] of the left and right lip corner over the nose's base, along the face, in eye corners' distances."""
    places = landmarks[:, :2]
    across = places[EYE_CORNERS[1]] - places[EYE_CORNERS[0]]
    length = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]]) / length
    return -((places[list(LIP_CORNERS)] - places[NOSE_BASE]) @ down) / length


def read_back_table(rows: Sequence[tuple[str, str, float, bool]]) -> str:
    """Mean cosine of codes and their read-back (1 is perfect), and how often the label is the same."""
    lines = ["| source | faces | cosine | same label |", "|---|---|---|---|"]
    for source in ("label", "text", "voice", "picture"):
        own = [(cosine, same) for name, _, cosine, same in rows if name == source]
        if own:
            cosines, same = zip(*own, strict=True)
            lines.append(f"| {source} | {len(own)} | {np.mean(cosines):.3f} | {np.mean(same):.0%} |")
    return "\n".join(lines)


def retargeting_table(smiles: dict[bool, list[dict[str, Drawn]]]) -> str:
    """Hit rates on photographs that smile strongly and on neutral ones; equal is perfect."""
    lines = ["| photograph | portraits | " + " | ".join(BRIDGED) + " | mean |", "|---|---|---|---|---|---|"]
    for smiling, kind in ((True, "smiling"), (False, "not smiling")):
        seen = smiles[smiling]
        if seen:
            hits = [np.mean([one[label].verdict.label == label for one in seen if label in one]) for label in BRIDGED]
            cells = " | ".join(f"{hit:.0%}" for hit in hits)
            lines.append(f"| {kind} | {len(seen)} | {cells} | {np.mean(hits):.1%} |")
    return "\n".join(lines)


def _log(verdict: Prediction, label: str) -> float:
    if label in JUDGED:
        return float(np.log(max(verdict.probabilities[JUDGED.index(label)], 1e-6)))
    return float(verdict.log_networks[CLASSES.index(label)])
