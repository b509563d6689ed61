"""Typed text as it is read: markup, emoji, invisible and foreign characters, drawn-out words, numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from talker.errors import InputError
from talker.media import audio
from talker.motion.articulation import speech_motion
from talker.motion.lips import LipGeometry
from talker.speech import phones, recogniser
from talker.speech.analysis import SpeechAnalysis
from talker.speech.pronunciation import alignable_words
from talker.speech.text_cleaning import clean_text
from talker.speech.voice import read_script
from talker.speech.voices import VOICES, find_voice

FAILING = Path(__file__).parent / "data" / "failing"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("He\u200bllo the\u00adre\ufeff my fri\u2060end.", "Hello there my friend."),
        ("<speak>Hello <b>you</b></speak> &amp; me, 5 < 6", "Hello you & me, 5 < 6"),
        ("# Title\n- **one** and _two_\n[a link](http://a.b/c)", "Title. one and two. a link"),
        ("Well done 👍🏽 🙂 <3 :-)", "Well done"),
        ("See https://www.example.com/x or mail me@site.org.", "See example dot com or mail me at site dot org."),
        ("Really??! No!!!", "Really? No!"),
        ("It is 10:30 (see 8) and 3.5 % of $1,200.", "It is 10:30 (see 8) and 3.5 % of $1,200."),
        ("Louis XIII likes snake_case_names", "Louis XIII likes snake_case_names"),
    ],
)
def test_text_is_cleaned(typed: str, read: str) -> None:
    assert clean_text(typed) == read


def words_of(text: str) -> str:
    return " ".join(word.text for piece in read_script(text).pieces for word in piece)


def test_drawn_out_words_become_the_words_that_are_meant() -> None:
    assert words_of("Nooooo! That is soooo goooood, hmmmm.") == "No! That is so good, hmm."


def test_words_that_the_voice_cannot_say_are_named() -> None:
    script = read_script("Hello 世界, goodbye, Привет!")
    assert script.left_out == ("世界", "Привет")
    assert [word.text for word in script.pieces[0]] == ["Hello", "goodbye,"]
    assert read_script("Café, naïve, Zoë.").left_out == ()


def test_texts_that_failed_are_read() -> None:
    assert clean_text((FAILING / "invisible_characters.txt").read_text("utf-8")) == "Hello there my friend."
    half_foreign = read_script((FAILING / "half_foreign.txt").read_text("utf-8"))
    assert half_foreign.left_out == ("世界",)


def test_numbers_that_were_spoken_move_the_lips() -> None:
    clip = audio.load_speech(FAILING / "numbers_spoken.wav")
    heard = phones.align(clip, recogniser.transcribe(clip))
    said = [phone.text for phone in heard.phones]
    for word in ("P ER S EH N T", "TH AW Z AH N D", "D AA L ER Z"):
        assert word in " ".join(said)
    lips = LipGeometry.load().opening_of(
        speech_motion(SpeechAnalysis(clip.with_transcript(heard)), fps=50.0).blendshapes
    )
    percent = next(phone for phone, name in zip(heard.phones, said, strict=True) if name == "P")
    assert lips[round(percent.start_s * 50) : round(percent.end_s * 50) + 1].min() < 0.1 * lips.max()


def test_numbers_and_signs_are_aligned_as_they_are_read() -> None:
    known: dict[str, str] = {}

    class Words:
        def lookup_word(self, word: str) -> str | None:
            return known.get(word)

        def add_word(self, word: str, phones: str, update: bool = True) -> None:
            known[word] = phones

    (percent,) = alignable_words(Words(), "20%")
    (money,) = alignable_words(Words(), "$1,200.")
    assert known[percent].split()[:2] == ["T", "W"] and "P ER S EH N T" in known[percent]
    assert known[money].startswith("W AH N TH AW Z") and known[money].endswith("D AA L ER Z")
    assert alignable_words(Words(), "—") == ()


def test_voices_are_found_by_name_code_and_mixture() -> None:
    assert find_voice("George").voices == find_voice("bm_george").voices
    mix = find_voice("heart=.25,george=.75")
    assert [voice.name for voice in mix.voices] == ["george", "heart"]
    assert mix.shares == (0.75, 0.25) and mix.language.region == "gb"
    assert find_voice("heart+george").shares == (0.5, 0.5)
    english = [voice for voice in VOICES.values() if voice.language.code == "en" and voice.engine == "kokoro"]
    assert len(english) == 28
    assert {(voice.language.region, voice.gender) for voice in english} == {
        (region, gender) for region in ("us", "gb") for gender in "fm"
    }


@pytest.mark.parametrize("request_", ["martian", "heart=x,george=1", "heart=0", "american+heart", "", "a+b"])
def test_impossible_voices_are_refused(request_: str) -> None:
    with pytest.raises(InputError):
        find_voice(request_)
