"""A server's database seen past the server: what is stored, whatever was answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.utils import ConnectionHandler


@contextmanager
def looking_into(env: dict[str, str]) -> Iterator[None]:
    """Have this thread's ORM read and write the database of that environment (`config.tests.servers.database`)."""
    config: dict[str, Any]
    if env["USE_POSTGRES"] == "true":
        config = {key: value for key, value in settings.POSTGRES.items() if key != "OPTIONS"}
        named = {"NAME": "DB_NAME", "HOST": "DB_HOST", "PORT": "DB_PORT", "USER": "DB_USER"}
        config |= {key: env[name] for key, name in named.items() if name in env}
    else:
        config = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": env["SQLITE_PATH"],
            "OPTIONS": {"timeout": 20},
        }
    kept = connections["default"]
    connections["default"] = ConnectionHandler({"default": config})["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = kept
