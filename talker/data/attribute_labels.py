"""What was seen on the pictures of a data folder by eye: glasses, things before the mouth, drawings.

All pictures of `faces` and `portraits` were looked at on sheets; `attribute_labels.csv` names those that are not a
photograph of a face without glasses and with a free mouth. "unclear" ones teach nothing and are not counted.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNCLEAR = "unclear"


@dataclass(frozen=True)
class AttributeLabel:
    """glasses: none, clear, sunglasses. mouth: free, covered. medium: photograph, drawing. Each may be unclear."""

    glasses: str = "none"
    mouth: str = "free"
    medium: str = "photograph"


@cache
def attribute_labels() -> dict[str, AttributeLabel]:
    """By the picture's name, without its ending; who is not listed has the default label."""
    with open(Path(__file__).with_suffix(".csv"), newline="", encoding="utf-8") as file:
        return {
            row["name"]: AttributeLabel(row["glasses"], row["mouth"], row["medium"]) for row in csv.DictReader(file)
        }


def label_of(name: str) -> AttributeLabel:
    """The label of a picture, by its name without ending."""
    return attribute_labels().get(name, AttributeLabel())
