"""Load what is charged otherwise: a customer without tax, an order at another rate, and a comeback of nothing.

All of it is of today, and it is loaded last, so that the ids of other rows do not depend on it.
"""

from __future__ import annotations

from datetime import timedelta

from demo.billing import Business, Visit
from demo.calendar import Calendar
from repair_orders.actions import change_order, come_back
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.pricing.actions import save_exemption
from repair_orders.pricing.models import TaxExemption


def load(calendar: Calendar, business: Business) -> None:
    ago = calendar.ago
    school = business.add_customer("school", "", "Shelbyville Central School District", 30, "(555) 010-4508")
    business.add_vehicle(
        "bus", "school", "1FDFE4FS1KDC10028", "Ford", "E-450 school bus", 2019, "SCH-0031", "Bus 31"
    )
    save_exemption(
        TaxExemption(), customer=school, number="NY-EX-2046117", valid_from=ago(90).date(), location=None
    )
    business.bill(Visit("bus", ["Oil change, synthetic"], "SD-2231"), ago(0, 3))
    # The van was repaired in the customer's yard, in a county with another tax.
    order = business.request(Visit("transit 7", ["Front brakes"], "TG-1215"), ago(0, 2), tax_percent="8.125")
    change_order(order=order, notes="Done in the yard of the customer in Orange County: tax of 8.125 %.")
    business.invoice(business.finish(order, ago(0, 2)), ago(0, 2) + timedelta(minutes=10))
    first = RepairOrder.objects.filter(
        vehicle=business.vehicles["golf"], status=RepairOrderStatus.COMPLETED
    ).latest("completed_at")
    again = come_back(order=first, by=business.by, now=ago(0, 1) - timedelta(minutes=50))
    change_order(order=again, notes="Squeals again. Pads and rotors were replaced under the warranty.")
    business.invoice(business.finish(business.approve(again, ago(0, 1)), ago(0, 1)), ago(0, 1))
