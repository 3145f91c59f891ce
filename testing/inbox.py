"""A mail server for tests that keeps every mail."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from testing.servers import free_port

_LINK = re.compile(r"(https?://\S+(?:\?token=|/[eirs]/)\S+)")


class Inbox:
    """A mail server on a loopback port. As a context manager it runs until the end of the block.

    `delay` is called for each mail that has come, and its seconds pass before the client is told.
    """

    def __init__(self, delay: Callable[[], float] = lambda: 0.0) -> None:
        self.messages: list[EmailMessage] = []
        self.texts: list[str] = []  # of each mail, all its parts
        self._delay = delay
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.url = f"smtp://127.0.0.1:{self.controller.port}"

    def __enter__(self) -> Inbox:
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # aiosmtpd's
        message = message_from_bytes(envelope.content, policy=policy.default)
        parts = [part for part in message.walk() if not part.is_multipart()]
        self.texts.append("\n".join(str(part.get_content()) for part in parts))
        self.messages.append(message)
        await asyncio.sleep(self._delay())
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in list(self.messages) if message["To"] == address]

    def wait_for(self, number: int, address: str = "", seconds: float = 30) -> bool:
        """Wait until that many mails have come, to one address or to any, and return whether they have."""
        deadline = time.monotonic() + seconds
        while len(self.to(address) if address else self.messages) < number:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True


def link_of(message: EmailMessage) -> str:
    """Return the URL with a token in the text of a mail, or "". Those of papers have it in their path."""
    body = message.get_body(("plain",))
    found = _LINK.search(str(body.get_content())) if body else None
    return found[1] if found else ""
