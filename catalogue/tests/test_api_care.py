"""Contract 002: products."""

from __future__ import annotations

from decimal import Decimal

import pytest

from testing.factories import PartFactory
from testing.suites import CareListSuite, care_invalid


class TestProducts(CareListSuite):
    url = "/api/v1/customer/products"

    def make(self, customer, **values):
        return PartFactory(**{"name": "Oil Filter", "unit_price": Decimal("9.49"), "stock": 3} | values)

    def row(self, part):
        return {
            "id": part.pk,
            "name": "Oil Filter",
            "part_number": part.part_number,
            "price": 9.49,
            "stock": 3,
        }

    def test_all_customers_see_same_products_by_name(self, alice, as_alice, as_bob):
        second, first = self.make(alice, name="b"), self.make(alice, name="a", stock=0)
        assert [row["id"] for row in as_alice.get(self.url).json()] == [first.pk, second.pk]
        assert as_bob.get(self.url).json() == as_alice.get(self.url).json()

    @pytest.mark.parametrize("text", ["oil", "IL FIL", "p-77", "  oil "])
    def test_search_finds_name_and_part_number(self, alice, as_alice, text):
        part = self.make(alice, part_number="P-77")
        self.make(alice, name="Wiper")
        assert [row["id"] for row in as_alice.get(self.url, {"search": text}).json()] == [part.pk]

    @pytest.mark.parametrize("text", ["O%r", "O_r", "%", "zebra", "Fram"])
    def test_search_matches_wildcards_literally(self, alice, as_alice, text):
        self.make(alice, part_number="P77")
        assert as_alice.get(self.url, {"search": text}).json() == []

    def test_search_has_maximum_length(self, as_alice):
        response = as_alice.get(self.url, {"search": "x" * 201})
        assert (response.status_code, response.json()) == (
            422,
            care_invalid("search", "Ensure this field has no more than 200 characters."),
        )
