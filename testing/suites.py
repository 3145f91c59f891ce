"""Test suites that every list of a contract and every noun of the staff's API inherits.

A test class declares its URL and its rows. The suite tests the rest.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from io import StringIO
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.http import lists
from common.http.positions import WRONG_CURSOR
from common.http.routing import view_class_of
from common.reads.read import Read
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
    """Tests of a `customers/me` list of contract 000."""

    url: ClassVar[str]
    allowed: ClassVar[str] = "GET, HEAD"

    def make(self, customer: Customer) -> Any:
        """Create a row of the customer with every field set."""
        raise NotImplementedError

    def row(self, instance: Any, customer: Customer) -> dict[str, Any]:
        """Return the row's body in the contract, written independently of the serializer."""
        raise NotImplementedError

    def envelope(self, customer: Customer, results: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "results": results,
            "count": len(results),
            "customer_id": customer.pk,
            "customer_name": customer.contact.full_name,
        }

    def test_body_matches_the_contract(self, alice, as_alice):
        instance = self.make(alice)
        response = as_alice.get(self.url)
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response.json() == self.envelope(alice, [self.row(instance, alice)])

    def test_empty_list_still_names_the_customer(self, alice, as_alice):
        assert as_alice.get(self.url).json() == self.envelope(alice, [])

    def test_trailing_slash_is_optional_and_two_are_404(self, alice, as_alice):
        self.make(alice)
        without = as_alice.get(self.url.rstrip("/"))
        assert (without.status_code, without.json()) == (200, as_alice.get(self.url).json())
        doubled = as_alice.get(self.url + "/")
        assert doubled.status_code == 404
        assert doubled.json() == {"error": "Not found", "detail": "There is nothing at this address."}

    def test_other_customer_gets_an_empty_list(self, alice, bob, as_bob):
        self.make(alice)
        assert as_bob.get(self.url).json() == self.envelope(bob, [])

    def test_missing_token_is_401(self, api, alice):
        self.make(alice)
        response = api.get(self.url)
        assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_bad_token_is_401(self, api, alice):
        for token in ("", "garbage", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
            response = api.get(self.url, headers={"Authorization": f"Bearer {token}"})
            assert (token, response.status_code, response.json()) == (token, 401, BAD_TOKEN)

    def test_staff_get_the_403_of_the_contract(self, as_tim, alice):
        self.make(alice)
        response = as_tim.get(self.url)
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)

    def test_user_without_customer_record_gets_the_404_of_the_contract(self, sign_in, carol):
        response = sign_in(carol).get(self.url)
        assert (response.status_code, response.json()) == (404, NO_RECORD)

    def test_number_of_queries_does_not_grow(self, alice, as_alice):
        self.make(alice)
        with_one = count_queries(lambda: as_alice.get(self.url))
        for _ in range(29):
            self.make(alice)
        assert as_alice.get(self.url).json()["count"] == 30
        assert count_queries(lambda: as_alice.get(self.url)) == with_one

    def test_page_parameters_paginate_the_list(self, alice, as_alice):
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

    def test_invalid_parameter_is_400_and_named(self, alice, as_alice):
        self.make(alice)
        for params, fields in (
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
        ):
            response = as_alice.get(self.url, params)
            name, messages = next(iter(fields.items()))
            body = {"error": "Invalid input", "detail": f"{name}: {messages[0]}", "fields": fields}
            assert (params, response.status_code, response.json()) == (params, 400, body)

    def test_empty_parameter_is_ignored(self, alice, as_alice):
        instance = self.make(alice)
        response = as_alice.get(self.url, {"page": "", "page_size": ""})
        assert response.json() == self.envelope(alice, [self.row(instance, alice)])

    def test_other_methods_are_405(self, alice, as_alice):
        self.make(alice)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            response = as_alice.generic(method, self.url, "{}", content_type="application/json")
            if method in self.allowed:
                assert response.status_code == 400  # the body is empty
                continue
            body = {"error": "Method not allowed", "detail": f'Method "{method}" not allowed.'}
            assert (response.status_code, response.json()) == (405, body)
            assert response["Allow"] == self.allowed
        assert as_alice.get(self.url).json()["count"] == 1


def care_invalid(field: str, message: str) -> dict[str, Any]:
    """Return the 422 body of contract 002 that names one field."""
    return {"error": "Invalid input", "detail": f"{field}: {message}", "fields": {field: [message]}}


class CareGateSuite:
    """Access tests of a URL of contract 002, under `/api/v1/customer/`."""

    url: ClassVar[str]
    method: ClassVar[str] = "get"

    def call(self, client: Any) -> Any:
        return getattr(client, self.method)(self.url, {} if self.method == "get" else None, format="json")

    def test_missing_or_bad_token_is_401(self, api):
        response = self.call(api)
        assert (response.status_code, response.json()) == (401, {"error": "Unauthorized", **UNAUTHENTICATED})
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'
        api.credentials(HTTP_AUTHORIZATION="Bearer a.b.c")
        response = self.call(api)
        assert (response.status_code, response.json()) == (401, {"error": "Unauthorized", **BAD_TOKEN})

    def test_staff_are_403(self, as_tim):
        response = self.call(as_tim)
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)

    def test_user_without_customer_record_is_404(self, sign_in, carol):
        response = self.call(sign_in(carol))
        assert (response.status_code, response.json()) == (404, NO_RECORD)


@pytest.mark.django_db
class CareListSuite(CareGateSuite):
    """Tests of a list of contract 002, which is a bare array of the customer's rows."""

    allow: ClassVar[str] = "GET, HEAD"

    def make(self, customer: Customer) -> Any:
        """Create a row of the customer with every field set."""
        raise NotImplementedError

    def row(self, instance: Any) -> dict[str, Any]:
        """Return the row's body, written independently of the serializer."""
        raise NotImplementedError

    def test_body_is_a_bare_array(self, alice, as_alice):
        instance = self.make(alice)
        response = as_alice.get(self.url)
        assert (response.status_code, response.json()) == (200, [self.row(instance)])
        assert list(response.json()[0]) == list(self.row(instance))
        assert "Link" not in response.headers

    def test_empty_list_is_an_empty_array(self, as_alice):
        assert as_alice.get(self.url).json() == []

    def test_trailing_slash_is_optional_and_two_are_404(self, alice, as_alice):
        self.make(alice)
        with_slash = as_alice.get(f"{self.url}/")
        assert (with_slash.status_code, with_slash.json()) == (200, as_alice.get(self.url).json())
        doubled = as_alice.get(f"{self.url}//")
        assert (doubled.status_code, doubled.json()) == (404, NOTHING_HERE)

    def test_page_parameters_set_the_count_and_link_headers(self, alice, as_alice):
        for _ in range(3):
            self.make(alice)
        whole = as_alice.get(self.url).json()
        base = f"http://testserver{self.url}"
        response = as_alice.get(self.url, {"page_size": "2"})
        assert response.json() == whole[:2]
        assert response["X-Total-Count"] == "3"
        assert response["Link"] == ", ".join(
            f'<{base}?page={page}&page_size=2>; rel="{name}"'
            for name, page in (("first", 1), ("next", 2), ("last", 2))
        )
        assert as_alice.get(self.url, {"page_size": "2", "page": "2"}).json() == whole[2:]

    def test_invalid_parameter_is_422(self, alice, as_alice):
        self.make(alice)
        for params, field, message in (
            ({"page": "2"}, "page", "The last page is 1."),
            ({"page": "x"}, "page", "A valid integer is required."),
            ({"page_size": "201"}, "page_size", "Ensure this value is less than or equal to 200."),
            ({"colour": "red"}, "colour", "Unknown parameter."),
        ):
            response = as_alice.get(self.url, params)
            body = care_invalid(field, message)
            assert (params, response.status_code, response.json()) == (params, 422, body)

    def test_number_of_queries_does_not_grow(self, alice, as_alice):
        self.make(alice)
        with_one = count_queries(lambda: as_alice.get(self.url))
        for _ in range(29):
            self.make(alice)
        assert len(as_alice.get(self.url).json()) == 30
        assert count_queries(lambda: as_alice.get(self.url)) == with_one

    def test_other_methods_are_405(self, as_alice):
        for method in ("put", "patch", "delete"):
            response = getattr(as_alice, method)(self.url, {}, format="json")
            assert (response.status_code, response.json(), response["Allow"]) == (
                405,
                {"error": "Method not allowed", "detail": f'Method "{method.upper()}" not allowed.'},
                self.allow,
            )


class CareOwnListSuite(CareListSuite):
    """Tests of a list whose rows belong to the customer."""

    def test_other_customer_gets_an_empty_list(self, alice, as_bob):
        self.make(alice)
        assert as_bob.get(self.url).json() == []


NOTHING_HERE = {"error": "Not found", "detail": "There is nothing at this address."}


def invalid(field: str, message: str) -> dict[str, Any]:
    """Return the 400 body of the staff's API that names one field."""
    body = {"error": "Invalid input", "detail": f"{field}: {message}", "fields": {field: [message]}}
    return body | {"code": "invalid"}


def stored(row: Any) -> tuple[dict[str, Any], int]:
    """Return the columns of a row in the database and the number of its history rows."""
    model = type(row)
    kept = row.history.count() if hasattr(model, "history") else 0
    return model._default_manager.values().get(pk=row.pk), kept


def refused(response: Any, status: int, body: dict[str, Any], *rows: Any, before: list[Any]) -> None:
    """Assert the whole body of a refusal, and that it changed none of the rows."""
    assert (response.status_code, response.json()) == (status, body)
    assert [stored(row) for row in rows] == before


@pytest.mark.django_db
class StaffNounSuite:
    """Tests of a noun of the staff's API, at `/api/shop/<noun>/`."""

    noun: ClassVar[str]
    name: ClassVar[str]  # the noun in the detail of a 404
    allow: ClassVar[str] = "GET, HEAD, POST"
    item_allow: ClassVar[str] = "GET, HEAD, PATCH"
    ordering: ClassVar[tuple[str, ...]] = ()
    # Parameters, the field that is named and its message, where {ordering} stands for the words of `ordering`.
    invalid_parameters: ClassVar[list[tuple[dict[str, Any], str, str]]] = [
        ({"page": "2"}, "page", "The last page is 1."),
        ({"page": "0"}, "page", "Ensure this value is greater than or equal to 1."),
        ({"page_size": "201"}, "page_size", "Ensure this value is less than or equal to 200."),
        ({"after": "", "page": "1"}, "after", "Send after or page, not both."),
        ({"format": "pdf"}, "format", '"pdf" is not a valid choice. Choose one of: json, ndjson, csv.'),
        ({"format": "csv", "page_size": "5"}, "format", "Send format or page_size, not both."),
        ({"format": "csv", "after": ""}, "format", "Send format or after, not both."),
        ({"after": "WzFd:x"}, "after", WRONG_CURSOR),
        ({"colour": "red"}, "colour", "Unknown parameter."),
        ({"search": ["a", "b"]}, "search", "Given more than once."),
        ({"search": "a\x00b"}, "search", "Null characters are not allowed."),
        ({"search": "x" * 201}, "search", "Ensure this field has no more than 200 characters."),
        ({"ordering": "colour"}, "ordering", '"colour" is not a valid choice. Choose one of: {ordering}.'),
    ]

    @property
    def url(self) -> str:
        return f"/api/shop/{self.noun}/"

    def make(self, **values: Any) -> Any:
        """Create a row with every field set."""
        raise NotImplementedError

    def row(self, instance: Any) -> dict[str, Any]:
        """Return the row's body, written independently of the serializer."""
        raise NotImplementedError

    def detail(self, instance: Any) -> dict[str, Any]:
        """Return the body of one row, which is that of the list by default."""
        return self.row(instance)

    def called(self, text: str) -> Any:
        """Create a row that the search finds by `text`."""
        raise NotImplementedError

    def item(self, instance: Any, verb: str = "") -> str:
        return f"{self.url}{instance.pk}/{verb and verb + '/'}"

    def found(self, client: Any, **params: Any) -> list[int]:
        """Return the ids of a list in its order."""
        response = client.get(self.url, params)
        assert response.status_code == 200, response.content
        return [row["id"] for row in response.json()["results"]]

    def test_list_and_detail_have_the_same_row(self, as_ada):
        instance = self.make()
        body, detail = self.row(instance), self.detail(instance)
        assert as_ada.get(self.item(instance)).json() == detail
        assert list(as_ada.get(self.item(instance)).json()) == list(detail)
        listed = next(row for row in as_ada.get(self.url).json()["results"] if row["id"] == instance.pk)
        assert listed == body

    def test_list_has_the_envelope_of_the_contract(self, as_ada):
        instance = self.make()
        body = as_ada.get(self.url, {"ordering": self.ordering[0]} if self.ordering else {}).json()
        assert list(body) == ["results", "count", "next", "previous"]
        assert (body["count"], body["next"], body["previous"]) == (len(body["results"]), None, None)
        assert instance.pk in [row["id"] for row in body["results"]]

    def test_trailing_slash_is_optional_and_two_are_404(self, as_ada):
        instance = self.make()
        for url in (self.url, self.item(instance)):
            assert as_ada.get(url.rstrip("/")).json() == as_ada.get(url).json()
            doubled = as_ada.get(f"{url}/")
            assert (doubled.status_code, doubled.json()) == (404, NOTHING_HERE)

    def test_unknown_id_is_404_and_names_the_noun(self, as_ada):
        body = {"error": "Not found", "detail": f"{self.name} not found.", "code": "not_found"}
        for number in ("999999", str(2**63 - 1)):
            response = as_ada.get(f"{self.url}{number}/")
            assert (number, response.status_code, response.json()) == (number, 404, body)

    def test_malformed_id_is_404(self, as_ada):
        for number in ("0", "x", "-1", "1.5", str(2**63), "9" * 40):
            response = as_ada.get(f"{self.url}{number}/")
            assert (number, response.status_code, response.json()) == (number, 404, NOTHING_HERE)

    def test_other_methods_are_405(self, as_ada):
        instance = self.make()
        for url, allow, method in (
            (self.url, self.allow, "put"),
            (self.url, self.allow, "patch"),
            (self.url, self.allow, "delete"),
            (self.item(instance), self.item_allow, "put"),
            (self.item(instance), self.item_allow, "post"),
        ):
            response = getattr(as_ada, method)(url, {}, format="json")
            assert (response.status_code, response.json(), response["Allow"]) == (
                405,
                {
                    "error": "Method not allowed",
                    "detail": f'Method "{method.upper()}" not allowed.',
                    "code": "method_not_allowed",
                },
                allow,
            )

    def test_number_of_queries_does_not_grow(self, as_ada):
        instance = self.make()
        as_ada.get(self.url)
        list_of_one = count_queries(lambda: as_ada.get(self.url))
        row_of_one = count_queries(lambda: as_ada.get(self.item(instance)))
        for _ in range(29):
            self.make()
        assert as_ada.get(self.url).json()["count"] >= 30
        assert count_queries(lambda: as_ada.get(self.url)) == list_of_one
        assert count_queries(lambda: as_ada.get(self.item(instance))) == row_of_one

    def test_list_is_always_paginated(self, as_ada, monkeypatch):
        for _ in range(6):
            self.make()
        total = as_ada.get(self.url).json()["count"]
        assert self.bounds(as_ada) == [slice(0, 50)]
        monkeypatch.setattr(lists, "DEFAULT_PAGE_SIZE", 5)
        base = f"http://testserver{self.url}"
        first, second = as_ada.get(self.url).json(), as_ada.get(self.url, {"page": "2"}).json()
        assert (len(first["results"]), first["next"], first["previous"]) == (5, f"{base}?page=2", None)
        assert second["previous"] == f"{base}?page=1"
        whole = as_ada.get(self.url, {"page_size": "200"}).json()
        assert (whole["next"], whole["previous"]) == (None, None)
        assert whole["results"][:5] == first["results"]
        assert whole["results"][5:10] == second["results"]
        assert len(whole["results"]) == total

    def bounds(self, client: Any) -> list[slice]:
        """Return the bounds of each page that a request without parameters reads."""
        with patch.object(Read, "page", autospec=True, side_effect=Read.page) as read:
            client.get(self.url)
        return [call.args[3] for call in read.call_args_list]

    def test_pages_by_position_have_each_row_once(self, as_ada):
        for _ in range(5):
            self.make()
        for word in ("", *self.ordering, *(f"-{word}" for word in self.ordering)):
            asked = {"ordering": word} if word else {}
            whole = as_ada.get(self.url, {**asked, "page_size": "200"}).json()["results"]
            body = as_ada.get(self.url, {**asked, "page_size": "2", "after": ""}).json()
            rows = body["results"]
            while url := body["next"]:
                assert url.startswith(f"http://testserver{self.url}?")
                assert (len(body["results"]), body["count"], body["previous"]) == (2, None, None)
                body = as_ada.get(url).json()
                rows += body["results"]
            assert (body["count"], body["previous"]) == (None, None)
            assert rows == whole

    def test_files_have_the_rows_of_the_list(self, as_ada):
        for _ in range(3):
            self.make()
        rows = as_ada.get(self.url, {"page_size": "200"}).json()["results"]
        for kind, media in (("ndjson", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8")):
            response = as_ada.get(self.url, {"format": kind})
            headers = [response[name] for name in ("Content-Type", "Content-Disposition", "X-Total-Count")]
            assert headers == [media, f'attachment; filename="{self.noun}.{kind}"', str(len(rows))]
            text = response.getvalue().decode("utf-8-sig")
            if kind == "ndjson":
                assert [json.loads(line) for line in text.splitlines()] == rows
            else:
                table = list(csv.DictReader(StringIO(text, newline="")))
                assert [(list(row), row["id"]) for row in table] == [
                    (list(row), str(row["id"])) for row in rows
                ]

    def test_fields_choose_values_of_rows(self, as_ada):
        instance = self.make()
        row, detail = as_ada.get(self.url).json()["results"][0], self.detail(instance)
        for names in (["id"], list(row)[1:3]):
            asked = {"fields": ",".join(names)}
            for paging in ({}, {"after": ""}):
                listed = as_ada.get(self.url, {**asked, **paging}).json()["results"]
                assert listed[0] == {name: row[name] for name in names}
            assert as_ada.get(self.item(instance), asked).json() == {name: detail[name] for name in names}

    def test_field_that_the_row_does_not_have_is_400(self, as_ada):
        instance = self.make()
        for url, body in ((self.url, self.row(instance)), (self.item(instance), self.detail(instance))):
            response = as_ada.get(url, {"fields": "id,colour_of_hair"})
            text = f"The row has no colour_of_hair. It has {', '.join(body)}."
            assert (response.status_code, response.json()) == (400, invalid("fields", text))

    def test_row_has_an_etag_that_stays_while_it_does(self, as_ada):
        url = self.item(self.make())
        tag = as_ada.get(url)["ETag"]
        assert as_ada.get(url, {"fields": "id"})["ETag"] == tag
        assert re.fullmatch('"[A-Za-z0-9_-]+"', tag)

    def test_invalid_parameter_is_400_and_named(self, as_ada):
        self.make()
        words = getattr(view_class_of(self.url).query().fields.get("ordering"), "choices", ())
        for params, field, message in self.invalid_parameters:
            response = as_ada.get(self.url, params)
            body = invalid(field, message.replace("{ordering}", ", ".join(words)))
            assert (params, response.status_code, response.json()) == (params, 400, body)

    def test_every_ordering_is_total_and_reversible(self, as_ada):
        for _ in range(3):
            self.make()
        for word in self.ordering:
            forth, back = (self.found(as_ada, ordering=f"{sign}{word}") for sign in ("", "-"))
            assert forth == back[::-1]
            assert len(forth) >= 3

    @pytest.mark.parametrize(
        ("text", "sought"),
        [
            ("Marmalade", "mARMal"),
            ("Ébène Œuvre", "ÉBÈNE"),
            ("Ébène Œuvre", "ébène œ"),
            ("Straße", "straße"),
            ("100% pure", "00% PuR"),
            ("qx_z", "qx_z"),
            ("back\\slash", "k\\s"),
            ("o'clock", "O'C"),
        ],
    )
    def test_search_ignores_case(self, as_ada, text, sought):
        assert self.found(as_ada, search=sought) == []
        instance = self.called(text)
        self.make()
        assert self.found(as_ada, search=sought) == [instance.pk]

    def test_search_escapes_wildcards(self, as_ada):
        self.called("Marmalade")
        for wild in ("M%de", "M_rm", "%%%", "___", ".*", "zebra"):
            assert (wild, self.found(as_ada, search=wild)) == (wild, [])

    def test_patch_without_fields_changes_nothing(self, as_ada):
        instance = self.make()
        if "PATCH" not in self.item_allow:
            return
        before = stored(instance)
        response = as_ada.patch(self.item(instance), {}, format="json")
        assert (response.status_code, response.json()) == (200, self.detail(instance))
        assert stored(instance) == before

    def test_patch_of_an_unknown_id_is_404(self, as_ada):
        if "PATCH" in self.item_allow:
            response = as_ada.patch(f"{self.url}999999/", {}, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": "Not found", "detail": f"{self.name} not found.", "code": "not_found"},
            )


class WritableNounSuite(StaffNounSuite):
    """Tests of a noun that can be added and changed. Invalid values are named and change nothing."""

    new: ClassVar[dict[str, Any]]  # a body that creates
    change: ClassVar[dict[str, Any]]  # a body that changes every field it names
    follows: ClassVar[dict[str, Any]] = {}  # the values that follow from `change`
    wrong: ClassVar[list[tuple[str, Any, str]]]  # field, value, message; the same for PATCH and POST

    def body_for_new(self) -> dict[str, Any]:
        return self.new

    def model(self) -> Any:
        return type(self.make())

    def test_write_of_a_row_that_has_changed_is_412_and_names_the_values(self, as_ada):
        """Repair orders have versions and answer 409, which their own tests hold."""
        if "version" in self.follows:
            return
        instance = self.make()
        url = self.item(instance)
        first = as_ada.get(url)
        changed = as_ada.patch(url, self.change, format="json", headers={"If-Match": first["ETag"]})
        assert changed.status_code == 200, changed.content
        present = as_ada.get(url)
        assert changed["ETag"] == present["ETag"] != first["ETag"]
        before, now = stored(instance), present.json()
        names = [name for name in now if now[name] != first.json()[name]]
        late = as_ada.patch(url, self.change, format="json", headers={"If-Match": first["ETag"]})
        body = {
            "error": "Row has changed",
            "detail": f"The {instance._meta.verbose_name} has changed since it was read: {', '.join(names)}.",
            "code": "row_changed",
            "changed": names,
            "etag": present["ETag"],
            "row": now,
        }
        refused(late, 412, body, instance, before=[before])
        again = as_ada.patch(url, self.change, format="json", headers={"If-Match": late.json()["etag"]})
        assert again.status_code == 200, again.content

    def test_create_stores_the_row_and_its_history(self, as_ada, ada):
        model, body = self.model(), self.body_for_new()
        count = model.objects.count()
        response = as_ada.post(self.url, body, format="json")
        assert response.status_code == 201, response.content
        made = model.objects.get(pk=response.json()["id"])
        assert model.objects.count() == count + 1
        assert response.json() == as_ada.get(self.item(made)).json()
        assert [row.history_user_id for row in made.history.all()] == [ada.pk]

    def test_create_with_the_same_idempotency_key_stores_one_row(self, as_ada):
        model, body = self.model(), self.body_for_new()
        count = model.objects.count()
        headers = {"Idempotency-Key": "only-once"}
        first, again = (as_ada.post(self.url, body, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert model.objects.count() == count + 1

    def test_patch_adds_one_history_row_with_the_caller(self, as_ada, ada):
        instance = self.make()
        expected = {**self.detail(instance), **self.change, **self.follows}
        count = instance.history.count()
        response = as_ada.patch(self.item(instance), self.change, format="json")
        assert (response.status_code, response.json()) == (200, expected)
        assert instance.history.count() == count + 1
        assert instance.history.latest().history_user_id == ada.pk

    def test_invalid_value_is_400_and_changes_nothing(self, as_ada):
        instance = self.make()
        before, count = stored(instance), type(instance).objects.count()
        for field, value, message in self.wrong:
            response = as_ada.patch(self.item(instance), {field: value}, format="json")
            refused(response, 400, invalid(field, message), instance, before=[before])
            response = as_ada.post(self.url, {**self.body_for_new(), field: value}, format="json")
            refused(response, 400, invalid(field, message), instance, before=[before])
        assert type(instance).objects.count() <= count + 2 * len(self.wrong)
