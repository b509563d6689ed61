"""Who may have a live face: with consent, after the portrait was looked at, and a ticket for the socket in hand."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from talker.journal import as_job
from talker.web import texts
from talker.web.consent import may_animate
from talker.web.examples import EXAMPLES
from talker.web.fairness import Seats, visitor_address
from talker.web.handlers import TALKER
from talker.web.live import live_options
from talker.web.live_socket import LiveSocket, Ticket
from talker.web.session import errors_as_toasts, missing, remember

LIVE = LiveSocket(TALKER, Seats())


@as_job
def admit(
    request: gr.Request, picture: str | None, emotion: str, words: str, strength: float, label: bool, consent: bool
) -> str:
    """The ticket of a live face, whose portrait is looked at and made ready meanwhile; an example's without a picture.

    Args:
        consent: true: this face may be animated.
    """
    if not may_animate(consent, picture):
        raise missing(texts.CONSENT_FIRST)
    remember(request, picture)
    with errors_as_toasts():
        options = live_options(label, strength)
        portrait = TALKER.portrait_for(picture or str(EXAMPLES[0].picture), options)
        wanted = words.strip() or emotion
        TALKER.live(portrait, emotion=wanted, options=options)  # reads and compiles what the first second needs
    return LIVE.ticket(Ticket(portrait, wanted, options, visitor_address(SimpleNamespace(request=request))))
