"""The staff API for the catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from catalogue.models import Part, Service
from testing import factories
from testing.suites import WritableNounSuite, invalid, refused, stored

HUGE = 10**22
TOO_MANY_DIGITS = "Ensure that there are no more than 10 digits in total."
TOO_MANY_PLACES = "Ensure that there are no more than 2 decimal places."
NEGATIVE = "Ensure this value is greater than or equal to 0."
NUL = "Null characters are not allowed."
WRONG_PRICES = [
    (-1, NEGATIVE),
    ("1.005", TOO_MANY_PLACES),
    (HUGE, TOO_MANY_DIGITS),
    (str(HUGE), TOO_MANY_DIGITS),
    ("NaN", "A valid number is required."),
    (True, "A valid number is required."),
    (None, "This field may not be null."),
]
WRONG_ARTICLES = [
    ("name", "", "This field may not be blank."),
    ("name", "a\x00b", NUL),
    ("name", "x" * 201, "Ensure this field has no more than 200 characters."),
    ("name", True, "Not a valid string."),
    ("taxable", "perhaps", "Must be a valid boolean."),
    ("taxable", None, "This field may not be null."),
    ("warranty_months", -1, NEGATIVE),
    ("warranty_months", 1201, "Ensure this value is less than or equal to 1200."),
    ("warranty_months", HUGE, "A valid integer is required."),
    ("warranty_months", str(HUGE), "Ensure this value is less than or equal to 1200."),
    ("warranty_months", True, "A valid integer is required."),
]


class ArticleSuite(WritableNounSuite):
    item_allow = "GET, HEAD, PATCH, DELETE"

    def test_unsold_article_is_removed(self, as_ada):
        article = self.make()
        response = as_ada.delete(self.item(article))
        assert (response.status_code, response.content) == (204, b"")
        assert not type(article).objects.filter(pk=article.pk).exists()

    def test_sold_article_is_not_removed(self, as_ada):
        article = self.make()
        sold = (
            {"part_lines": factories.PartLineFactory(part=article)}
            if isinstance(article, Part)
            else {"service_lines": factories.ServiceLineFactory(service=article)}
        )
        before = [stored(article), *map(stored, sold.values())]
        refused(
            as_ada.delete(self.item(article)),
            409,
            {
                "error": "Article was sold",
                "detail": "This article is on an order and cannot be removed from the catalogue.",
                "code": "article_was_sold",
            },
            article,
            *sold.values(),
            before=before,
        )

    def test_filter_by_taxability(self, as_ada):
        taxed, free = self.make(taxable=True), self.make(taxable=False)
        assert self.found(as_ada, taxable="true") == [taxed.pk]
        assert self.found(as_ada, taxable="false") == [free.pk]
        response = as_ada.get(self.url, {"taxable": "perhaps"})
        assert (response.status_code, response.json()) == (
            400,
            invalid("taxable", "Must be a valid boolean."),
        )

    def test_boolean_accepts_text(self, as_ada):
        article = self.make(taxable=True)
        response = as_ada.patch(self.item(article), {"taxable": "false"}, format="json")
        assert response.json() == {**self.row(article), "taxable": False}


class TestParts(ArticleSuite):
    noun, name, ordering = "parts", "Part", ("name", "price", "number")
    new: ClassVar[dict[str, Any]] = {"name": "Wiper", "part_number": "WIPER-1", "unit_price": "12.50"}
    change: ClassVar[dict[str, Any]] = {
        "name": "Best Filter",
        "part_number": "F-2",
        "manufacturer": "",
        "unit_price": "10.00",
        "unit_cost": "4.1234",
        "taxable": False,
        "warranty_months": 24,
        "is_listed": False,
        "is_sold_online": False,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        *WRONG_ARTICLES,
        *(("unit_price", value, message) for value, message in WRONG_PRICES),
        ("part_number", "x" * 61, "Ensure this field has no more than 60 characters."),
        ("unit_cost", "1.00005", "Ensure that there are no more than 4 decimal places."),
        ("unit_cost", -1, NEGATIVE),
        ("is_listed", "perhaps", "Must be a valid boolean."),
        ("is_sold_online", None, "This field may not be null."),
    ]

    def make(self, **values):
        return factories.PartFactory(**values)

    def called(self, text):
        return factories.PartFactory(manufacturer=text)

    def row(self, part):
        return {
            "id": part.pk,
            "name": "Oil Filter",
            "part_number": part.part_number,
            "manufacturer": "Fram",
            "unit_price": "9.49",
            "unit_cost": None,
            "core_charge": None,
            "taxable": True,
            "warranty_months": 0,
            "is_listed": True,
            "is_sold_online": True,
            "is_stocked": False,
            "stock": 0,
            "reserved": 0,
            "available": 0,
            "on_order": None,
        }

    def test_shelf_is_read_only(self, as_ada):
        part = self.make(stock=5)
        before = [stored(part)]
        shown = ("is_stocked", "stock", "reserved", "available")
        for name in shown:
            response = as_ada.patch(self.item(part), {name: 1}, format="json")
            assert (response.status_code, response.json()["code"]) == (400, "unknown_field")
        assert [stored(part)] == before
        body = as_ada.get(self.item(part)).json()
        assert body == {**self.row(part), "is_stocked": True, "stock": 5, "available": 5}

    def test_filters_of_the_shelf(self, as_ada):
        stocked, unlisted = self.make(stock=1), self.make(is_listed=False)
        assert self.found(as_ada, is_stocked="true") == self.found(as_ada, is_listed="true") == [stocked.pk]
        assert (
            self.found(as_ada, is_stocked="false") == self.found(as_ada, is_listed="false") == [unlisted.pk]
        )

    def test_number_of_an_unlisted_part_is_free_until_it_is_listed_again(self, as_ada):
        old = self.make(part_number="TAKEN", is_listed=False)
        assert as_ada.post(self.url, {**self.new, "part_number": "TAKEN"}, format="json").status_code == 201
        before = [stored(old)]
        response = as_ada.patch(self.item(old), {"is_listed": True}, format="json")
        body = {
            "error": "Invalid input",
            "detail": "A part with this part number already exists.",
            "fields": {"part_number": ["A part with this part number already exists."]},
            "code": "part_number_taken",
        }
        refused(response, 400, body, old, before=before)

    def test_part_with_moves_is_not_removed(self, as_ada):
        part = self.make(stock=1)
        before = [stored(part)]
        refused(
            as_ada.delete(self.item(part)),
            409,
            {
                "error": "Part has moves",
                "detail": "This part has moves of the shelf and cannot be removed. Take it off the list instead.",
                "code": "part_has_moves",
            },
            part,
            before=before,
        )

    def test_taken_part_number_is_refused(self, as_ada):
        part, other = self.make(part_number="TAKEN"), self.make()
        before, body = (
            [stored(part), stored(other)],
            {
                "error": "Invalid input",
                "detail": "A part with this part number already exists.",
                "fields": {"part_number": ["A part with this part number already exists."]},
                "code": "part_number_taken",
            },
        )
        for response in (
            as_ada.patch(self.item(other), {"part_number": "TAKEN"}, format="json"),
            as_ada.post(self.url, {**self.new, "part_number": "TAKEN"}, format="json"),
        ):
            refused(response, 400, body, part, other, before=before)
        assert Part.objects.count() == 2

    def test_order_by_price_and_number(self, as_ada):
        dear = self.make(unit_price=Decimal(100), part_number="A")
        cheap = self.make(unit_price=Decimal(9), part_number="B")
        assert self.found(as_ada, ordering="price") == [cheap.pk, dear.pk]
        assert self.found(as_ada, ordering="number") == [dear.pk, cheap.pk]


class TestServices(ArticleSuite):
    noun, name, ordering = "services", "Service", ("name", "price")
    new: ClassVar[dict[str, Any]] = {"name": "Tire Rotation", "labor_cost": "25.00"}
    change: ClassVar[dict[str, Any]] = {
        "name": "Oil and filter",
        "description": "Both",
        "labor_cost": "0.00",
        "hours": "1.25",
        "taxable": False,
        "warranty_months": 3,
        "is_listed": False,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        *WRONG_ARTICLES,
        *(("labor_cost", value, message) for value, message in WRONG_PRICES),
        ("description", "x" * 10_001, "Ensure this field has no more than 10000 characters."),
        ("hours", "0.125", TOO_MANY_PLACES),
        ("hours", -1, NEGATIVE),
    ]

    def make(self, **values):
        return factories.ServiceFactory(**values)

    def called(self, text):
        return factories.ServiceFactory(description=text)

    def row(self, service):
        return {
            "id": service.pk,
            "name": "Oil Change",
            "description": "",
            "labor_cost": "45.00",
            "hours": None,
            "taxable": True,
            "warranty_months": 0,
            "is_listed": True,
        }

    def test_filter_by_listing(self, as_ada):
        listed, unlisted = self.make(), self.make(is_listed=False)
        assert self.found(as_ada, is_listed="true") == [listed.pk]
        assert self.found(as_ada, is_listed="false") == [unlisted.pk]

    def test_order_by_price(self, as_ada):
        dear, cheap = self.make(labor_cost=Decimal(100)), self.make(labor_cost=Decimal(9))
        assert self.found(as_ada, ordering="price") == [cheap.pk, dear.pk]
        assert Service.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["name", "part_number", "unit_price"])
def test_new_part_requires_fields(as_ada, field):
    body = {name: value for name, value in TestParts.new.items() if name != field}
    response = as_ada.post("/api/shop/parts/", body, format="json")
    assert (response.status_code, response.json()) == (400, invalid(field, "This field is required."))
    assert Part.objects.count() == 0
