"""Queries over customers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.utils import timezone

from accounts.models import User
from common.domain.caller import Caller
from common.domain.errors import Forbidden
from common.domain.types import Json
from customers.models import Customer, CustomerUser


class NotYourself(Forbidden):
    """Whether a user is a customer is personal data, which the user and staff may read."""

    code = "not_yourself"
    message = "You can check your own user only."


def find_kept(**key: object) -> Customer | None:
    """Return the customer into which the customer with this key is merged, or None."""
    merged = Customer.objects.filter(**key, merged_into__isnull=False).select_related("merged_into").first()
    return merged.merged_into if merged else None


def get_profile_uuid(*, caller: Caller, user: UUID) -> UUID | None:
    """Return the UUID of the customer that a user acts for, or None. Raises NotYourself."""
    if not caller.is_staff and not User.objects.filter(pk=caller.user_id, uuid=user).exists():
        raise NotYourself
    return CustomerUser.objects.filter(user__uuid=user).values_list("customer__uuid", flat=True).first()


def get_statistics(*, now: datetime) -> Json:
    """Return figures over all customers, including former customers, from one query that reads each row once.

    The month is the calendar month in `TIME_ZONE`. States are counted as stored, without the empty state.
    """
    month = timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    states = list(
        Customer.objects.current()
        .values("state")
        .annotate(
            total=Count("id"),
            verified=Count("id", filter=Q(is_verified=True)),
            business=Count("id", filter=~Q(company_name="")),
            new=Count("id", filter=Q(customer_since__gte=month)),
            services=Sum("total_services"),
        )
        .order_by("state")
    )
    figures = {
        name: sum(row[name] for row in states)
        for name in ("total", "verified", "business", "new", "services")
    }
    return {
        "total_customers": figures["total"],
        "verified_customers": figures["verified"],
        "unverified_customers": figures["total"] - figures["verified"],
        "business_customers": figures["business"],
        "new_this_month": figures["new"],
        "total_services": figures["services"],
        "by_state": {row["state"]: row["total"] for row in states if row["state"]},
    }


def colleagues_of(user_id: int) -> set[int]:
    """Return the ids of the users who act for the user's customer or are its contact. The user is one of them."""
    customers = Customer.objects.filter(Q(logins__user=user_id) | Q(contact=user_id))
    contacts = customers.exclude(contact=None).values_list("contact", flat=True)
    logins = CustomerUser.objects.filter(customer__in=customers.values("pk"))
    return {*contacts, *logins.values_list("user", flat=True)}
