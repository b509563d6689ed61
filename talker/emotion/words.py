"""Words that change an emotion instead of naming one: how strong, not at all, both, first this and then that; emoji."""

from __future__ import annotations

import re

# How much a word beside an emotion changes its strength.
INTENSITY: dict[str, float] = {
    "barely": 0.3, "hardly": 0.3, "faintly": 0.4, "a hint of": 0.4, "a trace of": 0.4, "a touch of": 0.45,
    "slightly": 0.5, "a bit": 0.5, "a little": 0.5, "a tad": 0.5, "mildly": 0.55, "subtly": 0.5, "gently": 0.6,
    "kind of": 0.65, "sort of": 0.65, "somewhat": 0.65, "moderately": 0.7, "half": 0.6, "almost": 0.7, "nearly": 0.75,
    "rather": 0.85, "fairly": 0.85, "quite": 0.9, "pretty": 1.0,
    "really": 1.2, "so": 1.2, "very": 1.25, "truly": 1.2, "deeply": 1.3, "terribly": 1.3, "super": 1.3,
    "completely": 1.3, "totally": 1.35, "profoundly": 1.3, "intensely": 1.4, "extremely": 1.4, "utterly": 1.4,
    "absolutely": 1.4, "incredibly": 1.4, "wildly": 1.4, "insanely": 1.5, "overwhelmingly": 1.5,
}  # fmt: skip
INTENSITY_PATTERN = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, INTENSITY), key=len, reverse=True)) + r")\b(?!\s*$)", re.IGNORECASE
)
# "not happy" is not merely the absence of joy. Label that is denied -> what shows instead, and how strongly.
OPPOSITES: dict[str, tuple[str, float]] = {
    "neutral": ("excited", 0.5), "happy": ("sad", 0.45), "sad": ("content", 0.5), "angry": ("calm", 0.7),
    "surprised": ("bored", 0.5), "fear": ("calm", 0.7), "disgusted": ("content", 0.4), "contempt": ("empathy", 0.4),
}  # fmt: skip
NEGATION_PATTERN = re.compile(
    r"^(?:(?:she|he|they|you|i|it|is|are|am|was|looks?|looking|feels?|feeling|be|being|do|does)\s+|i'm\s+|she's\s+)*"
    r"(?:not|no longer|no|never|without|isn't|aren't|wasn't|don't|doesn't|free of|anything but|far from|un-)\s+"
    r"(?:be\s+|being\s+|look(?:ing)?\s+|feel(?:ing)?\s+|so\s+|very\s+|really\s+|at all\s+|a\s+|any\s+|trace of\s+)*"
    r"(?!to\s)(?P<denied>\S+(?:\s+\S+){0,2}?)(?:\s+(?:at all|any more|anymore))?$",
    re.IGNORECASE,
)
# Between two emotions that show at once; the number is the share of the second.
JOINERS: dict[str, float] = {
    "with a hint of": 0.3, "with a touch of": 0.3, "with a trace of": 0.3, "tinged with": 0.35, "mixed with": 0.5,
    "as well as": 0.5, "and yet": 0.55, "but also": 0.55, "but": 0.55, "yet": 0.55, "though": 0.45, "and": 0.5,
    "plus": 0.5,
}  # fmt: skip
JOINER_PATTERN = re.compile(
    r"\s*(?:,\s*)?\b(" + "|".join(sorted(JOINERS, key=len, reverse=True)) + r")\b\s+|\s*[/+&,;]\s*", re.IGNORECASE
)
# Between an emotion and the one that follows it in time.
SEQUENCE_PATTERN = re.compile(
    r"\s*(?:->|=>|→|[,;]?\s*\b(?:and\s+)?(?:then(?:\s+turns?)?|finally|afterwards|later|before\s+becoming|"
    r"turn(?:s|ing)\s+(?:in)?to|chang(?:es|ing)\s+to|becom(?:es|ing)|grow(?:s|ing)|fad(?:es|ing)\s+(?:in)?to|"
    r"giv(?:es|ing)\s+way\s+to|melt(?:s|ing)\s+into|ends?\s+(?:up\s+)?(?:in|as|with)?|ending\s+(?:in|as|with)?|"
    r"finish(?:es|ing)\s+(?:in|as|with)?|until)\b)\s*",
    re.IGNORECASE,
)
FROM_TO_PATTERN = re.compile(r"^(?:goes\s+|moves\s+|shifts\s+|changes\s+)?from\s+(.+?)\s+to\s+(.+)$", re.IGNORECASE)
OPENING_PATTERN = re.compile(
    r"^(?:(?:she|he|they|it)\s+)?(?:starts?|starting|begins?|beginning|opens?|first|at first|initially)"
    r"(?:\s+(?:out|off))?(?:\s+(?:as|with|in|by being))?\s*,?\s+",
    re.IGNORECASE,
)
EMOJI: dict[str, str] = {
    "😀": "happy", "😃": "happy", "😄": "happy", "😁": "a broad grin of pleasure", "😊": "content", "🙂": "content",
    "😂": "laughing out loud", "🤣": "laughing out loud", "😆": "amused", "😅": "relieved", "🥳": "excited",
    "🤩": "excited", "😍": "romance", "🥰": "tender", "😘": "romance", "❤": "tender", "😎": "confident",
    "😌": "relieved", "😇": "calm", "😏": "mischievous", "😈": "mischievous", "😜": "playful", "😉": "playful",
    "🙃": "sarcasm", "🙄": "contempt", "😒": "annoyed", "😤": "triumphant", "😠": "angry", "😡": "furious",
    "🤬": "furious", "👿": "threatening", "😢": "sad", "😭": "in tears", "😞": "disappointed", "😔": "melancholy",
    "☹": "sad", "🙁": "sad", "😟": "worried", "🥺": "pleading", "😩": "frustrated", "😫": "desperate",
    "😖": "pained", "😣": "pained", "😨": "fear", "😰": "nervous", "😱": "panicked", "😧": "shocked",
    "😮": "surprised", "😯": "surprised", "😲": "surprised", "😳": "embarrassed", "🤯": "shocked", "🤢": "disgusted",
    "🤮": "disgusted", "😴": "tired", "🥱": "bored", "😪": "tired", "😐": "neutral", "😑": "neutral", "😶": "neutral",
    "🤔": "thoughtful", "🤨": "doubtful", "😕": "confused", "😬": "nervous", "🥲": "bittersweet", "😹": "amused",
    "💔": "a broken heart", "👍": "content", "😋": "content", "🤗": "tender", "😓": "worried", "😥": "worried",
    "😦": "worried", "😿": "sad", ":)": "happy", ":-)": "happy", ":(": "sad", ":-(": "sad", ":D": "laughing out loud",
    ";)": "playful", ";-)": "playful", ":'(": "in tears", ":O": "surprised", ":-O": "surprised", ">:(": "angry",
    "XD": "laughing out loud", ":/": "doubtful", ":|": "neutral", "<3": "tender",
}  # fmt: skip
EMOJI_PATTERN = re.compile(
    "|".join(
        (r"(?<!\w)" + re.escape(emoji) + r"(?!\w)") if emoji[0].isascii() else re.escape(emoji)
        for emoji in sorted(EMOJI, key=len, reverse=True)
    )
)
