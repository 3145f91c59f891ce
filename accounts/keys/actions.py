"""Make and revoke API keys (docs/design, D141)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.keys.models import KEY_ROLES, ApiKey
from accounts.models import User
from common.domain import events
from common.domain.errors import DomainError, Invalid

# The permission of each action, at the desk and in the API.
PERMISSIONS = {"create": "accounts.add_apikey", "revoke": "accounts.revoke_apikey"}
MARK = "gk_"  # so that scanners of source code know a leaked key
SHOWN = len(MARK) + 6
MOST_ADDRESSES = 50
_MAPPED_BITS = 96  # before the IPv4 address
MOST_DAYS = 3650  # of the forms that ask for days


class KeyIsRevoked(DomainError):
    code = "api_key_is_revoked"
    title = "The key is revoked"
    message = "This key is already revoked."


def create_api_key(
    *,
    name: str,
    role: str,
    by: int | None,
    now: datetime,
    expires_at: datetime | None = None,
    addresses: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key and the user as whom it acts. Return its row and the key itself, which is stored nowhere.

    `addresses` are IP addresses and networks. Raises Invalid for a name that is empty or too long, a role that no key
    can have, a wrong address and an end that is past.
    """
    if role not in KEY_ROLES:
        raise Invalid(f"A key has one of the roles {', '.join(KEY_ROLES)}.", field="role")
    if expires_at is not None and expires_at <= now:
        raise Invalid("The end must be ahead.", field="expires_at")
    try:
        name = ApiKey._meta.get_field("name").clean(name, None)
    except ValidationError as error:
        raise Invalid(error.messages[0], field="name") from None
    networks = [_network(text, number) for number, text in enumerate(addresses)]
    if len(networks) > MOST_ADDRESSES:
        raise Invalid(f"At most {MOST_ADDRESSES} addresses.", field="addresses")
    key = MARK + secrets.token_urlsafe(32)
    with transaction.atomic():
        user = User.objects.create_user(None, first_name=name, last_name="(API key)", role=role)
        row = ApiKey.objects.create(
            name=name,
            user=user,
            prefix=key[:SHOWN],
            key_hash=hash_of(key),
            addresses=networks,
            created_at=now,
            created_by_id=by,
            expires_at=expires_at,
        )
        events.record("accounts.apikey.created", row, at=now, role=role)
    return row, key


def revoke(*, key: ApiKey, now: datetime) -> ApiKey:
    """End a key at once. Raises KeyIsRevoked."""
    with transaction.atomic():
        row = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
        if row.revoked_at is not None:
            raise KeyIsRevoked
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        events.record("accounts.apikey.revoked", row, at=now)
    return row


def hash_of(key: str) -> str:
    """Return the hash that the row stores. A key has 256 random bits, so that a fast hash is enough."""
    return sha256(key.encode()).hexdigest()


def _network(text: str, number: int) -> str:
    if "%" in text:  # the address of a caller has no interface
        without = re.sub(r"%[^/]*", "", text.strip())
        raise Invalid(
            f"{text!r} names an interface of one machine. Write {without}, without it.",
            field="addresses",
            item=number,
        )
    try:
        return str(_unmapped(ip_network(text.strip(), strict=False)))
    except ValueError:
        raise Invalid(
            f"{text!r} is no IP address or network, such as 192.0.2.7 or 2001:db8::/32.",
            field="addresses",
            item=number,
        ) from None


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return the IPv4 network that is written within IPv6 (`::ffff:192.0.2.0/120`), as callers are compared, or it."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        inner = network.network_address.ipv4_mapped
        if inner is not None:
            return IPv4Network((int(inner), network.prefixlen - _MAPPED_BITS))
    return network
