"""How texts are taken apart before any network reads them."""

import json
from pathlib import Path

import pytest

from talker.emotion.catalogue import find_emotion
from talker.emotion.prompts import prompt_bank
from talker.emotion.text import split_mixture, split_stages, strip_intensity, with_emoji_as_words
from talker.emotion.words import EMOJI, INTENSITY, NEGATION_PATTERN, OPPOSITES
from talker.types import EMOTION_LABELS

HELD_OUT = Path(__file__).parents[1] / "talker" / "evaluation" / "prompts_test.json"


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("starts calm, ends in tears", ["calm", "tears"]),
        ("from happy to sad", ["happy", "sad"]),
        ("at first angry, then ashamed, finally relieved", ["angry", "ashamed", "relieved"]),
        ("she begins hopeful -> disappointed", ["hopeful", "disappointed"]),
        ("a bittersweet smile", ["a bittersweet smile"]),
        ("friendly", ["friendly"]),
    ],
)
def test_stage_directions_fall_into_stages(text: str, stages: list[str]) -> None:
    assert split_stages(text) == stages


@pytest.mark.parametrize(
    ("text", "plain", "factor"),
    [
        ("slightly nervous", "nervous", 0.5),
        ("utterly miserable", "miserable", 1.4),
        ("a little bit sad", "bit sad", 0.5),
        ("pretty", "pretty", 1.0),
        ("a little boy who has lost his way", "a little boy who has lost his way", 1.0),
        ("he can hardly breathe", "he can hardly breathe", 1.0),
        ("happy", "happy", 1.0),
    ],
)
def test_intensity_words_change_strength_only(text: str, plain: str, factor: float) -> None:
    assert strip_intensity(text) == (plain, pytest.approx(factor))


def test_mixtures_have_shares_that_sum_to_one() -> None:
    for text in ("happy but nervous", "sad with a hint of hope", "angry, tired and lonely", "calm"):
        parts = split_mixture(text)
        assert sum(share for _, share in parts) == pytest.approx(1.0)
    parts = dict(split_mixture("sad with a hint of hope"))
    assert parts["sad"] > 2 * parts["hope"]
    assert [part for part, _ in split_mixture("angry, tired and lonely")] == ["angry", "tired", "lonely"]
    assert len(split_mixture("understanding")) == 1


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("not happy", "happy"), ("she is not at all afraid", "afraid"), ("without anger", "anger"),
        ("no longer sad", "sad"), ("don't look scared", "scared"), ("isn't angry any more", "angry"),
    ],
)  # fmt: skip
def test_negations_are_found(text: str, denied: str) -> None:
    match = NEGATION_PATTERN.match(text)
    assert match and match["denied"] == denied


@pytest.mark.parametrize("text", ["trying not to laugh", "nothing but joy", "notable pride", "nervous"])
def test_what_only_looks_like_a_negation_is_none(text: str) -> None:
    assert NEGATION_PATTERN.match(text) is None


def test_emoji_become_words() -> None:
    assert with_emoji_as_words("😢") == "sad"
    assert with_emoji_as_words("hello :)") == "hello, happy"
    assert with_emoji_as_words("❤️❤️") == "tender"
    assert with_emoji_as_words("at 10:30 in room D:3") == "at 10:30 in room D:3"


def test_tables_name_feelings_that_exist() -> None:
    assert all(find_emotion(name) for name, _ in OPPOSITES.values()) and set(OPPOSITES) == set(EMOTION_LABELS)
    assert all(0 < factor <= 1.5 for factor in INTENSITY.values())
    phrases = {phrase for texts in prompt_bank().emotions.values() for phrase in texts}
    assert all(find_emotion(words) or words in phrases for words in EMOJI.values())


def test_every_feeling_has_prompts_and_none_is_held_out() -> None:
    bank = prompt_bank()
    assert all(find_emotion(name) for name in (*bank.emotions, *bank.words))
    assert min(len(texts) for texts in bank.emotions.values()) >= 8
    held_out = json.loads(HELD_OUT.read_text())
    tested = {text for texts in held_out["paraphrases"].values() for text in texts} | set(held_out["unseen"])
    assert len(tested) == 260
    taught = {text.lower() for texts in (*bank.emotions.values(), *bank.words.values()) for text in texts}
    assert not tested & taught
