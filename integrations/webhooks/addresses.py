"""Where webhooks may be sent: to public addresses alone (docs/design, D150).

A name is looked up when a webhook is saved, and again for each connection, which is made to the address that was
checked. So a name that leads elsewhere the next time changes nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from common.domain.errors import Invalid
from integrations.webhooks.models import LONGEST_URL

_PORTS = {"https": 443, "http": 80}
_VISIBLE = re.compile(r"[\x21-\x7e]+")
# IPv6 addresses that stand for an IPv4 address in their last four bytes (RFC 6052), or after the first two (RFC 3056).
_NAT64 = IPv6Network("64:ff9b::/96")
# What this Python takes for global: relays of 6to4 (RFC 7526), and documentation (RFC 9637).
_SPECIAL = (IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


class AddressRefused(Exception):
    """A name leads to an address that is not public."""


@dataclass(frozen=True)
class Target:
    """A URL, in the parts that a connection needs. `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


@dataclass(frozen=True)
class LookedUpUrl:
    """A URL, and the IP addresses that its host had. None if it is no URL, or if the name was not found."""

    url: str
    addresses: tuple[str, ...]


def target_of(url: str) -> Target:
    """Return the parts of a URL. Raises Invalid if nothing can be sent there."""
    parts, port = _split(url)
    path = parts.path or "/"
    return Target(parts.scheme, parts.hostname or "", port, f"{path}?{parts.query}" if parts.query else path)


def look_up(url: str) -> LookedUpUrl:
    """Return a URL that a webhook is to have, with its addresses. Raises nothing: `check_url` judges it.

    Call it before a transaction begins, because a name server may take 40 s, for which other writers would wait.
    """
    try:
        target = target_of(url)
        return LookedUpUrl(url, tuple(lookup(target.host, target.port)))
    except (Invalid, OSError):
        return LookedUpUrl(url, ())


def check_url(found: LookedUpUrl) -> None:
    """Raise Invalid unless events may be sent to the URL. A name that is not found now may be found later."""
    target = target_of(found.url)
    try:
        _check_public(target, found.addresses)
    except AddressRefused as error:
        raise Invalid(
            f"{error} Webhooks are sent to public addresses alone.{_how_to_test()}", field="url"
        ) from None


def public_addresses(target: Target) -> list[str]:
    """Return the IP addresses of a target. Raises AddressRefused if one is not public, OSError if there are none."""
    found = lookup(target.host, target.port)
    _check_public(target, found)
    return found


def _check_public(target: Target, addresses: Iterable[str]) -> None:
    if settings.WEBHOOKS_TO_PRIVATE_ADDRESSES:
        return
    for address in addresses:
        if not _is_public(ip_address(address)):
            name = target.host if target.host == address else f"{target.host} is {address}, which"
            raise AddressRefused(f"{name} is not public.")


def lookup(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, each once and in the order in which the system would try them."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or too long
        raise OSError(f"{host} is no name of a host") from error
    # A scope, as in fe80::1%eth0, belongs to an address that is not public. Without it the address can be parsed.
    return list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))


def _split(url: str) -> tuple[SplitResult, int]:
    example = "such as https://hooks.example.com/garage"
    if len(url) > LONGEST_URL or not _VISIBLE.fullmatch(url):
        raise Invalid(
            f"Write a URL of at most {LONGEST_URL} ASCII characters without blanks, {example}.", field="url"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid(f"{url} is no URL, {example}.", field="url") from None
    schemes = ("https", "http") if settings.WEBHOOKS_TO_PRIVATE_ADDRESSES else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        raise Invalid(f"Write a URL that begins with https://, {example}.{_how_to_test()}", field="url")
    if parts.username is not None or parts.password is not None or parts.fragment or port == 0:
        raise Invalid("Leave user, password, fragment and port 0 out of the URL.", field="url")
    return parts, port or _PORTS[parts.scheme]


def _how_to_test() -> str:
    """Return how a developer can send webhooks to this machine."""
    return " For tests, start the server with WEBHOOKS_TO_PRIVATE_ADDRESSES=true." if settings.DEBUG else ""


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is None and address in _NAT64:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return _is_public(inner)
        if address.is_site_local:
            return False
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not (address.is_multicast or address.is_reserved or is_special)
