"""Load what staff noted at the desk: parts on order from a vendor, and a call about work that was put off."""

from __future__ import annotations

from datetime import timedelta

from accounts.models import User
from catalogue.models import Part
from catalogue.shelf.ordered import order_from_vendor
from customers.calls.actions import note_call
from demo.calendar import Calendar
from repair_orders.models import Job


def load(calendar: Calendar) -> None:
    anna = User.objects.get(email="advisor@garage.example")
    order_from_vendor(
        part=Part.objects.get(part_number="WB-2416"),
        pieces=40,
        vendor="NAPA",
        reference="PO 4711",
        expected_on=(calendar.now + timedelta(days=3)).date(),
        by=anna.pk,
        now=calendar.ago(1),
    )
    declined = (
        Job.objects.put_off().filter(recommendation__status="open").select_related("repair_order__customer")
    )
    for job in declined.order_by("id")[:1]:
        note_call(
            customer=job.repair_order.customer,
            outcome="Left a message.",
            next_on=(calendar.now + timedelta(days=2)).date(),
            by=anna.pk,
            now=calendar.ago(0, hours=3),
        )
