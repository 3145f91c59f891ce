"""Permissions of views. A view that declares none refuses every request (`DenyAll` is the default)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from common.domain import errors
from common.domain.caller import Caller, Role
from common.http.authentication import CallerRequest

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module through the settings


class _ByView(Protocol):
    permission: str


class _ByAction(Protocol):
    customer_actions: Mapping[str, str]

    def permission_of(self, action: str) -> str: ...


class _ByMethod(Protocol):
    staff_permissions: Mapping[str, str]


STAFF_ROLES = tuple(role for role in Role if role != Role.CUSTOMER)


class Permission(BasePermission):
    """A permission that also tells the schema which roles it allows."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        """Return the roles that may call the view by this method."""
        return list(Role)


class DenyAll(Permission):
    """Refuse every request."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        return []

    def has_permission(self, request: Request, view: APIView) -> bool:
        return False


class Anyone(Permission):
    """Allow every request, with or without a login. A view that reads no login has `AllowAny`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return True


class SignedIn(Permission):
    """Allow every authenticated caller."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller_of(request)
        return True


class CustomerRole(Permission):
    """Allow customers, also those without a customer record."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        return [Role.CUSTOMER]

    def has_permission(self, request: Request, view: APIView) -> bool:
        if caller_of(request).role != Role.CUSTOMER:
            raise errors.CustomersOnly
        return True


class CustomersOnly(CustomerRole):
    """Allow customers with a customer record."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        super().has_permission(request, view)
        if caller_of(request).customer_id is None:
            raise errors.NoCustomerRecord
        return True


class StaffOnly(Permission):
    """Allow staff."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        return list(STAFF_ROLES)

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not caller_of(request).is_staff:
            raise errors.StaffOnly
        return True


class StaffWithPermission(StaffOnly):
    """Allow staff whose role has the Django permission of the view's `permission`."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        return roles_with(cast("_ByView", view).permission)

    def has_permission(self, request: Request, view: APIView) -> bool:
        super().has_permission(request, view)
        check_role(caller_of(request), cast("_ByView", view).permission)
        return True


class StaffWithActionPermission(StaffOnly):
    """Allow staff whose role has the Django permission of the view's action, and customers their own actions."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        resource, action = cast("_ByAction", view), str(getattr(view, "action", ""))
        customers = [Role.CUSTOMER] if action in resource.customer_actions else []
        return customers + roles_with(resource.permission_of(action))

    def has_permission(self, request: Request, view: APIView) -> bool:
        action = getattr(view, "action", None)
        if action in cast("_ByAction", view).customer_actions.values():
            return CustomersOnly().has_permission(request, view)
        super().has_permission(request, view)
        if action:  # the view answers 405 to a method without an action
            check_role(caller_of(request), cast("_ByAction", view).permission_of(action))
        return True


class CustomersOrPermittedStaff(SignedIn):
    """Allow customers, and staff whose role has the Django permission that the view names for the method."""

    @classmethod
    def roles(cls, view: APIView, method: str) -> list[Role]:
        needed = cast("_ByMethod", view).staff_permissions.get(method)
        return [Role.CUSTOMER, *(roles_with(needed) if needed else ())]

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = caller_of(request)
        if caller.is_staff and hasattr(view, str(request.method).lower()):  # else the view answers 405
            needed = cast("_ByMethod", view).staff_permissions.get(str(request.method))
            if needed is None:
                raise errors.CustomersOnly
            check_role(caller, needed)
        return True


def check_write(caller: Caller) -> None:
    """Raise ViewerMayNot for a login that may only read. Every contract, page and socket asks this before a write."""
    if caller.is_viewer:
        raise errors.ViewerMayNot


def check_role(caller: Caller, permission: str) -> None:
    """Raise RoleMayNot for staff whose role lacks `permission`. Customers are not checked here."""
    if caller.is_staff and permission not in role_permissions()[caller.role]:
        raise errors.RoleMayNot


def roles_with(permission: str) -> list[Role]:
    """Return the roles of staff that have a Django permission."""
    return [role for role in STAFF_ROLES if permission in role_permissions()[role]]


@cache
def role_permissions() -> Mapping[str, frozenset[str]]:
    """Return role -> `app.codename`s, the table named by the setting `ROLE_PERMISSIONS`."""
    table: Mapping[str, frozenset[str]] = import_string(settings.ROLE_PERMISSIONS)
    return table


def caller_of(request: Request) -> Caller:
    """Return the caller of a contract's request. Raises NotAuthenticated if there is none."""
    if not isinstance(request, CallerRequest):
        raise exceptions.NotAuthenticated
    return request.caller
