"""The offline voice, the recogniser, the aligner and the prosody, each on sound made here."""

from __future__ import annotations

import itertools

import numpy as np
import onnxruntime
import pytest

from talker.errors import AssetError, InputError
from talker.speech import kokoro, phones, prosody, recogniser, voice
from talker.speech.pronunciation import phones_of_letters, split_words
from talker.types import SpeechClip, TimedToken, Transcript
from talker.weights import store

SENTENCE = "My people believe you would love five pies."


@pytest.fixture(scope="module")
def clip() -> SpeechClip:
    return voice.say(SENTENCE)


def test_voice_says_what_it_says(clip: SpeechClip) -> None:
    assert clip.transcript is not None
    assert clip.transcript.text == SENTENCE
    heard = recogniser.transcribe(clip)
    assert set(split_words(SENTENCE)) - set(split_words(heard.text)) <= {"pies", "my"}
    assert heard.confidence > 0.6


def test_voices_phones_agree_with_the_aligner(clip: SpeechClip) -> None:
    aligned = phones.align_text(clip, SENTENCE)
    assert aligned.confidence > 0.5
    theirs = {phone: [t for t in aligned.phones if t.text == phone] for phone in ("P", "B", "M")}
    for phone, tokens in theirs.items():
        own = [token for token in clip.transcript.phones if token.text == phone]  # type: ignore[union-attr]
        assert len(own) == len(tokens)
        for one, other in zip(own, tokens, strict=True):
            assert abs(one.start_s - other.start_s) < 0.07


def test_same_text_and_seed_give_the_same_samples(clip: SpeechClip) -> None:
    assert np.array_equal(voice.say(SENTENCE).samples, clip.samples)
    assert not np.array_equal(voice.say(SENTENCE, seed=1).samples, clip.samples)


def test_slow_speech_is_longer(clip: SpeechClip) -> None:
    assert voice.say(SENTENCE, speed=0.7).duration_s > 1.2 * clip.duration_s


def test_phones_lie_in_order_inside_the_sound(clip: SpeechClip) -> None:
    text = "One two three. " * 3 + "It was " + "really " * 90 + "good, and that, I believe, is all there is to say!"
    long = voice.say(text)
    for spoken in (clip, long):
        tokens = spoken.transcript.phones  # type: ignore[union-attr]
        assert all(token.start_s <= token.end_s for token in tokens)
        assert all(a.end_s <= b.start_s + 1e-6 for a, b in itertools.pairwise(tokens))
        assert tokens[-1].end_s <= spoken.duration_s + 0.05
    assert np.abs(long.samples).max() <= 1.0


@pytest.mark.parametrize("text", ["", "   \n\t ", "!!! … ???", "🙂🙂", "。、", "世界你好", "\x00\x01"])
def test_text_that_cannot_be_spoken_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        voice.say(text)


def test_too_long_text_and_unknown_settings_are_refused() -> None:
    with pytest.raises(InputError, match="20000"):
        voice.say("word " * 5000)
    with pytest.raises(InputError, match="american"):
        voice.say("Hello.", voice="martian")
    with pytest.raises(InputError, match="speed"):
        voice.say("Hello.", speed=9.0)


@pytest.fixture(scope="module")
def kokoro_clip() -> SpeechClip:
    try:
        return voice.say(SENTENCE, voice="george+daniel")
    except AssetError as error:
        pytest.skip(f"the network can't be had here: {error}")


def test_a_mixed_voice_says_what_it_says_at_its_own_times(kokoro_clip: SpeechClip) -> None:
    heard = recogniser.transcribe(kokoro_clip)
    assert set(split_words(SENTENCE)) - set(split_words(heard.text)) <= {"pies", "my"}
    assert kokoro_clip.transcript is not None
    aligned = phones.align_text(kokoro_clip, SENTENCE)
    for phone in ("P", "B", "M"):
        own = [token for token in kokoro_clip.transcript.phones if token.text == phone]
        theirs = [token for token in aligned.phones if token.text == phone]
        assert len(own) == len(theirs)
        assert all(abs(a.end_s - b.end_s) < 0.06 for a, b in zip(own, theirs, strict=True))


def test_the_network_in_steps_gives_the_published_samples() -> None:
    try:
        network = kokoro.network()
    except AssetError as error:
        pytest.skip(f"the network can't be had here: {error}")
    letters = "həlˈO ðˈɛɹ."
    table = kokoro.style_table("af_heart")
    plan = network.plan(letters, table)
    mine = network.sound(network.contours(plan, plan.durations))
    whole = onnxruntime.InferenceSession(store.fetch("kokoro"), providers=["CPUExecutionProvider"])
    tokens = np.array([[0, *(network.vocabulary[letter] for letter in letters), 0]])
    given = {"tokens": tokens, "style": plan.style, "speed": np.ones(1, np.float32)}
    np.testing.assert_allclose(mine, whole.run(None, given)[0], atol=1e-5)


def test_unknown_words_are_aligned() -> None:
    text = "Zyxquorp and Frobnitz met the O'Shaughnessys in 1984."
    aligned = phones.align_text(voice.say(text), text)
    assert aligned.confidence > 0.5
    assert aligned.words[0].text == "Zyxquorp"


def test_wrong_words_are_not_trusted(clip: SpeechClip) -> None:
    wrong = Transcript((TimedToken("Mississippi", 0.2, 1.0), TimedToken("steamboats", 1.0, 2.2)))
    right = phones.align(clip, recogniser.transcribe(clip))
    assert phones.align(clip, wrong).confidence < right.confidence
    noise = SpeechClip(np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32), 16000)
    assert phones.align(noise, wrong).confidence < 0.5


def test_nothing_said_gives_an_empty_transcript() -> None:
    silence = SpeechClip(np.zeros(24000, np.float32), 24000)
    heard = recogniser.transcribe(silence)
    assert heard.words == () and heard.confidence == 0.0
    assert phones.align(silence, heard) == heard


def test_letters_become_arpabet() -> None:
    assert phones_of_letters("həlˈO wˈɜɹld") == ("HH", "AH", "L", "OW", "SIL", "W", "ER", "L", "D")
    assert split_words("Don't stop—it’s 5 o'clock!") == ("don't", "stop", "it's", "5", "o'clock")


def test_pitch_of_a_buzz_is_measured() -> None:
    time = np.arange(24000) / 24000
    for hz in (90.0, 150.0, 240.0, 330.0):
        buzz = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 6)) * 0.1
        measured = prosody.measure(SpeechClip(buzz.astype(np.float32), 24000), rate_hz=50.0)
        middle = measured.pitch_hz[5:-5]
        assert len(measured) == 50
        assert np.abs(middle / hz - 1).max() < 0.04
        assert measured.voicing[5:-5].min() > 0.8


def test_loudness_is_decibels_and_noise_is_unvoiced() -> None:
    noise = np.random.default_rng(1).standard_normal(32000).astype(np.float32) * 0.1
    loud = prosody.measure(SpeechClip(noise, 16000))
    soft = prosody.measure(SpeechClip(noise * 0.1, 16000))
    np.testing.assert_allclose(loud.loudness_db[2:-2] - soft.loudness_db[2:-2], 20.0, atol=0.01)
    assert (loud.pitch_hz == 0).mean() > 0.9
    silent = prosody.measure(SpeechClip(np.zeros(8000, np.float32), 16000))
    assert (silent.loudness == 0).all() and (silent.pitch_hz == 0).all()
