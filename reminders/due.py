"""Compute the list of everything that is due (docs/design, D138). Nothing of it is stored.

A source finds the rows of one kind in one query, and makes an item of each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Concat

from appointments.models import Appointment, AppointmentStatus
from billing.models import Invoice
from billing.states import is_overdue
from common.domain.caller import Caller
from common.domain.days import day_of
from common.domain.types import AnyQuerySet
from customers.models import Customer
from memberships.models import Membership
from memberships.renewals import ends_or_renews_at
from repair_orders.estimates.models import Estimate
from repair_orders.estimates.queries import ANSWERABLE_STATUSES
from vehicles.codes.meaning import describe
from vehicles.codes.models import Dtc
from vehicles.models import (
    STANDING,
    Recommendation,
    RecommendationSource,
    RecommendationStatus,
    Urgency,
    Vehicle,
)
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ServiceSchedule
from vehicles.schedules.querysets import DUE_SOON, OVERDUE, SOON_DAYS, SOON_MILES, UPCOMING

STATES = (OVERDUE, DUE_SOON, UPCOMING)
_SOON = timedelta(days=7)
_PARKING_SOON = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is due. `on` is a day and `at` an instant, and `miles` those at which it is due.

    `action` is what to do about it. `row` is what it stands for.
    """

    kind: str
    state: str
    text: str
    action: str
    row: Any
    customer: Customer | None
    vehicle: Vehicle | None = None
    on: date | None = None
    at: datetime | None = None
    miles: Decimal | None = None
    amount: Decimal | None = None

    @property
    def day(self) -> date | None:
        """The day by which the list is ordered."""
        return self.on or (day_of(self.at) if self.at else None)

    @property
    def state_label(self) -> str:
        return self.state.replace("_", " ").capitalize()


class DueFilters(TypedDict, total=False):
    """Ids of rows. `vehicle` may be a public id."""

    kind: Sequence[str]
    customer: int
    vehicle: int | UUID


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a kind. The paths lead from a row to its customer and vehicle, "" where it has none.

    `permission` is what staff need to see them, and None hides them from staff.
    """

    kind: str
    label: str
    find: Callable[[Caller, datetime], AnyQuerySet]
    item: Callable[[Any, datetime], Due]
    customer: str
    vehicle: str = ""
    permission: str | None = None
    joins: Sequence[str] = field(default=())

    def rows(self, caller: Caller, filters: DueFilters, now: datetime) -> AnyQuerySet:
        """Return the rows that the caller may see, in the order of the list."""
        rows = self.find(caller, now)
        if "customer" in filters:
            rows = rows.filter(**{self.customer: filters["customer"]})
        if "vehicle" in filters:
            rows = rows.filter(**self._of_vehicle(filters["vehicle"])) if self.vehicle else rows.none()
        joins = [*self.joins, *([self.vehicle] if self.vehicle else ())]
        return rows.select_related(*joins, f"{self.customer}__contact")

    def _of_vehicle(self, vehicle: int | UUID) -> dict[str, object]:
        return {f"{self.vehicle}__uuid" if isinstance(vehicle, UUID) else self.vehicle: vehicle}


def list_due(caller: Caller, filters: DueFilters, *, now: datetime) -> list[Due]:
    """Return everything that is due for a customer: what is overdue first, then by its day. One query a kind."""
    sources = sources_of(filters.get("kind"))
    found = [source.item(row, now) for source in sources for row in source.rows(caller, filters, now)]
    return sorted(found, key=lambda due: (STATES.index(due.state), due.day or date.max))


def sources_of(kinds: Collection[str] | None = None) -> list[Source]:
    """Return the sources of some kinds, or all."""
    return [source for source in SOURCES if kinds is None or source.kind in kinds]


def page_of_due(
    caller: Caller, sources: Sequence[Source], filters: DueFilters, *, bounds: slice, now: datetime
) -> tuple[list[Due], int]:
    """Return a part of the lists of these sources, one after the other, and the number of all. Two queries a kind."""
    start, stop, total, found = bounds.start, bounds.stop, 0, []
    for source in sources:
        rows = source.rows(caller, filters, now)
        count = rows.count()
        first, last = max(0, start - total), min(count, stop - total)
        if first < last:
            found += [source.item(row, now) for row in rows[first:last]]
        total += count
    return found, total


# --- The kinds ------------------------------------------------------------------------------------------


def _services(caller: Caller, now: datetime) -> AnyQuerySet:
    rows = ServiceSchedule.objects.visible_to(caller).offered().filter(vehicle__archived_at=None)
    return rows.with_status(now).in_states([OVERDUE, DUE_SOON]).in_order()


def _service(row: Any, now: datetime) -> Due:
    return Due(
        "service", row.status, row.template.name, "book", row, row.vehicle.customer, row.vehicle,
        on=row.due_on, miles=row.due_miles,
    )  # fmt: skip


def _recommendations(caller: Caller, now: datetime) -> AnyQuerySet:
    """Return the open recommendations, the most urgent first. The customer has approved the quoted ones.

    Those of the service schedule are due work themselves.
    """
    urgency = Case(*(When(urgency=word, then=place) for place, word in enumerate(Urgency.values)))
    rows = Recommendation.objects.visible_to(caller).filter(
        status=RecommendationStatus.OPEN, vehicle__archived_at=None
    )
    rows = rows.exclude(source=RecommendationSource.SCHEDULE)
    return rows.order_by(urgency, "created_at", "id")


_BY_URGENCY = {Urgency.NOW.value: OVERDUE, Urgency.SOON.value: DUE_SOON, Urgency.LATER.value: UPCOMING}


def _recommendation(row: Recommendation, now: datetime) -> Due:
    return Due(
        "recommendation", _state_of(row, now), str(row), "book", row, row.vehicle.customer, row.vehicle,
        on=row.due_on, miles=row.due_miles, amount=row.amount,
    )  # fmt: skip


def _state_of(row: Recommendation, now: datetime) -> str:
    """Return the state by the day and the miles at which work is due, and without them by its urgency."""
    if row.due_on is None and row.due_miles is None:
        return _BY_URGENCY[row.urgency]
    left = (row.due_on - day_of(now)).days if row.due_on else SOON_DAYS + 1
    miles = row.due_miles - row.vehicle.odometer if row.due_miles is not None else Decimal(SOON_MILES + 1)
    if left < 0 or miles <= 0:
        return OVERDUE
    return DUE_SOON if left <= SOON_DAYS or miles <= SOON_MILES else UPCOMING


def _codes(caller: Caller, now: datetime) -> AnyQuerySet:
    """Return the open codes without a recommendation that stands."""
    own = Recommendation.objects.filter(
        vehicle=OuterRef("vehicle"), code=Concat(Value("dtc:"), OuterRef("code")), status__in=STANDING
    )
    rows = Dtc.objects.visible_to(caller).open().filter(~Exists(own), vehicle__archived_at=None)
    return rows.order_by("seen_at", "id")


def _code(row: Dtc, now: datetime) -> Due:
    text = f"Trouble code {row.code}: {describe(row.code)}"
    return Due("code", DUE_SOON, text, "book", row, row.vehicle.customer, row.vehicle)


def _spots(caller: Caller, now: datetime) -> AnyQuerySet:
    rows = ParkingSpot.objects.visible_to(caller).active().filter(ends_at__isnull=False)
    return rows.order_by("ends_at", "id")


def _spot(row: ParkingSpot, now: datetime) -> Due:
    state = _state_at(row.ends_at, now, _PARKING_SOON)
    return Due("parking", state, f"Parking: {row}", "move", row, None, row.vehicle, at=row.ends_at)


def _memberships(caller: Caller, now: datetime) -> AnyQuerySet:
    rows = Membership.objects.visible_to(caller).current(now)
    return rows.order_by(F("ends_at").asc(nulls_last=True), "id")


def _membership(row: Membership, now: datetime) -> Due:
    at = ends_or_renews_at(row, now)
    login = getattr(row.user, "customer_login", None)
    text = f"{row.plan} {'renews' if row.ends_at is None else 'ends'}"
    return Due(
        "membership", _state_at(at, now), text, "renewal", row, login and login.customer, at=at,
        amount=row.plan.price if row.ends_at is None else None,
    )  # fmt: skip


def _appointments(caller: Caller, now: datetime) -> AnyQuerySet:
    rows = Appointment.objects.visible_to(caller).filter(status=AppointmentStatus.PENDING)
    return rows.ending_after(now).order_by("start", "id")


def _appointment(row: Appointment, now: datetime) -> Due:
    state = DUE_SOON if row.start <= now + _SOON else UPCOMING
    text = f"Appointment at {row.location}"
    return Due("appointment", state, text, "come", row, row.customer, row.vehicle, at=row.start)


def _estimates(caller: Caller, now: datetime) -> AnyQuerySet:
    """Return the last revisions that can be answered."""
    later = Estimate.objects.filter(repair_order=OuterRef("repair_order"), revision__gt=OuterRef("revision"))
    rows = Estimate.objects.visible_to(caller).filter(
        ~Exists(later),
        authorisation=None,
        expires_at__gt=now,
        version=F("repair_order__version"),
        repair_order__status__in=ANSWERABLE_STATUSES,
    )
    return rows.defer("snapshot").order_by("expires_at", "id")


def _estimate(row: Estimate, now: datetime) -> Due:
    order = row.repair_order
    return Due(
        "estimate", DUE_SOON, f"Estimate of repair {order.pk} waits for an answer", "answer", row, order.customer,
        order.vehicle, at=row.expires_at, amount=row.total,
    )  # fmt: skip


def _invoices(caller: Caller, now: datetime) -> AnyQuerySet:
    rows = Invoice.objects.visible_to(caller).filter(is_overdue(now))
    return rows.defer("snapshot").order_by("due_on", "id")


def _invoice(row: Invoice, now: datetime) -> Due:
    # The vehicle of an invoice that a company pays for another one is not theirs to see.
    is_own = row.repair_order is not None and row.customer_id == row.bill_to_id
    vehicle = row.repair_order.vehicle if row.repair_order is not None and is_own else None
    return Due(
        "invoice", OVERDUE, f"Invoice {row.number}", "pay", row, row.bill_to, vehicle, on=row.due_on,
        amount=row.balance,
    )  # fmt: skip


def _state_at(at: datetime | None, now: datetime, soon: timedelta = _SOON) -> str:
    if at is None or at > now + soon:
        return UPCOMING
    return OVERDUE if at <= now else DUE_SOON


SOURCES = (
    Source(
        "service", "Service", _services, _service, "vehicle__customer", "vehicle",
        "vehicles.view_serviceschedule", ["template"],
    ),
    Source(
        "recommendation", "Recommendations", _recommendations, _recommendation, "vehicle__customer", "vehicle",
        "vehicles.view_recommendation",
    ),
    Source("code", "Trouble codes", _codes, _code, "vehicle__customer", "vehicle", "vehicles.view_dtc"),
    Source("parking", "Parking", _spots, _spot, "user__customer_login__customer", "vehicle"),
    Source(
        "membership", "Memberships", _memberships, _membership, "user__customer_login__customer",
        permission="memberships.view_membership", joins=["plan"],
    ),
    Source(
        "appointment", "Appointments", _appointments, _appointment, "customer", "vehicle",
        "appointments.view_appointment", ["location"],
    ),
    Source(
        "estimate", "Estimates", _estimates, _estimate, "repair_order__customer", "repair_order__vehicle",
        "repair_orders.view_repairorder",
    ),
    Source(
        "invoice", "Invoices", _invoices, _invoice, "bill_to", "repair_order__vehicle",
        "billing.view_invoice",
    ),
)  # fmt: skip
KINDS = [source.kind for source in SOURCES]
