"""The caller of a request: the value that decides which rows are visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils.module_loading import import_string


class Role(models.TextChoices):
    """A user's role in the shop. The wire calls it `user_role`."""

    CUSTOMER = "customer"
    TECHNICIAN = "technician"
    ADVISOR = "advisor"
    MANAGER = "manager"
    ADMIN = "admin"


STAFF = frozenset(Role) - {Role.CUSTOMER}


class LoginRole(models.TextChoices):
    """The rights of a login within its customer. The login of a private customer is an owner."""

    OWNER = "owner"  # also invites and removes logins and changes their roles
    APPROVER = "approver"  # also writes: requests, approves and denies
    VIEWER = "viewer"  # reads


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request, read from the database and never from the token's claims.

    `customer_id` is the customer the login may act for, None before there is one, and `login_role` its rights there.
    The name and the session come from the same look-up. Two callers are equal when their roles and ids are.
    """

    is_authenticated: ClassVar[bool] = True  # an attribute that DRF expects of `request.user`

    role: str
    user_id: int
    customer_id: int | None
    customer_name: str = field(default="", compare=False)
    session: UUID | None = field(default=None, compare=False)
    login_role: str = LoginRole.OWNER
    api_key: int | None = field(default=None, compare=False)  # of a machine, which has no session

    @property
    def account(self) -> int:
        """Return `customer_id` to filter by, or 0, which no row has, if there is none."""
        return self.customer_id or 0

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF

    @property
    def is_owner(self) -> bool:
        """Whether the login may manage the logins of its customer."""
        return self.customer_id is not None and self.login_role == LoginRole.OWNER

    @property
    def is_viewer(self) -> bool:
        """Whether the login may only read. Staff never act as a login of a customer."""
        return not self.is_staff and self.customer_id is not None and self.login_role == LoginRole.VIEWER


@cache
def page_caller_loader() -> Callable[[AbstractBaseUser], Caller]:
    """Return the look-up named by `PAGE_CALLER_LOADER`: the user of a Django session -> their caller."""
    loader: Callable[[AbstractBaseUser], Caller] = import_string(settings.PAGE_CALLER_LOADER)
    return loader


@cache
def key_caller_loader() -> Callable[[str, str | None], Caller]:
    """Return the look-up named by `KEY_CALLER_LOADER`: an API key and the IP address that sent it -> its caller."""
    loader: Callable[[str, str | None], Caller] = import_string(settings.KEY_CALLER_LOADER)
    return loader


@cache
def caller_loader() -> Callable[[UUID], Caller | None]:
    """Return the look-up named by `CALLER_LOADER`: the uuid of an open session -> its caller."""
    loader: Callable[[UUID], Caller | None] = import_string(settings.CALLER_LOADER)
    return loader
