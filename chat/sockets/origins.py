"""Check a page's origin before it may open a socket. CORS does not apply to WebSockets."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host


def is_allowed(origin: str | None) -> bool:
    """Return whether pages of this origin may open a socket.

    Apps that are no browsers send no origin. They are allowed, because the token is checked later.
    """
    if origin is None:
        return True
    if origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname or "", parts.port  # raises ValueError if the port is not a number
    except ValueError:
        return False
    host = f"[{host}]" if ":" in host else host
    return parts.scheme in ("http", "https") and validate_host(host, settings.ALLOWED_HOSTS)
