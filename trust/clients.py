"""Whoever calls a server: one connection, and the token he came in with."""

from __future__ import annotations

from typing import Any

import requests

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
    def signed_in(cls, port: int, email: str, password: str) -> Client:
        """With an access token; KeyError where the words are wrong."""
        answer = cls(port).call("POST", "/api/token/", {"email": email, "password": password})
        return cls(port, answer.json()["access"])

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """The answer, whatever it says; requests' own errors where there is none."""
        return self.session.request(method, self.url + path, json=body, headers=headers, timeout=SECONDS)


def told(answer: requests.Response) -> str:
    """An answer in one line, for a failure."""
    return f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text[:300]}"
