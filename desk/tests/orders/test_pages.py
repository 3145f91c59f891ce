"""The page *Repair orders*: what waits for what, at which location, and what a text finds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/repair-orders/"


@pytest.fixture
def garage():
    return factories.LocationFactory(is_default=True, name="Downtown", time_zone="America/New_York")


def order_of(garage, customer, status="requested", **more):
    car = factories.VehicleFactory(
        customer=customer, year=2019, make="Honda", model="Civic", unit_number="", license_plate="ABC-123"
    )
    return factories.RepairOrderFactory(
        customer=customer, vehicle=car, location=garage, status=status, **more
    )


def shown(response):
    return [row.order for row in response.context["rows"]]


def words(response):
    content = response.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|&nbsp;", " ", content)).strip()


def test_row_names_the_order_its_work_its_promise_and_its_total(desk, garage, alice):
    order = order_of(
        garage, alice, description="It squeaks", promised_at=datetime(2020, 3, 2, 15, tzinfo=UTC)
    )
    factories.PartLineFactory(repair_order=order, quantity=1, unit_price=Decimal("12.50"))
    response = desk.get(URL)
    assert words(response) == (
        f"{order.reference} Alice Cooper 2019 Honda Civic (ABC-123) Repair It squeaks Requested Late "
        "promised 2 Mar 2020, 10:00 12.50"
    )


def test_open_orders_come_by_their_promise_and_then_the_oldest_first(desk, garage, alice):
    now = timezone.now()
    last = order_of(garage, alice, created_at=now - timedelta(days=1))
    late = order_of(garage, alice, promised_at=now - timedelta(hours=1))
    first = order_of(garage, alice, created_at=now - timedelta(days=3))
    assert shown(desk.get(URL)) == [late, first, last]


def test_tabs_count_the_open_orders_of_the_location(desk, garage, alice):
    order_of(garage, alice)
    order_of(garage, alice, "pending")
    order_of(None, alice, "pending")  # without a location it belongs to the default one
    order_of(factories.LocationFactory(name="Uptown"), alice, "pending")
    response = desk.get(URL, {"view": "pending"})
    assert [(tab.title, tab.count) for tab in response.context["views"]] == [
        ("Open", 3),
        ("To estimate", 1),
        ("Waiting for approval", 2),
        ("To start", 0),
        ("In work", 0),
        ("Completed", None),
        ("Declined", None),
        ("All", None),
    ]
    assert {order.status for order in shown(response)} == {"pending"}
    assert len(shown(response)) == 2


@pytest.mark.parametrize("text", ["honda cooper", "abc 123", "squeaks", "Cooper squeaks"])
def test_every_word_is_in_the_customer_the_vehicle_or_the_problem(desk, garage, alice, bob, text):
    order = order_of(garage, alice, description="It squeaks")
    factories.RepairOrderFactory(
        customer=bob,
        vehicle__customer=bob,
        vehicle__license_plate="XYZ-9",
        vehicle__make="Kia",
        location=garage,
    )
    assert shown(desk.get(URL, {"q": text})) == [order]


def test_number_finds_the_order_and_a_phone_number_those_of_its_customer(desk, garage, alice, bob):
    order, other = order_of(garage, bob), order_of(garage, alice)
    assert shown(desk.get(URL, {"q": f"#{order.reference}"}))[0] == order
    alice.contact.phone = "+15035550142"
    alice.contact.save()
    assert shown(desk.get(URL, {"q": "(503) 555-0142"})) == [other]
    response = desk.get(URL, {"q": "%%"})
    assert shown(response) == []
    assert "No order here for “%%”." in response.content.decode()


def test_orders_of_a_customer_are_those_of_every_location(desk, garage, alice, bob):
    here = order_of(garage, alice, "denied")
    there = order_of(factories.LocationFactory(name="Uptown"), alice)
    order_of(garage, bob)
    response = desk.get(URL, {"customer": alice.pk})
    assert set(shown(response)) == {here, there}
    assert response.context["view"] == "all"


def test_completed_order_says_what_is_owed_and_whether_the_vehicle_is_here(desk, garage, alice):
    order = order_of(garage, alice, "completed", total_cost=Decimal("80.00"), completed_at=timezone.now())
    assert "Vehicle here" in words(desk.get(URL, {"view": "completed"}))
    assert "80.00 not invoiced" in words(desk.get(URL, {"view": "completed"}))
    factories.VehicleExitFactory(repair_order=order)
    assert "Vehicle here" not in words(desk.get(URL, {"view": "completed"}))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"view": "lost"}, "There is no view &#x27;lost&#x27;."),
        ({"customer": "x"}, "There is no customer &#x27;x&#x27;."),
        ({"customer": "9" * 30}, "There is no customer"),
    ],
)
def test_wrong_parameter_is_named(desk, garage, query, text):
    response = desk.get(URL, query)
    assert response.status_code == 200
    assert text in response.content.decode()


def test_queries_do_not_depend_on_the_number_of_orders(desk, garage, alice):
    def fill(number):
        for _ in range(number):
            order = order_of(garage, alice)
            factories.JobFactory(repair_order=order)
            factories.PartLineFactory(repair_order=order)

    fill(1)
    few = count_queries(lambda: desk.get(URL, {"q": "honda"}))
    fill(5)
    assert count_queries(lambda: desk.get(URL, {"q": "honda"})) == few


def test_customer_is_sent_to_the_sign_in(client, alice):
    client.force_login(alice.contact)
    response = client.get(URL)
    assert (response.status_code, response.headers["Location"]) == (302, f"/admin/login/?next={URL}")
