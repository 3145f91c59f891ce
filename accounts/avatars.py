"""The URL of a user's avatar."""

from __future__ import annotations

from urllib.parse import urlencode

from accounts.names import full_name

AVATAR_URL = "https://api.dicebear.com/7.x/avataaars/svg"


def avatar_url(own: str, first: str, last: str) -> str:
    """Return the user's own avatar, or one generated from their name as contract 002 prints it (`seed=AliJawad`)."""
    return own or f"{AVATAR_URL}?{urlencode({'seed': ''.join(full_name(first, last).split())})}"
