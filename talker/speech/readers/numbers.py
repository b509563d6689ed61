"""Numbers, percentages and money as words, for the languages that this project reads by its own rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER = re.compile(
    r"(?P<sign>[€$£])?\s?(?P<whole>\d{1,3}(?:[. \u202f]\d{3})+|\d+)(?:,(?P<part>\d+))?\s?(?P<unit>[%€$£])?"
)


@dataclass(frozen=True)
class NumberWords:
    """How a language counts. small: 0 to as far as its words are irregular (the table's end). tens: 0 to 90.

    hundreds: 0 to 900. joiners: between tens and ones, and between hundreds and the rest. thousand, million: (one,
    several). point: the decimal comma. units: sign -> word.
    """

    small: tuple[str, ...]
    tens: tuple[str, ...]
    hundreds: tuple[str, ...]
    joiners: tuple[str, str]
    thousand: tuple[str, str]
    million: tuple[str, str]
    point: str
    units: dict[str, str]


def _row(words: str) -> tuple[str, ...]:
    return tuple(words.replace("·", "").split(" "))


LANGUAGES: dict[str, NumberWords] = {
    "es": NumberWords(
        _row(
            "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
            "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro "
            "veinticinco veintiséis veintisiete veintiocho veintinueve"
        ),
        _row("· diez veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa"),
        _row(
            "· ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
        ),
        (" y ", " "),
        ("mil", "mil"),
        ("un millón", "millones"),
        "coma",
        {"%": "por ciento", "€": "euros", "$": "dólares", "£": "libras"},
    ),
    "it": NumberWords(
        _row(
            "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici "
            "quindici sedici diciassette diciotto diciannove"
        ),
        _row("· dieci venti trenta quaranta cinquanta sessanta settanta ottanta novanta"),
        _row("· cento duecento trecento quattrocento cinquecento seicento settecento ottocento novecento"),
        (" ", " "),
        ("mille", "mila"),
        ("un milione", "milioni"),
        "virgola",
        {"%": "per cento", "€": "euro", "$": "dollari", "£": "sterline"},
    ),
    "pt": NumberWords(
        _row(
            "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis "
            "dezessete dezoito dezenove"
        ),
        _row("· dez vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"),
        _row("· cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos"),
        (" e ", " e "),
        ("mil", "mil"),
        ("um milhão", "milhões"),
        "vírgula",
        {"%": "por cento", "€": "euros", "$": "dólares", "£": "libras"},
    ),
    "fr": NumberWords(
        _row(
            "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
            "dix-sept dix-huit dix-neuf"
        ),
        _row("· dix vingt trente quarante cinquante soixante soixante quatre-vingts quatre-vingt"),
        _row("· cent deux-cents trois-cents quatre-cents cinq-cents six-cents sept-cents huit-cents neuf-cents"),
        (" ", " "),
        ("mille", "mille"),
        ("un million", "millions"),
        "virgule",
        {"%": "pour cent", "€": "euros", "$": "dollars", "£": "livres"},
    ),
    "hi": NumberWords(
        _row(
            "शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस "
            "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस तैंतीस चौंतीस "
            "पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस "
            "सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ साठ इकसठ "
            "बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर "
            "छिहत्तर सतहत्तर अठहत्तर उन्यासी अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी "
            "नवासी नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे"
        ),
        (),
        tuple(f"{word} सौ" for word in _row("· एक दो तीन चार पाँच छह सात आठ नौ")),
        (" ", " "),
        ("एक हज़ार", "हज़ार"),
        ("दस लाख", "मिलियन"),
        "दशमलव",
        {"%": "प्रतिशत", "€": "यूरो", "$": "डॉलर", "£": "पाउंड"},
    ),
}
LARGEST = 999_999_999


def spell_numbers(text: str, code: str) -> str:
    """The text with its numbers in words; what is larger than a billion is read digit by digit."""
    words = LANGUAGES[code]

    def spelled(match: re.Match[str]) -> str:
        whole = re.sub(r"\D", "", match["whole"])
        number = cardinal(int(whole), code) if int(whole) <= LARGEST else " ".join(words.small[int(d)] for d in whole)
        if match["part"]:
            number += f" {words.point} " + " ".join(words.small[int(digit)] for digit in match["part"])
        unit = words.units.get(match["unit"] or match["sign"] or "", "")
        return f" {number} {unit} "

    return re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s+", " ", NUMBER.sub(spelled, text))).strip()


def cardinal(number: int, code: str) -> str:
    """A whole number from 0 to 999,999,999 in words."""
    words = LANGUAGES[code]
    parts = []
    millions, rest = divmod(number, 1_000_000)
    if millions:
        parts.append(words.million[0] if millions == 1 else f"{_below_1000(millions, code)} {words.million[1]}")
    thousands, rest = divmod(rest, 1000)
    if thousands:
        parts.append(words.thousand[0] if thousands == 1 else f"{_below_1000(thousands, code)} {words.thousand[1]}")
    if rest or not parts:
        parts.append(_below_1000(rest, code))
    return " ".join(parts)


def _below_1000(number: int, code: str) -> str:
    words = LANGUAGES[code]
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_100(rest, code)
    if not rest:
        return {"ciento": "cien", "cento": "cem" if code == "pt" else "cento"}.get(
            words.hundreds[hundreds], words.hundreds[hundreds]
        )
    return words.hundreds[hundreds] + words.joiners[1] + _below_100(rest, code)


def _below_100(number: int, code: str) -> str:
    words = LANGUAGES[code]
    if number < len(words.small):
        return words.small[number]
    tens, ones = divmod(number, 10)
    if code == "fr" and tens in (7, 9):  # soixante-dix, quatre-vingt-dix
        return f"{words.tens[tens]} {'et ' if number == 71 else ''}{words.small[10 + ones]}"
    if not ones:
        return words.tens[tens]
    joiner = " et " if code == "fr" and ones == 1 and tens != 8 else words.joiners[0]
    ten = words.tens[tens]
    if code == "it" and ones in (1, 8):
        ten = ten[:-1]
    return (
        f"{ten.rstrip('s') if code == 'fr' and tens == 8 else ten}{'' if code == 'it' else joiner}{words.small[ones]}"
    )
