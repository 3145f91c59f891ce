"""Who may call. A view that names none of these is refused to everybody (`DenyAll` is the default)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from common.domain import errors
from common.domain.caller import Caller, Role

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module through the settings


class DenyAll(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return False


class Anyone(BasePermission):
    """Open: logins, registration, health, documentation."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return True


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        caller_of(request)
        return True


class CustomerRole(BasePermission):
    """A customer, perhaps without a customer record yet."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if caller_of(request).role != Role.CUSTOMER:
            raise errors.CustomersOnly
        return True


class CustomersOnly(CustomerRole):
    """A customer with a customer record."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        super().has_permission(request, view)
        if caller_of(request).customer_id is None:
            raise errors.NoCustomerRecord
        return True


class StaffOnly(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if not caller_of(request).is_staff:
            raise errors.StaffOnly
        return True


class StaffWithPermission(StaffOnly):
    """Staff whose role has the Django permission that the view names."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        super().has_permission(request, view)
        check_role(caller_of(request), view.permission)  # type: ignore[attr-defined]
        return True


class StaffWithActionPermission(StaffOnly):
    """Staff whose role has the Django permission that the view's action needs."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        super().has_permission(request, view)
        action = getattr(view, "action", None)
        # A method without an action is answered 405 by the view.
        if action and view.permission_of(action) not in role_permissions()[caller_of(request).role]:  # type: ignore[attr-defined]
            raise errors.RoleMayNot
        return True


class CustomersOrPermittedStaff(SignedIn):
    """Customers; and staff whose role has the Django permission that the view names for the method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = caller_of(request)
        if caller.is_staff and hasattr(view, str(request.method).lower()):  # else the view answers 405
            needed = view.staff_permissions.get(request.method)  # type: ignore[attr-defined]
            if needed is None:
                raise errors.CustomersOnly
            check_role(caller, needed)
        return True


def check_role(caller: Caller, permission: str) -> None:
    """Raise RoleMayNot for staff whose role lacks `permission`; what customers may is not a matter of roles."""
    if caller.is_staff and permission not in role_permissions()[caller.role]:
        raise errors.RoleMayNot


@cache
def role_permissions() -> Mapping[str, frozenset[str]]:
    """Role -> `app.codename`s, the one table that the setting `ROLE_PERMISSIONS` names."""
    table: Mapping[str, frozenset[str]] = import_string(settings.ROLE_PERMISSIONS)
    return table


def caller_of(request: Request) -> Caller:
    """The authenticated caller of a request; NotAuthenticated where there is none."""
    caller: object = request.user
    if not isinstance(caller, Caller):
        raise exceptions.NotAuthenticated
    return caller
