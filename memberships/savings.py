"""Sums that plan, offers and points took off a customer's completed repair orders (docs/design, D136)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from django.utils import timezone

from common.domain.caller import Caller
from common.domain.days import months_before
from memberships.models import Membership
from memberships.queries import get_active_membership
from memberships.renewals import months_begun
from repair_orders.discounts.models import OrderDiscount
from repair_orders.discounts.rule import DiscountKind
from repair_orders.models import RepairOrderStatus

ZERO = Decimal("0.00")
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Saved:
    """The amount that one discount took off a completed order."""

    order_id: int
    completed_at: datetime
    kind: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class MonthSaved:
    """The savings of a month, and the number of orders. `first` is its first day."""

    first: date
    amount: Decimal
    services: int

    @property
    def month(self) -> str:
        """Return the short name of the month in English, by which the web client finds the present one."""
        return f"{self.first:%b}"

    @property
    def year(self) -> int:
        return self.first.year


@dataclass(frozen=True, slots=True)
class Savings:
    """The savings of a customer, in dollars, and what the memberships of the login cost so far."""

    plan: Decimal
    offers: Decimal
    points: Decimal
    services: int
    months: Sequence[MonthSaved]
    paid: Decimal
    membership: Membership | None

    @property
    def monthly_fee(self) -> Decimal | None:
        return self.membership.plan.price if self.membership else None

    @property
    def saved(self) -> Decimal:
        return self.plan + self.offers + self.points

    @property
    def net(self) -> Decimal:
        return self.saved - self.paid

    @property
    def average(self) -> Decimal:
        return round(self.saved / self.services, 2) if self.services else ZERO


def get_savings(caller: Caller, now: datetime) -> Savings:
    """Return what the caller's account saved, in three queries. Months are those of the project's time zone."""
    rows = OrderDiscount.objects.visible_to(caller).filter(
        amount__gt=0, repair_order__status=RepairOrderStatus.COMPLETED
    )
    columns = ("repair_order_id", "repair_order__completed_at", "kind", "amount")
    saved = [Saved(*row) for row in rows.values_list(*columns)]
    memberships = Membership.objects.filter(user_id=caller.user_id).select_related("plan")
    return Savings(
        plan=_sum(row for row in saved if row.kind == DiscountKind.PLAN),
        offers=_sum(row for row in saved if row.kind == DiscountKind.OFFER),
        points=_sum(row for row in saved if row.kind == DiscountKind.POINTS),
        services=len({row.order_id for row in saved}),
        months=by_month(saved, now, timezone.get_default_timezone()),
        paid=sum((fees_of(membership, now) for membership in memberships), ZERO),
        membership=get_active_membership(caller.user_id, now),
    )


def by_month(saved: Iterable[Saved], now: datetime, zone: tzinfo) -> list[MonthSaved]:
    """Return the last twelve months, the present one last, each with what was saved in it."""
    today = now.astimezone(zone).date()
    found: dict[date, list[Saved]] = {months_before(today, back): [] for back in reversed(range(MONTHS))}
    for row in saved:
        first = row.completed_at.astimezone(zone).date().replace(day=1)
        if first in found:
            found[first].append(row)
    return [
        MonthSaved(first, _sum(rows), len({row.order_id for row in rows})) for first, rows in found.items()
    ]


def fees_of(membership: Membership, now: datetime) -> Decimal:
    """Return the monthly fees of a membership until now, at the present price of its plan. A begun month is whole."""
    ends = [at for at in (membership.cancelled_at, membership.ends_at, now) if at is not None]
    return membership.plan.price * months_begun(membership.started_at, min(ends))


def _sum(rows: Iterable[Saved]) -> Decimal:
    return sum((row.amount for row in rows), ZERO)
