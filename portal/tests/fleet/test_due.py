"""Portal: everything that is due for the company's units."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from portal.tests.fleet.conftest import browser
from testing import factories
from testing.billed import stored_invoice
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/customer/due/"


def words(response):
    """Return the text of the page's content with single spaces, without its tags."""
    content = response.content.decode().partition("<main")[2].partition(">")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content)).partition(" Dates and times")[0].strip()


@pytest.fixture
def due(unit, rosa):
    return (
        factories.ServiceScheduleFactory(vehicle=unit, template__name="Oil change", due_on=date(2025, 7, 15)),
        stored_invoice(rosa, vehicle=unit, due_on=timezone.localdate() - timedelta(days=3)),
    )


def test_list_has_the_unit_the_day_the_state_and_the_way_to_act(page, due, unit):
    _, invoice = due
    response = page.get(URL)
    day = f"{invoice.due_on.day} {invoice.due_on:%b %Y}"
    assert words(response).endswith(
        "2 due Unit What Due State Amount Act "
        "A123 Oil change 15 Jul 2025 or 15,000 mi Overdue – Request a repair , Oil change "
        f"A123 Invoice {invoice.number} {day} Overdue $108.25 See the invoice , Invoice {invoice.number}"
    )
    html = response.content.decode()
    for url in (f"/customer/repairs/new/?unit_id={unit.pk}", f"/customer/invoices/{invoice.pk}/"):
        assert f'href="{url}"' in html


def test_viewer_is_not_led_to_a_request(due, rosa):
    viewer = browser(factories.CustomerUserFactory(customer=rosa, role="viewer").user)
    shown = words(viewer.get(URL))
    assert "A123 Oil change" in shown and "See the invoice" in shown
    assert "Request a repair" not in shown


def test_kind_filters(page, due):
    assert "1 due" in words(page.get(URL, {"kind": "invoice"}))
    assert words(page.get(URL, {"kind": "code"})).endswith("Nothing is due of this kind.")


def test_nothing_due(page):
    assert words(page.get(URL)).endswith("Nothing is due.")


def test_wrong_parameters_are_named(page):
    response = page.get(URL, {"kind": "oil"})
    assert response.status_code == 400
    assert "kind:" in words(response) and "is not one of service" in words(response)
    assert page.get(URL, {"page": 2}).status_code == 400


def test_estimate_leads_to_the_repair(page, estimate):
    assert f'href="/customer/repairs/{estimate.pk}/"' in page.get(URL).content.decode()


def test_other_companies_see_nothing_of_it(bobs_page, due):
    assert words(bobs_page.get(URL)).endswith("Nothing is due.")


def test_page_needs_a_login(due):
    response = browser().get(URL)
    assert (response.status_code, response["Location"]) == (302, f"/customer/login/?next={URL}")


def test_number_of_queries_does_not_grow(page, due, rosa):
    one = count_queries(lambda: page.get(URL))
    for _ in range(29):
        factories.ServiceScheduleFactory(
            vehicle=factories.VehicleFactory(customer=rosa), due_on=date(2025, 1, 1)
        )
    assert count_queries(lambda: page.get(URL)) == one
