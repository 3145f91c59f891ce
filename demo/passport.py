"""Load the templates of regular work, and what John keeps of the Outback.

These are fill-ups, services, a code, a parking spot, and a link of its passport. He was reminded of the services that are
due.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from customers.callers import caller_of_user
from demo import member
from demo.calendar import Calendar
from passports.actions import MOST_DAYS, share
from reminders.models import ReminderKind, ReminderMail
from reminders.sweep import order_reminders
from vehicles.codes.actions import report_code
from vehicles.fuel.actions import add_fuel_log
from vehicles.models import Vehicle
from vehicles.parking.actions import park
from vehicles.schedules.actions import add_standard_templates, record_service, spread
from vehicles.schedules.models import ScheduleTemplate, ServiceSchedule

# (miles below the odometer of eight days ago, gallons, price, whether the tank is full), six days apart.
_FILLS = (
    (1180, "14.210", "49.02", True),
    (842, "12.480", "43.55", True),
    (610, "5.000", "17.50", False),
    (396, "11.020", "38.02", True),
    (58, "12.135", "42.35", True),
)
_DAYS_APART = 6
_BOOKABLE = ("Oil change", "Tire rotation", "Brake service", "State inspection")
# (work, days ago, miles): the oil is overdue, the tires are due soon.
_SERVICES = (("Oil change", 200, "32950"), ("Tire rotation", 175, "33400"), ("State inspection", 20, "37640"))


def load(calendar: Calendar) -> None:
    _begin_schedules(calendar)
    outback = Vehicle.objects.get(customer__contact__email=member.EMAIL)
    _fill_up(outback, calendar)
    for name, days, miles in _SERVICES:
        record_service(
            schedule=ServiceSchedule.objects.get(vehicle=outback, template__name=name),
            on=calendar.ago(days).date(),
            miles=Decimal(miles),
            now=calendar.now,
        )
    report_code(vehicle=outback, code="P0420", at=calendar.ago(3), now=calendar.now)
    share(vehicle=outback, days=MOST_DAYS, for_next_owner=True, now=calendar.ago(1))
    assert outback.customer.contact is not None
    park(
        caller=caller_of_user(outback.customer.contact),
        vehicle=outback,
        latitude=Decimal("40.712776"),
        longitude=Decimal("-74.005974"),
        address="Elm St 12, Springfield, NY 10001",
        place="Level 2 - B17",
        ends_at=calendar.now + timedelta(hours=2),
        now=calendar.now,
    )
    order_reminders(ReminderKind.SERVICE, [outback.customer_id], now=calendar.ago(1, 2))
    ReminderMail.objects.update(sent_at=calendar.ago(1))


def _begin_schedules(calendar: Calendar) -> None:
    """Begin the regular work of all vehicles. What can be booked has the name of its service."""
    add_standard_templates()
    for template in ScheduleTemplate.objects.order_by("id"):
        if template.name in _BOOKABLE:
            template.services = template.name
            template.save()
        spread(template=template, now=calendar.now)


def _fill_up(outback: Vehicle, calendar: Calendar) -> None:
    """Log the fill-ups before the first reading of the vehicle, so that they fit its odometer."""
    first = outback.readings.order_by("at", "id")[0]
    for number, (below, gallons, price, is_full) in enumerate(_FILLS):
        add_fuel_log(
            vehicle=outback,
            miles=first.miles - below,
            gallons=Decimal(gallons),
            price=Decimal(price),
            is_full=is_full,
            at=calendar.ago(9 + _DAYS_APART * (len(_FILLS) - 1 - number), 3),
            by=outback.customer.contact_id,
            now=calendar.now,
        )
