"""The customers to call about work that they put off (docs/design, D106)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce

from appointments.models import Appointment, AppointmentStatus, Location
from common.domain.caller import Caller
from common.domain.money import exact
from common.domain.types import AnyQuerySet
from customers.models import Customer
from desk.places import at_location
from repair_orders.estimates.models import Answer, Decision
from repair_orders.models import Job
from repair_orders.queries import find_follow_ups
from vehicles.models import Recommendation, Vehicle

PER_PAGE = 25  # customers


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle with what was put off for it, and its next visit, if it has one."""

    vehicle: Vehicle
    works: Sequence[Recommendation]
    visit: Appointment | None


@dataclass(frozen=True, slots=True)
class Call:
    """A customer to call. `since` is when their oldest work was put off, `total` the known amounts of all of it."""

    customer: Customer
    since: datetime
    cars: Sequence[Car]
    total: Decimal


def find_put_off(caller: Caller, location: Location, *, now: datetime) -> AnyQuerySet:
    """Return the follow-ups whose work was put off in orders of a location, with `put_off_at`.

    That is the time of the last answer about it, or when it was written down if nobody answered.
    """
    there = Job.objects.put_off().filter(at_location(location, "repair_order__"))
    answers = Decision.objects.filter(
        job__recommendation=OuterRef("pk"), authorisation__withdrawn_at=None
    ).exclude(decision=Answer.APPROVED)
    rows = find_follow_ups(caller, now=now).filter(Exists(there.filter(recommendation=OuterRef("pk"))))
    return rows.annotate(
        put_off_at=Coalesce(
            Subquery(answers.order_by("-authorisation__at").values("authorisation__at")[:1]), F("created_at")
        )
    )


def get_calls(
    caller: Caller, location: Location, *, number: str | None, now: datetime
) -> tuple[list[Call], Page[Any]]:
    """Return a page of the customers to call, those that put something off the longest ago first. Five queries."""
    rows = find_put_off(caller, location, now=now)
    customers = (
        rows.values("vehicle__customer")
        .annotate(since=Min("put_off_at"))
        .order_by("since", "vehicle__customer")
        .values_list("vehicle__customer", "since")
    )
    page = Paginator(customers, PER_PAGE).get_page(number)
    since = dict(page.object_list)
    works: dict[Vehicle, list[Recommendation]] = {}
    shown = rows.filter(vehicle__customer__in=since).select_related("vehicle__customer__contact")
    for work in shown.order_by("id"):
        works.setdefault(work.vehicle, []).append(work)
    visits = _next_visits(works, now=now)
    calls: dict[int, Call] = {}
    for customer_id, at in since.items():
        cars = [
            Car(vehicle, found, visits.get(vehicle.pk))
            for vehicle, found in works.items()
            if vehicle.customer_id == customer_id
        ]
        if cars:  # nothing was done about them meanwhile
            total = sum((work.amount or Decimal(0) for car in cars for work in car.works), Decimal(0))
            calls[customer_id] = Call(cars[0].vehicle.customer, at, cars, exact(total))
    return list(calls.values()), page


def _next_visits(vehicles: Iterable[Vehicle], *, now: datetime) -> dict[int, Appointment]:
    """Return the next visit of each vehicle that has one."""
    rows = Appointment.objects.filter(
        vehicle__in=list(vehicles), status=AppointmentStatus.PENDING, end__gt=now
    )
    return {row.vehicle_id: row for row in rows.select_related("location").order_by("-start")}
