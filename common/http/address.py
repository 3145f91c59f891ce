"""The client's network address."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

_LONGEST = 64
# Some proxies add the port of the client, which is another one for each connection.
_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?")


def client_address(request: HttpRequest) -> str:
    """Return the client's address, by which limits are counted: an IPv4 address, or the /64 of an IPv6 address.

    The last `TRUSTED_PROXIES` entries of `X-Forwarded-For` are believed. The client may have written the ones before.
    """
    return _network(_believed(request))


def client_ip(request: HttpRequest) -> str | None:
    """Return the whole address of the client as evidence, or None if it is not known. Limits go by `client_address`."""
    ip = _parse(_believed(request))
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or IPv6Address(ip.packed)  # without the name of an interface
    return str(ip) if ip else None


def _believed(request: HttpRequest) -> str:
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and hops:
        return hops[max(0, len(hops) - trusted)]
    return str(request.META.get("REMOTE_ADDR") or "unknown")


def _network(address: str) -> str:
    ip = _parse(address)
    if ip is None:
        return address[:_LONGEST]
    if not isinstance(ip, IPv6Address):
        return str(ip)
    # A provider gives each subscriber 2**64 addresses.
    return str(ip.ipv4_mapped or ip_network((ip.packed, 64), strict=False))


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    found = _WITH_PORT.fullmatch(address)
    try:
        return ip_address((found[1] or found[2] or "") if found else address)
    except ValueError:
        return None
