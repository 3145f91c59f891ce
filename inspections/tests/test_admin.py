"""The admin's pages of templates and inspections, and the order's page with its inspections."""

from __future__ import annotations

import re

import pytest

from inspections.actions import finish_inspection, record_finding
from inspections.models import Template, TemplateItem
from inspections.tests.conftest import picture
from testing import factories
from testing.admin import changelist, filled, page
from testing.suites import count_queries

pytestmark = pytest.mark.django_db


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_template_is_added_with_its_items(desk, canned):
    url = "/admin/inspections/template/add/"
    data = filled(desk, url) | {"name": "State inspection", "is_listed": "on", "items-TOTAL_FORMS": "2"}
    for number, name in enumerate(("Horn", "Pads")):
        data |= {
            f"items-{number}-position": str(number + 1),
            f"items-{number}-group": "Brakes",
            f"items-{number}-name": name,
            f"items-{number}-unit": "mm",
            f"items-{number}-canned_job": str(canned.pk) if name == "Pads" else "",
        }
    response = desk.post(url, data)
    assert response.status_code == 302, response.content
    assert Template.objects.get().name == "State inspection"
    assert list(
        TemplateItem.objects.order_by("id").values_list("position", "group", "name", "canned_job")
    ) == [
        (1, "Brakes", "Horn", None),
        (2, "Brakes", "Pads", canned.pk),
    ]


def test_page_of_an_inspection_shows_its_findings(desk, inspection, findings, tim, now):
    photo = picture(tim, now)
    record_finding(
        finding=findings[1], by=tim.pk, now=now, rating="red", value="2", note="Worn", photos=[photo.uuid]
    )
    text = text_of(desk.get(page(inspection)))
    assert "Engine oil Not rated" in text
    assert "Brakes Pads, front Now 2 mm Worn pads.jpg" in text
    assert desk.post(page(inspection), {}).status_code == 403


def test_page_of_an_inspection_has_a_constant_number_of_queries(desk, inspection, findings):
    desk.get(page(inspection))
    few = count_queries(lambda: desk.get(page(inspection)))
    for _ in range(10):
        finding = factories.FindingFactory(inspection=inspection, job=factories.JobFactory())
        factories.FindingPhotoFactory(finding=finding)
    assert count_queries(lambda: desk.get(page(inspection))) <= few + 1  # the uploads of the photos


def test_page_of_the_order_lists_its_inspections(desk, order, inspection, template, now):
    assert "Courtesy inspection , not finished yet" in text_of(desk.get(page(order)))
    finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
    response = desk.get(page(order))
    assert "Courtesy inspection , finished" in text_of(response)
    assert f'href="{page(inspection)}"' in response.content.decode()


def test_page_of_an_order_without_any_shows_none(desk, order):
    assert "Inspections Inspections - Money" in text_of(desk.get(page(order)))


def test_list_is_found_by_order(desk, inspection):
    factories.InspectionFactory(name="State inspection")  # without a digit that could be the order's
    response = desk.get(changelist(type(inspection)), {"q": str(inspection.repair_order_id)})
    assert response.context["cl"].result_count == 1
