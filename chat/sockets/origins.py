"""Which pages may open a socket: a browser says where its page came from, and nothing else protects a socket."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host


def is_welcome(origin: str | None) -> bool:
    """Whether a page of that origin may. Apps that are no browsers send none and may; their token decides."""
    if origin is None:
        return True
    if origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname or "", parts.port  # which must be a number, too
    except ValueError:
        return False
    host = f"[{host}]" if ":" in host else host
    return parts.scheme in ("http", "https") and validate_host(host, settings.ALLOWED_HOSTS)
