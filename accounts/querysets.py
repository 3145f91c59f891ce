"""QuerySets of sessions, changes of email and referrals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.models.sql.compiler import SQLCompiler

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FullName(models.Func):
    """First and last name separated by a space. An index of the first migration is over it."""

    template, arg_joiner = "(%(expressions)s)", " || ' ' || "
    output_field = models.TextField()

    def __init__(self) -> None:
        super().__init__("first_name", "last_name")


class SignificantDigits(models.Func):
    """The last ten digits of the phone, without the separators and the words that `accounts.phones` allows.

    The separators are part of the SQL, as in `FullName`.
    """

    SEPARATORS = "+()-./ ,;#extnsioEXTNSIO"  # also the letters of `ext.` and `extension`
    template = f"RIGHT(TRANSLATE(%(expressions)s, '{SEPARATORS}', ''), 10)"
    output_field = models.TextField()

    def __init__(self) -> None:
        super().__init__("phone")

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, Any]:
        digits = "%(expressions)s"
        for separator in self.SEPARATORS:
            digits = f"REPLACE({digits}, '{separator}', '')"
        return self.as_sql(compiler, connection, template=f"SUBSTR({digits}, -10)", **extra_context)


class SessionQuerySet(models.QuerySet[Row]):
    def living(self) -> Self:
        """Return the sessions that have not ended and whose user is active."""
        return self.filter(ended_at=None, user__is_active=True)

    def end(self, *, now: datetime) -> int:
        """End the open sessions and return their number."""
        return self.filter(ended_at=None).update(ended_at=now)


class EmailChangeQuerySet(models.QuerySet[Row]):
    def undoable(self) -> Self:
        """Return the changes that the last confirmed address may still undo."""
        return self.filter(undone_at=None, undo_email__isnull=False, expires_at__gt=Now())

    def reserves(self, emails: Iterable[str | None], *, but: int | None = None) -> bool:
        """Return whether an undo may still restore one of the emails, to a user other than `but`."""
        given = [email for email in emails if email]
        return bool(given) and self.undoable().filter(undo_email__in=given).exclude(user=but or 0).exists()


class ReferralQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every referral for staff, and their own referrals for a customer."""
        return self if caller.is_staff else self.filter(referrer_id=caller.user_id)

    def in_order(self) -> Self:
        """Order by creation, newest first."""
        return self.order_by("-created_at", "-id")
