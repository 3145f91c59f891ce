"""Public ids (docs/design, D11): a bigint for joins and some contracts, a time-ordered uuid for the others."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7


def new_uuid() -> UUID:
    """Return a version 7 uuid (RFC 9562). It is ordered by time, so that its index grows at one end."""
    return uuid7()


class Identified(models.Model):
    """A row with both kinds of public id."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=new_uuid, unique=True, editable=False)

    class Meta:
        abstract = True


def format_id(prefix: str, number: int) -> str:
    """Return `ORD123` for `ORD` and 123. A prefixed id is a format of the integer and is not stored."""
    return f"{prefix}{number}"


def parse_id(prefix: str, text: str) -> int | None:
    """Return the integer of `ORD123`, or None for any text that is not such an id."""
    digits = text[len(prefix) :]
    if not text.startswith(prefix) or not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        return None
    number = int(digits)
    return number if 0 < number < 2**63 and digits[0] != "0" else None
