"""Pieces of a credited line go back on the shelf, at the cost at which they left it (docs/design, D89)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import timezone

from billing.credit_notes import LineCredit, OverLine, credit_all, credit_lines
from billing.models import CreditNote
from billing.reports.base import Scope
from billing.reports.journal import journal
from billing.reports.sheet import day_sheet
from billing.restock import OverRestock, find_restockable
from catalogue.models import StockMove
from catalogue.shelf import actions as shelf
from testing.billed import again, check_law, issue, sold_from_shelf
from testing.factories import UserFactory
from testing.shelf import assert_balanced, on_shelf
from testing.storms import parallel
from testing.worked_example import reload

D = Decimal
db = pytest.mark.django_db


def back(invoice, line, quantity, restock):
    return credit_lines(
        invoice=again(invoice),
        lines=[LineCredit(line.pk, quantity and D(quantity), restock)],
        reason="Back",
        by=None,
        now=timezone.now(),
    )


def line_named(invoice, name):
    return invoice.lines.get(name=name)


def cost_of_goods(invoice):
    """Return the cost of goods of the invoice's day on the sheet and in the journal."""
    scope = Scope(first=invoice.day, last=invoice.day, location=invoice.location)
    [section] = [section for section in day_sheet(scope).sections if section.title == "Cost of goods"]
    account = settings.BILLING_ACCOUNTS["cost_of_parts"]
    booked = [row for row in journal(scope).rows if row["account"] == account]
    assert sum(row["debit"] - row["credit"] for row in booked) == section.total[1]
    return section.total[1]


@db
def test_pieces_go_back_at_the_cost_at_which_they_left():
    invoice, part = sold_from_shelf()
    filters = line_named(invoice, "Filter")
    shelf.receive(part=part, pieces=1, by=None, now=timezone.now(), unit_cost=D("9.00"))
    assert (on_shelf(), invoice.cost) == ({part.pk: (2, 0)}, D("12.02"))
    note = back(invoice, filters, "2", 1)
    assert on_shelf() == {part.pk: (3, 0)}
    move = StockMove.objects.get(kind="RETURN")
    assert (move.source, move.pieces, move.unit_cost) == (f"job:{filters.job_id}", 1, D("4.0050"))
    assert list(note.lines.values_list("quantity", "restocked", "cost")) == [(D("2.00"), 1, D("4.01"))]
    assert find_restockable([filters]) == {filters.pk: 2}
    assert_balanced()
    check_law()


@db
@pytest.mark.parametrize(
    ("quantity", "restock", "left"),
    [("3", 4, "3"), ("1", 2, "1")],
    ids=["more than left the shelf", "more than is credited"],
)
def test_more_than_can_go_back_is_refused(quantity, restock, left):
    invoice, part = sold_from_shelf()
    with pytest.raises(OverRestock) as error:
        back(invoice, line_named(invoice, "Filter"), quantity, restock)
    assert (error.value.facts, error.value.field, error.value.item) == ({"left": left}, "lines", 0)
    assert (on_shelf(), CreditNote.objects.count()) == ({part.pk: (1, 0)}, 0)


@db
def test_labor_and_what_is_back_already_cannot_go_back():
    invoice, part = sold_from_shelf()
    filters, labor = line_named(invoice, "Filter"), line_named(invoice, "Labor")
    with pytest.raises(OverRestock):
        back(invoice, labor, None, 1)
    back(invoice, filters, "3", 3)
    with pytest.raises(OverRestock):
        back(invoice, filters, "1", 1)
    with pytest.raises(OverLine):
        back(invoice, filters, "1", 0)
    assert (on_shelf(), CreditNote.objects.count()) == ({part.pk: (4, 0)}, 1)
    assert find_restockable([filters, labor]) == {}


@db
def test_cost_of_goods_is_taken_back_once():
    """Of 12.02, 4.01 came back. The whole credit takes the rest, and the second invoice has what is still out."""
    invoice, _part = sold_from_shelf()
    assert cost_of_goods(invoice) == D("12.02")
    back(invoice, line_named(invoice, "Filter"), "1", 1)
    assert cost_of_goods(invoice) == D("8.01")
    credit_all(invoice=again(invoice), reason="Wrong name", by=None, now=timezone.now())
    assert cost_of_goods(invoice) == D("0.00")
    second = issue(reload(invoice.repair_order))
    assert (second.cost, cost_of_goods(invoice)) == (D("8.01"), D("8.01"))


@db
def test_staff_restock_a_line(sign_in):
    staff = sign_in(UserFactory(role="manager"))
    invoice, part = sold_from_shelf()
    filters = line_named(invoice, "Filter")
    url = f"/api/shop/invoices/{invoice.pk}/credit-notes/"
    body = {"lines": [{"line_id": filters.pk, "quantity": 2, "restock": 3}], "reason": "Back"}
    refused = staff.post(url, body, format="json")
    assert (refused.status_code, refused.json()["code"], refused.json()["left"]) == (409, "over_restock", "2")
    body["lines"][0]["restock"] = 2
    response = staff.post(url, body, format="json")
    assert (response.status_code, response.json()["lines"][0]["restocked"]) == (201, 2)
    assert on_shelf() == {part.pk: (3, 0)}


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_two_at_once_put_back_no_more_than_left():
    invoice, part = sold_from_shelf()
    filters = line_named(invoice, "Filter")
    outcomes = parallel(8, lambda _: back(invoice, filters, "1", 1).pk)
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 3
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {type(error) for error in refused} <= {OverRestock, OverLine} or all(
        getattr(error, "code", "") == "fully_credited" for error in refused
    )
    assert on_shelf() == {part.pk: (4, 0)}
    assert_balanced()
