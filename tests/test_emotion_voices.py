"""Labelled voices: the corpora' layouts on made-up copies, what is done to the sound, how strong a clip counts."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from talker.cache import cache_path, load, save
from talker.data.audio_augmentation import augment_audio
from talker.data.voice_augmentation import augment_voice
from talker.data.voice_corpora import (
    CLEAN_WINDOWS,
    Recording,
    VoiceRecords,
    acted_recordings,
    listed_recordings,
    load_voices,
    plain_recordings,
    talking_recordings,
    teaching,
)
from talker.emotion.model import emotion_model
from talker.emotion.space import EmotionSpace, SpaceConfig, SpaceNetwork
from talker.emotion.voice import voice_code
from talker.emotion.voice_features import doubts, voice_frames
from talker.errors import DataError, EmotionError
from talker.speech.analysis import SpeechAnalysis
from talker.speech.prosody import measure
from talker.speech.voice import say
from talker.speech.voices import find_voice
from talker.training.voice_strength import StrengthTraining
from talker.training.voice_tower import VoiceTraining, train_voice_tower
from talker.types import SpeechClip

MADE_UP = {
    "ravdess/Actor_02/03-01-05-02-01-01-02.wav": ("angry", "ravdess/02"),
    "emodb/03a01Fa.wav": ("happy", "emodb/03"),
    "cremad/AudioWAV/1001_IEO_DIS_HI.wav": ("disgusted", "cremad/1001"),
    "cremad/AudioWAV/1091_DFA_NEU_XX.wav": ("neutral", "cremad/1091"),
    "mead/M003/audio/surprised/level_3/007.m4a": ("surprised", "mead/M003"),
    "mead/W011/audio/contempt/level_1/001.m4a": ("contempt", "mead/W011"),
    "acted/Somebody_joy.wav": ("happy", "acted/1"),
}


def test_every_corpus_is_read_in_its_own_layout(tmp_path: Path) -> None:
    for name in (*MADE_UP, "cremad/readme.txt", "mead/M003/video/front/angry/level_1/001.mp4", "emodb/about.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {
        str(one.sound.relative_to(tmp_path)): (one.emotion, one.speaker)
        for one in acted_recordings(tmp_path)
        if isinstance(one.sound, Path)
    }
    assert found == MADE_UP


def test_a_folder_without_voices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="speech_emotion"):
        load_voices(tmp_path)


def test_plain_voices_are_neutral_and_marked(tmp_path: Path) -> None:
    for index in range(9):
        (tmp_path / f"s1_{index}.opus").touch()
    plain = list(plain_recordings(tmp_path))
    assert {one.corpus for one in plain} == {"grid", "offline"} and {one.emotion for one in plain} == {"neutral"}
    speakers = np.array([one.speaker for one in plain] + ["emodb/03"])
    empty = np.zeros(len(speakers))
    records = VoiceRecords(empty, empty, speakers)
    assert records.plain.tolist() == [True] * len(plain) + [False]


def test_listed_corpora_teach_by_their_training_split_or_only_test(tmp_path: Path) -> None:
    rows = ["nEMO,EB0,anger,train", "nEMO,EB0,anger,dev", "TurEV,turev1,calm,train", "TurEV,turev1,calm,dev"]
    rows += ["EmoGator,g1,awe,train"]
    lines = [f"{index}.opus,{row}" for index, row in enumerate(rows)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,corpus,speaker,emotion,split", *lines]))
    found = [(one.speaker, one.emotion) for one in listed_recordings(tmp_path)]
    assert found == [("nEMO/EB0", "angry"), ("TurEV/turev1", "neutral"), ("TurEV/turev1", "neutral")]
    speakers = np.array(["nEMO/EB0", "TurEV/turev1", "emodb/03", "kokoro/heart", "news/sp000"])
    records = VoiceRecords(np.zeros((5, 1, 1), np.float32), speakers, speakers)
    assert teaching(records, permissive=False).corpus.tolist() == ["nEMO", "emodb", "kokoro", "news"]
    assert teaching(records, permissive=True).corpus.tolist() == ["emodb", "kokoro"]


def test_ordinary_talk_is_said_by_voices_that_there_are() -> None:
    talks = list(talking_recordings())
    assert len({one.speaker for one in talks}) > 60 and {one.emotion for one in talks} == {"neutral"}
    assert {find_voice(one.speaker.split("/")[1]).language.code for one in talks} == {"en"}
    assert talks == list(talking_recordings())


def test_spoiled_sound_is_the_same_voice_elsewhere() -> None:
    random = np.random.default_rng(0)
    time = np.arange(32_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 150 * time) * (np.sin(2 * np.pi * 2 * time) > 0)).astype(np.float32)
    for _ in range(12):
        spoiled = augment_audio(sound, 16_000, random)
        assert spoiled.shape == sound.shape and spoiled.dtype == np.float32
        assert np.isfinite(spoiled).all() and 0.09 < np.abs(spoiled).max() < 0.96
        assert abs(np.corrcoef(np.abs(spoiled), np.abs(sound))[0, 1]) > 0.3
    assert not np.array_equal(augment_audio(sound, 16_000, random), augment_audio(sound, 16_000, random))
    assert np.array_equal(
        augment_audio(sound, 16_000, np.random.default_rng(1)), augment_audio(sound, 16_000, np.random.default_rng(1))
    )


NAMES = ("neutral", "happy", "sad", "angry")
WIDTH, EACH = 12, 30
SIGNS = dict(zip(NAMES, 2.0 * np.random.default_rng(0).standard_normal((4, WIDTH)), strict=True))


def made_up_clips(studio: str, colour: float, emotions: tuple[str, ...] = NAMES, seed: int = 1) -> VoiceRecords:
    """Clips of one studio in which the last measurement is the microphone alone: spoiling changes only that."""
    random = np.random.default_rng(seed)
    names = np.array(emotions * EACH)
    clean = np.stack([SIGNS[name] for name in names]) + colour + random.standard_normal((len(names), WIDTH))
    spoiled = clean.copy()
    spoiled[:, -1] += 3.0 * random.standard_normal(len(names))
    rows = np.stack([clean] * CLEAN_WINDOWS + [spoiled] * CLEAN_WINDOWS, axis=1)
    return VoiceRecords(rows.astype(np.float32), names, np.array([f"{studio}/1"] * len(names)))


def taught(*records: VoiceRecords, training: VoiceTraining | None = None) -> EmotionSpace:
    parts = (np.concatenate([getattr(one, part) for one in records]) for part in VoiceRecords.__dataclass_fields__)
    blank = EmotionSpace(SpaceNetwork(dataclasses.replace(SpaceConfig(text_hidden=4), voice_width=WIDTH)))
    return train_voice_tower(blank, VoiceRecords(*parts), training or VoiceTraining())


TALK = made_up_clips("grid", 0.1, ("neutral",), seed=2)


def test_the_tower_hears_what_it_was_taught_in_a_studio_it_never_heard() -> None:
    space = taught(made_up_clips("one", 0.0), made_up_clips("two", 0.3), TALK)
    heard = made_up_clips("three", 0.5, seed=3)
    points, strength = space.place_voice(heard.statistics[:, 0])
    rows = [space.config.emotions.index(name) for name in NAMES]
    guess = np.array(NAMES)[space.read(points).weights[:, rows].argmax(1)]
    assert (guess == heard.emotion).mean() > 0.8
    assert strength.min() >= 0.0 and strength.max() <= 1.0
    assert np.median(strength[heard.emotion != "neutral"]) > 0.5 > 0.1 > np.median(strength[heard.emotion == "neutral"])


def test_talk_teaches_the_strength_and_not_the_emotion() -> None:
    acted = (made_up_clips("one", 0.0), made_up_clips("two", 0.3))
    loud = dataclasses.replace(TALK, statistics=TALK.statistics + SIGNS["angry"].astype(np.float32) / 2)
    before, after = taught(*acted, TALK).network.voice, taught(*acted, loud).network.voice
    assert torch.equal(before.linear.weight, after.linear.weight)
    heard = torch.from_numpy(loud.statistics[:, 0])
    assert after.moved(after.standardised(heard)).mean() < 0.9 * before.moved(before.standardised(heard)).mean()


def test_what_a_microphone_changes_is_not_taken_for_strength() -> None:
    acted = [made_up_clips("one", 0.0), made_up_clips("two", 0.3)]
    for records in acted:  # the microphone stands nearer to whoever feels something
        records.statistics[records.emotion != "neutral", :, -1] += 2.0
    steady, careless = (
        taught(*acted, TALK, training=VoiceTraining(strength=strength)).network.voice.moved.weight[0]
        for strength in (StrengthTraining(), StrengthTraining(steadiness=0.0))
    )
    assert 0 < steady[-1] < 0.5 * careless[-1] and torch.allclose(steady[:-1], careless[:-1], atol=0.02)


@pytest.mark.parametrize(
    ("samples", "reason"), [("short", "very short"), ("noisy", "noisy"), ("sung", "sung"), ("spoken", "")]
)
def test_what_can_hardly_be_heard_says_so(samples: str, reason: str) -> None:
    random, seconds = np.random.default_rng(0), 0.8 if samples == "short" else 4.0
    time = np.arange(int(seconds * 16_000)) / 16_000
    pitch = 150 * 2 ** (0.2 * np.sin(2 * np.pi * 1.3 * time))
    if samples == "sung":
        pitch = np.repeat([196.0, 247.0, 220.0, 294.0], len(time) // 4)
    voice = 0.3 * sum(np.sin(2 * np.pi * np.cumsum(harmonic * pitch) / 16_000) / harmonic for harmonic in range(1, 6))
    if samples == "noisy":
        voice[len(voice) // 8 :] *= 0.01
        voice += 0.1 * random.standard_normal(len(voice))
    frames = voice_frames(SpeechAnalysis(SpeechClip(voice.astype(np.float32), 16_000)))
    assert reason in " ".join(doubts(frames)) and bool(doubts(frames)) == bool(reason)


def test_noise_without_a_voice_is_refused() -> None:
    noise = 0.2 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    with pytest.raises(EmotionError, match="no voice"):
        voice_frames(SpeechAnalysis(SpeechClip(noise, 16_000)))


@pytest.mark.parametrize("permissive", [False, True])
def test_a_voice_that_reads_aloud_is_hardly_moved_and_its_code_says_so(permissive: bool) -> None:
    code = voice_code(SpeechAnalysis(say("The train to the coast leaves at nine.")), model=emotion_model(permissive))
    assert code.strength.max() < 0.3 and code.source.startswith("voice (hardly moved): ")


def test_a_recording_can_be_a_sentence_of_the_offline_voice() -> None:
    clip = Recording("A short test.", "neutral", "offline/american").load()
    assert clip.duration_s > 0.5


def test_lively_talk_is_somebody_else_each_time() -> None:
    clips = [augment_voice("Maybe the broken village will move.", np.random.default_rng(seed)) for seed in (0, 1, 1)]
    assert np.array_equal(clips[1].samples, clips[2].samples)
    pitches = []
    for clip in clips[:2]:
        assert np.isfinite(clip.samples).all() and 0.05 < np.abs(clip.samples).max() <= 1.0
        pitch = measure(clip).pitch_hz
        pitches.append(np.median(pitch[pitch > 0]))
    assert abs(np.log2(pitches[0] / pitches[1])) > 0.05


def test_a_stored_measurement_has_a_new_name_when_its_version_or_its_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path / "cache"))
    clip = tmp_path / "clip.wav"
    clip.write_text("one")
    before = cache_path("measured", 1, [clip])
    assert before == cache_path("measured", 1, [clip]) and before.name.startswith("measured-v1-")
    assert cache_path("measured", 2, [clip]) != before
    clip.write_text("two")
    assert cache_path("measured", 1, [clip]) != before


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    names = np.array(["sad", "happy"])
    records = VoiceRecords(np.ones((2, 3, 4), np.float32), names, names)
    save(tmp_path / "new" / "voices.npz", records)
    again = VoiceRecords(**load(tmp_path / "new" / "voices.npz"))
    assert np.array_equal(again.statistics, records.statistics) and again.statistics.dtype == np.float32
    assert again.emotion.tolist() == again.speaker.tolist() == ["sad", "happy"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["voices.npz"]
