"""Other languages than English: how words become phoneme letters."""

from __future__ import annotations

import pytest

from talker.errors import AssetError, InputError
from talker.speech.kokoro import voice_config
from talker.speech.readers.hindi import hindi_letters
from talker.speech.readers.japanese import kana_letters
from talker.speech.readers.numbers import cardinal, spell_numbers
from talker.speech.readers.spelling import word_letters
from talker.speech.readers.words import split_sentences
from talker.speech.voice import read_script
from talker.speech.voices import VOICES


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "es",
            {
                "hola": "ˈola",
                "queso": "kˈeso",
                "pingüino": "piŋɡwˈino",
                "ciudad": "θjuðˈað",
                "rápido": "rˈapiðo",
                "perro": "pˈero",
                "pero": "pˈeɾo",
                "llamo": "ʎˈamo",
                "vivo": "bˈiβo",
                "de": "de",
                "mayo": "mˈaʝo",
            },
        ),
        (
            "it",
            {
                "gnocchi": "ɲˈokːi",
                "città": "ʧitːˈa",
                "perché": "perkˈe",
                "ciao": "ʧˈao",
                "famiglia": "famˈiʎa",
                "telefono": "telˈefono",
                "amico": "amˈiko",
                "essere": "ˈesːere",
                "scena": "ʃˈena",
                "l'amico": "lamˈiko",
            },
        ),
        (
            "pt",
            {
                "bom": "bˈo\u0303",
                "dia": "ʤˈiɐ",
                "não": "nˈɐ\u0303ʊ\u0303",
                "grande": "ɡɾˈɐ\u0303ʤi",
                "carro": "kˈaxʊ",
                "casa": "kˈazɐ",
                "falam": "fˈalɐ\u0303ʊ\u0303",
                "brasil": "bɾazˈiw",
                "coração": "koɾasˈɐ\u0303ʊ\u0303",
            },
        ),
    ],
)
def test_spelling_becomes_letters(code: str, words: dict[str, str]) -> None:
    assert {word: word_letters(word, code) for word in words} == words


def test_hindi_leaves_out_the_vowels_that_are_not_spoken() -> None:
    words = {"नमस्ते": "nəməstˈeː", "लड़का": "ləɽkˈaː", "राम": "rˈaːm", "है": "hˈɛː", "हिंदी": "hɪndˈiː", "में": "mˈeː\u0303"}
    assert {word: hindi_letters(word) for word in words} == words


def test_kana_becomes_letters() -> None:
    words = {"トーキョー": "toːkʲoː", "ガッコー": "ɡaʔkoː", "シンブン": "ɕimbɯɴ", "ツヅク": "ʦɨzɨkɯ", "ジャ": "ʥa"}
    assert {word: kana_letters(word) for word in words} == words


def test_numbers_are_spelled_out() -> None:
    assert spell_numbers("Son 1.234,5 y 20 %.", "es") == (
        "Son mil doscientos treinta y cuatro coma cinco y veinte por ciento."
    )
    assert cardinal(71, "fr") == "soixante et onze" and cardinal(93, "fr") == "quatre-vingt treize"
    assert (
        cardinal(28, "it") == "ventotto"
        and cardinal(100, "es") == "cien"
        and cardinal(121, "pt") == "cento e vinte e um"
    )
    assert cardinal(99, "hi") == "निन्यानवे" and cardinal(2_000_001, "it") == "due milioni uno"


def test_sentences_end_where_they_end() -> None:
    assert split_sentences("¿Qué? Son 3.5 km. ok... ¡Sí! «Ya.» Fin") == [
        "¿Qué?", "Son 3.5 km. ok...", "¡Sí!", "«Ya.»", "Fin",
    ]  # fmt: skip
    assert split_sentences("你好。今天天气很好！") == ["你好。", "今天天气很好！"]


SAMPLES = {
    "es": "¿Cómo estás? Muy bien, gracias: 3 días.",
    "it": "Gli zii vivono lì da 40 anni.",
    "hi": "आप कैसे हैं? ठीक, 25 दिन।",
    "pt": "As crianças brincam lá há 7 dias.",
    "fr": "Les enfants n'ont pas 71 ans.",
    "ja": "今日は良い天気です。",
    "zh": "今天天气很好，有25人。",
}


@pytest.mark.parametrize("code", SAMPLES)
def test_every_language_is_read_in_letters_that_its_voices_know(code: str) -> None:
    voice = next(voice.name for voice in VOICES.values() if voice.language.code == code)
    try:
        script = read_script(SAMPLES[code], voice)
    except AssetError as error:  # a package that only this language needs
        assert "pip install" in str(error)
        return
    letters = {letter for piece in script.pieces for word in piece for letter in word.letters}
    assert letters <= set(voice_config()["vocabulary"])
    assert script.left_out == ()
    with pytest.raises(InputError, match="choose a voice of its language"):
        read_script("Привет", voice)
