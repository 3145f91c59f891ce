"""One key, one effect. Key, effect and answer are one transaction (DESIGN, decision 17).

The second of two parallel callers waits on the unique index (PostgreSQL) or on the write lock (SQLite) until
the first has committed, and gets the first one's answer; after 5 s it is told that the first is still at work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import orjson
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from common.domain.errors import DomainError, Invalid, Kind
from common.domain.models import IdempotencyKey
from common.http.permissions import caller_of
from common.http.responses import JSONResponse

LIFETIME = timedelta(hours=24)
MAX_KEY_LENGTH = 255
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"  # what is printable; HTTP takes blanks at the ends away
PATIENCE_SECONDS = 5


class KeyReused(DomainError):
    kind = Kind.UNPROCESSABLE
    code = "idempotency_key_reused"
    title = "Idempotency key reused"
    message = "This Idempotency-Key was already used for another request."


class StillAnswering(DomainError):
    code = "idempotency_in_progress"
    title = "Request in progress"
    message = "A request with this Idempotency-Key is still being answered. Try again."


def answer_once(
    handler: Callable[..., JSONResponse], key: str, body: bytes, request: Request, *args: Any, **kwargs: Any
) -> JSONResponse:
    """Run `handler` under the key, or replay what it answered before; `body` as it came in.

    Only 2xx answers are kept; anything else leaves neither effect nor key. Raises Invalid for an unusable key,
    KeyReused when the key came with another request, StillAnswering after 5 s of waiting.
    """
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Invalid(f"Must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.", field="Idempotency-Key")
    now, user_id = timezone.now(), caller_of(request).user_id
    # Keyed: a body may hold a password, and a bare hash of one can be guessed at by whoever reads the table.
    fingerprint = salted_hmac(
        "common.http.idempotency",
        b"\n".join((str(request.method).encode(), request.path.encode(), body)),
        algorithm="sha256",
    ).hexdigest()
    with transaction.atomic():
        with _patience():
            IdempotencyKey.objects.filter(user_id=user_id, created_at__lt=now - LIFETIME).delete()
            row, is_first = _take(user_id=user_id, key=key, fingerprint=fingerprint, created_at=now)
        if not is_first:
            if row.fingerprint != fingerprint:
                raise KeyReused
            return JSONResponse(orjson.loads(row.body) if row.body else None, status=row.status)
        response = handler(request, *args, **kwargs)
        if not 200 <= response.status_code < 300:
            transaction.set_rollback(True)
            return response
        row.status = response.status_code
        row.body = response.content.decode()
        row.save(update_fields=["status", "body"])
        return response


def _take(**values: Any) -> tuple[IdempotencyKey, bool]:
    """The key's row and whether it is ours. On PostgreSQL the insert waits for a parallel one to end."""
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(**values), True
    except IntegrityError:
        return IdempotencyKey.objects.get(user_id=values["user_id"], key=values["key"]), False


@contextmanager
def _patience() -> Iterator[None]:
    """Wait for the first caller at most `PATIENCE_SECONDS`; the effect itself keeps its own patience."""
    if connection.vendor != "postgresql":
        # IMMEDIATE took the write lock before this line: whoever is here is alone.
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'")
        try:
            yield
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == "55P03":  # lock_not_available
                raise StillAnswering from None
            raise
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
