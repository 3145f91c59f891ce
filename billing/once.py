"""Forms that move money act once, however often they are sent (docs/design, D95)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from common.domain.errors import DomainError
from common.domain.models import IdempotencyKey

Verb = Callable[..., Any]


class SentBefore(DomainError):
    code = "sent_before"
    title = "Sent before"
    message = "This form was sent before. Look at what it stored before you send it again."


def claim(key: str, *, by: int, now: datetime) -> None:
    """Take the key of a form in the transaction of what the form does. Raises SentBefore for a key that was taken."""
    try:
        with transaction.atomic():
            IdempotencyKey.objects.create(user_id=by, key=f"desk:{key}"[:255], fingerprint="", created_at=now)
    except IntegrityError:
        raise SentBefore from None


def once(verb: Verb) -> Verb:
    """Return the verb of a button whose form has a `key`. It acts once for each key, in the button's transaction."""

    def act(*row_by_now: Any, key: str = "", **answers: Any) -> Any:
        by, now = row_by_now[1:] if row_by_now else (answers["by"], answers["now"])
        if key:
            claim(key, by=by, now=now)
        return verb(*row_by_now, **answers)

    return act
