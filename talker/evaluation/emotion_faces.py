"""The emotion space through the renderer: faces made from codes, read back, judged, scaled and bridged.

Reported on portraits 151-218, which nothing was tuned on. `run` prints the tables of docs/emotion.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.emotion.bridging import bridge
from talker.emotion.labels import label_code
from talker.emotion.picture import face_code
from talker.emotion.sentences import sentence_tower
from talker.emotion.space import EmotionSpace, emotion_space
from talker.emotion.text import TextReader
from talker.errors import DataError, FaceError
from talker.evaluation.judge import CLASSES, JUDGED, Judge, Verdict
from talker.face.detector import Landmarker
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.renderer import Renderer
from talker.types import EMOTION_LABELS, ByteArray, EmotionCode, Portrait, Progress

FIRST, LAST = 151, 218
READ_BACK_PORTRAITS = 10
STRENGTHS = np.linspace(0.0, 1.5, 7)
SMILING, NOT_SMILING = 0.45, 0.15  # fitted mouthSmile of the portrait itself
BRIDGED = ("sad", "angry", "neutral")
SOURCE_TEXTS = {
    "neutral": "calm and businesslike, no emotion", "happy": "she is delighted and laughs",
    "sad": "heartbroken, in tears", "angry": "a fit of rage", "surprised": "what a surprise",
    "fear": "frightened to death", "disgusted": "that is so disgusting", "contempt": "a sneer full of scorn",
}  # fmt: skip


@dataclass(frozen=True)
class Sitter:
    """One held-out portrait, ready to be drawn with any face."""

    name: str
    portrait: Portrait
    renderer: Renderer

    def draw(self, code: EmotionCode) -> ByteArray:
        """The portrait showing a feeling, bridged from its own."""
        shown = bridge(code, self.portrait.rest)
        return self.renderer.frame(shown.displacement[0] * float(shown.strength[0]), np.zeros(6))

    @property
    def smile(self) -> float:
        """How much the photograph itself smiles, 0..1."""
        return float(np.mean([self.portrait.rest[BLENDSHAPE_INDEX[f"mouthSmile{side}"]] for side in ("Left", "Right")]))


def run(data: Path, progress: Progress | None = None) -> str:
    """All tables that need rendered faces."""
    judge = Judge.fit(data)
    space = emotion_space()
    paths = portrait_paths(data)
    verdicts: dict[str, list[tuple[Verdict, Verdict]]] = {label: [] for label in EMOTION_LABELS}
    smiles: dict[bool, list[dict[str, Verdict]]] = {True: [], False: []}
    back: list[tuple[str, str, float, bool]] = []
    monotone: list[float] = []
    with Landmarker() as landmarker:
        for done, sitter in enumerate(sitters(paths)):
            seen = judge_labels(sitter, judge, landmarker)
            for label, verdict in seen.items():
                verdicts[label].append((verdict, seen["neutral"]))
            if sitter.smile > SMILING or sitter.smile < NOT_SMILING:
                smiles[sitter.smile > SMILING].append(seen)
            if done < READ_BACK_PORTRAITS:
                back += read_back(sitter, space, landmarker)
                monotone += [monotony(sitter, label, landmarker) for label in EMOTION_LABELS[1:]]
            if progress is not None:
                progress(done + 1, len(paths))
    tables = (judge_table(verdicts), read_back_table(back), bridge_table(smiles))
    return "\n\n".join([*tables, f"Spearman of strength and displacement measured: {np.nanmean(monotone):.3f}"])


def portrait_paths(data: Path) -> list[Path]:
    """The portraits that figures are reported on. Raises DataError when there are none."""
    paths = [
        path for path in sorted((data / "portraits").glob("sfhq_*")) if FIRST <= int(path.stem.split("_")[1]) <= LAST
    ]
    if not paths:
        raise DataError(f"{data} holds no portraits {FIRST} to {LAST}.")
    return paths


def sitters(paths: Sequence[Path]) -> Iterator[Sitter]:
    """The portraits with a usable face."""
    for path in paths:
        try:
            portrait = analyse(load_image(path))
        except FaceError:
            continue
        yield Sitter(path.stem, portrait, Renderer(portrait, SpeakOptions(size="crop512")))


def judge_labels(sitter: Sitter, judge: Judge, landmarker: Landmarker) -> dict[str, Verdict]:
    """What the judge says of each label at strength 1; labels whose face isn't found are left out."""
    verdicts = {}
    for label in EMOTION_LABELS:
        picture = sitter.draw(label_code(label))
        seen = landmarker.look(picture)
        if seen:
            verdicts[label] = judge.judge(picture, seen[0].landmarks)
    return verdicts


def read_back(sitter: Sitter, space: EmotionSpace, landmarker: Landmarker) -> list[tuple[str, str, float, bool]]:
    """(source, label, cosine, right label) of codes that were rendered and read by the picture tower."""
    reader = TextReader(space, sentence_tower())
    rows = []
    for label in EMOTION_LABELS:
        first = label_code(label)
        codes = {"label": first, "text": reader.read(SOURCE_TEXTS[label])}
        seen = seen_code(sitter, first, space, landmarker)
        if seen is not None:
            codes["picture"] = seen
        for source, code in codes.items():
            again = seen_code(sitter, code, space, landmarker)
            if again is not None:
                cosine = float(again.embedding[0] @ code.embedding[0])
                same = int(again.probabilities[0].argmax()) == int(code.probabilities[0].argmax())
                rows.append((source, label, cosine, same))
    return rows


def seen_code(sitter: Sitter, code: EmotionCode, space: EmotionSpace, landmarker: Landmarker) -> EmotionCode | None:
    """The code of the sitter's face when it shows `code`, or None when no face is found."""
    seen = landmarker.look(sitter.draw(code.with_strength(1.0)))
    return face_code(space, seen[0].landmarks[None], seen[0].blendshapes[None]) if seen else None


def monotony(sitter: Sitter, label: str, landmarker: Landmarker) -> float:
    """Spearman between strength and how far the landmarks moved towards the full face; 1 is perfect."""
    seen = [landmarker.look(sitter.draw(label_code(label, strength))) for strength in STRENGTHS]
    if not all(seen):
        return float("nan")
    places = np.stack([found[0].landmarks[:, :2].ravel() for found in seen])
    moved = places - places[0]
    return float(spearmanr(STRENGTHS, moved @ moved[4])[0])


def judge_table(verdicts: dict[str, list[tuple[Verdict, Verdict]]]) -> str:
    """Hit rate at strength 1, and the gain in log-probability over the same portrait's neutral face."""
    lines = ["| label | portraits | hit rate | gain in log-probability | gain > 0 |", "|---|---|---|---|---|"]
    for label, pairs in verdicts.items():
        if label == "contempt" or not pairs:
            continue
        gains = np.array([_log(verdict, label) - _log(neutral, label) for verdict, neutral in pairs])
        hit = f"{np.mean([verdict.label == label for verdict, _ in pairs]):.0%}" if label in JUDGED else "indicative"
        lines.append(f"| {label} | {len(pairs)} | {hit} | {gains.mean():+.2f} | {(gains > 0).mean():.0%} |")
    return "\n".join(lines)


def read_back_table(rows: Sequence[tuple[str, str, float, bool]]) -> str:
    """Mean cosine of codes and their read-back (1 is perfect), and how often the label is the same."""
    lines = ["| source | faces | cosine | same label |", "|---|---|---|---|"]
    for source in ("label", "text", "picture"):
        own = [(cosine, same) for name, _, cosine, same in rows if name == source]
        if own:
            cosines, same = zip(*own, strict=True)
            lines.append(f"| {source} | {len(own)} | {np.mean(cosines):.3f} | {np.mean(same):.0%} |")
    return "\n".join(lines)


def bridge_table(smiles: dict[bool, list[dict[str, Verdict]]]) -> str:
    """Hit rates on photographs that smile strongly and on neutral ones; equal is perfect."""
    lines = ["| photograph | portraits | " + " | ".join(BRIDGED) + " | mean |", "|---|---|---|---|---|---|"]
    for smiling, kind in ((True, "smiling"), (False, "not smiling")):
        seen = smiles[smiling]
        if seen:
            hits = [np.mean([one[label].label == label for one in seen if label in one]) for label in BRIDGED]
            cells = " | ".join(f"{hit:.0%}" for hit in hits)
            lines.append(f"| {kind} | {len(seen)} | {cells} | {np.mean(hits):.1%} |")
    return "\n".join(lines)


def _log(verdict: Verdict, label: str) -> float:
    if label in JUDGED:
        return float(np.log(max(verdict.probabilities[JUDGED.index(label)], 1e-6)))
    return float(verdict.log_networks[CLASSES.index(label)])
