"""Where a request comes from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's address. `X-Forwarded-For` is believed only as far as `TRUSTED_PROXIES` entries from its end;
    what stands before them was written by the client himself."""
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and hops:
        return str(hops[max(0, len(hops) - trusted)])[:64]
    return str(request.META.get("REMOTE_ADDR") or "unknown")
