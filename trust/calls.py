"""A client of a server on `http.client`: one persistent connection and full control of the headers."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

_HIDDEN = re.compile(r'<input type="hidden" name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    def __str__(self) -> str:
        return f"{self.status} {self.headers.get('location', '')} {self.text[:300]}"


@dataclass
class Client:
    """A caller of a server, with an optional token and cookies. Threads can share it."""

    port: int
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # sent with each request
    cookies: dict[str, str] = field(default_factory=dict)
    _lines: threading.local = field(default_factory=threading.local, repr=False)

    def send(self, method: str, path: str, body: Any = None, *, form: bool = False, **headers: str) -> Answer:
        """Send a request and return the response. The body is JSON or form fields. Header names have `_` for `-`."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content: bytes | None = None
        if form:
            content = urlencode(body or {}, doseq=True).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return self._exchange(method.upper(), path, content, sent)

    def _exchange(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Answer:
        for last in (False, True):
            line: HTTPConnection | None = getattr(self._lines, "line", None)
            if line is None:
                line = self._lines.line = HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                line.request(method, path, content, headers)
                response = line.getresponse()
                text = response.read().decode(errors="replace")
                break
            except (HTTPException, ConnectionError):
                self.close()
                if last:
                    raise
        for cookie in response.headers.get_all("set-cookie", []):
            for name, morsel in SimpleCookie(cookie).items():
                self.cookies[name] = morsel.value
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)

    def close(self) -> None:
        line = getattr(self._lines, "line", None)
        if line is not None:
            line.close()
            self._lines.line = None

    def post_form(self, path: str, **fields: Any) -> Answer:
        """Post a form with the CSRF token of its page."""
        found = _HIDDEN.search(self.send("GET", path).text)
        return self.send(
            "POST",
            path,
            {"csrfmiddlewaretoken": found[1] if found else self.cookies.get("csrftoken", ""), **fields},
            form=True,
            Referer=f"{self.headers.get('X-Forwarded-Proto', 'http')}://{self.headers.get('Host', '127.0.0.1')}{path}",
        )

    def sign_in(self, email: str, password: str) -> Client:
        """Sign in with contract 000 and keep the access token."""
        answer = self.send("POST", "/api/token/", {"email": email, "password": password})
        assert answer.status == 200, answer
        self.token = answer.json()["access"]
        return self

    def sign_in_to_pages(self, email: str, password: str, login_page: str = "/customer/login/") -> Client:
        """Sign in on the login page of the portal or the admin and keep the session cookie."""
        answer = self.post_form(login_page, username=email, password=password)
        assert answer.status == 302, answer
        return self
