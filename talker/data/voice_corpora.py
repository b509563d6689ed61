"""Labelled voices for the emotion space: RAVDESS, EMO-DB, CREMA-D, MEAD, one acted voice, and plain speech.

RAVDESS (Livingstone & Russo, 2018) is CC BY-NC-SA and MEAD (Wang et al., 2020) is for research: weights trained on
either are non-commercial. EMO-DB (Burkhardt et al., 2005) is free, CREMA-D (Cao et al., 2014) under ODbL. Whichever
lie under `speech_emotion` are read, each in the layout that it is published in. What lies under `voices` is listed in
its `labels.csv`. People who just read or talk are news readers (`news_arabic`), GRID and the synthetic voices.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.cache import cache_path, load, save
from talker.data.audio_augmentation import augment_audio
from talker.data.corpora import CREMAD_EMOTIONS
from talker.data.filmed_speakers import NEWS_REPORT
from talker.data.sentences import TALK, teaching_sentences
from talker.data.voice_augmentation import augment_voice, talk
from talker.emotion.voice_features import voice_frames, window_statistics
from talker.errors import DataError, EmotionError
from talker.media import audio
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import FRAME_RATE, SAMPLE_RATE
from talker.speech.voice import say
from talker.speech.voices import KOKORO, VOICES
from talker.types import EMOTION_LABELS, FloatArray, Progress, SpeechClip

RAVDESS_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgusted", "surprised")
EMODB_EMOTIONS = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad", "A": "fear", "E": "disgusted", "L": "bored"}
ACTED_EMOTIONS = {"anger": "angry", "joy": "happy", "neutral": "neutral", "sad": "sad"}
LIVELY = "offline/lively"
# Corpora of labels.csv: the first two teach, the others made the tower worse and test it (EmoGator is not speech).
LISTED = ("nEMO", "ASED", "KoreanEmoTTS", "TurEV")
TESTING = LISTED[2:]
LISTED_EMOTIONS = {
    "anger": "angry", "happiness": "happy", "sadness": "sad", "surprise": "surprised", "calm": "neutral",
}  # fmt: skip
NEWS_STEP = 2
NON_COMMERCIAL = ("ravdess", "mead", "news", *LISTED)
PLAIN = ("grid", "offline", "kokoro", "news")  # people and synthetic voices who read aloud or just talk
GRID_STEP = 4  # every so many of GRID's sentences: plain reading, so that not every calm voice is a sad one
OFFLINE_SENTENCES = 24  # flat, as the voice reads them
LIVELY_SENTENCES = 150  # each by another made-up throat, with more melody
TALKS = 80  # lines by one of Kokoro's English voices, or by a mixture of two
CLEAN_WINDOWS = 3  # of each clip as it was recorded; as many follow for each time that it was spoiled
CROP_S = 2.0  # shorter windows beside each whole clip: codes per moment are read from such
SPOILED = 1  # times that each clip is measured as another microphone would have heard it
MEASURED_VERSION = 2  # of the statistics in the cache: raise it when features, augmentation or sentences change
PACE = (0.78, 1.28)  # plain voices, being few, are also played faster and slower, which makes other throats of them


@dataclass(frozen=True)
class Recording:
    """One labelled clip, read when it is needed.

    sound: a file, or what a synthetic voice shall say. emotion: a catalogue name. speaker: "corpus/speaker"; for
    Kokoro the speaker is the request for its voice.
    """

    sound: Path | str
    emotion: str
    speaker: str

    def load(self, random: np.random.Generator | None = None) -> SpeechClip:
        """The sound itself; `random` draws how a synthetic voice says a lively sentence."""
        random = random or np.random.default_rng(0)
        if isinstance(self.sound, Path):
            return audio.load_speech(self.sound)
        if self.corpus == "kokoro":
            return talk(self.sound, self.speaker.split("/")[1], random)
        return augment_voice(self.sound, random) if self.speaker == LIVELY else say(self.sound)

    @property
    def corpus(self) -> str:
        """Name of the corpus."""
        return self.speaker.split("/")[0]


@dataclass(frozen=True)
class VoiceRecords:
    """Measured clips.

    statistics: [N, windows, width]; the first window is the whole clip as it was recorded.
    emotion, speaker: [N], as in `Recording`.
    """

    statistics: FloatArray
    emotion: np.ndarray
    speaker: np.ndarray

    def __len__(self) -> int:
        return len(self.emotion)

    def where(self, chosen: np.ndarray) -> VoiceRecords:
        """The clips that `chosen` (mask or indices) picks."""
        return VoiceRecords(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def corpus(self) -> np.ndarray:
        """[N] name of the corpus."""
        return np.array([speaker.split("/")[0] for speaker in self.speaker])

    @property
    def plain(self) -> np.ndarray:
        """[N] whether somebody just reads aloud."""
        return np.isin(self.corpus, PLAIN)


def load_voices(data: Path, progress: Progress | None = None) -> VoiceRecords:
    """All labelled clips under `data`/speech_emotion, and plain ones; what was measured once is kept.

    Raises DataError when the folder holds none.
    """
    acted = list(acted_recordings(data / "speech_emotion"))
    if not acted:
        raise DataError(f"{data} holds no speech_emotion folder with clips of a known corpus.")
    acted += listed_recordings(data / "voices")
    recordings = [*acted, *plain_recordings(data / "grid" / "audio"), *talking_recordings()]
    recordings += news_recordings(data / "news_arabic")
    measured = []
    for corpus in sorted({recording.corpus for recording in recordings}):
        chosen = [recording for recording in recordings if recording.corpus == corpus]
        measured.append(measured_once(f"emotion-voices-{corpus}", chosen, progress))
    return VoiceRecords(
        *(np.concatenate([getattr(one, name) for one in measured]) for name in VoiceRecords.__dataclass_fields__)
    )


def teaching(voices: VoiceRecords, *, permissive: bool) -> VoiceRecords:
    """The clips that a space may be taught."""
    return voices.where(~np.isin(voices.corpus, (*TESTING, *(NON_COMMERCIAL if permissive else ()))))


def measure_recordings(
    recordings: Sequence[Recording], progress: Progress | None = None, seed: int = 0
) -> VoiceRecords:
    """Statistics of each recording as it is and spoiled in `SPOILED` random ways.

    A recording in which no voice can be heard is left out; where spoiling lost the voice, it counts unspoiled.
    """
    random = np.random.default_rng(seed)
    rows, kept = [], []
    for done, recording in enumerate(recordings):
        clip = _at_rate(recording.load(random))
        spoiled = [_elsewhere(clip, recording.corpus in PLAIN, random) for _ in range(SPOILED)]
        own = _windows(clip)
        if own is not None:
            others = [_windows(one) for one in spoiled]
            rows.append(np.concatenate([own, *(own if one is None else one for one in others)]))
            kept.append(recording)
        if progress is not None:
            progress(done + 1, len(recordings))
    return VoiceRecords(
        np.stack(rows),
        np.array([recording.emotion for recording in kept]),
        np.array([recording.speaker for recording in kept]),
    )


def acted_recordings(folder: Path) -> Iterator[Recording]:
    """Every clip under `folder` whose name follows its corpus's rules."""
    for path in sorted((folder / "ravdess").glob("**/03-01-*")):
        parts = path.stem.split("-")
        emotion = RAVDESS_EMOTIONS[int(parts[2]) - 1]
        yield Recording(path, emotion, f"ravdess/{parts[6]}")
    for path in sorted((folder / "emodb").glob("**/*")):
        if len(path.stem) == 7 and path.stem[5] in EMODB_EMOTIONS:
            yield Recording(path, EMODB_EMOTIONS[path.stem[5]], f"emodb/{path.stem[:2]}")
    for path in sorted((folder / "cremad").glob("**/*_*_*_*.*")):  # AudioWAV/1001_IEO_ANG_HI.wav
        actor, _, code = path.stem.split("_")[:3]
        if code in CREMAD_EMOTIONS:
            yield Recording(path, CREMAD_EMOTIONS[code], f"cremad/{actor}")
    for path in sorted((folder / "mead").glob("*/audio/*/level_*/*.*")):  # M003/audio/angry/level_3/001.m4a
        person, _, emotion, _ = path.parts[-5:-1]
        if emotion in EMOTION_LABELS:
            yield Recording(path, emotion, f"mead/{person}")
    for path in sorted((folder / "acted").glob("*.wav")):
        for word, emotion in ACTED_EMOTIONS.items():
            if word in path.stem.lower():
                yield Recording(path, emotion, "acted/1")
                break


def measured_once(name: str, recordings: Sequence[Recording], progress: Progress | None = None) -> VoiceRecords:
    """What `measure_recordings` says, kept in the cache under `name` for as long as the files stay as they are."""
    files = [one.sound for one in recordings if isinstance(one.sound, Path)]
    cache = cache_path(name, MEASURED_VERSION, files)
    if not cache.is_file():
        save(cache, measure_recordings(recordings, progress))
    return VoiceRecords(**load(cache))


def labelled_clips(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of `folder`/labels.csv; none where there is no such file."""
    if not (folder / "labels.csv").is_file():
        return
    with open(folder / "labels.csv", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def listed_recordings(folder: Path) -> Iterator[Recording]:
    """The clips of `LISTED` in `folder`/labels.csv, of those that teach the training split."""
    for row in labelled_clips(folder):
        if row["corpus"] in LISTED and (row["split"] == "train" or row["corpus"] in TESTING):
            emotion = LISTED_EMOTIONS.get(row["emotion"], row["emotion"])
            yield Recording(folder / row["path"], emotion, f"{row['corpus']}/{row['speaker']}")


def news_recordings(folder: Path) -> Iterator[Recording]:
    """Every second clip of the news readers that are not for reporting."""
    paths = [path for path in sorted(folder.glob("*.mp4")) if path.stem.split("_")[0] not in NEWS_REPORT]
    for path in paths[::NEWS_STEP]:
        yield Recording(path, "neutral", f"news/{path.stem.split('_')[0]}")


def plain_recordings(folder: Path) -> Iterator[Recording]:
    """Some of GRID's read sentences (speaker s1), and what synthetic voices say, as neutral voices."""
    for path in sorted(folder.glob("s1_*"))[1::GRID_STEP]:
        yield Recording(path, "neutral", "grid/s1")
    sentences = teaching_sentences(OFFLINE_SENTENCES + LIVELY_SENTENCES, seed=0)
    for index, sentence in enumerate(sentences):
        yield Recording(sentence, "neutral", "offline/american" if index < OFFLINE_SENTENCES else LIVELY)


def talking_recordings() -> Iterator[Recording]:
    """Lines of ordinary talk, each by one of Kokoro's English voices or by a mixture of such a one with another."""
    random = np.random.default_rng(0)
    kokoro = [voice for voice in VOICES.values() if voice.engine == KOKORO]
    english = [voice.name for voice in kokoro if voice.language.code == "en"]
    for index in range(TALKS):
        voice = english[index % len(english)]
        if index >= TALKS // 2:
            voice += f"=0.55,{random.choice([other.name for other in kokoro if other.name != voice])}=0.45"
        yield Recording(TALK[index % len(TALK)], "neutral", f"kokoro/{voice}")


def _at_rate(clip: SpeechClip) -> SpeechClip:
    """What the tower hears of a clip at most, so that spoiling it takes no longer than it must."""
    return SpeechClip(audio.resample(clip.samples, clip.sample_rate, SAMPLE_RATE), SAMPLE_RATE)


def _elsewhere(clip: SpeechClip, plain: bool, random: np.random.Generator) -> SpeechClip:
    samples = clip.samples
    if plain:
        samples = audio.resample(samples, clip.sample_rate, round(clip.sample_rate * random.uniform(*PACE)))
    return SpeechClip(augment_audio(samples, clip.sample_rate, random), clip.sample_rate)


def _windows(clip: SpeechClip) -> FloatArray | None:
    """[3, width] the whole clip, its first and its last two sounding seconds; None where no voice can be heard."""
    try:
        frames = voice_frames(SpeechAnalysis(clip))
    except EmotionError:
        return None
    sounding = np.flatnonzero(frames.active)
    first, last = int(sounding[0]), int(sounding[-1]) + 1
    length = min(int(CROP_S * FRAME_RATE), last - first)
    spans = ((0, len(frames)), (first, first + length), (last - length, last))
    return np.stack([window_statistics(frames, start, stop) for start, stop in spans])
