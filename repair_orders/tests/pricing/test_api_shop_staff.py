"""The staff API for labour rates, tax rules, fees and overrun policies."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxRule
from testing import factories
from testing.suites import WritableNounSuite, invalid, refused, stored

NEGATIVE = "Ensure this value is greater than or equal to 0."
OVER_100 = "Ensure this value is less than or equal to 100."
FIVE_PLACES = "Ensure that there are no more than 4 decimal places."
EXISTS = {
    "error": "Rule exists",
    "detail": "The location has one already. Change that one.",
    "fields": {"location_id": ["The location has one already. Change that one."]},
    "code": "rule_exists",
}


class PriceSuite(WritableNounSuite):
    """Rows of a location, which is named when a row is created."""

    item_allow = "GET, HEAD, PATCH, DELETE"

    def body_for_new(self):
        return {**self.new, "location_id": factories.LocationFactory().pk}

    def test_location_must_exist_and_stays(self, as_ada):
        row = self.make()
        response = as_ada.post(self.url, {**self.new, "location_id": 999_999}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Location not found.", "code": "not_found"},
        )
        before = stored(row)
        response = as_ada.patch(
            self.item(row), {"location_id": factories.LocationFactory().pk}, format="json"
        )
        [message] = response.json()["fields"]["location_id"]
        assert (response.status_code, response.json()["code"]) == (400, "unknown_field")
        assert message.startswith("This field is read-only.")
        assert stored(row) == before

    def test_filter_by_location(self, as_ada):
        row, other = self.make(), self.make()
        assert self.found(as_ada, location_id=row.location_id) == [row.pk]
        assert self.found(as_ada, location_id=other.location_id) == [other.pk]
        response = as_ada.get(self.url, {"location_id": 999_999})
        assert (response.status_code, response.json()["detail"]) == (404, "Location not found.")

    def test_removed_row_is_gone(self, as_ada):
        row = self.make()
        response = as_ada.delete(self.item(row))
        assert (response.status_code, response.content) == (204, b"")
        assert type(row).objects.count() == 0


class UnsearchedSuite(PriceSuite):
    """A noun without a search."""

    test_search_ignores_case = test_search_escapes_wildcards = None

    invalid_parameters: ClassVar[list[tuple[dict[str, Any], str, str]]] = [
        ({"page": "2"}, "page", "The last page is 1."),
        ({"search": "a"}, "search", "Unknown parameter."),
        ({"ordering": "colour"}, "ordering", '"colour" is not a valid choice. Choose one of: {ordering}.'),
    ]

    def test_location_has_one(self, as_ada):
        row = self.make()
        body = {**self.new, "location_id": row.location_id}
        refused(as_ada.post(self.url, body, format="json"), 400, EXISTS, row, before=[stored(row)])
        assert type(row).objects.count() == 1


class TestLabourRates(PriceSuite):
    noun, name, ordering = "labour-rates", "Labour rate", ("name", "price")
    new: ClassVar[dict[str, Any]] = {"name": "Diagnosis", "per_hour": "159.00"}
    change: ClassVar[dict[str, Any]] = {"name": "Diesel", "per_hour": "0.00"}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("per_hour", "-0.01", NEGATIVE),
        ("per_hour", None, "This field may not be null."),
    ]

    def make(self, **values):
        return factories.LabourRateFactory(**values)

    def called(self, text):
        return self.make(name=text)

    def row(self, rate):
        return {
            "id": rate.pk,
            "location_id": rate.location_id,
            "name": rate.name,
            "per_hour": "129.95",
            "is_default": False,
        }

    def test_first_of_a_location_is_its_default_and_the_default_moves(self, as_ada):
        elsewhere = self.make(is_default=True)
        body = self.body_for_new()
        first, second = (
            as_ada.post(self.url, {**body, "name": name}, format="json").json() for name in ("A", "B")
        )
        assert (first["is_default"], second["is_default"]) == (True, False)
        moved = as_ada.patch(f"{self.url}{second['id']}/", {"is_default": True}, format="json").json()
        assert moved == {**second, "is_default": True}
        assert as_ada.get(f"{self.url}{first['id']}/").json() == {**first, "is_default": False}
        assert as_ada.get(self.item(elsewhere)).json()["is_default"] is True
        response = as_ada.delete(f"{self.url}{second['id']}/")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "The default cannot be removed",
                "detail": "Make another one the default, then remove this one.",
                "code": "default_stays",
            },
        )
        assert LabourRate.objects.count() == 3

    def test_default_cannot_be_given_up(self, as_ada):
        rate = self.make(is_default=True)
        message = "One of them must be the default. Make another one the default instead."
        body = {
            "error": "A default is needed",
            "detail": message,
            "fields": {"is_default": [message]},
            "code": "default_is_needed",
        }
        response = as_ada.patch(self.item(rate), {"is_default": False}, format="json")
        refused(response, 400, body, rate, before=[stored(rate)])

    def test_name_is_taken_once_a_location(self, as_ada):
        rate = self.make(name="Taken")
        message = "The location has a labour rate with this name."
        body = {**self.new, "name": "Taken", "location_id": rate.location_id}
        expected = {**invalid("name", message), "detail": message, "code": "labour_rate_name_taken"}
        refused(as_ada.post(self.url, body, format="json"), 400, expected, rate, before=[stored(rate)])
        other = {**body, "location_id": factories.LocationFactory().pk}
        assert as_ada.post(self.url, other, format="json").status_code == 201


class TestTaxRules(UnsearchedSuite):
    noun, name, ordering = "tax-rules", "Tax rule", ("location", "percent")
    new: ClassVar[dict[str, Any]] = {"percent": "9.975"}
    change: ClassVar[dict[str, Any]] = {
        "percent": "8.25",
        "taxes_parts": False,
        "taxes_labour": False,
        "taxes_fees": False,
        "taxes_sublet": False,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("percent", "100.0001", OVER_100),
        ("percent", "-1", NEGATIVE),
        ("percent", "1.00001", FIVE_PLACES),
        ("taxes_labour", None, "This field may not be null."),
    ]

    def make(self, **values):
        return factories.TaxRuleFactory(**values)

    def row(self, rule):
        return {
            "id": rule.pk,
            "location_id": rule.location_id,
            "percent": "8.875",
            "taxes_parts": True,
            "taxes_labour": True,
            "taxes_fees": True,
            "taxes_sublet": True,
        }

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("8", "8.00"),
            ("8.5", "8.50"),
            ("8.8750", "8.875"),
            ("8.1234", "8.1234"),
            ("100", "100.00"),
            ("0", "0.00"),
        ],
    )
    def test_percent_has_at_least_two_places(self, as_ada, sent, shown):
        rule = self.make()
        assert as_ada.patch(self.item(rule), {"percent": sent}, format="json").json()["percent"] == shown
        assert as_ada.get(self.url).json()["results"][0]["percent"] == shown


class TestFeeRules(PriceSuite):
    noun, name, ordering = "fee-rules", "Fee rule", ("name",)
    new: ClassVar[dict[str, Any]] = {"name": "Disposal", "kind": "fixed", "amount": "4.50"}
    change: ClassVar[dict[str, Any]] = {
        "name": "Tires",
        "kind": "per_piece",
        "percent": None,
        "amount": "2.50",
        "cap": None,
        "taxable": False,
        "is_active": False,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        (
            "kind",
            "percent",
            (
                '"percent" is not a valid choice. Choose one of: percent_of_parts, percent_of_labour, '
                "percent_of_parts_and_labour, fixed, per_piece."
            ),
        ),
        ("percent", "100.0001", OVER_100),
        ("percent", "1.00001", FIVE_PLACES),
        ("amount", "-1", NEGATIVE),
        ("cap", "-1", NEGATIVE),
        ("part_ids", 1, 'Expected a list of items but got type "int".'),
        ("taxable", None, "This field may not be null."),
    ]

    def make(self, **values):
        return factories.FeeRuleFactory(**values)

    def called(self, text):
        return self.make(name=text)

    def row(self, rule):
        return {
            "id": rule.pk,
            "location_id": rule.location_id,
            "name": rule.name,
            "kind": "percent_of_parts_and_labour",
            "percent": "5.00",
            "amount": None,
            "cap": "25.00",
            "part_ids": [],
            "taxable": True,
            "is_active": True,
        }

    def test_flagged_parts_are_replaced(self, as_ada):
        parts = factories.PartFactory.create_batch(3)
        ids = [part.pk for part in parts]
        body = {**self.body_for_new(), "kind": "PER-PIECE", "part_ids": ids[:2]}
        created = as_ada.post(self.url, body, format="json").json()
        assert (created["kind"], created["part_ids"]) == ("per_piece", ids[:2])
        url = f"{self.url}{created['id']}/"
        assert as_ada.patch(url, {"part_ids": [ids[2], ids[0]]}, format="json").json()["part_ids"] == [
            ids[0],
            ids[2],
        ]
        response = as_ada.patch(url, {"part_ids": [ids[0], 999_999]}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Part not found.", "code": "not_found"},
        )
        message = "A fee of the kind fixed has no flagged parts."
        response = as_ada.patch(url, {"kind": "fixed"}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Wrong fee", "detail": message, "fields": {"part_ids": [message]}, "code": "wrong_fee"},
        )
        assert as_ada.get(url).json()["part_ids"] == [ids[0], ids[2]]

    @pytest.mark.parametrize(
        ("values", "field", "message"),
        [
            ({"kind": "fixed"}, "amount", "A fee of the kind fixed needs an amount."),
            (
                {"kind": "percent_of_parts"},
                "percent",
                "A fee of the kind percent_of_parts needs a percent.",
            ),
            (
                {"kind": "percent_of_labour", "percent": "5.00", "amount": "1.00"},
                "amount",
                "A fee of the kind percent_of_labour has no amount.",
            ),
            (
                {"kind": "per_piece", "percent": "5.00", "amount": "1.00"},
                "percent",
                "A fee of the kind per_piece has no percent.",
            ),
        ],
    )
    def test_measure_fits_the_kind(self, as_ada, values, field, message):
        body = {"name": "Odd", "location_id": factories.LocationFactory().pk, **values}
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Wrong fee", "detail": message, "fields": {field: [message]}, "code": "wrong_fee"},
        )
        rule = self.make()
        before = stored(rule)
        values = {"percent": None, "amount": None, **values}
        response = as_ada.patch(self.item(rule), values, format="json")
        assert (response.status_code, response.json()["fields"]) == (400, {field: [message]})
        assert (stored(rule), FeeRule.objects.count()) == (before, 1)

    def test_location_may_forbid_percent_fees(self, as_ada):
        location = factories.LocationFactory(allows_percent_fees=False)
        message = "This location does not allow fees that are a percentage."
        body = {
            **self.new,
            "location_id": location.pk,
            "kind": "percent_of_parts",
            "percent": "1",
            "amount": None,
        }
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Percent fees are forbidden",
                "detail": message,
                "fields": {"kind": [message]},
                "code": "percent_fees_forbidden",
            },
        )
        assert FeeRule.objects.count() == 0
        rule = self.make(location=location)
        response = as_ada.patch(self.item(rule), {"name": "Supplies"}, format="json")
        assert (response.status_code, response.json()["fields"]) == (400, {"kind": [message]})
        assert as_ada.patch(self.item(rule), {"is_active": False}, format="json").status_code == 200
        fixed = {**self.new, "location_id": location.pk}
        assert as_ada.post(self.url, fixed, format="json").status_code == 201

    def test_name_is_taken_once_a_location(self, as_ada):
        rule = self.make(name="Taken")
        message = "The location has a fee with this name."
        body = {**self.new, "name": "Taken", "location_id": rule.location_id}
        expected = {**invalid("name", message), "detail": message, "code": "fee_name_taken"}
        refused(as_ada.post(self.url, body, format="json"), 400, expected, rule, before=[stored(rule)])

    def test_filter_by_activity(self, as_ada):
        on, off = self.make(), self.make(is_active=False)
        assert self.found(as_ada, is_active="true") == [on.pk]
        assert self.found(as_ada, is_active="false") == [off.pk]


class TestOverrunPolicies(UnsearchedSuite):
    noun, name, ordering = "overrun-policies", "Overrun policy", ("location",)
    new: ClassVar[dict[str, Any]] = {"percent": "10"}
    change: ClassVar[dict[str, Any]] = {
        "percent": "12.5",
        "amount": "10.00",
        "choose": "greater",
        "cap": "50.00",
        "basis": "NET",
    }
    follows: ClassVar[dict[str, Any]] = {"percent": "12.50"}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("percent", "100.0001", OVER_100),
        ("amount", "-1", NEGATIVE),
        ("cap", "1.001", "Ensure that there are no more than 2 decimal places."),
        ("choose", "both", '"both" is not a valid choice. Choose one of: greater, lesser.'),
        ("basis", "GROSS", '"GROSS" is not a valid choice. Choose one of: TOTAL, NET.'),
    ]

    def make(self, **values):
        return factories.OverrunPolicyFactory(**values)

    def row(self, policy):
        return {
            "id": policy.pk,
            "location_id": policy.location_id,
            "percent": "10.00",
            "amount": None,
            "choose": "lesser",
            "cap": None,
            "basis": "TOTAL",
        }

    def test_policy_needs_a_percent_or_an_amount(self, as_ada):
        policy = self.make()
        message = "Enter a percent, an amount or both."
        body = {
            "error": "No measure",
            "detail": message,
            "fields": {"percent": [message]},
            "code": "no_measure",
        }
        before = [stored(policy)]
        response = as_ada.patch(self.item(policy), {"percent": None}, format="json")
        refused(response, 400, body, policy, before=before)
        created = {"location_id": factories.LocationFactory().pk, "cap": "5.00"}
        refused(as_ada.post(self.url, created, format="json"), 400, body, policy, before=before)
        assert OverrunPolicy.objects.count() == 1
        both = {"percent": None, "amount": "10.00"}
        assert as_ada.patch(self.item(policy), both, format="json").json() == {**self.row(policy), **both}

    def test_words_are_read_in_any_case(self, as_ada):
        policy = self.make()
        response = as_ada.patch(self.item(policy), {"basis": "net", "choose": "GREATER"}, format="json")
        assert response.json() == {**self.row(policy), "basis": "NET", "choose": "greater"}


@pytest.mark.django_db
@pytest.mark.parametrize(("noun", "field", "rest"), [
    ("labour-rates", "name", {"per_hour": "1.00"}),
    ("labour-rates", "per_hour", {"name": "A"}),
    ("labour-rates", "location_id", {"name": "A", "per_hour": "1.00"}),
    ("tax-rules", "percent", {}),
    ("fee-rules", "kind", {"name": "A"}),
    ("overrun-policies", "location_id", {"percent": "10"}),
])  # fmt: skip
def test_new_row_requires_fields(as_ada, noun, field, rest):
    place = {} if field == "location_id" else {"location_id": factories.LocationFactory().pk}
    response = as_ada.post(f"/api/shop/{noun}/", {**place, **rest}, format="json")
    assert (response.status_code, response.json()) == (400, invalid(field, "This field is required."))
    assert [m.objects.count() for m in (LabourRate, TaxRule, FeeRule, OverrunPolicy)] == [0, 0, 0, 0]
