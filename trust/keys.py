"""API keys, as a part of the promise that tokens end: where a key works, and that it ends at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from accounts.keys.actions import create_api_key
from accounts.models import ApiKey, User
from testing.servers import Server
from testing.storms import parallel
from trust.calls import Answer, Client
from trust.promises import Tally

STAFFS = ("/api/shop/vehicles/", "/api/shop/repair-orders/", "/api/v1/customers/", "/api/v1/customers/stats/")
# Routes where a key counts as no credentials.
OTHERS = (
    "/api/shop/vehicles/customers/me/vehicles/", "/api/auth/user/", "/api/vehicles/", "/api/v1/customer/dashboard",
    "/api/v1/customers/profile/", "/api/chat/threads/", "/customer/api/repairs/",
)  # fmt: skip
AT_ONCE = 20


def try_keys(server: Server, tally: Tally) -> None:
    """End a key in each way while many requests use it, and try one where it must not work."""
    for name, end in ENDINGS.items():
        row, key = create_api_key(name=name, role="manager", by=None, now=timezone.now())
        for path in STAFFS:
            tally.tried((answer := _get(server, key, path)).status == 200, f"before {name}: {path}: {answer}")
        end(row)
        answers = parallel(AT_ONCE, lambda n, sent=key: _get(server, sent, STAFFS[n % len(STAFFS)]))
        refused = [isinstance(answer, Answer) and answer.status in (401, 403) for answer in answers]
        tally.tried(all(refused), f"after {name}: {[str(answer) for answer in answers][:3]}", cases=AT_ONCE)
    _, key = create_api_key(name="works", role="manager", by=None, now=timezone.now())
    for path in OTHERS:
        tally.tried((answer := _get(server, key, path)).status in (302, 401), f"a key at {path}: {answer}")
    made = Client(server.port, headers={"Authorization": f"Api-Key {key}"}).send(
        "POST", "/api/shop/api-keys/", {"name": "second", "role": "manager"}
    )
    tally.tried(made.status == 403, f"a key that makes a key: {made}")
    for wrong in (
        key[:-1],
        f"{key}x",
        key.upper(),
        ApiKey.objects.latest("id").key_hash,
        "gk_",
        "' OR 1=1 --",
    ):
        tally.tried((answer := _get(server, wrong, STAFFS[0])).status == 401, f"the key {wrong!r}: {answer}")


def _get(server: Server, key: str, path: str) -> Answer:
    client = Client(server.port, headers={"Authorization": f"Api-Key {key}"})
    try:
        return client.send("GET", path)
    finally:
        client.close()


def _revoke(row: ApiKey) -> None:
    ApiKey.objects.filter(pk=row.pk).update(revoked_at=timezone.now())


def _expire(row: ApiKey) -> None:
    now = timezone.now()
    ApiKey.objects.filter(pk=row.pk).update(created_at=now - timedelta(days=1), expires_at=now)


def _deactivate(row: ApiKey) -> None:
    User.objects.filter(pk=row.user_id).update(is_active=False)


def _move_away(row: ApiKey) -> None:
    ApiKey.objects.filter(pk=row.pk).update(addresses=["192.0.2.0/24"])


ENDINGS: dict[str, Callable[[ApiKey], None]] = {
    "revoked": _revoke,
    "expired": _expire,
    "its user deactivated": _deactivate,
    "another address": _move_away,
}
