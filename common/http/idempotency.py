"""Idempotency keys: key, effect and response are written in one transaction (docs/design, D26).

The second of two parallel requests waits on the unique index (PostgreSQL) or on the write lock (SQLite) until the first
has committed, and gets the first one's response. After 5 s it gets 409.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

import orjson
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from common.domain.errors import DomainError, Invalid, Kind
from common.domain.models import IdempotencyKey
from common.http.bodies import JSONResponse
from common.http.permissions import caller_of

MAX_KEY_LENGTH = 255
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"  # printable ASCII. HTTP strips blanks at the ends
MAX_WAIT_SECONDS = 5


class KeyReused(DomainError):
    kind = Kind.UNPROCESSABLE
    code = "idempotency_key_reused"
    title = "Idempotency key reused"
    message = "This Idempotency-Key was already used for another request."


class StillAnswering(DomainError):
    code = "idempotency_in_progress"
    title = "Request in progress"
    message = "A request with this Idempotency-Key is still being answered. Try again."


Handler: TypeAlias = Callable[..., JSONResponse]


def answer_once(
    handler: Handler,
    key: str,
    body: bytes,
    stored_answer: Callable[[bytes], bytes],
    request: Request,
    *args: object,
    **kwargs: object,
) -> JSONResponse:
    """Run `handler` under the key, or return its earlier response. `body` is the raw body, and
    `stored_answer` makes what is stored from the response's body.

    Only 2xx responses are stored. Any other leaves neither effect nor key. Raises Invalid for an unusable key,
    KeyReused if the key came with another request, and StillAnswering after 5 s of waiting.
    """
    with transaction.atomic():
        row, is_first = _row_of(key, body, request)
        if not is_first:
            stored = orjson.loads(row.body) if row.body else None
            return JSONResponse(stored, status=row.status, headers={"Idempotent-Replayed": "true"})
        response = handler(request, *args, **kwargs)
        if not 200 <= response.status_code < 300:
            transaction.set_rollback(True)
            return response
        row.status = response.status_code
        row.body = stored_answer(response.content).decode()
        row.save(update_fields=["status", "body"])
        return response


def run_bound(
    handler: Handler, key: str, body: bytes, request: Request, *args: object, **kwargs: object
) -> JSONResponse:
    """Run `handler` with the key bound to this request, whose parts are answered once each under keys of their own.

    Nothing is stored for a replay. A request that is refused leaves no key. Raises Invalid, KeyReused and
    StillAnswering as `answer_once`.
    """
    with transaction.atomic():
        row, is_first = _row_of(key, body, request)
    try:
        return handler(request, *args, **kwargs)
    except Exception:
        if is_first:
            row.delete()
        raise


def key_of_part(key: str, number: int) -> str:
    """Return the key of a part of a request with this key, which no client can have sent by chance."""
    return f"part-{number}-{sha256(key.encode()).hexdigest()}"


def _row_of(key: str, body: bytes, request: Request) -> tuple[IdempotencyKey, bool]:
    """Return the key's row and whether it is new. Raises Invalid, KeyReused, StillAnswering."""
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Invalid(f"Must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.", field="Idempotency-Key")
    now, user_id = timezone.now(), caller_of(request).user_id
    # A keyed hash, because a body may hold a password, and a reader of the table could guess it from a bare hash.
    fingerprint = salted_hmac(
        "common.http.idempotency",
        b"\n".join((str(request.method).encode(), request.path.encode(), body)),
        algorithm="sha256",
    ).hexdigest()
    with _bounded_wait():
        IdempotencyKey.objects.filter(user_id=user_id, created_at__lt=now - IdempotencyKey.LIFETIME).delete()
        row, is_first = _take(user_id=user_id, key=key, fingerprint=fingerprint, now=now)
    if row.fingerprint != fingerprint:
        raise KeyReused
    return row, is_first


def _take(*, user_id: int, key: str, fingerprint: str, now: datetime) -> tuple[IdempotencyKey, bool]:
    """Return the key's row and whether it is new. On PostgreSQL the insert waits for a parallel one to end."""
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                user_id=user_id, key=key, fingerprint=fingerprint, created_at=now
            )
            return row, True
    except IntegrityError:
        return IdempotencyKey.objects.get(user_id=user_id, key=key), False


@contextmanager
def _bounded_wait() -> Iterator[None]:
    """Wait for a parallel request at most `MAX_WAIT_SECONDS`. The effect itself has no such limit."""
    if connection.vendor != "postgresql":
        # BEGIN IMMEDIATE has taken the write lock already, so there is no parallel request.
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{MAX_WAIT_SECONDS}s'")
        try:
            yield
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == "55P03":  # lock_not_available
                raise StillAnswering from None
            raise
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
