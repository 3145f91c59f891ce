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
        "taxable": False,
        "warranty_months": 24,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        *WRONG_ARTICLES,
        *(("unit_price", value, message) for value, message in WRONG_PRICES),
        ("part_number", "x" * 61, "Ensure this field has no more than 60 characters."),
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
            "taxable": True,
            "warranty_months": 0,
        }

    def test_taken_part_number_is_refused(self, as_ada):
        part, other = self.make(part_number="TAKEN"), self.make()
        before, body = (
            [stored(part), stored(other)],
            {
                "error": "Invalid input",
                "detail": "A part with this part number already exists.",
                "fields": {"part_number": ["A part with this part number already exists."]},
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
        "taxable": False,
        "warranty_months": 3,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        *WRONG_ARTICLES,
        *(("labor_cost", value, message) for value, message in WRONG_PRICES),
        ("description", "x" * 10_001, "Ensure this field has no more than 10000 characters."),
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
            "taxable": True,
            "warranty_months": 0,
        }

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
