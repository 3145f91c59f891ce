"""Calls about follow-ups are noted, and shown on the lists and on the customer's page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.calls.models import PhoneCall
from desk.tests.follow_ups.test_pages import put_off, told
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/follow-ups/"


@pytest.fixture
def garage():
    return factories.LocationFactory(is_default=True)


@pytest.fixture
def work(garage):
    return put_off(garage, text="Wipers")


def step(customer):
    return f"{URL}calls/{customer.pk}/"


def note(client, customer, **fields):
    sent = {"key": "k", "outcome": "Asks her husband", "next_on": "", **fields}
    return client.post(step(customer), sent, follow=True)


def test_the_list_says_what_came_of_the_last_call(desk, ada, work):
    customer, today = work.vehicle.customer, timezone.localdate()
    day = today + timedelta(days=3)
    response = note(desk, customer, next_on=str(day))
    words = f"{day:%a} {day.day} {day:%b}"
    assert told(response) == [f"The call to {customer.name} is noted. Next call on {words}."]
    call = PhoneCall.objects.get()
    assert (call.customer, call.by, call.outcome, call.next_on) == (customer, ada, "Asks her husband", day)
    assert response.redirect_chain == [(URL, 302)]
    page = response.text
    assert f'<span class="tag ">Next call {words}</span>' in page
    assert f"by {ada}:" in page and "Asks her husband" in page
    PhoneCall.objects.update(next_on=today)
    assert '<span class="tag amber">Next call' in desk.get(URL).text


def test_other_lists_say_it_and_are_come_back_to(desk, alice, garage):
    vehicle = factories.VehicleFactory(customer=alice)
    factories.RepairOrderFactory(customer=alice, vehicle=vehicle, location=garage)
    factories.ServiceScheduleFactory(vehicle=vehicle)
    response = note(desk, alice, kind="service", page="1")
    assert response.redirect_chain == [(f"{URL}?kind=service&page=1", 302)]
    assert "Asks her husband" in response.text


def test_the_customers_page_lists_the_calls(desk, work):
    customer = work.vehicle.customer
    response = note(desk, customer, to="customer")
    assert response.redirect_chain == [(f"/admin/customers-page/{customer.pk}/#calls", 302)]
    assert "Asks her husband" in response.text
    assert "No call is noted yet." not in response.text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"outcome": " "}, "Enter what came of the call."),
        ({"next_on": "soon"}, "Enter the day of the next call like 2026-12-31."),
        ({"next_on": "1999-01-01"}, "for the next call, not 1999-01-01."),
        ({"next_on": "9999-12-31"}, "for the next call, not 9999-12-31."),
    ],
)
def test_wrong_value_is_said(desk, work, fields, text):
    [message] = told(note(desk, work.vehicle.customer, **fields))
    assert message.endswith(text)
    assert not PhoneCall.objects.exists()


def test_second_press_notes_nothing_again(desk, work):
    note(desk, work.vehicle.customer)
    [message] = told(note(desk, work.vehicle.customer))
    assert message.startswith("This form was sent before.")
    assert PhoneCall.objects.count() == 1


def test_who_may_not_change_customers_may_not_note(client, work, tim):
    client.force_login(tim)
    assert client.post(step(work.vehicle.customer), {"outcome": "x"}).status_code == 403
    assert not PhoneCall.objects.exists()


def test_missing_customer_is_404(desk, work):
    assert desk.post(f"{URL}calls/999999/", {"outcome": "x"}).status_code == 404


def test_number_of_queries_does_not_grow(desk, garage, work):
    factories.PhoneCallFactory(customer=work.vehicle.customer)
    desk.get(URL)
    with_one = count_queries(lambda: desk.get(URL))
    for _ in range(5):
        customer = put_off(garage).vehicle.customer
        factories.PhoneCallFactory.create_batch(2, customer=customer)
    assert count_queries(lambda: desk.get(URL)) == with_one
