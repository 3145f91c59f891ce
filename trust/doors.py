"""Every door at which a password is asked for, and what its answer means."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass

from django.conf import settings

from trust.calls import Answer, Client

FORGERY = "c" * 32  # a form may be sent with the token that stands in the cookie
FORGOTTEN = ("/api/auth/forgot-password/", "/customer/password/")


@dataclass(frozen=True)
class Door:
    """An address that takes an email and a password, as JSON or as a page's form."""

    path: str
    email: str = "email"
    is_page: bool = False

    def knock(self, client: Client, email: str, password: str, **headers: str) -> Answer:
        fields = {self.email: email, "password": password}
        if not self.is_page:
            return client.send("POST", self.path, fields, **headers)
        client.cookies = {"csrftoken": FORGERY}  # a browser that was never here
        secure = {"Referer": f"https://localhost{self.path}"}
        return client.send(
            "POST", self.path, {"csrfmiddlewaretoken": FORGERY, **fields}, form=True, **headers, **secure
        )

    def let_in(self, answer: Answer) -> bool:
        return answer.status == (302 if self.is_page else 200)

    def refused(self, answer: Answer) -> bool:
        """The password was looked at, and was wrong."""
        return answer.status == (200 if self.is_page else 401)


DOORS = {
    "shop's tokens": Door("/api/token/"),
    "member's tokens": Door("/api/auth/login/"),
    "care's tokens": Door("/auth/login"),
    "portal's pages": Door("/customer/login/", "username", is_page=True),
    "admin": Door("/admin/login/", "username", is_page=True),
}


def from_address(address: str) -> dict[str, str]:
    """The headers by which a trusted proxy says where a request comes from."""
    return {"X_Forwarded_For": address, "X_Forwarded_Proto": "https", "Host": "localhost"}


def collect_static_files() -> None:
    """With `DEBUG=false` a page names its static files by their hashes (docs/deploy.md)."""
    (settings.BASE_DIR / "var").mkdir(exist_ok=True)
    with (settings.BASE_DIR / "var/collectstatic.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
            cwd=settings.BASE_DIR, check=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "false",
                 "SECRET_KEY": "collects-static-files-and-signs-nothing-" * 2, "ALLOWED_HOSTS": "localhost"},
        )  # fmt: skip
