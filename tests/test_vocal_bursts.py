"""The head for vocal bursts: its corpus on a made-up copy, what it learns, and when it is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talker.data.vocal_bursts import CATALOGUE_NAMES, burst_recordings, load_bursts
from talker.data.voice_corpora import VoiceRecords
from talker.emotion.bursts import BurstHead, burst_code, burst_head, is_burst
from talker.emotion.catalogue import EMOTIONS
from talker.errors import AssetError, DataError
from talker.speech.analysis import SpeechAnalysis
from talker.training.bursts import BurstTraining, train_burst_head
from talker.types import SpeechClip, TimedToken, Transcript

WIDTH = 6


def records(count: int, seed: int) -> VoiceRecords:
    random = np.random.default_rng(seed)
    emotion = np.array(["angry", "amused"])[np.arange(count) % 2]
    statistics = random.standard_normal((count, 2, WIDTH)) + np.where(emotion == "angry", 1.5, -1.5)[:, None, None]
    return VoiceRecords(statistics.astype(np.float32), emotion, np.full(count, "EmoGator/eg1"))


def test_bursts_are_read_by_split_under_the_catalogues_names(tmp_path: Path) -> None:
    rows = ["path,corpus,speaker,emotion,split", "a.opus,EmoGator,eg1,amusement,train", "b.opus,EmoGator,eg2,awe,dev",
            "c.opus,nEMO,AB,anger,train"]  # fmt: skip
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "labels.csv").write_text("\n".join(rows))
    assert [(one.emotion, one.speaker) for one in burst_recordings(tmp_path / "voices", "train")] == [
        ("amused", "EmoGator/eg1")
    ]
    assert [one.emotion for one in burst_recordings(tmp_path / "voices", "dev")] == ["awe"]
    assert set(CATALOGUE_NAMES.values()) <= set(EMOTIONS)
    with pytest.raises(DataError, match="vocal bursts"):
        load_bursts(tmp_path / "elsewhere")


def test_the_head_tells_new_bursts_apart_and_comes_back_from_its_folder(tmp_path: Path) -> None:
    head = train_burst_head(records(40, 0), BurstTraining(iterations=20))
    others = records(40, 1)
    shares = head.shares(others.statistics[:, 0])
    assert (np.array(head.names)[shares.argmax(1)] == others.emotion).mean() > 0.9
    head.save(tmp_path)
    np.testing.assert_array_equal(BurstHead.load(tmp_path).shares(others.statistics[:, 0]), shares)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(AssetError, match="vocal bursts"):
        BurstHead.load(tmp_path)


def test_a_short_sound_without_words_is_a_burst() -> None:
    times = np.arange(24_000) / 16_000
    cry = sum(0.1 * np.sin(2 * np.pi * 300 * harmonic * times) / harmonic for harmonic in range(1, 6))
    silent = Transcript((), ())

    def spoken(text: str) -> Transcript:
        return Transcript(tuple(TimedToken(word, 0.1, 0.4) for word in text.split()), ())

    def analysis(said: Transcript | None, repeats: int = 1) -> SpeechAnalysis:
        return SpeechAnalysis(SpeechClip(np.tile(cry, repeats).astype(np.float32), 16_000, said))

    for text in ("", "Oh!", "Mm-hmm.", "hahaha", "Heh heh heh", "Wow", "Ah", "Huh?", "Ha ha.", "La la la."):
        assert is_burst(analysis(spoken(text))), text
    for text in ("no", "Oh, no.", "he", "a", "me", "How", "hello", "ham"):
        assert not is_burst(analysis(spoken(text))), text
    assert not is_burst(analysis(None)) and not is_burst(analysis(silent, 4))
    code = burst_code(analysis(silent))
    assert code.source.startswith("vocal burst: ") and code.strength.tolist() == [1.0]
    assert set(burst_head().names) <= set(EMOTIONS)
