"""The inspections of an order on its page: what came out, photos and papers."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.utils import timezone

from inspections.actions import finish_inspection, start_inspection
from inspections.models import Finding, Inspection
from testing.factories import (
    FindingPhotoFactory,
    InspectionTemplateFactory,
    TechnicianFactory,
    TemplateItemFactory,
)
from testing.suites import count_queries
from testing.worked_example import new_order

pytestmark = pytest.mark.django_db
RATINGS = ["red", "yellow", "green", "green", "not_applicable"]


@pytest.fixture
def order():
    return new_order()


def inspect(order, name="Courtesy inspection", *, is_finished=True):
    template = InspectionTemplateFactory(name=name)
    for number, _ in enumerate(RATINGS):
        TemplateItemFactory(template=template, name=f"Item {number}", position=number)
    inspection = start_inspection(
        order=order,
        template=template,
        technician=TechnicianFactory(name="Tara Wrench"),
        by=None,
        now=timezone.now(),
    )
    for finding, rating in zip(inspection.findings.in_order(), RATINGS, strict=True):
        Finding.objects.filter(pk=finding.pk).update(rating=rating)
    if is_finished:
        finish_inspection(inspection=inspection, by=None, now=timezone.now())
        Inspection.objects.filter(pk=inspection.pk).update(
            started_at=datetime(2020, 2, 3, 8, tzinfo=UTC), finished_at=datetime(2020, 2, 3, 14, tzinfo=UTC)
        )
    return inspection


def shown(browser):
    rows = browser.show().response.context["inspections"]
    return [(row.inspection.name, row.words) for row in rows]


def test_it_says_what_came_out(at_desk, order):
    inspection = inspect(order)
    browser = at_desk(order)
    local = datetime(2020, 2, 3, 14, tzinfo=UTC).astimezone(browser.show().response.context["bench"].zone)
    assert shown(browser) == [
        ("Courtesy inspection", f"Tara Wrench, 3 Feb 2020 {local:%H:%M}: 1 now, 1 soon, 2 good")
    ]
    # In the card and among the papers.
    assert (
        browser.response.text.count(f'href="/admin/inspections/inspection/{inspection.pk}/inspection.pdf"')
        == 2
    )


def test_one_that_is_not_finished_has_no_paper(at_desk, order):
    inspection = inspect(order, is_finished=False)
    Finding.objects.filter(inspection=inspection, rating="green").update(rating=None)
    browser = at_desk(order)
    [(_, words)] = shown(browser)
    assert words.endswith(": 3 of 5 checked")
    assert "inspection.pdf" not in browser.response.text


def test_photos_of_what_is_urgent_come_first(at_desk, order, client):
    inspection = inspect(order)
    red, yellow, green, *_ = inspection.findings.in_order()
    photos = [FindingPhotoFactory(finding=finding) for finding in (green, yellow, red, red)]
    [row] = at_desk(order).show().response.context["inspections"]
    assert [(label, UUID(str(uuid))) for label, uuid in row.photos] == [
        ("Photo 1 of Item 0", photos[2].upload.uuid),
        ("Photo 2 of Item 0", photos[3].upload.uuid),
        ("Photo 1 of Item 1", photos[1].upload.uuid),
        ("Photo 1 of Item 2", photos[0].upload.uuid),
    ]
    assert row.more_photos == 0


def test_an_order_without_one_has_no_card(at_desk, order):
    browser = at_desk(order).show()
    assert (browser.response.context["inspections"], "Inspections</h2>" in browser.response.text) == (
        [],
        False,
    )


def test_it_costs_the_same_queries_for_many(at_desk, order):
    FindingPhotoFactory(finding=inspect(order).findings.first())
    browser = at_desk(order)
    browser.show()
    few = count_queries(browser.show)
    for number in range(3):
        for finding in inspect(order, f"Inspection {number}").findings.all():
            FindingPhotoFactory.create_batch(4, finding=finding)
    assert count_queries(browser.show) == few
    assert [(len(row.photos), row.more_photos) for row in browser.response.context["inspections"]] == [
        (1, 0), *[(12, 8)] * 3,
    ]  # fmt: skip
