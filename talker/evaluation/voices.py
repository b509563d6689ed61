"""The synthetic voices: whether they are understood, how fast they are, whether a classifier hears their emotion."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from talker.data.corpora import RAVDESS_EMOTIONS
from talker.data.voice_corpora import labelled_clips
from talker.emotion.resolve import resolve
from talker.emotion.voice_delivery import voice_expression
from talker.errors import DataError
from talker.evaluation.metrics import Recorder
from talker.media.audio import at_rate, load_speech
from talker.speech import phones, recogniser
from talker.speech.analysis import SpeechAnalysis
from talker.speech.pronunciation import split_words
from talker.speech.voice import read_script, say, say_pieces
from talker.speech.voices import KOKORO, VOICES
from talker.types import FloatArray, SpeechClip

SENTENCES = (
    "Please put the paper boxes back upon the table before you leave.",
    "My brother and I walked along the river until the sun went down.",
    "She will probably move to another city when the summer is over.",
)
ACTED = ("happy", "sad", "angry", "fear")
SPEAKERS = ("heart", "michael", "emma", "fenrir")  # whose emotions are judged
MINUTE = " ".join(SENTENCES) + " We had planned to stay for a week, but the weather changed on the second day. "
CLOSED = ("P", "B", "M")
ASED_LABELS = {"anger": "angry", "happiness": "happy", "sadness": "sad", "fear": "fear", "neutral": "neutral"}
JUDGES = {"cepstra": slice(0, 59), "recogniser's layer": slice(59, None)}  # of `statistics`
JUDGE_PENALTY = 0.003  # inverse regularisation of the logistic regression on standardised numbers


def run(data: Path | None, record: Recorder) -> None:
    """Words and speed of every English voice; with `data`, what a classifier trained there hears in four of them."""
    for voice in VOICES.values():
        if voice.language.code == "en":
            _understood(voice.name, record)
    for label in ACTED:
        wrong = [_word_error(text, _emotional(text, name, label)) for name in SPEAKERS for text in SENTENCES[:1]]
        record.add("voices/word_error", wrong, f"{label}, {len(SPEAKERS)} voices")
    _timed(record)
    if data is not None:
        _judged(data, record)


def _understood(name: str, record: Recorder) -> None:
    """Word error and timing of a voice."""
    for text in SENTENCES:
        clip = say(text, voice=name)
        record.add("voices/word_error", _word_error(text, clip), name)
        if clip.transcript is not None:
            record.add("voices/closure_timing", _late_closures(clip, text), name)


def _emotional(text: str, voice: str, label: str, strength: float = 1.0) -> SpeechClip:
    """A text said with an emotion."""
    expression = voice_expression(resolve(label).scaled(strength))
    return say(text, voice=voice, express=lambda planned: expression)


def _word_error(text: str, clip: SpeechClip) -> float:
    """Words that the recogniser got wrong, left out or added, over the words that were said; 0 is perfect."""
    return edit_distance(split_words(text), split_words(recogniser.transcribe(clip).text)) / len(split_words(text))


def edit_distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words to change, leave out or add (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for other, candidate in enumerate(heard, 1):
            before, row[other] = row[other], min(row[other] + 1, row[other - 1] + 1, before + (word != candidate))
    return row[-1]


def _late_closures(clip: SpeechClip, text: str) -> list[float]:
    """By how many milliseconds each p, b, m of the voice's own phones lies beside the aligner's, signs dropped."""
    own = [phone for phone in clip.transcript.phones if phone.text in CLOSED] if clip.transcript else []
    aligned = [phone for phone in phones.align_text(clip, text).phones if phone.text in CLOSED]
    if len(own) != len(aligned):
        return []
    middles = [(a.start_s + a.end_s - b.start_s - b.end_s) / 2 for a, b in zip(own, aligned, strict=True)]
    return [1000 * abs(middle) for middle in middles]


def _timed(record: Recorder) -> None:
    """How soon the first sentence of a minute of text can be heard, and when all of it can; the network is loaded."""
    voice = next(voice.name for voice in VOICES.values() if voice.engine == KOKORO)
    started = time.perf_counter()
    seconds = 0.0
    for index, piece in enumerate(say_pieces(read_script(MINUTE * 3, voice))):
        if index == 0:
            record.add("voices/first_sentence", time.perf_counter() - started, voice)
        seconds += len(piece.samples) / 24_000
    record.add("voices/minute", (time.perf_counter() - started) * 60 / seconds, voice)


@dataclass(frozen=True)
class Recording:
    """A row of a corpus. speaker: across corpora."""

    path: Path
    speaker: str
    label: str


def recordings(data: Path) -> Iterator[Recording]:
    """Recordings that nothing of the voices was tuned on: every third actor of RAVDESS, and ASED."""
    for path in sorted((data / "speech_emotion" / "ravdess").glob("*.opus")):
        parts = path.stem.split("-")
        label = RAVDESS_EMOTIONS[int(parts[2]) - 1]
        if int(parts[6]) % 3 == 0 and parts[2] != "02" and label in (*ACTED, "neutral"):
            yield Recording(path, f"ravdess {parts[6]}", label)
    if not (data / "voices" / "labels.csv").is_file():
        raise DataError(f"{data} holds no voices/labels.csv; give the folder in which voices/ lies.")
    for row in labelled_clips(data / "voices"):
        if row["corpus"] == "ASED" and row["split"] == "dev" and row["emotion"] in ASED_LABELS:
            yield Recording(data / "voices" / row["path"], "ased", ASED_LABELS[row["emotion"]])


def statistics(clip: SpeechClip) -> FloatArray:
    """[827] over the frames that sound, mean and spread: 20 mel cepstra and their steps, the recogniser's second layer.

    The level is left out: how far somebody sat from a microphone is not their emotion.
    """
    speech = SpeechAnalysis(clip)
    samples = at_rate(clip, 16_000).samples
    cepstra = librosa.feature.mfcc(y=samples, sr=16_000, n_mfcc=20, n_fft=512, hop_length=320).T  # [T, 20]
    layer = speech.layers[0]  # [T, 384]
    count = min(len(cepstra), len(layer))
    sounding = cepstra[:count, 0] > np.percentile(cepstra[:count, 0], 30)
    cepstra, layer = cepstra[:count][sounding], layer[:count][sounding]
    steps = np.abs(np.diff(cepstra, axis=0)).mean(0)
    parts = (cepstra[:, 1:].mean(0), cepstra.std(0), steps, layer.mean(0), layer.std(0))
    return np.concatenate(parts).astype(np.float64)


def _judged(data: Path, record: Recorder) -> None:
    """What a classifier of real voices, each against its own neutral one, hears in the synthetic ones."""
    rows = list(recordings(data))
    features = np.stack([statistics(load_speech(row.path)) for row in rows])
    labels = np.array([row.label for row in rows])
    real = _against_neutral(features, np.array([row.speaker for row in rows]), labels)
    asked = [(name, label) for name in SPEAKERS for label in ("neutral", *ACTED) for _ in SENTENCES]
    made = [
        statistics(_emotional(text, name, label))
        for name in SPEAKERS
        for label in ("neutral", *ACTED)
        for text in SENTENCES
    ]
    synthetic = _against_neutral(
        np.stack(made), np.array([name for name, _ in asked]), np.array([row[1] for row in asked])
    )
    emotional = labels != "neutral"
    actors = np.array([row.speaker if row.speaker.startswith("ravdess") else "" for row in rows])
    for name, columns in JUDGES.items():
        judge = make_pipeline(
            StandardScaler(), LogisticRegression(C=JUDGE_PENALTY, max_iter=2000, class_weight="balanced")
        ).fit(real[emotional][:, columns], labels[emotional])
        for (_, label), heard in zip(asked, judge.predict(synthetic[:, columns]), strict=True):
            if label != "neutral":
                record.add("voices/emotion", float(heard == label), f"{label}, by {name}")
                record.add("voices/emotion", float(heard == label), f"all four, by {name}")
        for actor in sorted(set(actors) - {""}):  # its own recall on actors that it was not fitted to
            inside = actors == actor
            judge.fit(real[emotional & ~inside][:, columns], labels[emotional & ~inside])
            heard = judge.predict(real[emotional & inside][:, columns])
            record.add("voices/judge", heard == labels[emotional & inside], name)


def _against_neutral(features: FloatArray, speakers: np.ndarray, labels: np.ndarray) -> FloatArray:
    """Each speaker's features less the mean of their neutral ones."""
    relative = features.copy()
    for speaker in np.unique(speakers):
        own = speakers == speaker
        relative[own] -= features[own & (labels == "neutral")].mean(0)
    return relative
