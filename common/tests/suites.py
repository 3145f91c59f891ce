"""What every list of a contract must do, written once: a test class declares its address and rows and inherits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer

UNAUTHENTICATED = {"detail": "Authentication credentials were not provided."}
BAD_TOKEN = {"detail": "Given token is not valid or has expired."}
CUSTOMERS_ONLY = {"error": "Access denied", "detail": "This endpoint is only accessible to customers."}
NO_RECORD = {
    "error": "No customer record found for this user",
    "detail": "This user account is not linked to a customer record. Please contact support.",
}


def count_queries(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.django_db
class ShopCustomerListSuite:
    """A `customers/me` list of contract 000."""

    url: ClassVar[str]

    def make(self, customer: Customer) -> Any:
        """One row of the customer with everything a row can have."""
        raise NotImplementedError

    def row(self, instance: Any, customer: Customer) -> dict[str, Any]:
        """What the contract prints for it, written out independently of the serializer."""
        raise NotImplementedError

    def envelope(self, customer: Customer, results: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "results": results,
            "count": len(results),
            "customer_id": customer.pk,
            "customer_name": customer.contact.full_name,
        }

    def test_body_is_the_contracts(self, alice, as_alice):
        instance = self.make(alice)
        response = as_alice.get(self.url)
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response.json() == self.envelope(alice, [self.row(instance, alice)])

    def test_empty_list_still_names_the_customer(self, alice, as_alice):
        assert as_alice.get(self.url).json() == self.envelope(alice, [])

    def test_answers_without_the_slash_and_not_with_two(self, alice, as_alice):
        self.make(alice)
        without = as_alice.get(self.url.rstrip("/"))
        assert (without.status_code, without.json()) == (200, as_alice.get(self.url).json())
        doubled = as_alice.get(self.url + "/")
        assert doubled.status_code == 404
        assert doubled.json() == {"error": "Not found", "detail": "There is nothing at this address."}

    def test_another_customer_sees_nothing_of_it(self, alice, bob, as_bob):
        self.make(alice)
        assert as_bob.get(self.url).json() == self.envelope(bob, [])

    def test_without_a_token_is_401(self, api, alice):
        self.make(alice)
        response = api.get(self.url)
        assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'

    @pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_with_a_bad_token_is_401(self, api, alice, token):
        response = api.get(self.url, headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.json()) == (401, BAD_TOKEN)

    def test_staff_get_the_printed_403(self, as_tim, alice):
        self.make(alice)
        response = as_tim.get(self.url)
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)

    def test_a_login_without_a_record_gets_the_printed_404(self, sign_in, carol):
        response = sign_in(carol).get(self.url)
        assert (response.status_code, response.json()) == (404, NO_RECORD)

    def test_number_of_queries_does_not_grow(self, alice, as_alice):
        self.make(alice)
        with_one = count_queries(lambda: as_alice.get(self.url))
        for _ in range(29):
            self.make(alice)
        assert as_alice.get(self.url).json()["count"] == 30
        assert count_queries(lambda: as_alice.get(self.url)) == with_one

    def test_pages_on_request(self, alice, as_alice):
        for _ in range(3):
            self.make(alice)
        whole = as_alice.get(self.url).json()
        first = as_alice.get(self.url, {"page_size": "2"}).json()
        second = as_alice.get(self.url, {"page": "2", "page_size": "2"}).json()
        base = f"http://testserver{self.url}"
        assert first == {
            **whole,
            "results": whole["results"][:2],
            "next": f"{base}?page=2&page_size=2",
            "previous": None,
        }
        assert second == {
            **whole,
            "results": whole["results"][2:],
            "next": None,
            "previous": f"{base}?page=1&page_size=2",
        }
        assert as_alice.get(self.url, {"page": "1"}).json()["results"] == whole["results"]

    @pytest.mark.parametrize(
        ("params", "fields"),
        [
            ({"page": "2"}, {"page": ["The last page is 1."]}),
            ({"page": "0"}, {"page": ["Ensure this value is greater than or equal to 1."]}),
            ({"page": "x"}, {"page": ["A valid integer is required."]}),
            ({"page": "9" * 23}, {"page": ["Ensure this value is less than or equal to 2147483648."]}),
            ({"page_size": "201"}, {"page_size": ["Ensure this value is less than or equal to 200."]}),
            ({"colour": "red"}, {"colour": ["Unknown parameter."]}),
            ({"page": ["1", "2"]}, {"page": ["Given more than once."]}),
            ({"page": "1\x00"}, {"page": ["A valid integer is required."]}),
            (
                {"colour": "red", "page": "x"},
                {"colour": ["Unknown parameter."], "page": ["A valid integer is required."]},
            ),
        ],
    )
    def test_a_wrong_parameter_is_named(self, alice, as_alice, params, fields):
        self.make(alice)
        response = as_alice.get(self.url, params)
        name, messages = next(iter(fields.items()))
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Invalid input", "detail": f"{name}: {messages[0]}", "fields": fields},
        )

    def test_an_empty_parameter_counts_as_not_sent(self, alice, as_alice):
        instance = self.make(alice)
        response = as_alice.get(self.url, {"page": "", "page_size": ""})
        assert response.json() == self.envelope(alice, [self.row(instance, alice)])

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_other_methods_are_405(self, alice, as_alice, method):
        self.make(alice)
        response = getattr(as_alice, method)(self.url, {}, format="json")
        assert (response.status_code, response.json()) == (
            405,
            {"error": "Method not allowed", "detail": f'Method "{method.upper()}" not allowed.'},
        )
        assert response["Allow"] == "GET, HEAD"
        assert as_alice.get(self.url).json()["count"] == 1
