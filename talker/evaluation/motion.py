"""How well the mouth follows the sound: measured against people who were filmed while they spoke.

Open speech is `talking/speech`, whose pictures lead their sounds by the lags its README gives. The few numbers that
say how the head's output is used were set on it, so there are rows for which they are chosen anew without the speaker
that is scored. GRID's held-out clips and other speakers are reported. Closures are scored on phones aligned to what
the recogniser wrote, so the row that counts is the one that hears the sound alone; rows that use the same phones are
marked circular.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_NAMES
from talker.data.speech_clips import TrackedClip, grid_clips
from talker.emotion.labels import label_code
from talker.errors import DataError
from talker.evaluation import cost
from talker.evaluation.lip_scores import CLOSED_SHARE, FRAME_S, MotionScore, System, closures, person, score
from talker.evaluation.motion_choice import chosen_without_the_speaker
from talker.face.tracking import track_video
from talker.media import audio
from talker.motion import visemes
from talker.motion.articulation import (
    LOUDNESS_RATE,
    at_frames,
    predict_mouth,
    shipped_mouth_regressor,
    speaking,
    speech_motion,
)
from talker.motion.composition import compose
from talker.motion.emotion_style import EMOTION_STYLES
from talker.motion.lips import LipGeometry
from talker.options import SpeakOptions
from talker.speech import phones, prosody, recogniser
from talker.training import emotion_style
from talker.types import EMOTION_LABELS, FaceMotion, FloatArray, SpeechClip

MOUTH = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth", "noseSneer"))]
LEADS = {"01": 2.0, "02": 4.0, "03": 2.0, "04": 0.5, "05": -0.5}  # frames of 40 ms by which the picture leads


def run(data: Path) -> str:
    """The tables of `python -m talker evaluate motion`; DataError when `data` lacks talking/speech or grid."""
    clips = list(open_speech(data))
    held_out, others = list(grid_clips(data, held_out=True)), list(grid_clips(data, held_out=False, others=True))
    lines = [_header(), _row("people filmed", "open", person(clips))]
    for name, system in SYSTEMS.items():
        lines.append(_row(name, "open", score(system, clips)))
    for name, result in chosen_without_the_speaker(clips).items():
        lines.append(_row(name, "open", result))
    for place, group in (("GRID s1 held out", held_out), ("GRID others", others)):
        lines.append(_row("talker, sound alone", place, score(_sound_alone, group)))
        lines.append(_row("network, sound alone", place, score(SYSTEMS["network, sound alone"], group)))
    lines += ["", *_composed(clips), "", *_manners(data)]
    lines += ["", *cost.table(data)]
    return "\n".join(lines)


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


def _composed(clips: list[TrackedClip]) -> Iterator[str]:
    """Table: closures, silences, timing and jumps of the composed motion per emotion, against the neutral talker."""
    geometry = LipGeometry.load()
    spoken = [(clip.speech, speech_motion(clip.speech)) for clip in clips]
    calm_faces = [
        compose(motion, label_code("neutral"), speech, SpeakOptions()).blendshapes for speech, motion in spoken
    ]
    yield "| feeling | p/b/m closed | as neutral, points | open in silence | timing, frames | jumps | strength 0 |"
    yield "|---|---|---|---|---|---|---|"
    neutral = 0.0
    for label in EMOTION_LABELS:
        counts, silent, late, jumps, same = [], [0.0], [], [], True
        for (speech, motion), calm_face in zip(spoken, calm_faces, strict=True):
            calm = geometry.opening_of(calm_face)
            composed = compose(motion, label_code(label), speech, SpeakOptions())
            opening = geometry.opening_of(composed.blendshapes)
            limit = CLOSED_SHARE * np.percentile(geometry.opening_of(motion.blendshapes), 90)
            time = np.arange(len(composed)) / composed.fps
            counts.append(closures(np.where(opening < limit, 0.0, 1.0), time, speech))
            quiet = speaking(prosody.measure(speech, rate_hz=LOUDNESS_RATE), len(motion), motion.fps) < 0.01
            silent.append(float(geometry.opening_of(motion.blendshapes)[quiet].max(initial=0.0)))
            late.append(_delay(opening, calm))
            added = (composed.blendshapes - calm_face)[:, MOUTH].astype(np.float64)
            jumps.append(1000 * float(np.abs(np.diff(added, 2, axis=0)).mean()))
            weak = compose(motion, label_code(label, 0.0), speech, SpeakOptions())
            same &= np.array_equal(geometry.opening_of(weak.blendshapes), calm)
        hit, wanted = (sum(column) for column in list(zip(*counts, strict=True))[:2])
        share = hit / max(1, wanted)
        neutral = share if label == "neutral" else neutral
        worst = max(late, key=abs)
        yield (f"| {label} | {share:.2f} | {100 * (share - neutral):+.0f} | {max(silent):.3f} | {worst:+.1f} "
               f"| {np.mean(jumps):.1f} | {'bit for bit' if same else 'no'} |")  # fmt: skip


def _delay(one: FloatArray, other: FloatArray) -> float:
    """Frames by which one opening [T] is later than another (perfect: 0), in steps of a tenth."""
    time = np.arange(len(one))
    shifts = np.arange(-20, 21) / 10
    inner = slice(3, -3)
    fits = [np.corrcoef(np.interp(time + shift, time, one)[inner], other[inner])[0, 1] for shift in shifts]
    return float(shifts[int(np.argmax(fits))])


def _manners(data: Path) -> Iterator[str]:
    """Table: how far lips move with an emotion, in multiples of neutral speech: filmed, and composed on and off."""
    gains = emotion_style.louder(data)
    taught, other = (emotion_style.filmed(data, who) for who in (emotion_style.TEACHER, emotion_style.HELD_OUT))
    spoken = emotion_style.sentences()
    off, on = (emotion_style.composed(styles, spoken) for styles in (emotion_style.unconditioned(), EMOTION_STYLES))
    asked = emotion_style.expected(taught, gains)
    yield (
        f"| lips move | louder, dB | {emotion_style.TEACHER} | both, learnt from | {emotion_style.HELD_OUT}, held out "
        "| condition off | condition on |"
    )
    yield "|---|---|---|---|---|---|---|"
    for label in off:
        sizes = " | ".join(f"{rows[label].size:.2f}" for rows in (taught, asked, other, off, on))
        gain = f"{gains[label]:.0f}" if label in gains else "–"
        yield f"| {label} | {gain} | {sizes} |"
    misfits = " | ".join(f"{emotion_style.misfit(rows, other)[0]:.3f}" for rows in (off, on))
    yield f"| misfit to the held-out person | | | | | {misfits} |"


def _sound_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The whole converter without a transcript."""
    return speech_motion(clip.with_transcript(None), fps=fps)


def _network(clip: SpeechClip, fps: float) -> FaceMotion:
    """The sequence model in the linear head's place."""
    return speech_motion(clip, fps=fps, head=shipped_mouth_regressor("motion-network"))


def _phones_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The visemes of the aligned phones, nothing learnt."""
    frames = max(1, round(clip.duration_s * fps))
    shaped = visemes.coarticulate(clip.transcript.phones if clip.transcript else (), frames, fps)
    return FaceMotion(shaped, np.zeros((frames, 6), np.float32), fps)


def _ridge_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The learned head's own output, without gate, gain or phones."""
    frames = max(1, round(clip.duration_s * fps))
    rows = at_frames(predict_mouth(clip)[0], frames, fps).reshape(frames, BLENDSHAPE_COUNT)
    return FaceMotion(rows.astype(np.float32), np.zeros((frames, 6), np.float32), fps)


SYSTEMS: dict[str, System] = {
    "talker, with transcript (closures circular)": lambda clip, fps: speech_motion(clip, fps=fps),
    "talker, sound alone": _sound_alone,
    "network, with transcript (closures circular)": _network,
    "network, sound alone": lambda clip, fps: _network(clip.with_transcript(None), fps),
    "ridge alone": _ridge_alone,
    "phones alone (closures circular)": _phones_alone,
}


def _header() -> str:
    names = ("system", "clips", "opening r", "width r", "amplitude", "p/b/m closed", "falsely closed", "lag, frames")
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def _row(system: str, place: str, result: MotionScore) -> str:
    values = (result.opening, result.width, result.amplitude, result.closed, result.false)
    return (
        f"| {system} | {place} | "
        + " | ".join("–" if np.isnan(value) else f"{value:.2f}" for value in values)
        + f" | {result.lag:+.1f} |"
    )
