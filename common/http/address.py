"""The client's network address."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address.

    The last `TRUSTED_PROXIES` entries of `X-Forwarded-For` are believed. The client may have written the ones before.
    """
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and hops:
        return str(hops[max(0, len(hops) - trusted)])[:64]
    return str(request.META.get("REMOTE_ADDR") or "unknown")
