"""Labelled voices: the corpora' layouts on made-up copies, what is done to the sound, how strong a clip counts."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from talker.cache import cache_path, load, save
from talker.data.audio_augmentation import augment_audio
from talker.data.voice_augmentation import augment_voice
from talker.data.voice_corpora import Recording, VoiceRecords, acted_recordings, load_voices, plain_recordings
from talker.emotion.space import EmotionSpace, SpaceConfig, SpaceNetwork
from talker.emotion.voice import MOVED, UNMOVED, shown_strength
from talker.emotion.voice_features import doubts, voice_frames
from talker.errors import DataError, EmotionError
from talker.speech.analysis import SpeechAnalysis
from talker.speech.prosody import measure
from talker.training.voice_tower import VoiceTraining, train_voice_tower
from talker.types import SpeechClip

MADE_UP = {
    "ravdess/Actor_02/03-01-05-02-01-01-02.wav": ("angry", "ravdess/02", "r01", True),
    "emodb/03a01Fa.wav": ("happy", "emodb/03", "ea01", False),
    "cremad/AudioWAV/1001_IEO_DIS_HI.wav": ("disgusted", "cremad/1001", "cIEO", True),
    "cremad/AudioWAV/1091_DFA_NEU_XX.wav": ("neutral", "cremad/1091", "cDFA", False),
    "mead/M003/audio/surprised/level_3/007.m4a": ("surprised", "mead/M003", "msurprised007", True),
    "mead/W011/audio/contempt/level_1/001.m4a": ("contempt", "mead/W011", "mcontempt001", False),
    "acted/Somebody_joy.wav": ("happy", "acted/1", "Somebody_joy", False),
}


def test_every_corpus_is_read_in_its_own_layout(tmp_path: Path) -> None:
    for name in (*MADE_UP, "cremad/readme.txt", "mead/M003/video/front/angry/level_1/001.mp4", "emodb/about.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {
        str(one.sound.relative_to(tmp_path)): (one.emotion, one.speaker, one.words, one.strong)
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
    records = VoiceRecords(empty, empty, speakers, empty, empty)
    assert records.plain.tolist() == [True] * len(plain) + [False]


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


def test_ordinary_talk_is_hardly_shown_and_a_moved_voice_in_full() -> None:
    heard = np.linspace(0.0, 1.5, 31)
    shown = shown_strength(heard)
    assert (np.diff(shown) >= 0).all()
    assert not shown[heard <= UNMOVED].any() and (shown[heard >= MOVED] == 1.0).all()


def test_the_tower_hears_what_it_was_taught_in_a_studio_it_never_heard() -> None:
    random = np.random.default_rng(0)
    width, names = 12, np.array(["neutral", "happy", "sad", "angry"] * 30)
    signs = dict(zip(names[:4], 2.0 * random.standard_normal((4, width)), strict=True))

    def clips(studio: str, colour: float) -> VoiceRecords:
        rows = np.stack([signs[name] for name in names]) + colour + random.standard_normal((len(names), width))
        speaker = np.array([f"{studio}/1"] * len(names))
        return VoiceRecords(rows[:, None].astype(np.float32), names, speaker, names, np.zeros(len(names), bool))

    taught = [clips(studio, colour) for studio, colour in (("one", 0.0), ("two", 0.3), ("grid", 0.1))]
    taught[2] = dataclasses.replace(taught[2], emotion=np.full(len(names), "neutral"))  # read: teaches the strength
    parts = (np.concatenate([getattr(one, part) for one in taught]) for part in VoiceRecords.__dataclass_fields__)
    blank = EmotionSpace(SpaceNetwork(dataclasses.replace(SpaceConfig(text_hidden=4), voice_width=width)))
    space = train_voice_tower(blank, VoiceRecords(*parts), VoiceTraining())
    heard = clips("three", 0.5)
    points, strength = space.place_voice(heard.statistics[:, 0])
    rows = [space.config.emotions.index(name) for name in names[:4]]
    guess = names[:4][space.read(points).weights[:, rows].argmax(1)]
    assert (guess == names).mean() > 0.8
    assert np.median(strength[names != "neutral"]) > np.median(strength[names == "neutral"])


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


def test_a_recording_can_be_a_sentence_of_the_offline_voice() -> None:
    clip = Recording("A short test.", "neutral", "offline/american", "A short test.").load()
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
    records = VoiceRecords(np.ones((2, 3, 4), np.float32), names, names, names, np.array([True, False]))
    save(tmp_path / "new" / "voices.npz", records)
    again = VoiceRecords(**load(tmp_path / "new" / "voices.npz"))
    assert np.array_equal(again.statistics, records.statistics) and again.statistics.dtype == np.float32
    assert again.emotion.tolist() == ["sad", "happy"] and again.strong.tolist() == [True, False]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["voices.npz"]
