"""Findings of two orders of one vehicle at once, on real threads and connections."""

from __future__ import annotations

import pytest
from django.utils import timezone

from common.domain.errors import DomainError
from inspections.actions import AlreadyStarted, add_to_estimate, record_finding, start_inspection
from inspections.models import Finding, Inspection
from repair_orders.models import Job
from testing import factories
from testing.storms import parallel
from vehicles.models import STANDING, Recommendation

pytestmark = [pytest.mark.storm, pytest.mark.django_db(transaction=True)]
TIMES = 8


@pytest.fixture
def template():
    template = factories.InspectionTemplateFactory()
    factories.TemplateItemFactory(template=template)
    return template


def begin(order, template):
    return start_inspection(order=order, template=template, technician=None, by=None, now=timezone.now())


def test_inspection_of_an_order_is_started_once(template):
    order = factories.RepairOrderFactory()

    def attempt(number):
        try:
            return begin(type(order).objects.get(pk=order.pk), template).pk
        except AlreadyStarted:
            return None

    assert sorted(pk is None for pk in parallel(TIMES, attempt)) == [False] + [True] * (TIMES - 1)
    assert (Inspection.objects.count(), Finding.objects.count()) == (1, 1)


def test_item_is_recommended_once_for_a_vehicle(template):
    vehicle = factories.VehicleFactory()
    orders = [factories.RepairOrderFactory(vehicle=vehicle) for _ in range(TIMES)]
    findings = [begin(order, template).findings.get().pk for order in orders]

    def tap(number):
        finding = Finding.objects.get(pk=findings[number])
        rating = ("red", "yellow", "green")[number % 3]
        record_finding(finding=finding, by=None, now=timezone.now(), rating=rating)

    assert parallel(TIMES, tap) == [None] * TIMES
    standing = Recommendation.objects.filter(vehicle=vehicle, status__in=STANDING)
    assert standing.count() <= 1
    assert Finding.objects.filter(rating=None).count() == 0


def test_finding_is_put_on_the_estimate_once(template):
    finding = begin(factories.RepairOrderFactory(), template).findings.get()
    record_finding(finding=finding, by=None, now=timezone.now(), rating="red")

    def add(number):
        try:
            add_to_estimate(finding=Finding.objects.get(pk=finding.pk), by=None, now=timezone.now())
        except DomainError as error:
            return error.code
        return "added"

    assert sorted(parallel(TIMES, add)) == ["added"] + ["already_on_estimate"] * (TIMES - 1)
    assert Job.objects.count() == 1
