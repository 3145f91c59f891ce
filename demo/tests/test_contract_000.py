"""Contract 000 as it is printed, held against what the demo answers: key by key, type by type, cent by cent."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from demo import loader
from demo.tests.printed import contract, differences
from repair_orders.tests.test_money import oracle

LISTS = {
    "appointments": "/api/shop/appointments/customers/me/appointments/",
    "vehicles": "/api/shop/vehicles/customers/me/vehicles/",
    "repair-orders": "/api/shop/repair-orders/customers/me/repair-orders/",
}
COUNTS = {"appointments": 7, "vehicles": 3, "repair-orders": 16}
# What is null in one row and a value in another; the contract prints a row each way or lists both.
MAY_BE_NULL = {
    "reported_problem_id", "reported_problem", "assigned_technician_id", "assigned_technician", "user_id",
    "assigned_at", "started_at", "completed_at",
}  # fmt: skip


def printed() -> dict[str, object]:
    """The JSON bodies of the contract that parse, by the address they stand under."""
    found = {}
    for address, block in re.findall(
        r"\*\*Endpoint:\*\* `GET ([^`]+)`.*?```json\n(.*?)```", contract("000-shop"), re.DOTALL
    ):
        found[address] = json.loads(block)
    return found


@pytest.fixture
def as_the_contracts_alice(db, api, now):
    loader.load(now=now)
    words = {"email": "alice.cooper@customer.com", "password": "password123"}
    tokens = api.post("/api/token/", words, format="json").json()
    assert list(tokens) == ["access", "refresh"]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return api


def test_the_contract_prints_what_this_compares():
    assert set(printed()) == {"/api/auth/customer-profile/", *LISTS.values()}


def test_the_profile_is_the_printed_one(as_the_contracts_alice):
    address = "/api/auth/customer-profile/"
    assert as_the_contracts_alice.get(address).json() == printed()[address]


@pytest.mark.parametrize("name", LISTS)
def test_every_row_has_the_printed_keys_and_types(as_the_contracts_alice, name):
    body = as_the_contracts_alice.get(LISTS[name]).json()
    assert differences(body, printed()[LISTS[name]], may_be_null=MAY_BE_NULL) == []
    assert (body["count"], len(body["results"])) == (COUNTS[name], COUNTS[name])
    assert (body["customer_id"], body["customer_name"]) == (19, "Alice Cooper")


def test_the_printed_order_is_there_to_the_cent(as_the_contracts_alice):
    rows = as_the_contracts_alice.get(LISTS["repair-orders"]).json()["results"]
    row = next(row for row in rows if row["id"] == 9)
    expected = printed()[LISTS["repair-orders"]]["results"][0]
    same = (
        "vehicle",
        "status",
        "discount_amount",
        "tax_percent",
        "total_cost",
        "calculated_total_cost",
        "notes",
    )
    assert {key: row[key] for key in same} == {key: expected[key] for key in same}
    assert row["repair_order_parts"][0] == expected["repair_order_parts"][0]
    assert row["repair_order_services"][0] == expected["repair_order_services"][0]


def test_all_totals_follow_from_the_lines(as_the_contracts_alice):
    """Recomputed from the wire alone, by an oracle that shares nothing with the code."""
    rows = as_the_contracts_alice.get(LISTS["repair-orders"]).json()["results"]
    assert len(rows) == 16
    kinds = set()
    for row in rows:
        parts = [(cents(line["total_price"]), line["part"]["taxable"]) for line in row["repair_order_parts"]]
        work = [
            (cents(s["service"]["labor_cost"]), s["service"]["taxable"]) for s in row["repair_order_services"]
        ]
        for line in row["repair_order_parts"]:
            assert cents(line["total_price"]) == cents(line["part"]["unit_price"]) * line["quantity"]
        terms = [cents(row[name]) for name in ("discount_amount", "discount_percent", "tax_percent")]
        total = oracle(parts + work, *terms)[3]
        assert (cents(row["calculated_total_cost"]), cents(row["total_cost"])) == (total, total), row["id"]
        assert 2 <= len(parts + work) <= 4
        kinds.add((terms[0] > 0, terms[1] > 0, len({taxable for _, taxable in parts + work})))
    assert len(kinds) >= 5  # mixed discounts, mixed tax


def cents(amount: str) -> int:
    return int(Decimal(amount) * 100)
