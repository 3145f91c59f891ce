"""Public ids: a bigint for fast joins and the integer contracts, a time-ordered uuid for the others."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7


def new_uuid() -> UUID:
    """A version 7 uuid (RFC 9562): ordered by time, so that its index grows at one end."""
    return uuid7()


class Identified(models.Model):
    """Every object that leaves the house has both."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=new_uuid, unique=True, editable=False)

    class Meta:
        abstract = True


def format_id(prefix: str, number: int) -> str:
    """`ORD`, 123 -> `ORD123`. A prefixed id is a spelling of the integer, stored nowhere."""
    return f"{prefix}{number}"


def parse_id(prefix: str, text: str) -> int | None:
    """The integer behind `ORD123`, or None for anything that is not one."""
    digits = text[len(prefix) :]
    if not text.startswith(prefix) or not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        return None
    number = int(digits)
    return number if 0 < number < 2**63 and digits[0] != "0" else None
