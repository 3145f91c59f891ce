"""Reads over customers that need more than their rows."""

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
    """Who is a customer here is nobody's business but his and the shop's."""

    code = "not_yourself"
    message = "You can ask about yourself only."


def profile_of(*, caller: Caller, user: UUID) -> UUID | None:
    """The customer that a user acts for, None where there is none. Raises NotYourself."""
    if not caller.is_staff and not User.objects.filter(pk=caller.user_id, uuid=user).exists():
        raise NotYourself
    return CustomerUser.objects.filter(user__uuid=user).values_list("customer__uuid", flat=True).first()


def statistics(*, now: datetime) -> Json:
    """Figures over all customers, former ones included, in one query that reads each row once.

    The month is the calendar's in `TIME_ZONE`; a state is counted as it is written, an empty one is nobody's.
    """
    month = timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    states = list(
        Customer.objects.values("state")
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
