"""Django's authentication over the product's check of credentials: for the admin and the session pages."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import BigIntegerField, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.actions import WrongCredentials, check_credentials
from accounts.models import User
from common.http.address import client_address
from common.reads.statements import Param, Statement


class SignInBackend(ModelBackend):
    """`authenticate()` over `check_credentials`. TooManyGuesses passes through and is answered 429."""

    def _get_group_permissions(self, user_obj: User) -> QuerySet[Permission]:
        # A role is the group of its name. Users need no membership in it.
        mine = Group.objects.filter(Q(name=user_obj.role) | Q(user=user_obj))
        return Permission.objects.filter(group__in=mine)

    def get_user(self, user_id: int) -> User | None:
        """Return the active user of a page session, with one compiled query."""
        for row in _user_statement().run({"user": user_id}):
            user = User.from_db(connection.alias, _USER_COLUMNS, row)
            return user if self.user_can_authenticate(user) else None
        return None

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        email = username or kwargs.get("email")
        if not email or password is None or request is None:
            return None
        try:
            return check_credentials(
                email=email, password=password, address=client_address(request), now=timezone.now()
            )
        except WrongCredentials:
            return None


_USER_COLUMNS = [field.attname for field in User._meta.concrete_fields]


@cache
def _user_statement() -> Statement:
    return Statement.compile(User.objects.filter(pk=Param("user", BigIntegerField())), _USER_COLUMNS)
