"""Load an order in progress at the second location: two jobs approved, one declined, and one found with the car apart.

A technician's clock runs on the first one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from catalogue.pricing.models import CannedJob
from demo.calendar import Calendar
from demo.garage import Garage
from repair_orders.actions import request_repair, start
from repair_orders.clock import clock_in, clock_out
from repair_orders.estimates.actions import Answerer, answer, store_estimate
from repair_orders.estimates.models import Answer, Method
from repair_orders.jobs import By, add_canned_job, add_job, add_part_line, add_service_line
from repair_orders.models import Job, RepairOrder, RepairOrderStatus
from vehicles.models import Vehicle


def load(calendar: Calendar, garage: Garage, vehicle: Vehicle) -> None:
    asked_at, sent_at, answered_at, found_at = (calendar.ago(2, hours) for hours in (6, 5, 4, 2))
    order = request_repair(
        customer=vehicle.customer,
        vehicle=vehicle,
        description="The brakes squeal, and the oil light is on.",
        now=asked_at,
        location=garage.second,
        checked_in_at=asked_at,
        promised_at=calendar.working_day(1, 16),
        key_tag="12",
    )
    jobs = [
        add_canned_job(order=order, canned=CannedJob.objects.get(name=name))
        for name in ("Front brakes", "Oil change, synthetic", "State inspection")
    ]
    order.status, order.estimated_at = RepairOrderStatus.PENDING, sent_at
    order.save(update_fields=["status", "estimated_at"])
    estimate = store_estimate(order=order, by=None, now=sent_at)
    approved, declined, inspected = (job.pk for job in jobs)
    answer(
        estimate=estimate,
        decisions={approved: Answer.APPROVED, declined: Answer.DECLINED, inspected: Answer.APPROVED},
        answerer=Answerer(Method.PHONE, by_name=vehicle.customer.name, contact_used="(555) 010-3344"),
        now=answered_at,
    )
    order = RepairOrder.objects.get(pk=order.pk)
    start(order=order, by=None, now=found_at)
    _load_time(calendar, garage, approved, found_at)
    found = add_job(order=order, name="Brake caliper, front left", concern="It sticks.")
    given: By = {"now": found_at}
    add_part_line(
        job=found,
        part=None,
        given=given,
        name="Brake caliper, rebuilt",
        part_number="CAL-FL-2231",
        condition="rebuilt",
        quantity=Decimal(1),
        unit_cost=Decimal("61.40"),
        warranty_months=12,
    )
    add_service_line(
        job=found,
        service=None,
        given=given,
        name="Replace the caliper, bleed the brakes",
        hours=Decimal("1.20"),
    )


def _load_time(calendar: Calendar, garage: Garage, job_id: int, found_at: datetime) -> None:
    """Load the time of the technician on a job: an entry that ended, and a clock that runs."""
    technician, job = garage.technician, Job.objects.select_related("repair_order").get(pk=job_id)
    clock_in(technician=technician, job=job, by=None, now=found_at)
    clock_out(technician=technician, by=None, now=found_at + timedelta(minutes=84))
    clock_in(technician=technician, job=job, by=None, now=calendar.now - timedelta(minutes=38))
