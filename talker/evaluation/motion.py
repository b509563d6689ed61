"""How well the mouth follows the sound: measured against people who were filmed while they spoke.

Open speech is `talking/speech`, whose pictures lead their sounds by the lags its README gives. The few numbers that
say how the head's output is used were set on it, so there are rows for which they are chosen anew without the speaker
that is scored. GRID's held-out clips and other speakers are reported. Closures are scored on phones aligned to what
the recogniser wrote, so the row that counts is the one that hears the sound alone; rows that use the same phones are
marked circular.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_NAMES
from talker.curves import at_frames
from talker.data.filmed_speakers import FilmedSpeaker, best_lag, news_speakers
from talker.data.speech_clips import TrackedClip, grid_clips
from talker.emotion.labels import label_code
from talker.errors import DataError
from talker.evaluation import lip_movement
from talker.evaluation.lip_metrics import CLOSED_SHARE, FRAME_S, SCORE_FPS, LipTrace, delay, scores
from talker.evaluation.metrics import Recorder
from talker.evaluation.motion_choice import chosen_without_the_speaker
from talker.face.tracking import track_video
from talker.media import audio
from talker.motion import visemes
from talker.motion.articulation import predict_mouth, shipped_mouth_regressor, speech_motion
from talker.motion.composition import compose
from talker.motion.lips import LipGeometry, measured_lips
from talker.motion.mouth_regressor import side_by_side
from talker.options import SpeakOptions
from talker.speech import phones, recogniser
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import FRAME_RATE
from talker.types import EMOTION_LABELS, FaceMotion, SpeechClip

System = Callable[[SpeechClip, float], FaceMotion]
MOUTH = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth", "noseSneer"))]
OWN_LAG_S = 0.08  # how far a news clip's own lag is looked for beside its speaker's
LEADS = {"01": 2.0, "02": 4.0, "03": 2.0, "04": 0.5, "05": -0.5}  # frames of 40 ms by which the picture leads


def run(data: Path, record: Recorder) -> None:
    """DataError when `data` lacks talking/speech or grid."""
    clips = list(open_speech(data))
    for clip in clips:
        met, false = LipTrace.of_clip(clip).closures()
        record.add("lips/closed", met.astype(float), "people filmed, open")
        record.add("lips/falsely_closed", false.astype(float), "people filmed, open")
    for name, system in SYSTEMS.items():
        judge_system(system, clips, record, f"{name}, open")
    for name, found in chosen_without_the_speaker(clips).items():
        for clip_scores in found:
            add_scores(record, clip_scores, f"{name}, open")
    for place, others in (("GRID s1 held out", False), ("GRID others", True)):
        judge_system(
            _sound_alone, grid_clips(data, held_out=not others, others=others), record, f"sound alone, {place}"
        )
    for speaker in news_speakers(data, report=True):
        news_reader(speaker, record)
    composed(clips, record)
    movements(data, record)


def news_reader(speaker: FilmedSpeaker, record: Recorder) -> None:
    """Clips of a second, cut anywhere, in Arabic: with the speaker's lag, and with each clip's own near it."""
    regressor = shipped_mouth_regressor("motion-permissive")  # has heard none of these people
    heard = [side_by_side(SpeechAnalysis(clip.speech).layers, regressor.config.layers) for clip in speaker.clips]
    seen = [measured_lips(clip.landmarks) for clip in speaker.clips]
    lag_s = best_lag(speaker.clips, heard, seen, regressor)
    for clip in speaker.clips:
        made = LipTrace.of_motion(_sound_alone(clip.speech, SCORE_FPS), clip.speech)
        found = [
            scores(made, LipTrace.of_clip(dataclasses.replace(clip, lag_s=lag_s + shift * OWN_LAG_S)))
            for shift in (0.0, -1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0)
        ]
        add_scores(record, found[0], "sound alone, news readers")
        own = max(found, key=lambda one: one["lips/opening_r"][0])
        record.add("lips/opening_r", own["lips/opening_r"], "sound alone, news readers, each clip's own lag")


def judge_system(system: System, clips: Iterable[TrackedClip], record: Recorder, name: str) -> None:
    """Record how a system's lips compare with the filmed ones."""
    for clip in clips:
        made = LipTrace.of_motion(system(clip.speech, SCORE_FPS), clip.speech)
        add_scores(record, scores(made, LipTrace.of_clip(clip)), name)


def add_scores(record: Recorder, found: Mapping[str, Sequence[float]], of: str) -> None:
    """Record one clip's values of several metrics."""
    for metric, values in found.items():
        record.add(metric, values, of)


def open_speech(data: Path) -> Iterator[TrackedClip]:
    """The clips of open speech with tracked landmarks, and phones as the recogniser and the aligner hear them."""
    for name, lead in LEADS.items():
        path = data / "talking" / "speech" / f"speech_{name}.mp4"
        if not path.is_file():
            raise DataError(f"{data} holds no talking/speech/{path.name}; give the folder in which talking/ lies.")
        track = track_video(path)
        clip = audio.load_speech(path)
        clip = clip.with_transcript(phones.align(clip, recogniser.transcribe(clip)))
        yield TrackedClip(name, clip, track.landmarks, track.fps, lead * FRAME_S)


def composed(clips: Sequence[TrackedClip], record: Recorder) -> None:
    """Closures, silences, timing and jumps of the composed motion per emotion, against the neutral talker."""
    geometry = LipGeometry.load()
    closed: dict[str, list[float]] = {}
    for clip in clips:
        speech = SpeechAnalysis(clip.speech)
        motion = speech_motion(speech)
        calm_face = compose(motion, label_code("neutral"), speech, SpeakOptions()).blendshapes
        calm = geometry.opening_of(calm_face)
        limit = CLOSED_SHARE * np.percentile(geometry.opening_of(motion.blendshapes), 90)
        quiet = speech.speaking(len(motion), motion.fps) < 0.01
        for label in EMOTION_LABELS:
            face = compose(motion, label_code(label), speech, SpeakOptions())
            opening = geometry.opening_of(face.blendshapes)
            shut = LipTrace(np.where(opening < limit, 0.0, 1.0), opening, np.arange(len(face)) / face.fps, clip.speech)
            closed.setdefault(label, []).extend(shut.closures()[0].astype(float))
            silent = float(opening[quiet].max(initial=0.0))
            record.add("composed/silent_opening", silent, label)
            record.add("composed/delay", abs(delay(opening, calm)), label)
            added = (face.blendshapes - calm_face)[:, MOUTH].astype(np.float64)
            record.add("composed/jumps", 1000 * float(np.abs(np.diff(added, 2, axis=0)).mean()), label)
            weak = geometry.opening_of(compose(motion, label_code(label, 0.0), speech, SpeakOptions()).blendshapes)
            record.add("composed/strength_0", float(np.array_equal(weak, calm)), label)
    for label, values in closed.items():
        record.add("lips/closed", values, label)
        record.add("composed/closed_points", 100 * float(np.mean(values) - np.mean(closed["neutral"])), label)


def movements(data: Path, record: Recorder) -> None:
    """How far lips move with an emotion, in multiples of neutral speech: filmed, and composed."""
    made = lip_movement.composed(lip_movement.sentences())
    filmed = {who: lip_movement.filmed(data, who) for who in lip_movement.PEOPLE}
    for name, rows in {**filmed, "composed": made}.items():
        for label, row in rows.items():
            record.add("style/size", row.size, f"{label}, {name}")
    for who, rows in filmed.items():
        record.add("style/misfit", lip_movement.misfit(made, rows)[0], who)


def _sound_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The whole converter without a transcript."""
    return speech_motion(SpeechAnalysis(clip.with_transcript(None)), fps=fps)


def _phones_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The visemes of the aligned phones, nothing learnt."""
    frames = max(1, round(clip.duration_s * fps))
    shaped = visemes.coarticulate(clip.transcript.phones if clip.transcript else (), frames, fps)
    return FaceMotion(shaped, np.zeros((frames, 6), np.float32), fps)


def _ridge_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The learned head's own output, without gate, gain or phones."""
    frames = max(1, round(clip.duration_s * fps))
    rows = at_frames(predict_mouth(SpeechAnalysis(clip))[0], frames, fps, FRAME_RATE).reshape(frames, BLENDSHAPE_COUNT)
    return FaceMotion(rows.astype(np.float32), np.zeros((frames, 6), np.float32), fps)


SYSTEMS: dict[str, System] = {
    "with transcript (closures circular)": lambda clip, fps: speech_motion(SpeechAnalysis(clip), fps=fps),
    "sound alone": _sound_alone,
    "ridge alone": _ridge_alone,
    "phones alone (closures circular)": _phones_alone,
}
