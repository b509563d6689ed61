"""How well the mouth follows the sound: measured against people who were filmed while they spoke.

Lip opening is the distance of the inner lips in face widths, lip width that of the corners. Open speech is `talking/
speech`, whose pictures lead their sounds by the lags its README gives; models are chosen on it. GRID's held-out clips
and other speakers are reported. Closures are scored on phones aligned to what the recogniser wrote, so the row that
counts is the one that hears the sound alone; rows that use the same phones are marked circular.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.emotion.labels import label_code
from talker.errors import DataError
from talker.evaluation import cost
from talker.face.tracking import track_video
from talker.media import audio
from talker.motion import visemes
from talker.motion.articulation import at_frames, hear, speaking, speech_motion
from talker.motion.composition import compose
from talker.motion.lips import LipGeometry, measured_lips
from talker.speech import phones, prosody, recogniser
from talker.training.motion_data import TrackedClip, grid_clips
from talker.types import EMOTION_LABELS, FaceMotion, FloatArray, SpeakOptions, SpeechClip

LEADS = {"01": 2.0, "02": 4.0, "03": 2.0, "04": 0.5, "05": -0.5}  # frames of 40 ms by which the picture leads
LEAD_UNIT_S = 0.04
CLOSED_SHARE = 0.25  # of the clip's 90th percentile of lip opening: under it lips count as closed
NEAR_S, FAR_S = 0.08, 0.12  # a closure counts within 2 frames of its phone, is false beyond 3
LONG_SILENCE_S = 0.3
System = Callable[[SpeechClip, float], FaceMotion]


@dataclass(frozen=True)
class LipTrace:
    """Lip opening and width [T] (face widths) of one clip's picture, on the sound's clock (s)."""

    opening: FloatArray
    width: FloatArray
    time: FloatArray


@dataclass(frozen=True)
class MotionScore:
    """One system on one set of clips; perfect values in brackets.

    opening, width: mean correlation on speech frames (1). amplitude: spread of the predicted over that of the true
    opening (1). closed: share of p, b, m with closed lips (people: 0.87). false: share of the speech frames far from
    p, b, m with closed lips (people: 0.06). lag: frames of 40 ms at which the opening correlates best (0).
    """

    opening: float
    width: float
    amplitude: float
    closed: float
    false: float
    lag: float


def run(data: Path) -> str:
    """The tables of `python -m talker evaluate motion`; DataError when `data` lacks talking/speech or grid."""
    clips = list(open_speech(data))
    held_out, others = list(grid_clips(data, held_out=True)), list(grid_clips(data, held_out=False, others=True))
    lines = [_header()]
    lines.append(_row("people filmed", "open", person(clips)))
    for name, system in SYSTEMS.items():
        lines.append(_row(name, "open", score(system, clips)))
    for place, group in (("GRID s1 held out", held_out), ("GRID others", others)):
        lines.append(_row("sound alone", place, score(_sound_alone, group)))
    lines.append("")
    lines.append("| feeling, strength 1 | p/b/m closed | as neutral, points | opening in silence, max |")
    lines.append("|---|---|---|---|")
    lines += list(_composed(clips))
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
        yield TrackedClip(name, clip, track.landmarks, track.fps, lead * LEAD_UNIT_S)


def trace(clip: TrackedClip) -> LipTrace:
    """The lips of a tracked clip."""
    opening, width = measured_lips(clip.landmarks).T
    time = np.arange(len(opening)) / clip.fps + clip.lag_s
    return LipTrace(opening, width, time)


def score(system: System, clips: list[TrackedClip]) -> MotionScore:
    """Mean scores of a system on clips; clips without phones don't count for closures."""
    geometry = LipGeometry.load()
    rows: list[tuple[float, float, float, float]] = []
    closures: list[tuple[int, int, int, int]] = []
    for clip in clips:
        truth = trace(clip)
        motion = system(clip.speech, 50.0)
        position = truth.time * motion.fps
        frames = np.arange(len(motion))
        opening = np.interp(position, frames, geometry.opening_of(motion.blendshapes))
        width = np.interp(position, frames, geometry.width_of(motion.blendshapes))
        talk = _talking(clip.speech, truth.time) & np.isfinite(truth.opening)
        lag = _best_lag(geometry.opening_of(motion.blendshapes), frames / motion.fps, truth, talk)
        spread = float(opening[talk].std() / truth.opening[talk].std())
        rows.append((_correlation(opening, truth.opening, talk), _correlation(width, truth.width, talk), spread, lag))
        closures.append(_closures(opening, truth.time, clip.speech))
    opening_r, width_r, amplitude, best = (float(np.nanmean(column)) for column in zip(*rows, strict=True))
    hit, wanted, false, far = (sum(column) for column in zip(*closures, strict=True))
    return MotionScore(opening_r, width_r, amplitude, _share(hit, wanted), _share(false, far), best)


def person(clips: list[TrackedClip]) -> MotionScore:
    """What the filmed people themselves score on closures."""
    counts = [_closures(trace(clip).opening, trace(clip).time, clip.speech) for clip in clips]
    hit, wanted, false, far = (sum(column) for column in zip(*counts, strict=True))
    return MotionScore(1.0, 1.0, 1.0, _share(hit, wanted), _share(false, far), 0.0)


def _closures(opening: FloatArray, time: FloatArray, speech: SpeechClip) -> tuple[int, int, int, int]:
    """(p, b, m that are closed, all of them, far frames that are closed, all far frames)."""
    closed = opening < CLOSED_SHARE * np.nanpercentile(opening, 90)
    sounds = speech.transcript.phones if speech.transcript else ()
    far, hit, wanted = np.zeros(len(time), bool), 0, 0
    for phone in sounds:
        if phone.text != "SIL":
            far |= (time >= phone.start_s) & (time <= phone.end_s)
    far &= _talking(speech, time)
    for phone in sounds:
        if phone.text in visemes.BILABIALS:
            near = (time >= phone.start_s - NEAR_S) & (time <= phone.end_s + NEAR_S)
            if near.any():
                hit, wanted = hit + int(closed[near].any()), wanted + 1
            far &= ~((time >= phone.start_s - FAR_S) & (time <= phone.end_s + FAR_S))
    return hit, wanted, int(closed[far].sum()), int(far.sum())


def _share(part: int, whole: int) -> float:
    """part / whole; not a number when nothing was there to count."""
    return part / whole if whole else float("nan")


def _talking(speech: SpeechClip, time: FloatArray) -> NDArray[np.bool_]:
    """[T] whether something is said at these times (s)."""
    frames = max(1, round(speech.duration_s * 100))
    voice = speaking(prosody.measure(speech, rate_hz=100.0), frames, 100.0, tight=True)
    return np.interp(time, np.arange(frames) / 100, voice) > 0.5


def _correlation(one: FloatArray, other: FloatArray, where: NDArray[np.bool_]) -> float:
    """Pearson's r (perfect: 1); 0 where one doesn't move."""
    a, b = one[where], other[where]
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 1e-9 and b.std() > 1e-9 else 0.0


def _best_lag(opening: FloatArray, time: FloatArray, truth: LipTrace, talk: NDArray[np.bool_]) -> float:
    """Frames of 40 ms by which the prediction is late (perfect: 0)."""
    shifts = np.arange(-4, 4.5, 0.5)
    fits = [_correlation(np.interp(truth.time + s * LEAD_UNIT_S, time, opening), truth.opening, talk) for s in shifts]
    return float(shifts[int(np.argmax(fits))])


def _composed(clips: list[TrackedClip]) -> Iterator[str]:
    """Rows: closures and silences of the composed motion per feeling, against the neutral talker."""
    geometry = LipGeometry.load()
    spoken = [(clip.speech, speech_motion(clip.speech)) for clip in clips]
    neutral = 0.0
    for label in EMOTION_LABELS:
        counts, silent = [], [0.0]
        for speech, motion in spoken:
            composed = compose(motion, label_code(label), speech, SpeakOptions())
            time = np.arange(len(composed)) / composed.fps
            opening = geometry.opening_of(composed.blendshapes)
            limit = CLOSED_SHARE * np.percentile(geometry.opening_of(motion.blendshapes), 90)
            counts.append(_closures(np.where(opening < limit, 0.0, 1.0), time, speech))
            quiet = speaking(prosody.measure(speech, rate_hz=100.0), len(motion), motion.fps) < 0.01
            silent.append(float(geometry.opening_of(motion.blendshapes)[quiet].max(initial=0.0)))
        hit, wanted = (sum(column) for column in list(zip(*counts, strict=True))[:2])
        share = hit / max(1, wanted)
        neutral = share if label == "neutral" else neutral
        yield f"| {label} | {share:.2f} | {100 * (share - neutral):+.0f} | {max(silent):.3f} |"


def _sound_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The whole converter without a transcript."""
    return speech_motion(clip.with_transcript(None), fps=fps)


def _phones_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The visemes of the aligned phones, nothing learnt."""
    frames = max(1, round(clip.duration_s * fps))
    shaped = visemes.coarticulate(clip.transcript.phones if clip.transcript else (), frames, fps)
    return FaceMotion(shaped, np.zeros((frames, 6), np.float32), fps)


def _ridge_alone(clip: SpeechClip, fps: float) -> FaceMotion:
    """The learned head's own output, without gate, gain or phones."""
    frames = max(1, round(clip.duration_s * fps))
    rows = at_frames(hear(clip)[0], frames, fps).reshape(frames, BLENDSHAPE_COUNT)
    return FaceMotion(rows.astype(np.float32), np.zeros((frames, 6), np.float32), fps)


SYSTEMS: dict[str, System] = {
    "talker, with transcript (closures circular)": lambda clip, fps: speech_motion(clip, fps=fps),
    "talker, sound alone": _sound_alone,
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
