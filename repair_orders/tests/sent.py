"""An estimate of two jobs that was sent, as the tests of both contracts read and answer it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from repair_orders.actions import request_repair
from repair_orders.estimates.actions import send_estimate
from repair_orders.jobs import add_job, add_part_line, add_service_line, change_job
from testing import factories

SENT = datetime(2026, 1, 15, 12, tzinfo=UTC)
BRAKES, OIL = "Front brakes", "Oil service"
# 200.00 + 130.00 and 49.77, a fee of 10.00, and 8.25 % of all of it.
TOTALS = {"subtotal": "389.77", "discount": "0.00", "net": "389.77", "tax": "32.16", "total": "421.93"}
WITHOUT_OIL = {"subtotal": "340.00", "discount": "0.00", "net": "340.00", "tax": "28.05", "total": "368.05"}


def make_order(customer):
    """Return a requested order of two jobs, with a fee and a tax."""
    location = factories.LocationFactory()
    factories.TaxRuleFactory(location=location, percent=Decimal("8.25"), taxes_labour=True)
    factories.FeeRuleFactory(
        location=location, name="Shop supplies", kind="fixed", percent=None, amount=Decimal("10.00"), cap=None,
        taxable=True,
    )  # fmt: skip
    order = request_repair(
        customer=customer,
        vehicle=factories.VehicleFactory(customer=customer),
        description="Grinding noise",
        location=location,
        now=SENT,
    )
    given = {"by": None, "now": SENT}
    brakes, oil = add_job(order=order, name=BRAKES, concern="It grinds."), add_job(order=order, name=OIL)
    change_job(job=brakes, cause="Pads at 2 mm", correction="Replace the pads")
    add_part_line(
        job=brakes, part=None, given=given, name="Pad set", part_number="BRK-1", manufacturer="Akebono",
        quantity=Decimal(2), unit_price=Decimal("100.00"), unit_cost=Decimal("40.00"), warranty_months=24,
    )  # fmt: skip
    add_service_line(
        job=brakes, service=None, given=given, name="Replace pads", kind="labour", hours=Decimal(1),
        rate=Decimal("130.00"), cost=Decimal("50.00"),
    )  # fmt: skip
    add_part_line(
        job=oil, part=None, given=given, name="Oil", quantity=Decimal("1.50"), unit_price=Decimal("33.18")
    )
    order.refresh_from_db()
    return order


def make_estimate(customer, **given):
    """Return the first revision of such an order, sent at noon of 15 January 2026 and open for a long time."""
    far = timezone.now() + timedelta(days=30)
    far = far.replace(microsecond=0)
    return send_estimate(
        order=make_order(customer),
        by=None,
        notes="Pads are worn",
        **{"now": SENT, "expires_at": far, **given},
    )


def jobs_of(estimate):
    """Return the ids of the jobs by name."""
    return {job["name"]: job["id"] for job in estimate.snapshot["jobs"]}


def answer_of(estimate, *approved, total, **fields):
    """Return the body of an answer: these jobs by name, the others declined."""
    decisions = [
        {"job_id": job, "decision": "approved" if name in approved else "declined"}
        for name, job in jobs_of(estimate).items()
    ]
    return {"total": total, "decisions": decisions, **fields}
