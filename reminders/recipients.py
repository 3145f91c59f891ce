"""Find who is reminded, in which time zone, and by which location."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F, OuterRef, Q, Subquery

from accounts.models import User
from appointments.models import Appointment, AppointmentStatus, Location
from common.domain.units import Units
from customers.models import Customer
from customers.preferences import allows_reminder
from reminders.window import find_zone
from repair_orders.models import RepairOrder

_DEFAULT_ZONE = Customer._meta.get_field("timezone").default


@dataclass(frozen=True, slots=True)
class Recipient:
    """The customer or login that is reminded.

    `location` is that of their latest order or visit, else the default one, if there is one.
    """

    customer: Customer
    user: User
    zone: tzinfo
    location: Location | None

    @property
    def units(self) -> Units:
        """Return the units of the mail: the customer's, else those of the location."""
        return Units(self.customer.units or (self.location.units if self.location else Units.IMPERIAL))


def find_recipients(
    kind: str, people: Collection[tuple[int, int | None]]
) -> dict[tuple[int, int | None], Recipient]:
    """Return those who may be reminded by mail, by the ids of customer and user. Costs three queries.

    Without a user it is the customer's contact. Those without an email, or whose preferences exclude the kind, are
    left out.
    """
    customers = _customers({customer for customer, _ in people})
    users = User.objects.in_bulk({user for _, user in people if user is not None})
    located = {_location_id(row) for row in customers.values()} - {None}
    locations = Location.objects.filter(Q(pk__in=located) | Q(is_default=True)).in_bulk()
    default = next((row for row in locations.values() if row.is_default), None)
    found = {}
    for key in people:
        customer = customers.get(key[0])
        if customer is None or not allows_reminder(customer.notification_preferences, kind):
            continue
        user = customer.contact if key[1] is None else users.get(key[1])
        if user is not None and user.is_active and user.email:
            location = locations.get(_location_id(customer))
            found[key] = Recipient(customer, user, _zone(customer, location), location or default)
    return found


def _customers(ids: Collection[int]) -> dict[int, Any]:
    orders = RepairOrder.objects.filter(customer=OuterRef("pk"), location__isnull=False)
    visits = Appointment.objects.filter(customer=OuterRef("pk")).exclude(status=AppointmentStatus.CANCELLED)
    order, visit = orders.order_by("-created_at", "-id")[:1], visits.order_by("-start", "-id")[:1]
    rows = Customer.objects.current().with_contact().filter(pk__in=ids)
    return {
        row.pk: row
        for row in rows.annotate(
            order_at=Subquery(order.values("created_at")),
            order_location=Subquery(order.values("location")),
            visit_at=Subquery(visit.values("start")),
            visit_location=Subquery(visit.values("location")),
        ).order_by(F("pk"))
    }


def _location_id(customer: Any) -> int | None:
    """Return the location of the latest order or visit of an annotated customer."""
    if customer.order_at and (customer.visit_at is None or customer.order_at > customer.visit_at):
        return int(customer.order_location)
    return None if customer.visit_location is None else int(customer.visit_location)


def _zone(customer: Customer, location: Location | None) -> tzinfo:
    """Return the zone that the customer chose, else that of the location, else the project's."""
    chosen = None if customer.timezone == _DEFAULT_ZONE else find_zone(customer.timezone)
    return chosen or ZoneInfo(location.time_zone if location else settings.TIME_ZONE)
