"""Contract 000: responses of the demo have the printed keys and types, and correct totals."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from demo.tests.printed import contract, differences
from repair_orders.tests.test_money import oracle

LISTS = {
    "appointments": "/api/shop/appointments/customers/me/appointments/",
    "vehicles": "/api/shop/vehicles/customers/me/vehicles/",
    "repair-orders": "/api/shop/repair-orders/customers/me/repair-orders/",
}
COUNTS = {"appointments": 7, "vehicles": 3, "repair-orders": 16}
# Fields that are null in one row and have a value in another. The contract prints both.
MAY_BE_NULL = {
    "reported_problem_id", "reported_problem", "assigned_technician_id", "assigned_technician", "user_id",
    "assigned_at", "started_at", "completed_at",
}  # fmt: skip


def printed() -> dict[str, object]:
    """Return the valid JSON bodies of the contract by the path above them."""
    found = {}
    for path, block in re.findall(
        r"\*\*Endpoint:\*\* `GET ([^`]+)`.*?```json\n(.*?)```", contract("000-shop"), re.DOTALL
    ):
        found[path] = json.loads(block)
    return found


@pytest.fixture
def as_demo_alice(demo, db, api):
    credentials = {"email": "alice.cooper@customer.com", "password": "password123"}
    tokens = api.post("/api/token/", credentials, format="json").json()
    assert list(tokens) == ["access", "refresh"]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return api


def test_contract_prints_compared_bodies():
    assert set(printed()) == {"/api/auth/customer-profile/", *LISTS.values()}


def test_profile_is_printed_profile(as_demo_alice):
    path = "/api/auth/customer-profile/"
    body = as_demo_alice.get(path).json()
    assert body["customer"].pop("phone_number") == body["customer"]["phone"]  # on top of what is printed
    assert body == printed()[path]


@pytest.mark.parametrize("name", LISTS)
def test_rows_have_printed_keys_and_types(as_demo_alice, name):
    body = as_demo_alice.get(LISTS[name]).json()
    assert differences(body, printed()[LISTS[name]], may_be_null=MAY_BE_NULL) == []
    assert (body["count"], len(body["results"])) == (COUNTS[name], COUNTS[name])
    assert (body["customer_id"], body["customer_name"]) == (19, "Alice Cooper")


def test_printed_order_has_printed_amounts(as_demo_alice):
    rows = as_demo_alice.get(LISTS["repair-orders"]).json()["results"]
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


def test_totals_follow_from_lines(as_demo_alice):
    """The totals are calculated a second time, from the response only and without the product's code."""
    rows = as_demo_alice.get(LISTS["repair-orders"]).json()["results"]
    assert len(rows) == 16
    kinds = set()
    for row in rows:
        parts = [(cents(line["total_price"]), line["part"]["taxable"]) for line in row["repair_order_parts"]]
        services = [
            (cents(s["service"]["labor_cost"]), s["service"]["taxable"]) for s in row["repair_order_services"]
        ]
        for line in row["repair_order_parts"]:
            assert cents(line["total_price"]) == cents(line["part"]["unit_price"]) * line["quantity"]
        percents = [int(Decimal(row[name]) * 10_000) for name in ("discount_percent", "tax_percent")]
        terms = [cents(row["discount_amount"]), *percents]
        total = oracle(parts + services, *terms)[4]
        assert (cents(row["calculated_total_cost"]), cents(row["total_cost"])) == (total, total), row["id"]
        assert 2 <= len(parts + services) <= 4
        kinds.add((terms[0] > 0, terms[1] > 0, len({taxable for _, taxable in parts + services})))
    assert len(kinds) >= 5  # combinations of discounts and taxability


def cents(amount: str) -> int:
    return int(Decimal(amount) * 100)
