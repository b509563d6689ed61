"""Which faces are in the picture, and which of them shall talk."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr
import numpy as np

from talker import Portrait, Talker, TalkerError
from talker.face.landmarks import turned_points
from talker.portrait.notes import attribute_notes
from talker.portrait.outline import outline
from talker.web import texts

MOST_FACES = 6  # that are offered


def look(talker: Talker, picture: str | None, face_index: int) -> tuple[Any, str]:
    """The chosen face outlined, the others as an offer; or the reason why there is none."""
    if picture is None:
        return gr.update(value=None, visible=False), f"<p class='quiet'>{texts.WANTED}</p>"
    try:
        portrait = talker.analyze_portrait(picture, face_index, allow_covered=True)
    except TalkerError as error:
        return gr.update(value=None, visible=False), f"<p class='bad' role='alert'>{html.escape(str(error))}</p>"
    others = [face for index, face in faces(talker, picture, portrait.faces).items() if index != face_index]
    if portrait.faces > 1:
        sentence = texts.FOUND_SEVERAL.format(faces=portrait.faces)
    else:
        sentence = texts.FOUND.format(width=round(portrait.face_width))
    kind = "good"
    if portrait.attributes.mouth_covered:
        kind, sentence = "bad", texts.COVERED
    else:
        sentence = " ".join([sentence, *attribute_notes(portrait)])
    return gr.update(value=outline(portrait, others), visible=True), f"<p class='{kind}'>{sentence}</p>"


def faces(talker: Talker, picture: str, count: int) -> dict[int, Portrait]:
    """The faces that can talk, by their index; none for a picture of one person, whose face needs no choice."""
    found = {}
    for index in range(min(count, MOST_FACES) if count > 1 else 0):
        try:
            found[index] = talker.analyze_portrait(picture, index, allow_covered=True)
        except TalkerError:  # this one is too small, too turned or cut off
            continue
    return found


def face_at(talker: Talker, picture: str, face_index: int, place: tuple[float, float], shown_px: int) -> int:
    """The index of the face nearest to `place` (x, y) in px of a picture shown `shown_px` wide."""
    portrait = talker.analyze_portrait(picture, face_index, allow_covered=True)
    height, width = np.rot90(portrait.image, -portrait.quarter_turns).shape[:2]
    there = turned_points(np.array(place) * width / shown_px, (height, width), portrait.quarter_turns)
    found = faces(talker, picture, portrait.faces) or {face_index: portrait}

    def away(index: int) -> float:
        left, top, right, bottom = found[index].face_box
        return float(abs((left + right) / 2 - there[0]) + abs((top + bottom) / 2 - there[1]))

    return min(found, key=away)
