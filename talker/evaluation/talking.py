"""What a judge reads while people talk: clip by clip, over frames of the film and not stills.

The same people, words and chance of head motion with every emotion, so that an emotion's log-probability can be set
against the same person's neutral talking. Real acted clips, read by the same judge, are its ceiling.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from talker.data.portraits import reported_portraits
from talker.emotion.picture import video_code
from talker.errors import FaceError, TalkerError
from talker.evaluation.emotion_metrics import JUDGED_FRAMES, judge, read_frames
from talker.evaluation.expression_classifier import CLASSES, NAME, Prediction
from talker.evaluation.film import Film
from talker.evaluation.metrics import Recorder
from talker.evaluation.portraits import spread
from talker.face.detector import Landmarker
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.speech.analysis import SpeechAnalysis
from talker.types import EMOTION_LABELS, EmotionCode, FaceMotion, Portrait, Progress

MANIFEST = Path(__file__).with_name("benchmark.json")
PEOPLE = 18  # of the data's reported portraits
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
ACTED = "talking/mead/*.mp4"


def load_manifest() -> dict[str, Any]:
    """The standing benchmark's people, sentences, descriptions and suites."""
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return manifest


@dataclass(frozen=True)
class Talk:
    """A person saying something with an emotion, and what the judge reads: the mean of its frames' logarithms."""

    person: str
    sentence: int
    label: str
    frames: tuple[Prediction, ...]

    @property
    def clip(self) -> Prediction:
        """The reading of the clip as a whole."""
        return Prediction.mean(self.frames)


@dataclass
class Talks:
    """Records talks; the neutral ones must come first, because the others are set against them."""

    record: Recorder
    neutral: dict[tuple[str, int], Prediction] = field(default_factory=dict)

    def add(self, talk: Talk) -> None:
        """Hits and gains of one clip."""
        label, clip = talk.label, talk.clip
        self.record.add("emotion/clip_hit", float(clip.reads_as(label)), label)
        self.record.add("emotion/frame_hit", [float(frame.reads_as(label)) for frame in talk.frames], label)
        if label == CLASSES[0]:
            self.neutral[talk.person, talk.sentence] = clip
        elif (talk.person, talk.sentence) in self.neutral:
            gain = clip.log_probability(label) - self.neutral[talk.person, talk.sentence].log_probability(label)
            self.record.add("emotion/gain", gain, label)
            self.record.add("emotion/gained", float(gain > 0), label)


def run(data: Path, record: Recorder, progress: Progress | None = None) -> None:
    """Portraits that nothing was tuned on, each saying one of the sentences with every emotion that has a judge."""
    talker, talks = Talker(), Talks(record)
    speeches = [talker.load_speech(text=text) for text in load_manifest()["sentences"]]
    people = spread(reported_portraits(data), PEOPLE)
    for number, path in enumerate(people):
        try:
            portrait = talker.analyze_portrait(path)
        except FaceError as error:
            record.note(f"{path.stem} is left out: {error}")
            continue
        sentence = number % len(speeches)
        for label in CLASSES:
            frames = judged(talker, portrait, speeches[sentence], talker.encode_emotion(label))
            talks.add(Talk(path.stem, sentence, label, tuple(frames)))
        if progress is not None:
            progress(number + 1, len(people))
    record.note(f"Judge: {NAME}; fear and disgust by its networks alone. `talker evaluate acted` has its ceiling.")


def judged(
    talker: Talker,
    portrait: Portrait,
    speech: SpeechAnalysis,
    code: EmotionCode,
    options: SpeakOptions | None = None,
    frames: int = JUDGED_FRAMES,
) -> list[Prediction]:
    """What the judge reads in evenly spread frames of a talk; only these are drawn."""
    options = options or SpeakOptions()
    return judged_motion(talker, portrait, talker.animate(speech, code, options, portrait), options, frames)


def judged_motion(
    talker: Talker, portrait: Portrait, motion: FaceMotion, options: SpeakOptions, frames: int = JUDGED_FRAMES
) -> list[Prediction]:
    """The same of a motion that is there already. FaceError when no drawn frame shows a face."""
    found = []
    with Landmarker() as landmarker:
        for frame in talker.create_renderer(portrait, options).render(motion.moments(frames)):
            for face in landmarker.look(frame)[:1]:
                found.append(judge().judge(frame, face.landmarks))
    if not found:
        raise FaceError("No drawn frame shows a face.")
    return found


def strength_order(talker: Talker, portrait: Portrait, speech: SpeechAnalysis, code: EmotionCode, label: str) -> float:
    """Spearman's r of strength and the clip's log-probability of `label`; 1 is perfect."""
    options = [SpeakOptions(strength=strength) for strength in STRENGTHS]
    clips = [Prediction.mean(judged(talker, portrait, speech, code, one, JUDGED_FRAMES // 2)) for one in options]
    return float(spearmanr(STRENGTHS, [clip.log_probability(label) for clip in clips])[0])


def run_acted(data: Path, record: Recorder) -> None:
    """The judge on real acted clips, whose names say the emotion: the ceiling of what drawn clips can reach.

    And what the emotion space reads in them: each alone, and against the same person's neutral clip.
    """
    paths = sorted(data.glob(ACTED), key=lambda path: "_neutral_" not in path.name)
    talks, calm = Talks(record), dict[str, Path]()
    for path in paths:
        person, *words = path.stem.split("_")
        label = next((word for word in words if word in EMOTION_LABELS), None)
        if label is None:
            continue
        if label == CLASSES[0]:
            calm[person] = path
        try:
            for of, reference in ((person, None), (f"{person}, against the neutral clip", calm.get(person))):
                read = video_code(path, calm=reference).probabilities.mean(0).argmax()
                record.add("emotion/film_read", float(EMOTION_LABELS[read] == label), of)
            if label in CLASSES:
                talks.add(Talk(person, 0, label, tuple(read_frames(Film.of(path)))))
        except TalkerError as error:
            record.note(f"{path.name} is left out: {error}")
    record.note(f"Judge: {NAME}. {len(paths)} clips.")
