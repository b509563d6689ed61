"""Only requests that are meant for this server are answered: the Host header must be one of its own names.

A page anywhere can let its own name point to 127.0.0.1 and so reach a server on the visitor's machine (DNS rebinding);
its requests then carry that page's name. Numeric addresses need no name and can't be used for this.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "TALKER_HOSTS"  # names beside this machine's own, parted by commas; * stands for all
HOSTED = ("*.hf.space", "*.gradio.live")  # where Spaces and share links are answered
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class OwnHostOnly:
    """ASGI middleware that answers 421 to requests for other hosts."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], names: Iterable[str] = ()) -> None:
        self._app, self._names = app, tuple(names) or own_names()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket") or is_own(_host(scope), self._names):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: answered with 403
            return
        message = f"This server doesn't answer under that name. Its owner can add names to {VARIABLE}.\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(message)).encode())]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": message})


def own_names() -> tuple[str, ...]:
    """This machine's names, those of Spaces, share links and a proxy in front, and what `TALKER_HOSTS` adds."""
    given = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    given += [os.environ.get("SPACE_HOST", ""), urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).hostname or ""]
    return (
        "localhost",
        "*.localhost",
        socket.gethostname().lower(),
        *HOSTED,
        *(name.lower() for name in given if name),
    )


def is_own(host: str, names: Iterable[str]) -> bool:
    """Whether a Host header (with or without a port) is a numeric address or one of `names`."""
    name = host.rsplit(":", 1)[0] if host.rsplit("]", 1)[-1].count(":") == 1 else host
    name = name.strip("[]").lower().rstrip(".")
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return any(wanted in ("*", name) or (wanted[:2] == "*." and name.endswith(wanted[1:])) for wanted in names)


def _host(scope: Scope) -> str:
    """The Host header; of several none counts."""
    found = [value for key, value in scope["headers"] if key == b"host"]
    return found[0].decode("latin-1") if len(found) == 1 else ""
