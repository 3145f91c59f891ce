"""The reports of the worked example, to the cent (docs/design, D86–D90)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from billing.credit_notes import credit_all
from billing.days import close_day
from billing.invoices import issue_invoice
from billing.openings import open_account
from billing.payments import reverse
from billing.reports.base import Scope
from billing.reports.journal import journal
from billing.reports.receivables import receivables
from billing.reports.sheet import day_sheet, find_rows
from billing.reports.tax import tax_by_rate
from billing.tests.reports import FIRST, SECOND
from testing.billed import pay
from testing.factories import CustomerFactory, LocationFactory, RepairOrderFactory

pytestmark = pytest.mark.django_db
D = Decimal


def on(example, day):
    return Scope(day, day, example["invoice"].location)


def lines(report):
    return [(row["document"], row["account"], str(row["debit"]), str(row["credit"])) for row in report.rows]


def section(sheet, title):
    found = next(found for found in sheet.sections if found.title == title)
    return {label: str(amount) for label, amount in [*found.rows, found.total]}


def test_sheet_of_the_day_of_the_invoice(example):
    sheet = day_sheet(on(example, date(2026, 11, 30)))
    assert sheet.bodies == [
        {
            "title": "Sales",
            "rows": [
                {"label": "Parts", "amount": "225.49"},
                {"label": "Labor", "amount": "233.91"},
                {"label": "Sublet work", "amount": "21.00"},
                {"label": "Fees", "amount": "22.97"},
                {"label": "Allowances", "amount": "0.00"},
                {"label": "Parts by mail", "amount": "0.00"},
                {"label": "Discounts", "amount": "-50.34"},
                {"label": "Tax", "amount": "38.53"},
            ],
            "total": {"label": "Sales with tax", "amount": "491.56"},
        },
        {
            "title": "Invoices and credit notes",
            "rows": [
                {"label": "Invoices", "amount": "491.56"},
                {"label": "Credit notes", "amount": "0.00"},
                {"label": "Parts orders", "amount": "0.00"},
                {"label": "Parts orders cancelled or returned", "amount": "0.00"},
            ],
            "total": {"label": "Invoices less credit notes", "amount": "491.56"},
        },
        {
            "title": "Payments",
            "rows": [
                {"label": "Cash", "amount": "150.00"},
                {"label": "Check", "amount": "241.56"},
                {"label": "Card terminal", "amount": "100.00"},
                {"label": "Bank transfer", "amount": "0.00"},
                {"label": "Other", "amount": "0.00"},
            ],
            "total": {"label": "Payments", "amount": "491.56"},
        },
        {
            "title": "Refunds",
            "rows": [
                {"label": "Cash", "amount": "0.00"},
                {"label": "Check", "amount": "0.00"},
                {"label": "Card terminal", "amount": "0.00"},
                {"label": "Bank transfer", "amount": "0.00"},
                {"label": "Other", "amount": "0.00"},
            ],
            "total": {"label": "Refunds", "amount": "0.00"},
        },
        {
            "title": "Reversals",
            "rows": [
                {"label": "Cash", "amount": "0.00"},
                {"label": "Check", "amount": "0.00"},
                {"label": "Card terminal", "amount": "0.00"},
                {"label": "Bank transfer", "amount": "0.00"},
                {"label": "Other", "amount": "0.00"},
            ],
            "total": {"label": "Reversals", "amount": "0.00"},
        },
        {
            "title": "Money of the day",
            "rows": [
                {"label": "Cash", "amount": "150.00"},
                {"label": "Check", "amount": "241.56"},
                {"label": "Card terminal", "amount": "100.00"},
                {"label": "Bank transfer", "amount": "0.00"},
                {"label": "Other", "amount": "0.00"},
            ],
            "total": {"label": "Payments less refunds", "amount": "491.56"},
        },
        {
            "title": "Deposits",
            "rows": [
                {"label": "Held before", "amount": "0.00"},
                {"label": "Taken", "amount": "100.00"},
                {"label": "Used or released", "amount": "-100.00"},
            ],
            "total": {"label": "Deposits held", "amount": "0.00"},
        },
        {
            "title": "Cost of goods",
            "rows": [{"label": "Parts", "amount": "0.00"}, {"label": "Sublet work", "amount": "15.00"}],
            "total": {"label": "Cost of goods", "amount": "15.00"},
        },
    ]
    assert sheet.cash == D("150.00")
    assert find_rows(sheet.scope) == {
        "invoices": [example["invoice"].pk],
        "credit_notes": [],
        "payments": [example["deposit"].pk, example["cash"].pk, example["check"].pk],
        "refunds": [],
        "deposits": [example["invoice"].repair_order_id],
        "parts_orders": [],
    }


def test_sheet_of_the_day_of_the_refund(example):
    sheet = day_sheet(on(example, date(2026, 12, 1)))
    assert section(sheet, "Sales") == {
        "Parts": "-89.99", "Labor": "0.00", "Sublet work": "0.00", "Fees": "0.00", "Allowances": "0.00",
        "Parts by mail": "0.00", "Discounts": "9.00", "Tax": "-7.19", "Sales with tax": "-88.18",
    }  # fmt: skip
    assert section(sheet, "Invoices and credit notes") == {
        "Invoices": "0.00", "Credit notes": "-88.18", "Parts orders": "0.00",
        "Parts orders cancelled or returned": "0.00", "Invoices less credit notes": "-88.18",
    }  # fmt: skip
    assert section(sheet, "Refunds")["Check"] == section(sheet, "Money of the day")["Check"] == "-88.18"
    assert section(sheet, "Cost of goods")["Cost of goods"] == "0.00"


def test_journal_of_the_invoice_and_its_credit_note(example):
    first, second = (journal(on(example, date(2026, *day))) for day in ((11, 30), (12, 1)))
    deposit, cash, check, given = (example[name].pk for name in ("deposit", "cash", "check", "refund"))
    assert lines(first) == [
        ("Invoice MS-1", "Accounts receivable", "491.56", "0.00"),
        ("Invoice MS-1", "Discounts", "50.34", "0.00"),
        ("Invoice MS-1", "Cost of sublet work", "15.00", "0.00"),
        ("Invoice MS-1", "Sales of parts", "0.00", "225.49"),
        ("Invoice MS-1", "Sales of labor", "0.00", "233.91"),
        ("Invoice MS-1", "Sales of sublet work", "0.00", "21.00"),
        ("Invoice MS-1", "Fees charged", "0.00", "22.97"),
        ("Invoice MS-1", "Sales tax payable 8.875%", "0.00", "38.53"),
        ("Invoice MS-1", "Sublet work payable", "0.00", "15.00"),
        (f"Payment {deposit}", "Card terminal clearing", "100.00", "0.00"),
        (f"Payment {deposit}", "Accounts receivable", "0.00", "100.00"),
        (f"Payment {cash}", "Cash", "150.00", "0.00"),
        (f"Payment {cash}", "Accounts receivable", "0.00", "150.00"),
        (f"Payment {check}", "Checks received", "241.56", "0.00"),
        (f"Payment {check}", "Accounts receivable", "0.00", "241.56"),
    ]
    assert lines(second) == [
        ("Credit note MS-C1", "Sales of parts", "89.99", "0.00"),
        ("Credit note MS-C1", "Sales tax payable 8.875%", "7.19", "0.00"),
        ("Credit note MS-C1", "Accounts receivable", "0.00", "88.18"),
        ("Credit note MS-C1", "Discounts", "0.00", "9.00"),
        (f"Payment {check}", "Accounts receivable", "88.18", "0.00"),
        (f"Payment {check}", "Open customer payments", "0.00", "88.18"),
        (f"Refund {given}", "Open customer payments", "88.18", "0.00"),
        (f"Refund {given}", "Checks received", "0.00", "88.18"),
    ]
    assert first.totals == {"debit": D("1048.46"), "credit": D("1048.46")}
    assert second.totals == {"debit": D("273.54"), "credit": D("273.54")}


def test_tax_of_both_days(example):
    invoice, note = example["invoice"].pk, example["note"].pk
    report = tax_by_rate(Scope(date(2026, 11, 1), date(2026, 12, 31), example["invoice"].location))
    row = {
        "rate": "8.875%", "taxed": "353.14", "exempt": "0.00", "not_taxed": "18.90", "net": "372.04",
        "tax": "31.34", "invoice_ids": [invoice], "credit_note_ids": [note], "parts_order_ids": [],
    }  # fmt: skip
    assert report.body == {
        "report": "tax",
        "title": "Tax by rate",
        "location_id": example["invoice"].location_id,
        "location": "Main Street",
        "from": "2026-11-01",
        "to": "2026-12-31",
        "zone": "America/New_York",
        "date_rule": "Counted on the day of posting. What is posted on a closed day counts on the next day.",
        "rows": [row],
        "totals": {
            "taxed": "353.14", "exempt": "0.00", "not_taxed": "18.90", "net": "372.04", "tax": "31.34",
        },
    }  # fmt: skip


def test_receivables_of_a_past_day_are_counted_from_its_postings(example):
    customer = example["invoice"].bill_to
    pay(None, "20.00", "cash", customer, location=example["invoice"].location, now=SECOND)
    assert receivables(on(example, date(2026, 11, 30))).rows == []
    (row,) = receivables(on(example, date(2026, 12, 1))).rows
    assert (row["balance"], row["open_payments"], row["account"]) == (D("0.00"), D("20.00"), D("-20.00"))


def test_whole_credit_takes_the_cost_of_goods_back(example):
    location = example["invoice"].location
    close_day(location, date(2026, 12, 1), cash_counted=None, note="", by=None, now=SECOND)
    credit_all(invoice=example["invoice"], reason="Wrong name", by=None, now=SECOND)
    scope = on(example, date(2026, 12, 2))
    assert section(day_sheet(scope), "Cost of goods") == {
        "Parts": "0.00", "Sublet work": "-15.00", "Cost of goods": "-15.00",
    }  # fmt: skip
    costs = [
        line for line in lines(journal(scope)) if line[1] in ("Cost of sublet work", "Sublet work payable")
    ]
    assert costs == [
        ("Credit note MS-C2", "Sublet work payable", "15.00", "0.00"),
        ("Credit note MS-C2", "Cost of sublet work", "0.00", "15.00"),
    ]


def test_credit_note_without_lines_is_in_every_report():
    """The credit note of an invoice of 0.00 has none."""
    order = RepairOrderFactory(
        status="completed", total_cost=D("0.00"), completed_at=FIRST, location=LocationFactory()
    )
    invoice = issue_invoice(order=order, by=None, now=FIRST)
    note = credit_all(invoice=invoice, reason="Wrong name", by=None, now=FIRST)
    scope = Scope(date(2026, 11, 30), date(2026, 11, 30), order.location)
    (row,) = tax_by_rate(scope).rows
    assert (row["net"], row["invoice_ids"], row["credit_note_ids"]) == (D("0.00"), [invoice.pk], [note.pk])
    assert section(day_sheet(scope), "Sales")["Sales with tax"] == "0.00"
    assert journal(scope).rows == []


def test_reversal_of_an_opening_credit_is_no_money():
    location = LocationFactory()
    opened = open_account(
        customer=CustomerFactory(),
        location=location,
        amount=D("-40.00"),
        day=date(2026, 11, 1),
        by=None,
        now=FIRST,
    )
    back = reverse(payment=opened, reason="Typed twice", by=None, now=FIRST)
    scope = Scope(date(2026, 11, 30), date(2026, 11, 30), location)
    assert section(day_sheet(scope), "Money of the day")["Payments less refunds"] == "0.00"
    assert section(day_sheet(scope), "Opening balances") == {
        "Credit notes on opening balances": "0.00",
        "Opening credits reversed": "40.00",
        "Opening balances taken back": "40.00",
    }
    assert lines(journal(scope)) == [
        (f"Refund {back.pk}", "Open customer payments", "40.00", "0.00"),
        (f"Refund {back.pk}", "Opening balances", "0.00", "40.00"),
    ]
