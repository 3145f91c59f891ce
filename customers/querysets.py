"""QuerySets of customers, invitations and notifications."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self, TypedDict, TypeVar

from django.db import models
from django.db.models import F, Max, OuterRef, Subquery

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class CustomerQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every customer for staff, and the caller's own customer for others."""
        return self if caller.is_staff else self.filter(pk=caller.account)

    def current(self) -> Self:
        """Leave out the customers that are merged into another one."""
        return self.filter(merged_into=None)

    def in_order(self) -> Self:
        """Return the customers in the order of their ids, as another one lists those merged into it."""
        return self.order_by("id")

    def with_contact(self) -> Self:
        """Load the contact, which `name` reads."""
        return self.select_related("contact")

    def with_person(self, path: str) -> Self:
        """Add the uuid, names, email and phone of the user at `path` as annotations."""
        return self.annotate(
            user_uuid=F(f"{path}__uuid"),
            first_name=F(f"{path}__first_name"),
            last_name=F(f"{path}__last_name"),
            email=F(f"{path}__email"),
            phone=F(f"{path}__phone"),
        )

    def of_user(self, caller: Caller, user: object) -> Self:
        """Return the customer that a user acts for. Customers find it by their own user only, not by a colleague's."""
        if caller.is_staff:
            return self.filter(logins__user__uuid=user)
        return self.visible_to(caller).filter(logins__user__uuid=user, logins__user_id=caller.user_id)

    def with_changed_at(self) -> Self:
        """Add `changed_at`, the time of the last row of the customer's history, or null without one."""
        history = self.model.history.model.objects.filter(id=OuterRef("pk")).order_by()  # type: ignore[attr-defined]
        return self.annotate(
            changed_at=Subquery(history.values("id").annotate(last=Max("history_date")).values("last"))
        )

    def at_addresses(self, *, streets: Collection[str], postal_codes: Collection[str]) -> Self:
        """Return the customers with one of these streets and one of these postal codes, with their contacts."""
        return self.prefetch_related("contact").filter(
            contact__isnull=False, street_address__in=streets, postal_code__in=postal_codes
        )


class InvitationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def waiting(self) -> Self:
        """Return the invitations that were neither accepted nor withdrawn. They may have expired."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class NotificationFilters(TypedDict, total=False):
    unread_only: bool


class NotificationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: NotificationFilters) -> Self:
        return self.filter(read=False) if filters.get("unread_only") else self

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")
