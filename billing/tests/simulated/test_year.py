"""A small simulated year. `python -m billing.tests.simulated 20000` runs a large one."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from zeal import zeal_ignore

from billing.tests.simulated import compare
from billing.tests.simulated.arithmetic import price
from billing.tests.simulated.books import Books
from billing.tests.simulated.year import Year

KINDS = {
    "allocations", "credits by amount", "credits by line", "credits of the whole", "days closed", "deposits",
    "invoiced again", "invoices", "opening balances", "orders", "orders stopped",
    "orders with a discount of a plan, an offer or points", "parts orders",
    "parts orders cancelled", "payments", "payments of several invoices", "payments that stay open",
    "refunds", "returns refunded", "reversals", "refused: OverBalance", "refused: OverInvoice",
    "refused: OverOpen", "refused: TooLate",
}  # fmt: skip


@pytest.mark.django_db
def test_year_of_220_orders_agrees_with_the_second_books_to_the_cent():
    year = Year(220, seed=17)
    with zeal_ignore():  # the driver reads rows one by one
        happened = year.run()
        compare.everything(year, days=12)
    assert set(happened) == KINDS


def test_credits_in_steps_end_at_the_books_own_total():
    """The books are tried by themselves: whatever the steps, nothing of net, tax or taxed net is left."""
    rng, now, shifted = random.Random(1), datetime(2026, 1, 1, tzinfo=UTC), 0
    for _ in range(300):
        books = Books({1: "UTC"})
        lines = [
            {
                "kind": "part", "pieces": 100, "amount": rng.randint(1, 20_000), "cost": 0,
                "taxable": rng.random() < 0.7,
            }
            for _ in range(rng.randint(1, 4))
        ]  # fmt: skip
        totals = price(lines, {"percent": "10", "amount": 0, "rate": "8.875"})
        order = {"totals": totals, "lines": lines, "rate": "8.875", "exempt": False, "pk": 1}
        invoice = books.invoice(1, 1, 1, order, 0, now)
        while left := sum(books.left(1)):
            place = rng.randrange(len(lines))
            part = books.part_of_line(1, place, None)
            whole = part["net"] + part["tax"]
            if 0 < whole <= left and rng.random() < 0.6:
                note = books.credit_lines(1, 0, [(place, None)], now)
                shifted += note["tax"] != part["tax"]
            else:
                books.credit_amount(1, 0, rng.choice((left, rng.randint(1, left))), now)
        assert (books.left(1), invoice["left_taxed"], invoice["left_other"]) == ((0, 0), 0, 0)
    assert shifted > 0
