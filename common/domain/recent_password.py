"""Sensitive steps of the pages, which need a password that was entered in the last minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase

RECENT = timedelta(minutes=15)
_KEY = "password_at"


class RecentPasswordNeeded(Exception):
    """The step needs the password again. The request is answered by a page that asks for it."""


def remember_password(session: SessionBase, *, now: datetime) -> None:
    """Note that the session's user has entered their password."""
    session[_KEY] = now.timestamp()


def require_recent_password(session: SessionBase, *, now: datetime) -> None:
    """Raise RecentPasswordNeeded if the user entered their password more than 15 minutes ago."""
    entered = session.get(_KEY)
    # A time of the future is that of a clock that was set back.
    if not isinstance(entered, float) or not 0 <= now.timestamp() - entered < RECENT.total_seconds():
        raise RecentPasswordNeeded
