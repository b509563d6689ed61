"""The page on limits says what the code holds to."""

import re
from pathlib import Path

from talker import limits

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "limits.md").read_text(encoding="utf-8")
RANGES = {"SOUND_RATES"}


def test_every_limit_is_documented_with_its_value() -> None:
    documented = {
        name: float(value.replace(",", "")) for value, name in re.findall(r"\| ([\d.,]+) \| `(\w+)` \|", PAGE)
    }
    held = {name: value for name, value in vars(limits).items() if name.isupper() and name not in RANGES}
    assert documented == held
