"""A client of a server on `requests`: one connection and the session of a user."""

from __future__ import annotations

from typing import Any

import requests
from django.test import Client as Browser
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.actions import open_session
from accounts.models import User

SECONDS = 30  # longer than any timeout of the server


class Client:
    """A connection to a server. Each thread needs its own."""

    def __init__(self, port: int, token: str = "") -> None:
        self.url, self.token = f"http://127.0.0.1:{port}", token
        self.session = requests.Session()
        self.session.trust_env = False  # ignore the proxies of the environment
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def of(cls, port: int, user: User) -> Client:
        """Return a client with an access token of a new session of the user."""
        return cls(port, open_session(user=user, now=timezone.now()).access)

    @classmethod
    def in_browser(cls, port: int, user: User) -> Client:
        """Return a client with a Django session, like a browser on the fleet's pages."""
        browser, client, token = Browser(), cls(port), get_random_string(32)
        browser.force_login(user)
        client.session.cookies.update({"sessionid": browser.cookies["sessionid"].value, "csrftoken": token})
        client.session.headers["X-CSRFToken"] = token
        return client

    @classmethod
    def like(cls, other: Client) -> Client:
        """Return a client with the same credentials on another connection."""
        client = cls(int(other.url.rpartition(":")[2]))
        client.session.headers.update(other.session.headers)
        client.session.cookies.update(other.session.cookies)
        return client

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Return the response of any status. Raise an error of requests if there is none."""
        return self.session.request(method, self.url + path, json=body, headers=headers, timeout=SECONDS)


def describe(answer: requests.Response) -> str:
    """Return a response as one line of a failure message."""
    text = " ".join(answer.text[:1500].split())[:400]
    return f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {text}"
