"""Where the published corpora of talking faces keep their films: folder layouts become rows of one kind.

GRID (Cooke et al., 2006), MEAD (Wang et al., 2020), CREMA-D (Cao et al., 2014), RAVDESS (Livingstone & Russo, 2018),
HDTF (Zhang et al., 2021), and any folder of films with sound. Names of files say who speaks, which
emotion is acted and often what is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from talker.errors import DataError
from talker.types import EMOTION_LABELS

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".flv", ".m4v")
SOUNDS = (".wav", ".m4a", ".mp3", ".flac", ".ogg", ".opus")


@dataclass(frozen=True)
class Recording:
    """A film of one person speaking.

    name: unique in its corpus. video: the film. sound: where its sound is, the film itself when that has it.
    speaker: one name per person. emotion: one of `EMOTION_LABELS`. intensity: of the emotion, 0..1.
    text: what is said; empty when nobody wrote it down.
    """

    name: str
    video: Path
    sound: Path
    speaker: str
    emotion: str = "neutral"
    intensity: float = 1.0
    text: str = ""


@dataclass(frozen=True)
class Layout:
    """A row of the table: what its folders look like, what finds the recordings in them, the test split."""

    example: str
    find: Callable[[Path], Iterator[Recording]]
    test_speakers: tuple[str, ...] = ()


def test_recordings(folder: Path, layout: str) -> list[Recording]:
    """Those of the corpus' test speakers; all of them where no split is in common use. Raises DataError."""
    found = recordings(folder, layout)
    speakers = LAYOUTS[layout].test_speakers
    kept = [recording for recording in found if not speakers or recording.speaker in speakers]
    if not kept:
        raise DataError(f"{folder} holds none of the test speakers of {layout}: {', '.join(speakers)}.")
    return kept


def recordings(folder: Path, layout: str = "auto") -> list[Recording]:
    """All recordings under `folder`; "auto" takes the first layout that fits.

    Raises DataError for an unknown layout, and when nothing is found.
    """
    if layout not in (*LAYOUTS, "auto"):
        raise DataError(f"There is no layout {layout!r}; choose auto or one of {', '.join(LAYOUTS)}.")
    for row in LAYOUTS.values() if layout == "auto" else (LAYOUTS[layout],):
        found = sorted(row.find(folder), key=lambda recording: recording.name)
        if found:
            return found
    wanted = "; ".join(f"{name}: {row.example}" for name, row in LAYOUTS.items() if layout in ("auto", name))
    raise DataError(f"{folder} holds no films that could be read. Looked for {wanted}.")


def _films(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and path.is_file())


def _sounds(folder: Path) -> dict[str, Path]:
    """Sound files by "folder's name/stem"."""
    return {
        f"{path.parent.name}/{path.stem}": path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SOUNDS
    }


# GRID: the name spells the sentence: command, colour, preposition, letter, digit, adverb
GRID_NAME = re.compile(r"[blps][bgrw][abiw][a-z][z1-9][anps]")
GRID_WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},
    dict(
        zip("z123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
    ),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def _grid(folder: Path) -> Iterator[Recording]:
    sounds = _sounds(folder)
    for path in _films(folder):
        speakers = [part for part in path.relative_to(folder.parent).parts if re.fullmatch(r"s\d+", part)]
        if speakers and GRID_NAME.fullmatch(path.stem):
            words = [table.get(letter, letter) for table, letter in zip(GRID_WORDS, path.stem, strict=True)]
            sound = sounds.get(f"{speakers[0]}/{path.stem}", path)
            yield Recording(f"{speakers[0]}-{path.stem}", path, sound, speakers[0], text=" ".join(words))


# MEAD: M003/video/front/angry/level_1/001.mp4 and M003/audio/angry/level_1/001.m4a
MEAD_LEVELS = 3


def _mead(folder: Path) -> Iterator[Recording]:
    for path in _films(folder):
        parts = path.parts[-6:]
        if len(parts) < 6 or parts[1:3] != ("video", "front") or parts[3] not in EMOTION_LABELS:
            continue
        level = re.fullmatch(r"level_([1-3])", parts[4])
        if level is None:
            continue
        apart = path.parents[4] / "audio" / parts[3] / parts[4]
        sound = next((apart / (path.stem + end) for end in SOUNDS if (apart / (path.stem + end)).is_file()), path)
        strength = 1.0 if parts[3] == "neutral" else int(level[1]) / MEAD_LEVELS
        name = "-".join((parts[0], parts[3], level[1], path.stem))
        yield Recording(name, path, sound, parts[0], parts[3], strength)


# CREMA-D: VideoFlash/1001_DFA_ANG_XX.flv and AudioWAV/1001_DFA_ANG_XX.wav
CREMAD_NAME = re.compile(r"(\d{4})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX)")
CREMAD_EMOTIONS = {
    "ANG": "angry", "DIS": "disgusted", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
CREMAD_LEVELS = {"LO": 0.4, "MD": 0.7, "HI": 1.0, "XX": 0.7}  # XX: the actor was not told how strongly
CREMAD_TEXTS = {
    "IEO": "It's eleven o'clock", "TIE": "That is exactly what happened", "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about", "TAI": "The airplane is almost full", "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock", "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket", "ITS": "I think I've seen this before", "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}  # fmt: skip


def _cremad(folder: Path) -> Iterator[Recording]:
    sounds = {path.stem: path for path in _sounds(folder).values()}
    for path in _films(folder):
        found = CREMAD_NAME.fullmatch(path.stem)
        if found:
            speaker, sentence, emotion, level = found.groups()
            yield Recording(
                path.stem, path, sounds.get(path.stem, path), speaker, CREMAD_EMOTIONS[emotion],
                1.0 if emotion == "NEU" else CREMAD_LEVELS[level], CREMAD_TEXTS.get(sentence, ""),
            )  # fmt: skip


# RAVDESS: Actor_01/01-01-03-02-01-01-01.mp4: modality (01 picture and sound), channel (01 speech), emotion, intensity,
# sentence, repetition, actor
RAVDESS_NAME = re.compile(r"01-01-0([1-8])-0([12])-0([12])-\d\d-(\d\d)")
RAVDESS_EMOTIONS = ("neutral", "neutral", "happy", "sad", "angry", "fear", "disgusted", "surprised")  # 2nd: calm
RAVDESS_TEXTS = ("Kids are talking by the door", "Dogs are sitting by the door")
RAVDESS_LEVELS = (0.6, 1.0)


def _ravdess(folder: Path) -> Iterator[Recording]:
    for path in _films(folder):
        found = RAVDESS_NAME.fullmatch(path.stem)
        if found:
            emotion, level, sentence, actor = found.groups()
            label = RAVDESS_EMOTIONS[int(emotion) - 1]
            strength = 1.0 if label == "neutral" else RAVDESS_LEVELS[int(level) - 1]
            text = RAVDESS_TEXTS[int(sentence) - 1]
            yield Recording(path.stem, path, path, f"Actor_{actor}", label, strength, text)


# HDTF: WDA_AdamSchiff_000.mp4, WRA_…, RD_Radio1_000.mp4: part, speaker, clip; neutral talk
HDTF_NAME = re.compile(r"(?:WDA|WRA|RD)_(\w+?)_?\d*")


def _hdtf(folder: Path) -> Iterator[Recording]:
    for path in _films(folder):
        found = HDTF_NAME.fullmatch(path.stem)
        if found:
            yield Recording(path.stem, path, path, found[1])


def _plain(folder: Path) -> Iterator[Recording]:
    """Any films: the first folder, or the film's own name, is the speaker; NAME.txt beside a film is what is said."""
    for path in _films(folder):
        parts = path.relative_to(folder).with_suffix("").parts
        written = path.with_suffix(".txt")
        text = " ".join(written.read_text(encoding="utf-8").split()) if written.is_file() else ""
        yield Recording("-".join(parts), path, path, parts[0], text=text)


# fmt: off
LAYOUTS: dict[str, Layout] = {
    "grid": Layout("s1/bbaf2n.mpg", _grid),
    "mead": Layout(
        "M003/video/front/angry/level_1/001.mp4 with M003/audio/angry/level_1/001.m4a", _mead,
        ("M003", "M030", "W009", "W015"),
    ),
    # the test speakers of Vougioukas, Petridis & Pantic (2020)
    "crema-d": Layout(
        "VideoFlash/1001_DFA_ANG_XX.flv with AudioWAV/1001_DFA_ANG_XX.wav", _cremad,
        tuple(f"10{number}" for number in (15, 20, 21, 30, 33, 52, 62, 81, 82, 89)),
    ),
    "hdtf": Layout("WDA_AdamSchiff_000.mp4", _hdtf),
    "ravdess": Layout("Actor_01/01-01-03-01-01-01-01.mp4", _ravdess),
    "plain": Layout("SPEAKER/film.mp4, or films alone", _plain),
}
# fmt: on
