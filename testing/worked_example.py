"""One repair order whose figures were computed by hand: two jobs, 10 % discount, a capped fee and 8.875 % tax.

| job | line | quantity × price | amount | taxed |
|---|---|---|---|---|
| 1 brakes | pads | 1 × 89.99 | 89.99 | yes |
| | rotor | 2 × 64.50 | 129.00 | yes |
| | fluid | 0.5 × 12.99 = 6.495 | 6.50 | yes |
| | labour | 1.8 h × 129.95 | 233.91 | yes |
| | state inspection (sublet) | 1 × 21.00 | 21.00 | no |
| 2 oil | oil | 4.5 × 8.99 = 40.455 | 40.46 | yes |
| | filter | 1 × 12.49 | 12.49 | yes |
| | labour | 0.75 h × 129.95 = 97.4625 | 97.46 | yes |

Both jobs cost 640.94, job 1 alone 491.56 and job 2 alone 154.75.
"""

from __future__ import annotations

from decimal import Decimal

from django.utils import timezone

from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import Answer
from repair_orders.models import RepairOrder
from testing.factories import (
    FeeRuleFactory,
    LabourRateFactory,
    LocationFactory,
    OverrunPolicyFactory,
    PartFactory,
    TaxRuleFactory,
    VehicleFactory,
)

D = Decimal
TEN_PERCENT = {"percent": D("10.0000")}


def priced_location(policy=None):
    """Return a location with a labor rate, tax, a fee and an overrun policy, or none."""
    location = LocationFactory()
    TaxRuleFactory(location=location, taxes_sublet=False)
    FeeRuleFactory(location=location, name="Shop supplies")
    LabourRateFactory(location=location, is_default=True)
    if policy:
        OverrunPolicyFactory(location=location, **{"percent": None, **policy})
    return location


def new_order(*, policy=None, vehicle=None, location=None, **terms):
    """Return a requested order with the example's terms and no jobs."""
    vehicle = vehicle or VehicleFactory()
    return actions.request_repair(
        customer=vehicle.customer,
        vehicle=vehicle,
        description="Squeals",
        now=timezone.now(),
        location=location or priced_location(policy),
        **{"discount_percent": D(10), **terms},
    )


def given():
    """Return what changes of lines need beside the line."""
    return {"by": None, "now": timezone.now()}


def add_part(job, quantity, price, **fields):
    return jobs.add_part_line(
        job=fresh(job),
        part=PartFactory(),
        given=given(),
        quantity=D(quantity),
        unit_price=D(price),
        **fields,
    )


def add_labour(job, hours):
    return jobs.add_service_line(job=fresh(job), service=None, given=given(), name="Labor", hours=D(hours))


def fresh(job):
    return type(job).objects.select_related("repair_order").get(pk=job.pk)


def add_brakes(order):
    job = jobs.add_job(order=order, name="Brakes", concern="Squeals")
    add_part(job, "1", "89.99")
    add_part(job, "2", "64.50")
    add_part(job, "0.5", "12.99")
    add_labour(job, "1.8")
    jobs.add_service_line(
        job=fresh(job),
        service=None,
        given=given(),
        name="State inspection",
        kind="sublet",
        amount=D("21.00"),
        cost=D("15.00"),
    )
    return job


def add_oil(order):
    job = jobs.add_job(order=order, name="Oil")
    add_part(job, "4.5", "8.99")
    add_part(job, "1", "12.49")
    add_labour(job, "0.75")
    return job


def estimated(*, sent_at=None, **options):
    """Return the example's order after revision 1 was sent, now or at `sent_at`, with its two jobs."""
    order = new_order(**options)
    brakes, oil = add_brakes(order), add_oil(order)
    estimates.send_estimate(order=order, by=None, now=sent_at or timezone.now())
    return reload(order), brakes, oil


def authorised(**options):
    """Return the example's order with job 1 approved for 491.56 and job 2 declined, and its two jobs."""
    order, brakes, oil = estimated(**options)
    answer(order, {brakes: Answer.APPROVED, oil: Answer.DECLINED})
    return reload(order), brakes, oil


def started(**options):
    """Return the order of `authorised` in progress."""
    order, brakes, oil = authorised(**options)
    actions.start(order=order, by=None, now=timezone.now())
    return reload(order), brakes, oil


def answer(order, decisions, **options):
    """Record an answer to the last revision: job -> decision."""
    estimate = order.estimates.select_related("repair_order").latest("revision")
    return estimates.answer(
        estimate=estimate,
        decisions={job.pk: decision for job, decision in decisions.items()},
        **{"answerer": estimates.Answerer(), "now": timezone.now(), **options},
    )


def reload(order):
    return RepairOrder.objects.get(pk=order.pk)
