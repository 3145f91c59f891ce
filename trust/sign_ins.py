"""Every sign-in endpoint, and the meaning of its responses."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass

from django.conf import settings

from trust.calls import Answer, Client

CSRF = "c" * 32  # a form is accepted with the token of the cookie
FORGOTTEN = ("/api/auth/forgot-password/", "/customer/password/")


@dataclass(frozen=True)
class SignIn:
    """A URL that takes an email and a password, as JSON or as a form."""

    path: str
    email: str = "email"
    is_page: bool = False

    def send(self, client: Client, email: str, password: str, **headers: str) -> Answer:
        fields = {self.email: email, "password": password}
        if not self.is_page:
            return client.send("POST", self.path, fields, **headers)
        client.cookies = {"csrftoken": CSRF}  # a browser on its first visit
        secure = {"Referer": f"https://localhost{self.path}"}
        return client.send(
            "POST", self.path, {"csrfmiddlewaretoken": CSRF, **fields}, form=True, **headers, **secure
        )

    def is_accepted(self, answer: Answer) -> bool:
        return answer.status == (302 if self.is_page else 200)

    def is_refused(self, answer: Answer) -> bool:
        """Return whether the password was checked and was wrong."""
        return answer.status == (200 if self.is_page else 401)


SIGN_INS = {
    "shop's tokens": SignIn("/api/token/"),
    "member's tokens": SignIn("/api/auth/login/"),
    "care's tokens": SignIn("/auth/login"),
    "crm's tokens": SignIn("/api/v1/auth/login/"),
    "portal's pages": SignIn("/customer/login/", "username", is_page=True),
    "admin": SignIn("/admin/login/", "username", is_page=True),
}


def from_address(address: str) -> dict[str, str]:
    """Return the headers in which a trusted proxy reports the address of the client."""
    return {"X_Forwarded_For": address, "X_Forwarded_Proto": "https", "Host": "localhost"}


def collect_static_files() -> None:
    """Collect static files, whose hashes a page needs with `DEBUG=false` (docs/deploy.md)."""
    (settings.BASE_DIR / "var").mkdir(exist_ok=True)
    with (settings.BASE_DIR / "var/collectstatic.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
            cwd=settings.BASE_DIR, check=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "false",
                 "SECRET_KEY": "collects-static-files-and-signs-nothing-" * 2, "ALLOWED_HOSTS": "localhost"},
        )  # fmt: skip
