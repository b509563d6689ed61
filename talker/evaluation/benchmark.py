"""The standing benchmark: a manifest of people, sentences, emotions and sources that ships with the project.

`small` takes at most five minutes on two cores and `full` about an hour; both use nothing that anybody else could not
use. Clips are drawn at the portraits' own size and looked at every few frames; the judge sees sixteen of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from talker.emotion.resolve import EmotionRequest
from talker.evaluation.emotion_metrics import JUDGED_FRAMES, read_frames
from talker.evaluation.expression_classifier import CLASSES, NAME, Prediction
from talker.evaluation.film import Film
from talker.evaluation.lip_metrics import LipTrace
from talker.evaluation.metrics import Recorder, film_metrics
from talker.evaluation.pictures import Strip, face_cut, save_strips
from talker.evaluation.talking import Talk, Talks, judged, load_manifest, strength_order
from talker.example_faces import person as picture_of
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.speech.analysis import SpeechAnalysis
from talker.types import FaceMotion, Portrait, Progress

PICTURED = 4  # frames of a talk that are compared with the portrait


@dataclass(frozen=True)
class Suite:
    """A row of the manifest.

    people: names of portraits in `assets/people`. sentences: what they say. labels: with which emotions, neutral first.
    texts: descriptions of the labels, for the comparison of sources. frame_step: every how manieth frame is looked at.
    """

    people: tuple[str, ...]
    sentences: tuple[str, ...]
    labels: tuple[str, ...]
    texts: dict[str, str]
    frame_step: int


def load_suite(name: str) -> Suite:
    """A suite of the manifest by name."""
    manifest = load_manifest()
    row = manifest["suites"][name]
    sentences = tuple(manifest["sentences"][: row["sentences"]])
    people = tuple(manifest["people"][: row["people"]])
    return Suite(people, sentences, CLASSES, manifest["texts"], row["frame_step"])


@dataclass
class Bench:
    """What a run needs everywhere, and the faces to show in the report."""

    talker: Talker
    record: Recorder
    options: SpeakOptions
    suite: Suite
    shown: list[Strip] = field(default_factory=list)


def run(name: str, record: Recorder, *, seed: int, progress: Progress | None, out: Path) -> None:
    """Run a suite; `out` is the folder for its contact sheet."""
    suite = load_suite(name)
    bench = Bench(Talker(), record, SpeakOptions(seed=seed), suite)
    talks = Talks(record)
    speeches = [bench.talker.load_speech(text=text) for text in suite.sentences]
    for number, person in enumerate(suite.people):
        portrait = bench.talker.analyze_portrait(picture_of(person))
        for sentence, speech in enumerate(speeches):
            films = {label: film(bench, portrait, speech, label) for label in suite.labels}
            for label, (made, asked) in films.items():
                talks.add(Talk(person, sentence, label, tuple(read_frames(made))))
                record_lips(record, made, asked, label)
                record_pictures(record, made, portrait, label)
            if sentence == 0:
                bench.shown.append(strip(person, portrait, [made for made, _ in films.values()]))
        sources_and_strengths(bench, portrait, speeches[0])
        if progress is not None:
            progress(number + 1, len(suite.people))
    sheet = out / f"{name}.jpg"
    save_strips(bench.shown, sheet, columns=1)
    record.pictures.append(sheet)
    record.note(f"Judge: {NAME}; fear and disgust by its networks alone.")
    record.note("Columns of the picture: the portrait, then " + ", ".join(suite.labels) + ", at the widest mouth.")


def film(bench: Bench, portrait: Portrait, speech: SpeechAnalysis, label: str) -> tuple[Film, LipTrace]:
    """A talk as the instruments see it, every few frames, and the lips that its motion asked for at the same times."""
    motion = bench.talker.animate(speech, bench.talker.encode_emotion(label), bench.options, portrait)
    step = bench.suite.frame_step
    chosen = FaceMotion(motion.blendshapes[::step], motion.pose[::step], motion.fps / step)
    frames = list(bench.talker.create_renderer(portrait, bench.options).render(chosen))
    return Film.seen(frames, chosen.fps, speech.clip), LipTrace.of_motion(chosen, speech.clip)


def record_lips(record: Recorder, made: Film, asked: LipTrace, label: str) -> None:
    """Do the drawn lips follow what was asked, meet on p, b, m, and rest in silence?"""
    lips = LipTrace.of_film(made)
    seen = np.isfinite(lips.opening)
    record.add("asked/mouth_r", float(np.corrcoef(lips.opening[seen], asked.opening[seen])[0, 1]), label)
    met, false = lips.closures()
    record.add("lips/closed", met.astype(float), label)
    record.add("lips/falsely_closed", false.astype(float), label)
    quiet = seen & ~lips.talking
    if quiet.any():
        record.add("lips/silent_opening", float(lips.opening[quiet].mean()), label)


def record_pictures(record: Recorder, made: Film, portrait: Portrait, label: str) -> None:
    """A few frames against the portrait itself: is it the same person, as sharp, without a seam?"""
    chosen = made.part(slice(0, None, max(1, len(made) // PICTURED)))
    own = Film.still(portrait, len(chosen), made.fps)
    for metric in ("picture/identity", "picture/sharpness", "picture/seam"):
        record.add(metric, film_metrics()[metric](chosen, own), label)


def sources_and_strengths(bench: Bench, portrait: Portrait, speech: SpeechAnalysis) -> None:
    """Does the emotion grow with its strength, and does one that is taken from words read as its label?"""
    for label in bench.suite.labels[1:]:
        code = bench.talker.encode_emotion(label)
        order = strength_order(bench.talker, portrait, speech, code, label)
        bench.record.add("emotion/strength", order, label)
        described = bench.talker.encode_emotion(EmotionRequest("text", bench.suite.texts[label]))
        frames = judged(bench.talker, portrait, speech, described, bench.options, JUDGED_FRAMES // 2)
        bench.record.add("emotion/sources", float(Prediction.mean(frames).reads_as(label)), label)


def strip(person: str, portrait: Portrait, films: Sequence[Film]) -> Strip:
    """The portrait and, of each film, the frame with the widest mouth."""
    widest = [int(np.nanargmax(LipTrace.of_film(made).opening)) for made in films]
    cuts = [face_cut(made.frames[index], made.landmarks[index]) for made, index in zip(films, widest, strict=True)]
    return Strip(person, (face_cut(portrait.image, portrait.landmarks), *cuts))
