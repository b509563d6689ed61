"""Which voices there are, and how a request such as `george` or `heart=.7,george=.3` becomes one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from talker.errors import InputError

SMALL, KOKORO = "small", "kokoro"
MOST_MIXED = 4


def language_title(code: str) -> str:
    """The English name of a language by its ISO 639-1 code, as far as voices speak it."""
    return next((language.title for language in LANGUAGES.values() if language.code == code), code)


@dataclass(frozen=True)
class Language:
    """A language that voices speak. code: ISO 639-1. region: where it makes a difference, else empty."""

    code: str
    title: str
    region: str = ""


LANGUAGES = {
    "a": Language("en", "American English", "us"),
    "b": Language("en", "British English", "gb"),
    "e": Language("es", "Spanish"),
    "f": Language("fr", "French"),
    "h": Language("hi", "Hindi"),
    "i": Language("it", "Italian"),
    "j": Language("ja", "Japanese"),
    "p": Language("pt", "Brazilian Portuguese", "br"),
    "z": Language("zh", "Mandarin Chinese"),
}


@dataclass(frozen=True)
class Voice:
    """A row of the table of voices.

    name: what users say. code: the published name, such as `bm_george`. engine: `small` speaks without a download,
    `kokoro` sounds better and needs a network of 92 MB.
    """

    name: str
    code: str
    language: Language
    gender: str
    engine: str = KOKORO

    @property
    def title(self) -> str:
        """For people, such as "George (British English, man)"."""
        person = "woman" if self.gender == "f" else "man"
        size = ", small and fast" if self.engine == SMALL else ""
        return f"{self.name.split('-')[0].capitalize()} ({self.language.title}, {person}{size})"


def _named(letters: str, *codes: str) -> list[Voice]:
    """Voices of a language and a gender; a name that is taken in English gets its language."""
    language = LANGUAGES[letters[0]]
    rows = []
    for name in codes:
        taken = letters[0] not in "ab" and name in SHARED_NAMES
        rows.append(Voice(f"{name}-{language.code}" if taken else name, f"{letters}_{name}", language, letters[1]))
    return rows


SHARED_NAMES = ("alex", "alpha", "dora", "santa")  # of several languages' voices
VOICES: dict[str, Voice] = {
    voice.name: voice
    for voice in (
        Voice("american", "heart", LANGUAGES["a"], "f", SMALL),
        *_named("af", "heart", "bella", "nicole", "aoede", "kore", "sarah", "nova", "sky", "alloy", "jessica", "river"),
        *_named("am", "michael", "fenrir", "puck", "echo", "eric", "liam", "onyx", "santa", "adam"),
        *_named("bf", "emma", "isabella", "alice", "lily"),
        *_named("bm", "george", "fable", "lewis", "daniel"),
        *_named("ef", "dora"),
        *_named("em", "alex", "santa"),
        *_named("ff", "siwis"),
        *_named("hf", "alpha", "beta"),
        *_named("hm", "omega", "psi"),
        *_named("if", "sara"),
        *_named("im", "nicola"),
        *_named("jf", "alpha", "gongitsune", "nezumi", "tebukuro"),
        *_named("jm", "kumo"),
        *_named("pf", "dora"),
        *_named("pm", "alex", "santa"),
        *_named("zf", "xiaobei", "xiaoni", "xiaoxiao", "xiaoyi"),
        *_named("zm", "yunjian", "yunxi", "yunxia", "yunyang"),
    )
}
ALIASES = {"british": "emma"}
_BY_CODE = {voice.code: voice for voice in VOICES.values() if voice.engine == KOKORO}


@dataclass(frozen=True)
class VoiceMix:
    """One voice, or several that sound as one. shares: sum 1, one for each voice; the first is the strongest."""

    voices: tuple[Voice, ...]
    shares: tuple[float, ...]

    @property
    def language(self) -> Language:
        """What is spoken: the strongest voice's language."""
        return self.voices[0].language

    @property
    def engine(self) -> str:
        """What speaks."""
        return self.voices[0].engine

    @property
    def weights(self) -> tuple[str, ...]:
        """What has to be fetched before it speaks, by the names of `talker.weights.store`."""
        return ("kokoro",) if self.engine == KOKORO else ()


def find_voice(request: str) -> VoiceMix:
    """The voice of a name (`george`, `bm_george`), or a mixture (`heart+george`, `heart=.7,george=.3`).

    Raises InputError for unknown names, shares that are not positive, and mixtures of what can't be mixed.
    """
    parts: list[tuple[Voice, float]] = []
    for part in request.replace("+", ",").split(","):
        name, _, share = part.partition("=")
        known = ALIASES.get(name.strip().lower(), name.strip().lower())
        voice = VOICES.get(known) or _BY_CODE.get(known)
        if voice is None:
            raise InputError(
                f"There is no voice called {name.strip()!r}; there are {', '.join(VOICES)}. Mix two with heart+george."
            )
        parts.append((voice, _share(share or "1", request)))
    if len(parts) > 1 and any(voice.engine == SMALL for voice, _ in parts):
        raise InputError("The small voice american can't be mixed; mix two others, such as heart+george.")
    if len(parts) > MOST_MIXED:
        raise InputError(f"At most {MOST_MIXED} voices can be mixed, not {len(parts)}.")
    parts.sort(key=lambda row: -row[1])
    total = sum(share for _, share in parts)
    return VoiceMix(tuple(voice for voice, _ in parts), tuple(share / total for _, share in parts))


def _share(text: str, request: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share < math.inf:
        raise InputError(f"{text!r} in {request!r} is not a share of a voice; write for example heart=.7,george=.3.")
    return share
