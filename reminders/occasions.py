"""Find what a person is to be reminded of at a time (docs/design, D139).

Each function answers for a list of ids: customers, or users where the rows belong to a login. It names the present
occasion of each subject alone, so that a person who was not reminded for weeks is reminded once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from common.domain.caller import Caller, Role
from common.domain.days import day_of
from common.domain.units import Units, format_whole
from customers.models import CustomerUser
from memberships.models import Membership
from memberships.renewals import ends_or_renews_at
from reminders.models import ReminderKind
from repair_orders.queries import find_follow_ups
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ServiceSchedule
from vehicles.schedules.querysets import DUE_SOON, OVERDUE

PUT_OFF_DAYS = (30, 90, 180)
PUT_OFF_LAST = PUT_OFF_DAYS[-1] + 30  # older work is not mailed about any more
MEMBERSHIP_DAYS = 7
PARKING_BEFORE = timedelta(minutes=15)

_EVERYBODY = Caller(Role.ADMIN, 0, None)


@dataclass(frozen=True, slots=True)
class Occasion:
    """The present cause to remind of a subject. `user_id` is None where the customer's contact is reminded.

    `ends_at` is the instant after which a reminder is of no use.
    """

    customer_id: int
    user_id: int | None
    subject: str
    cause: str
    vehicle: str
    text: str
    ends_at: datetime | None = None
    due_on: date | None = None
    due_miles: Decimal | None = None

    def text_in(self, units: Units) -> str:
        """Return the text, with the day and the distance at which work is due in parentheses."""
        on = self.due_on and f"{self.due_on:%B} {self.due_on.day}, {self.due_on.year}"
        miles = self.due_miles
        distance = miles is not None and f"{format_whole(miles, units)} {units.distance}"
        limits = " or ".join(part for part in (on, distance) if part)
        return f"{self.text} ({limits})" if limits else self.text

    def line_in(self, units: Units) -> str:
        """Return the vehicle and the text, as the row of the reminder keeps them."""
        return ": ".join(part for part in (self.vehicle, self.text_in(units)) if part)[:500]


def find_service(customers: Collection[int], now: datetime) -> list[Occasion]:
    """Return the regular work that is due soon or overdue. The cause is the service cycle and the state."""
    rows = ServiceSchedule.objects.offered().filter(
        vehicle__customer__in=customers, vehicle__archived_at=None
    )
    due = rows.with_status(now).in_states([OVERDUE, DUE_SOON]).select_related("vehicle", "template")
    return [
        Occasion(
            row.vehicle.customer_id,
            None,
            f"schedule:{row.pk}",
            f"{row.last_on or row.started_on}:{vars(row)['status']}",
            str(row.vehicle),
            f"{row.template.name} {_DUE[vars(row)['status']]}",
            due_on=row.due_on,
            due_miles=row.due_miles,
        )
        for row in due.order_by("vehicle_id", "id")
    ]


_DUE = {OVERDUE: "is overdue", DUE_SOON: "is due soon"}


def find_put_off(customers: Collection[int], now: datetime) -> list[Occasion]:
    """Return the open work that was put off at least 30 days ago. The cause is the longest span that is over."""
    rows = find_follow_ups(_EVERYBODY, now=now).filter(vehicle__customer__in=customers)
    found = []
    for row in rows.select_related("vehicle").order_by("vehicle_id", "id"):
        age = (day_of(now) - day_of(row.created_at)).days
        if PUT_OFF_DAYS[0] <= age < PUT_OFF_LAST:
            days = max(span for span in PUT_OFF_DAYS if span <= age)
            text = f"{row} (put off {days} days ago)"
            subject = f"recommendation:{row.pk}"
            found.append(Occasion(row.vehicle.customer_id, None, subject, str(days), str(row.vehicle), text))
    return found


def find_parking(users: Collection[int], now: datetime) -> list[Occasion]:
    """Return the parking whose paid time ends within 15 minutes. The cause is the end."""
    rows = ParkingSpot.objects.active().filter(
        user__in=users, ends_at__gt=now, ends_at__lte=now + PARKING_BEFORE
    )
    customers = _customers_of(users)
    return [
        Occasion(
            customers[row.user_id],
            row.user_id,
            f"parking:{row.pk}",
            str(row.ends_at),
            str(row.vehicle or ""),
            f"The paid time at {row} ends",
            row.ends_at,
        )
        for row in rows.select_related("vehicle").order_by("id")
        if row.user_id in customers
    ]


def find_membership(users: Collection[int], now: datetime) -> list[Occasion]:
    """Return the memberships that renew or end within 7 days. The cause is the day."""
    rows = Membership.objects.current(now).filter(user__in=users).select_related("plan").order_by("id")
    customers, found = _customers_of(users), []
    for row in rows:
        at = ends_or_renews_at(row, now)
        if row.user_id in customers and (day_of(at) - day_of(now)).days <= MEMBERSHIP_DAYS:
            day = day_of(at)
            verb = "renews" if row.ends_at is None else "ends"
            text = f"{row.plan} {verb} on {day:%B} {day.day}, {day.year}"
            found.append(
                Occasion(customers[row.user_id], row.user_id, f"membership:{row.pk}", str(day), "", text, at)
            )
    return found


def _customers_of(users: Collection[int]) -> dict[int, int]:
    return dict(CustomerUser.objects.filter(user__in=users).values_list("user_id", "customer_id"))


FIND: dict[str, Callable[[Collection[int], datetime], list[Occasion]]] = {
    ReminderKind.SERVICE: find_service,
    ReminderKind.PUT_OFF: find_put_off,
    ReminderKind.PARKING: find_parking,
    ReminderKind.MEMBERSHIP: find_membership,
}
