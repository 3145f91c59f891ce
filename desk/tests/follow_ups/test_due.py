"""The kinds of *Follow-ups*: what is due for the customers of a location."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from appointments.queries import local_time
from testing import factories
from testing.billed import stored_invoice
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/follow-ups/"


@pytest.fixture
def garage():
    return factories.LocationFactory(is_default=True, name="Downtown", time_zone="America/New_York")


@pytest.fixture
def oil(alice, garage):
    """Overdue work on a vehicle of a customer who was at the location."""
    car = factories.VehicleFactory(
        customer=alice, year=2019, make="Honda", model="Civic", unit_number="", license_plate="ABC-123"
    )
    factories.RepairOrderFactory(customer=alice, vehicle=car, location=garage, status="requested")
    return factories.ServiceScheduleFactory(
        vehicle=car, template__name="Oil change", due_on=date(2025, 7, 15), due_miles=Decimal(15_000)
    )


def words(response):
    content = response.content.decode().partition('aria-label="What is due"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|&nbsp;", " ", content)).removeprefix(">").strip()


def test_row_has_the_phone_and_books_in_one_click(desk, oil, alice):
    response = desk.get(URL, {"kind": "service"})
    assert words(response) == (
        f"Alice Cooper {alice.contact.phone} "
        "Note a call to Alice Cooper What came of it Next call on Note it "
        "Overdue Oil change 2019 Honda Civic (ABC-123), Tuesday 15 July 2025 or 15,000 miles "
        "Book Alice Cooper, Oil change"
    )
    link = f"/admin/intake/?customer={alice.pk}&amp;vehicle={oil.vehicle_id}"
    assert link in response.content.decode()


def test_rows_of_a_customer_stand_together_below_one_name(desk, oil, alice, bob, garage):
    car = factories.VehicleFactory(customer=bob)
    factories.RepairOrderFactory(customer=bob, vehicle=car, location=garage, status="requested")
    for vehicle, name, day in ((car, "Tires", 16), (oil.vehicle, "Brakes", 17)):
        factories.ServiceScheduleFactory(
            vehicle=vehicle, template__name=name, due_on=date(2025, 7, day), due_miles=None
        )
    response = desk.get(URL, {"kind": "service"})
    assert [(due.customer, due.text) for due in response.context["found"]] == [
        (alice, "Oil change"), (alice, "Brakes"), (bob, "Tires")
    ]  # fmt: skip
    assert words(response).count("Note a call to Alice Cooper") == 1
    assert response.content.decode().count(f'href="/admin/customers-page/{alice.pk}/"') == 1


def test_tabs_are_the_kinds_that_the_role_may_see(desk, oil):
    response = desk.get(URL)
    assert [(tab.label, tab.is_current) for tab in response.context["tabs"]] == [
        ("Put off", True),
        ("Service", False),
        ("Recommendations", False),
        ("Trouble codes", False),
        ("Memberships", False),
        ("Appointments", False),
        ("Estimates", False),
        ("Invoices", False),
    ]
    response = desk.get(URL, {"kind": "code"})
    assert [tab.label for tab in response.context["tabs"] if tab.is_current] == ["Trouble codes"]


@pytest.mark.parametrize("kind", ["parking", "oil"])
def test_other_kinds_show_the_work_that_was_put_off(desk, oil, kind):
    assert "calls" in desk.get(URL, {"kind": kind}).context


def test_customers_of_other_locations_are_left_out(desk, oil):
    factories.ServiceScheduleFactory(due_on=date(2025, 7, 15))
    other = factories.LocationFactory(name="Uptown")
    assert desk.get(URL, {"kind": "service"}).context["page"].paginator.count == 1
    assert desk.get(URL, {"kind": "service", "location": other.pk}).context["found"] == []


def test_each_kind_leads_to_where_to_act(desk, oil, alice, garage, now):
    yesterday = local_time(garage, now).date() - timedelta(days=1)
    invoice = stored_invoice(alice, vehicle=oil.vehicle, location=garage, due_on=yesterday)
    visit = factories.AppointmentFactory(
        customer=alice,
        vehicle=oil.vehicle,
        location=garage,
        start=now + timedelta(days=1),
        end=now + timedelta(days=1, hours=1),
    )
    factories.MembershipFactory(user=alice.contact)
    for kind, link in (
        ("invoice", f"/admin/billing/invoice/{invoice.pk}/change/"),
        ("appointment", f"/admin/visits/{visit.pk}/"),
        ("membership", f"/admin/customers-page/{alice.pk}/"),
    ):
        response = desk.get(URL, {"kind": kind})
        assert len(response.context["found"]) == 1
        assert f'href="{link}"' in response.content.decode()


def test_member_without_a_customer_is_shown_only_where_they_came(desk, garage, carol):
    factories.MembershipFactory(user=carol)
    assert desk.get(URL, {"kind": "membership"}).context["found"] == []


def test_pages_keep_the_kind_and_cost_the_same_queries(desk, oil, garage):
    desk.get(URL, {"kind": "service"})
    one = count_queries(lambda: desk.get(URL, {"kind": "service"}))
    for _ in range(29):
        car = factories.VehicleFactory()
        factories.RepairOrderFactory(customer=car.customer, vehicle=car, location=garage)
        factories.ServiceScheduleFactory(vehicle=car, template=oil.template, due_on=date(2025, 7, 15))
    assert count_queries(lambda: desk.get(URL, {"kind": "service"})) == one
    response = desk.get(URL, {"kind": "service"})
    assert len(response.context["found"]) == 25
    assert "?page=2&amp;kind=service" in response.content.decode()
    assert len(desk.get(URL, {"kind": "service", "page": 2}).context["found"]) == 5
