"""Who asks: the one value that decides which rows may be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string


class Role(models.TextChoices):
    """What somebody is in the shop; the wire calls it `user_role`."""

    CUSTOMER = "customer"
    TECHNICIAN = "technician"
    ADVISOR = "advisor"
    MANAGER = "manager"
    ADMIN = "admin"


STAFF = frozenset(Role) - {Role.CUSTOMER}


@dataclass(frozen=True, slots=True)
class Caller:
    """A request's person, read from the database row and never from the token's claims.

    `customer_id` is the account the login may act for, or None where there is none yet. The name and the
    session ride along from the same look-up; two callers are equal when role and ids are.
    """

    is_authenticated: ClassVar[bool] = True  # what DRF asks of `request.user`

    role: str
    user_id: int
    customer_id: int | None
    customer_name: str = field(default="", compare=False)
    session: UUID | None = field(default=None, compare=False)

    @property
    def account(self) -> int:
        """`customer_id` to filter by; 0, which no row has, where there is none."""
        return self.customer_id or 0

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF


@cache
def page_caller_loader() -> Callable[[Any], Caller]:
    """The look-up named by `PAGE_CALLER_LOADER`: a user of Django's session -> his caller."""
    loader: Callable[[Any], Caller] = import_string(settings.PAGE_CALLER_LOADER)
    return loader


@cache
def caller_loader() -> Callable[[UUID], Caller | None]:
    """The look-up named by `CALLER_LOADER`: a living session's uuid -> its caller."""
    loader: Callable[[UUID], Caller | None] = import_string(settings.CALLER_LOADER)
    return loader
