"""Calls to customers: noted by staff, listed newest first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.domain.models import Event
from customers.actions import CustomerIsMerged
from customers.calls.actions import NextCallInThePast, note_call
from customers.calls.models import PhoneCall
from testing.factories import CustomerFactory, PhoneCallFactory, UserFactory
from testing.suites import count_queries

pytestmark = pytest.mark.django_db


class TestNote:
    def test_it_keeps_who_called_when_and_what_came_of_it(self, now):
        customer, anna, day = CustomerFactory(), UserFactory(), now.date() + timedelta(days=3)
        call = note_call(customer=customer, outcome="Asks her husband", next_on=day, by=anna.pk, now=now)
        call.refresh_from_db()
        assert (call.customer, call.at, call.by, call.outcome, call.next_on) == (
            customer, now, anna, "Asks her husband", day
        )  # fmt: skip
        event = Event.objects.latest("id")
        assert (event.type, event.payload) == (
            "customers.phonecall.created", {"id": call.pk, "customer_id": customer.pk}
        )  # fmt: skip

    def test_next_call_is_not_in_the_past(self, now):
        customer = CustomerFactory()
        with pytest.raises(NextCallInThePast):
            note_call(
                customer=customer,
                outcome="No answer",
                next_on=now.date() - timedelta(days=2),
                by=None,
                now=now,
            )
        assert not PhoneCall.objects.exists()

    def test_merged_customer_is_refused(self, now):
        merged = CustomerFactory(contact=None, merged_into=CustomerFactory())
        with pytest.raises(CustomerIsMerged):
            note_call(customer=merged, outcome="No answer", by=None, now=now)
        assert not PhoneCall.objects.exists()


def test_last_call_to_each_customer():
    alice, bob = CustomerFactory.create_batch(2)
    PhoneCallFactory(customer=alice)
    last = [PhoneCallFactory(customer=bob), PhoneCallFactory(customer=alice)]
    assert list(PhoneCall.objects.last_ones().order_by("id")) == last


class TestApi:
    def url(self, customer):
        return f"/api/shop/customers/{customer.pk}/phone-calls/"

    def test_calls_are_noted_and_listed(self, as_ada, ada):
        customer, _ = CustomerFactory(), PhoneCallFactory()
        first = as_ada.post(self.url(customer), {"outcome": "No answer"}, format="json")
        body = {"outcome": "Asks her husband", "next_on": "2099-12-03"}
        second = as_ada.post(self.url(customer), body, format="json")
        call = PhoneCall.objects.latest("id")
        at = call.at.isoformat().replace("+00:00", "Z")
        assert (first.status_code, second.status_code) == (201, 201)
        assert second.json() == {"id": call.pk, "at": at, "by": ada.pk, **body}
        assert as_ada.get(self.url(customer)).json() == {
            "results": [second.json(), first.json()], "count": 2, "next": None, "previous": None
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("body", "field", "text"),
        [
            ({}, "outcome", "This field is required."),
            ({"outcome": " "}, "outcome", "This field may not be blank."),
            ({"outcome": "x" * 501}, "outcome", "Ensure this field has no more than 500 characters."),
            (
                {"outcome": "x", "next_on": "2020-01-01"},
                "next_on",
                "The day of the next call must be today or later.",
            ),
        ],
    )
    def test_wrong_value_is_400_and_named(self, as_ada, body, field, text):
        response = as_ada.post(self.url(CustomerFactory()), body, format="json")
        assert (response.status_code, response.json()["fields"]) == (400, {field: [text]})
        assert not PhoneCall.objects.exists()

    def test_missing_customer_is_404_and_customers_are_403(self, as_ada, as_alice):
        customer = CustomerFactory()
        assert as_alice.get(self.url(customer)).status_code == 403
        customer.pk = 999_999
        assert as_ada.get(self.url(customer)).status_code == 404
        assert as_ada.post(self.url(customer), {"outcome": "x"}, format="json").status_code == 404

    def test_number_of_queries_does_not_grow(self, as_ada):
        call = PhoneCallFactory()
        one = count_queries(lambda: as_ada.get(self.url(call.customer)))
        PhoneCallFactory.create_batch(29, customer=call.customer)
        assert as_ada.get(self.url(call.customer)).json()["count"] == 30
        assert count_queries(lambda: as_ada.get(self.url(call.customer))) == one
