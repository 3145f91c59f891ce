"""Whoever calls a server: one connection, and whose session it carries."""

from __future__ import annotations

from typing import Any

import requests
from django.test import Client as Browser
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.actions import open_session
from accounts.models import User

SECONDS = 30  # longer than the server waits for anything


class Client:
    """One connection to a server; a thread has its own."""

    def __init__(self, port: int, token: str = "") -> None:
        self.url, self.token = f"http://127.0.0.1:{port}", token
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy stands before the loopback
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def of(cls, port: int, user: User) -> Client:
        """In a session of that user's own."""
        return cls(port, open_session(user=user, now=timezone.now()).access)

    @classmethod
    def in_browser(cls, port: int, user: User) -> Client:
        """With Django's session, as the fleet's pages carry it."""
        browser, client, token = Browser(), cls(port), get_random_string(32)
        browser.force_login(user)
        client.session.cookies.update({"sessionid": browser.cookies["sessionid"].value, "csrftoken": token})
        client.session.headers["X-CSRFToken"] = token
        return client

    @classmethod
    def like(cls, other: Client) -> Client:
        """The same caller on another connection."""
        client = cls(int(other.url.rpartition(":")[2]))
        client.session.headers.update(other.session.headers)
        client.session.cookies.update(other.session.cookies)
        return client

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """The answer, whatever it says; requests' own errors where there is none."""
        return self.session.request(method, self.url + path, json=body, headers=headers, timeout=SECONDS)


def told(answer: requests.Response) -> str:
    """An answer in one line, for a failure."""
    text = " ".join(answer.text[:1500].split())[:400]
    return f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {text}"
