"""`python -m talker prepare`: a folder of films with sound becomes clips of features, face coefficients and pose.

Each film is tracked forwards and backwards, the face model is fitted to the mean of both, and the sound goes through
the recogniser. Long films are cut in pauses. Films that can't be used are listed with the reason; a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.data.corpora import Recording, recordings
from talker.data.mouth_fit import fit_mouth
from talker.data.prepared_clips import IndexRow, PreparedClip, write_index
from talker.errors import AudioError, TalkerError
from talker.face.model import load_face_model
from talker.face.tracking import FaceTrack, track_video
from talker.media import audio
from talker.motion import visemes
from talker.motion.articulation import LOUDNESS_RATE, speaking, trusted_phones
from talker.motion.lips import measured_lips
from talker.speech import phones, prosody, recogniser
from talker.speech.encoder import FRAME_RATE, SAMPLE_RATE, SpeechEncoder, shared_encoder
from talker.types import FloatArray, Progress, SpeechClip, TimedToken
from talker.weights import store

FILMS = "films.jsonl"
LONGEST_FILM_S = 3600.0


@dataclass(frozen=True)
class PrepareSettings:
    """What is good enough to learn from.

    shortest_s, longest_s: of a clip; longer films are cut at their quietest moments.
    seen: share of the frames in which the face was found. misfit: median distance of the face model to the landmarks,
    in face widths. turned: median turn away from the camera (rad). spoken: share of the time with speech.
    least_movement: spread of the lip opening while something is said, in face widths.
    closures: how many p, b, m it takes to measure by how much the picture leads the sound; `most_lag_s` is looked at.
    """

    shortest_s: float = 0.8
    longest_s: float = 16.0
    seen: float = 0.9
    misfit: float = 0.04
    turned: float = 0.6
    spoken: float = 0.15
    least_movement: float = 0.004
    closures: int = 8
    most_lag_s: float = 0.24


@dataclass(frozen=True)
class Outcome:
    """What became of a film: its clips, why others of its clips were dropped, and the first reason in full."""

    name: str
    clips: tuple[IndexRow, ...]
    dropped: tuple[str, ...] = ()
    detail: str = ""


class _UnusableError(Exception):
    """Why a film or a clip is left out."""


def prepare(
    data: Path,
    out: Path,
    *,
    layout: str = "auto",
    settings: PrepareSettings | None = None,
    progress: Progress | None = None,
) -> str:
    """Prepare all films under `data` into `out` and return the report; films that `out` has already are not redone.

    Raises DataError when `data` holds no films.
    """
    settings = settings or PrepareSettings()
    films = recordings(data, layout)
    out.mkdir(parents=True, exist_ok=True)
    known = _outcomes(out)
    encoder = shared_encoder()
    for done, film in enumerate(films):
        if film.name not in known:
            known[film.name] = outcome = _prepared(film, out, encoder, settings)
            with open(out / FILMS, "a", encoding="utf-8") as log:
                log.write(json.dumps(dataclasses.asdict(outcome)) + "\n")
        if progress is not None:
            progress(done + 1, len(films))
    rows = [row for outcome in known.values() for row in outcome.clips]
    return report(write_index(out, rows), list(known.values()))


def report(rows: list[IndexRow], outcomes: list[Outcome]) -> str:
    """What there is, by split and emotion, and what was dropped and why."""
    lines = ["| split | speakers | clips | minutes |", "|---|---|---|---|"]
    for split in dict.fromkeys(row.split for row in rows):
        own = [row for row in rows if row.split == split]
        minutes = sum(row.seconds for row in own) / 60
        lines.append(f"| {split} | {len({row.speaker for row in own})} | {len(own)} | {minutes:.1f} |")
    emotion_condition = Counter(row.emotion for row in rows).most_common()
    reasons = Counter(reason for outcome in outcomes for reason in outcome.dropped).most_common()
    lines.append("Clips by feeling: " + (", ".join(f"{name} {count}" for name, count in emotion_condition) or "none"))
    lines.append("Dropped: " + (", ".join(f"{count}× {reason}" for reason, count in reasons) or "nothing"))
    lines += [f"* {outcome.name}: {outcome.detail}" for outcome in outcomes if not outcome.clips]
    return "\n".join(lines)


def _outcomes(out: Path) -> dict[str, Outcome]:
    """What became of the films of earlier runs; a line that a stopped run left unfinished doesn't count."""
    path, found = out / FILMS, {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        clips = tuple(IndexRow(**clip) for clip in row["clips"])
        found[row["name"]] = Outcome(row["name"], clips, tuple(row["dropped"]), row["detail"])
    return found


def _prepared(film: Recording, out: Path, encoder: SpeechEncoder, settings: PrepareSettings) -> Outcome:
    """Write a film's clips, and say what became of it."""
    rows: list[IndexRow] = []
    dropped: list[str] = []
    try:
        speech, track = _read(film)
    except AudioError as error:
        return Outcome(film.name, (), ("no usable sound",), str(error))
    except TalkerError as error:
        return Outcome(film.name, (), ("no face, or no readable film",), str(error))
    lag_s = picture_lead(measured_lips(track.landmarks), track.fps, speech, settings)
    pieces = list(_pieces(speech, track, settings))
    for number, (start, stop) in enumerate(pieces):
        name = film.name if len(pieces) == 1 else f"{film.name}-{number:03d}"
        try:
            clip = _clip(speech, track, slice(start, stop), lag_s, encoder, settings)
        except _UnusableError as reason:
            dropped.append(str(reason))
            continue
        clip.save(out / "clips" / f"{name}.npz")
        seconds = (stop - start) / track.fps
        row = IndexRow(name, film.speaker, film.emotion, film.intensity, seconds)
        rows.append(row)
    return Outcome(film.name, tuple(rows), tuple(dropped), dropped[0] if dropped else "")


def _read(film: Recording) -> tuple[SpeechClip, FaceTrack]:
    """The sound with its phones, and the face; the sound first, because it is read in no time."""
    speech = audio.load_speech(film.sound, max_seconds=LONGEST_FILM_S, highest_rate=SAMPLE_RATE)
    track = track_video(film.video)
    if film.text:
        return speech.with_transcript(phones.align_text(speech, film.text)), track
    return speech.with_transcript(phones.align(speech, recogniser.transcribe(speech))), track


def picture_lead(measured: FloatArray, fps: float, speech: SpeechClip, settings: PrepareSettings) -> float:
    """Seconds by which the picture leads the sound: where lips are shut most at p, b, m; 0 when too few are heard."""
    middles = [0.5 * (phone.start_s + phone.end_s) for phone in trusted_phones(speech.transcript) if _shuts(phone)]
    if len(middles) < settings.closures:
        return 0.0
    opening = measured[:, 0] / max(float(np.percentile(measured[:, 0], 90)), 1e-6)
    time = np.arange(len(opening)) / fps
    leads = np.arange(-settings.most_lag_s, settings.most_lag_s + 1e-9, 0.01)
    openings = np.array([np.minimum(np.interp(np.array(middles) - lead, time, opening), 1.0).mean() for lead in leads])
    smooth = gaussian_filter1d(openings, 1.5, mode="nearest")
    return float(leads[int(smooth.argmin())])


def _shuts(phone: TimedToken) -> bool:
    return phone.text in visemes.BILABIALS


def _pieces(speech: SpeechClip, track: FaceTrack, settings: PrepareSettings) -> Iterator[tuple[int, int]]:
    """(first, end) frames of pieces of at most `longest_s`, cut where the voice is quietest."""
    length, fps = min(len(track), int(speech.duration_s * track.fps)), track.fps
    loudness = prosody.measure(speech, rate_hz=FRAME_RATE).loudness
    quiet = gaussian_filter1d(loudness, 0.15 * FRAME_RATE, mode="nearest")
    quiet = np.interp(np.arange(length) / fps, np.arange(len(quiet)) / FRAME_RATE, quiet)
    start, longest = 0, round(settings.longest_s * fps)
    while length - start > longest:
        half = start + longest // 2
        cut = half + int(quiet[half : start + longest].argmin())
        yield start, cut
        start = cut
    yield start, length


def _clip(
    speech: SpeechClip,
    track: FaceTrack,
    part: slice,
    lag_s: float,
    encoder: SpeechEncoder,
    settings: PrepareSettings,
) -> PreparedClip:
    """The frames `part` of a film; _UnusableError says why not."""
    fps, frames = track.fps, part.stop - part.start
    if frames < settings.shortest_s * fps:
        raise _UnusableError("too short")
    if track.detected[part].mean() < settings.seen:
        raise _UnusableError("the face is hidden too often")
    if np.median(track.fit.error[part]) > settings.misfit:
        raise _UnusableError("the face model does not fit")
    if np.median(np.linalg.norm(track.fit.rotation[part], axis=1)) > settings.turned:
        raise _UnusableError("the face is turned away")
    sound = _between(speech, part.start / fps, part.stop / fps)
    voice = speaking(prosody.measure(sound, rate_hz=LOUDNESS_RATE), frames, fps)
    if voice.mean() < settings.spoken:
        raise _UnusableError("hardly anything is said")
    lips = measured_lips(track.landmarks[part])
    if lips[voice > 0.5, 0].std() < settings.least_movement:
        raise _UnusableError("the lips do not move while something is said")
    motion = track.motion(part.start)
    mouth = fit_mouth(load_face_model(store.checkpoint("face-model")), track.landmarks[part])
    return PreparedClip(
        encoder.encode(sound),
        motion.blendshapes[part],
        motion.pose[part],
        mouth,
        lips,
        trusted_phones(sound.transcript),
        fps,
        lag_s,
    )


def _between(speech: SpeechClip, start_s: float, end_s: float) -> SpeechClip:
    """The sound and the phones of a span, on its own clock."""
    samples = speech.samples[round(start_s * speech.sample_rate) : round(end_s * speech.sample_rate)]
    transcript = speech.transcript
    if transcript is not None:
        words, sounds = (
            tuple(
                TimedToken(token.text, token.start_s - start_s, token.end_s - start_s)
                for token in tokens
                if token.end_s > start_s and token.start_s < end_s
            )
            for tokens in (transcript.words, transcript.phones)
        )
        transcript = dataclasses.replace(transcript, words=words, phones=sounds)
    return SpeechClip(samples, speech.sample_rate, transcript)
