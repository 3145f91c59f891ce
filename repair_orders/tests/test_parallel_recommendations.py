"""Answers to several orders of one vehicle at once, on real threads and connections."""

from __future__ import annotations

import pytest
from django.utils import timezone

from common.domain.errors import DomainError
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import Job
from testing.factories import (
    CannedJobFactory,
    CannedLineFactory,
    CustomerFactory,
    LocationFactory,
    VehicleFactory,
)
from testing.storms import overlapping, parallel
from testing.worked_example import answer, new_order, reload
from vehicles.actions import transfer_vehicle
from vehicles.guards import VehicleIsHeld
from vehicles.models import STANDING, Recommendation, Vehicle
from vehicles.recommendations import RecommendationIsClosed, add_recommendation, dismiss

pytestmark = [pytest.mark.storm, pytest.mark.django_db(transaction=True)]
TIMES = 8


def by_now():
    return {"by": None, "now": timezone.now()}


@pytest.fixture
def vehicle():
    return VehicleFactory()


@pytest.fixture
def canned_jobs():
    """Two canned jobs of labor, which needs nothing of the shelf."""
    made = CannedJobFactory.create_batch(2)
    for job in made:
        CannedLineFactory(canned_job=job, kind="labour", part=None, quantity=None, name="Labor", amount="45")
    return made


def estimated_orders(vehicle, canned_jobs):
    """Return orders of the vehicle with the same jobs, in either order, and an estimate that was sent."""
    location, orders = LocationFactory(), []
    for number in range(TIMES):
        order = new_order(vehicle=vehicle, location=location)
        for canned in canned_jobs if number % 2 else reversed(canned_jobs):
            jobs.add_canned_job(order=order, canned=canned)
        estimates.send_estimate(order=order, **by_now())
        orders.append(order)
    return orders


def assert_one_stands_per_code(vehicle, canned_jobs):
    codes = {f"canned:{job.pk}" for job in canned_jobs}
    standing = Recommendation.objects.filter(vehicle=vehicle, status__in=STANDING)
    assert sorted(standing.values_list("code", flat=True)) == sorted(codes)


def test_declined_in_all_orders_is_recommended_once(vehicle, canned_jobs):
    orders = estimated_orders(vehicle, canned_jobs)

    def decline(number):
        order = reload(orders[number])
        answer(order, dict.fromkeys(order.jobs.all(), "declined"))

    assert parallel(TIMES, decline) == [None] * TIMES
    assert_one_stands_per_code(vehicle, canned_jobs)
    assert Recommendation.objects.count() == 2
    linked = Job.objects.values_list("canned_job", "recommendation__code").distinct()
    assert {(pk, code) for pk, code in linked} == {(job.pk, f"canned:{job.pk}") for job in canned_jobs}


def test_declined_dismissed_and_sold_at_once(vehicle, canned_jobs):
    """Every call succeeds or is refused, and no more than one stands per code."""
    orders = estimated_orders(vehicle, canned_jobs)

    def act(number):
        order = reload(orders[number])
        decision = "approved" if number % 4 == 3 else "declined"
        answer(order, dict.fromkeys(order.jobs.all(), decision))
        if number % 4 == 1:
            for row in Recommendation.objects.filter(vehicle=vehicle, status="open"):
                dismiss(recommendation=row)
        if decision == "approved":
            actions.stop(order=reload(order), reason="Sold the car", **by_now())

    outcomes = parallel(TIMES, act)
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [error for error in errors if not isinstance(error, DomainError)] == []
    standing = Recommendation.objects.filter(vehicle=vehicle, status__in=STANDING)
    codes = list(standing.values_list("code", flat=True))
    assert len(codes) == len(set(codes))
    assert all(Job.objects.values_list("recommendation", flat=True))


def test_dismissed_twice_is_refused_once(vehicle):
    row = add_recommendation(vehicle=vehicle, text="Tires")

    def press():
        dismiss(recommendation=Recommendation.objects.get(pk=row.pk))

    first, second = overlapping(press, press)
    assert first is None
    assert isinstance(second, RecommendationIsClosed)
    assert row.history.count() == 2


def test_recommended_while_the_vehicle_moves_is_copied_or_refused(vehicle):
    owner = CustomerFactory()

    def recommend():
        add_recommendation(vehicle=Vehicle.objects.get(pk=vehicle.pk), text="Tires")

    def transfer():
        transfer_vehicle(vehicle=Vehicle.objects.get(pk=vehicle.pk), customer=owner, **by_now())

    assert [isinstance(outcome, Exception) for outcome in overlapping(recommend, transfer)] == [False, False]
    assert list(Recommendation.objects.order_by("id").values_list("vehicle__customer", "text")) == [
        (vehicle.customer_id, "Tires"),
        (owner.pk, "Tires"),
    ]


def test_vehicle_that_moves_while_its_order_is_answered(vehicle, canned_jobs):
    """The order's answer ends first, or the move is refused because the order is open."""
    order = new_order(vehicle=vehicle, location=LocationFactory())
    jobs.add_canned_job(order=order, canned=canned_jobs[0])
    estimates.send_estimate(order=order, **by_now())
    owner = CustomerFactory()

    def decline():
        order_now = reload(order)
        answer(order_now, dict.fromkeys(order_now.jobs.all(), "declined"))

    def transfer():
        return transfer_vehicle(vehicle=Vehicle.objects.get(pk=vehicle.pk), customer=owner, **by_now())

    first, second = overlapping(decline, transfer)
    assert first is None
    copied = Recommendation.objects.filter(vehicle__customer=owner)
    if isinstance(second, Exception):
        assert isinstance(second, VehicleIsHeld)
        assert not copied.exists()
    else:
        assert copied.get().code == f"canned:{canned_jobs[0].pk}"
