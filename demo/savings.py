"""Load what John's membership took off his repair orders in the last months."""

from __future__ import annotations

from customers.models import Customer
from demo import member
from demo.calendar import Calendar
from demo.garage import Garage
from demo.orders import OrderRow, create_order
from vehicles.models import Vehicle

# (days ago, parts, services): the Plus plan takes 10 % off the parts.
_VISITS = (
    (165, [("oil", 1), ("oil filter", 1)], ["oil change"]),
    (96, [("rotors", 2), ("pads", 1)], ["brakes"]),
    (33, [("plugs", 4)], ["diagnosis"]),
)


def load(calendar: Calendar, garage: Garage) -> None:
    outback = Vehicle.objects.get(customer__contact__email=member.EMAIL)
    orders = [
        create_order(
            OrderRow(
                outback,
                "completed",
                calendar.ago(days, 9),
                notes="Repair work for Subaru Outback",
                parts=parts,
                services=services,
            ),
            garage,
        )
        for days, parts, services in _VISITS
    ]
    Customer.objects.filter(pk=outback.customer_id).update(
        total_services=len(orders), last_service_date=orders[-1].completed_at
    )
