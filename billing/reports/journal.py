"""The journal: what is posted as balanced lines for accounting (docs/reports.md).

An entry is what a document changed on a day: an invoice, a credit note, a payment with its uses, a refund. Each entry
balances, so every file does. Days that are closed cannot change, and give the same lines again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from appointments.models import Location
from billing.ledger import ZERO
from billing.models import (
    Allocation,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    LineKind,
    Payment,
    PaymentKind,
)
from billing.reports.base import BY_POSTING, Report, Scope
from billing.reports.sheet import taken_back
from common.domain.money import exact, format_percent
from common.domain.types import AnyQuerySet, Json

TITLE = "Journal"
COLUMNS = {
    "day": "Date",
    "location": "Location",
    "document": "Document",
    "account": "Account",
    "debit": "Debit",
    "credit": "Credit",
}
_ORDER = {name: place for place, name in enumerate(settings.BILLING_ACCOUNTS)}
# The order of documents in a day, and the column that names the kind of list a line links to.
_KINDS = ("invoice", "credit_note", "payment")

_Key = tuple[date, int | None, int, int]  # day, location, kind of document, its id
_Account = tuple[str, str]  # key of the setting, tax rate or ""


class _Book:
    """Entries: document -> account -> debit, below 0.00 a credit."""

    def __init__(self) -> None:
        self.entries: dict[_Key, dict[_Account, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self.names: dict[_Key, str] = {}

    def post(self, key: _Key, name: str, debits: Iterable[tuple[str, str, Decimal]]) -> None:
        self.names[key] = name
        for account, rate, amount in debits:
            self.entries[key][account, rate] += amount


def journal(scope: Scope) -> Report:
    """Return the journal of the days of a scope. Costs a constant number of queries."""
    book = _Book()
    _post_invoices(book, scope)
    _post_credit_notes(book, scope)
    _post_payments(book, scope)
    _post_allocations(book, scope)
    places = dict(Location.objects.values_list("pk", "name"))
    rows = [line for key in sorted(book.entries, key=_place) for line in _lines(book, key, places)]
    totals = {side: sum((row[side] for row in rows), ZERO) for side in ("debit", "credit")}
    return Report("journal", TITLE, scope, BY_POSTING, COLUMNS, rows, totals, is_import=True)


def _place(key: _Key) -> tuple[date, int, int, int]:
    day, location, kind, pk = key
    return day, location or 0, kind, pk


def _lines(book: _Book, key: _Key, places: dict[int, str]) -> list[Json]:
    """Return the lines of an entry, debits first, each side in the order of the setting's accounts."""
    day, location, kind, pk = key
    amounts = [(account, amount) for account, amount in book.entries[key].items() if amount]
    amounts.sort(key=lambda found: (found[1] < 0, _ORDER[found[0][0]], found[0][1]))
    return [
        {
            "day": day,
            "location_id": location,
            "location": places.get(location, "") if location else "",
            "document": book.names[key],
            f"{_KINDS[kind]}_id": pk,
            "account": account_name(*account),
            "debit": max(amount, ZERO),
            "credit": max(-amount, ZERO),
        }
        for account, amount in amounts
    ]


def account_name(account: str, rate: str = "") -> str:
    """Return the name of an account, that of a tax with its rate."""
    name: str = settings.BILLING_ACCOUNTS[account]
    return f"{name} {rate}%" if rate else name


def _post_invoices(book: _Book, scope: Scope) -> None:
    invoices = Invoice.objects.filter(scope.rows()).values_list(
        "pk", "day", "location", "number", "kind", "tax_percent", "total"
    )
    lines = _by_paper(InvoiceLine.objects.filter(scope.rows("invoice__")), "invoice", cost=True)
    for pk, day, location, number, kind, percent, total in invoices:
        key, name = (day, location, 0, pk), f"Invoice {number}"
        if kind == InvoiceKind.OPENING:
            book.post(key, name, [("receivable", "", total), ("opening", "", -total)])
            continue
        book.post(key, name, [("receivable", "", total)])
        for line, amount, discount, tax, cost in lines[pk]:
            book.post(key, name, _sold(line, amount, discount, tax, format_percent(percent)))
            book.post(key, name, _cost(line, cost))


def _post_credit_notes(book: _Book, scope: Scope) -> None:
    notes = CreditNote.objects.filter(scope.rows()).values_list(
        "pk", "day", "location", "number", "invoice", "invoice__kind", "invoice__tax_percent", "total"
    )
    lines = _by_paper(CreditNoteLine.objects.filter(scope.rows("credit_note__")), "credit_note", cost=True)
    last = dict(taken_back(scope).values_list("pk", "invoice"))
    costs = _by_paper(
        InvoiceLine.objects.filter(invoice__in=taken_back(scope).values("invoice")), "invoice", cost=True
    )
    restocked = _by_paper(
        CreditNoteLine.objects.filter(credit_note__invoice__in=taken_back(scope).values("invoice")),
        "credit_note__invoice",
        cost=True,
    )
    for pk, day, location, number, invoice, kind, percent, total in notes:
        key, name = (day, location, 1, pk), f"Credit note {number}"
        book.post(key, name, [("receivable", "", -total)])
        if kind == InvoiceKind.OPENING:
            book.post(key, name, [("opening", "", total)])
            continue
        for line, amount, discount, tax, cost in lines[pk]:
            book.post(key, name, _sold(line, -amount, -discount, -tax, format_percent(percent)))
            book.post(key, name, _cost(line, -cost))
        if pk in last:
            for line, *_, cost in costs[invoice]:
                book.post(key, name, _cost(line, -cost))
            for line, *_, cost in restocked[invoice]:
                book.post(key, name, _cost(line, cost))


def _sold(
    kind: str, amount: Decimal, discount: Decimal, tax: Decimal, rate: str
) -> list[tuple[str, str, Decimal]]:
    return [("discount", "", discount), (kind, "", -amount), ("tax", rate, -tax)]


def _cost(kind: str, cost: Decimal) -> list[tuple[str, str, Decimal]]:
    if kind == LineKind.PART:
        return [("cost_of_parts", "", cost), ("inventory", "", -cost)]
    return [("cost_of_sublet", "", cost), ("sublet_payable", "", -cost)]


def _post_payments(book: _Book, scope: Scope) -> None:
    payments = Payment.objects.filter(scope.rows()).values_list(
        "pk", "day", "location", "kind", "method", "amount", "is_reversal", "refunds__kind"
    )
    for pk, day, location, kind, method, amount, is_reversal, refunded in payments:
        key = (day, location, 2, pk)
        is_opening = PaymentKind.OPENING in (kind, is_reversal and refunded)
        account = "opening" if is_opening else method
        signed = -amount if kind == PaymentKind.REFUND else amount
        book.post(
            key, f"{PaymentKind(kind).label} {pk}", [(account, "", signed), ("open_payments", "", -signed)]
        )


def _post_allocations(book: _Book, scope: Scope) -> None:
    """Post what payments are used for. It is a part of the payment's entry, or an entry of its own on a later day."""
    columns = {"invoice": "receivable", "repair_order": "deposits", "parts_order": "mail"}
    for column, account in columns.items():
        uses = (
            Allocation.objects.filter(scope.rows(), **{f"{column}__isnull": False})
            .order_by()
            .values("payment", "payment__kind", "day", "location")
            .annotate(sum=Sum("amount"))
        )
        for use in uses:
            key = (use["day"], use["location"], 2, use["payment"])
            name = f"{PaymentKind(use['payment__kind']).label} {use['payment']}"
            amount = exact(use["sum"])
            book.post(key, name, [("open_payments", "", amount), (account, "", -amount)])


_Line = tuple[str, Decimal, Decimal, Decimal, Decimal]


def _by_paper(lines: AnyQuerySet, column: str, *, cost: bool = False) -> dict[int, list[_Line]]:
    """Return the sums of lines by paper and kind: (kind, amount, discount, tax, cost)."""
    names = ["amount", "discount", "tax", *(["cost"] if cost else [])]
    rows = lines.order_by().values(column, "kind").annotate(**{f"{name}s": Sum(name) for name in names})
    found: dict[int, list[_Line]] = defaultdict(list)
    for row in rows:
        figures = [exact(row[f"{name}s"]) for name in names]
        cost_of = figures[3] if cost else ZERO
        found[row[column]].append((row["kind"], figures[0], figures[1], figures[2], cost_of))
    return found
