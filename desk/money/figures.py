"""Figures of a day for the page *Money*. Sums come from billing's reports, and the lists below them foot to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum
from django.urls import reverse

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
from billing.queries import AGE_NAMES, find_to_give_back, find_to_invoice
from billing.reports.base import Scope
from billing.reports.receivables import receivables
from billing.reports.sales import sales_by_day
from billing.reports.sheet import Section, Sheet
from common.domain.money import PaymentMethod, exact
from common.domain.types import AnyQuerySet, Json
from desk.places import at_location
from orders.models import Order

PER_PAGE = 50
FEW = 5
FORTNIGHT = timedelta(days=13)
MAIL, DISCOUNTS, TAX = "Parts by mail", "Discounts", "Tax"


@dataclass(frozen=True, slots=True)
class Paper:
    """A row of the day's list: an invoice, a credit note or a parts order with its amounts by kind of sale."""

    url: str
    number: str
    customer: str
    subject: str
    cells: list[Decimal]
    total: Decimal
    owed: Decimal


@dataclass(frozen=True, slots=True)
class PaperList:
    """The papers of a day. `columns` are the kinds of sale that occur, `foot` the sums of the sheet for them."""

    columns: list[str]
    rows: list[Paper]
    foot: list[Decimal]
    total: Decimal
    owed: Decimal
    owing: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart, in the units of its drawing. Texts, because a template would write numbers for readers."""

    x: str
    y: str
    width: str
    height: str
    label: str
    amount: Decimal
    is_last: bool = False


def section(sheet: Sheet, title: str) -> Section:
    """Return the section of a day sheet with this title."""
    return next(found for found in sheet.sections if found.title == title)


# --- Lists --------------------------------------------------------------------------------------------------


def papers_of(sheet: Sheet) -> PaperList:
    """Return the invoices, credit notes and parts orders that the sheet counts as sales."""
    sales = section(sheet, "Sales")
    labels = [label for label, _ in sales.rows]
    found = [*_invoices(sheet), *_credit_notes(sheet), *_parts_orders(sheet)]
    shown = [
        place
        for place, (_, amount) in enumerate(sales.rows)
        if amount or any(row.cells[place] for row in found)
    ]
    rows = [
        Paper(
            row.url,
            row.number,
            row.customer,
            row.subject,
            [row.cells[place] for place in shown],
            row.total,
            row.owed,
        )
        for row in found
    ]
    return PaperList(
        columns=[labels[place] for place in shown],
        rows=rows,
        foot=[sales.rows[place][1] for place in shown],
        total=sales.total[1],
        owed=sum((row.owed for row in rows), ZERO),
        owing=sum(row.owed > 0 for row in rows),
    )


_KINDS = (LineKind.PART, LineKind.LABOUR, LineKind.SUBLET, LineKind.FEE, LineKind.ALLOWANCE)


def _invoices(sheet: Sheet) -> Iterable[Paper]:
    ids = sheet.lists["invoices"]
    amounts = _amounts(InvoiceLine.objects.filter(invoice__in=ids), "invoice")
    rows = Invoice.objects.filter(pk__in=ids).defer("snapshot")
    for row in rows.select_related("bill_to__contact", "repair_order__vehicle").order_by("issued_at", "pk"):
        kinds = amounts[row.pk]
        cells = [*(kinds.get(kind, ZERO) for kind in _KINDS), ZERO, -row.discount, row.tax]
        subject = str(row.repair_order.vehicle) if row.repair_order else ""
        yield Paper(_url(row), row.number, str(row.bill_to), subject, cells, row.total, row.balance)


def _credit_notes(sheet: Sheet) -> Iterable[Paper]:
    ids = sheet.lists["credit_notes"]
    amounts = _amounts(CreditNoteLine.objects.filter(credit_note__in=ids), "credit_note")
    rows = CreditNote.objects.filter(pk__in=ids, invoice__kind=InvoiceKind.ORDER).defer("snapshot")
    for row in rows.select_related("customer__contact", "invoice").order_by("posted_at", "pk"):
        kinds = amounts[row.pk]
        cells = [*(ZERO - kinds.get(kind, ZERO) for kind in _KINDS), ZERO, row.discount, ZERO - row.tax]
        subject = f"of invoice {row.invoice.number}"
        yield Paper(_url(row), row.number, str(row.customer), subject, cells, -row.total, ZERO)


def _parts_orders(sheet: Sheet) -> Iterable[Paper]:
    ids = sheet.lists["parts_orders"]
    sums = (
        Allocation.objects.filter(sheet.scope.rows(), parts_order__in=ids)
        .order_by()
        .values("parts_order")
        .annotate(sum=Sum("amount"))
    )
    amounts = {row["parts_order"]: exact(row["sum"]) for row in sums}
    for row in Order.objects.filter(pk__in=ids).select_related("customer__contact").order_by("pk"):
        amount = amounts[row.pk]
        cells = [ZERO for _ in _KINDS] + [amount, ZERO, ZERO]
        yield Paper(_url(row), row.number, str(row.customer), MAIL, cells, amount, ZERO)


def _amounts(lines: AnyQuerySet, column: str) -> defaultdict[int, dict[str, Decimal]]:
    """Return the amounts of lines by paper and kind."""
    found: defaultdict[int, dict[str, Decimal]] = defaultdict(dict)
    for row in lines.order_by().values(column, "kind").annotate(sum=Sum("amount")):
        found[row[column]][row["kind"]] = exact(row["sum"])
    return found


def payments_of(sheet: Sheet) -> list[Json]:
    """Return the payments and refunds of the sheet in the order of time, with what they are used for."""
    ids = [*sheet.lists["payments"], *sheet.lists["refunds"]]
    rows = Payment.objects.filter(pk__in=ids).select_related("customer__contact", "refunds")
    return [
        {
            "payment": row,
            "url": _url(row),
            "kind": "Reversal" if row.is_reversal else PaymentKind(row.kind).label,
            "method": PaymentMethod(row.method).label,
            "amount": -row.amount if row.kind == PaymentKind.REFUND else row.amount,
            "uses": [use["name"] for use in row.snapshot.get("uses", ())]
            or ([f"of payment {row.refunds_id}"] if row.refunds_id else []),
        }
        for row in rows.order_by("posted_at", "pk")
    ]


def to_invoice(location: Location, limit: int) -> Json:
    """Return the completed orders of a till that wait for an invoice, the oldest first, at most `limit` of them."""
    rows = find_to_invoice().filter(at_location(location))
    sums = rows.aggregate(sum=Sum("total_cost"))
    return {
        "rows": list(rows.select_related("customer__contact", "vehicle")[:limit]),
        "count": rows.count(),
        "total": exact(sums["sum"]),
    }


def to_give_back(location: Location, limit: int) -> Json:
    """Return the payments of a till of which something is open and nothing is owed, at most `limit` of them."""
    rows = find_to_give_back().filter(at_location(location)).defer("snapshot")
    sums = rows.aggregate(sum=Sum("open"))
    return {"rows": list(rows[:limit]), "count": rows.count(), "total": exact(sums["sum"])}


def owed_to(location: Location, day: date) -> Json:
    """Return the receivables of a location at the end of a day, with the bar of their ages."""
    report = receivables(Scope(day, day, location))
    whole = report.totals["balance"]
    owing = [row for row in report.rows if row["balance"]]
    return {
        "rule": report.date_rule,
        "rows": [
            {
                **row,
                "ages": [row[name] for name in AGE_NAMES],
                "overdue": row["balance"] - row["current"],
            }
            for row in owing[:PER_PAGE]
        ],
        "count": len(owing),
        "ages": [(title, report.totals[name]) for name, title in AGE_NAMES.items()],
        "total": whole,
        "open_payments": report.totals["open_payments"],
        "deposits": report.totals["deposits"],
        "bars": _ages_bar([report.totals[name] for name in AGE_NAMES], whole),
    }


# --- Charts -------------------------------------------------------------------------------------------------


def fortnight(location: Location, day: date) -> Json:
    """Return the bars of what was sold on the 14 days until a day, and the lines of their scale."""
    days = sales_by_day(Scope(day - FORTNIGHT, day, location))
    top = _scale_of(max(days.values()))
    height = Decimal(132)
    bars = []
    for place, (on, amount) in enumerate(days.items()):
        tall = max(amount, ZERO) / top * height
        bars.append(
            Bar(
                x=f"{44 + place * 27}",
                y=f"{142 - tall:.1f}",
                width="19",
                height=f"{tall:.1f}",
                label=str(on.day),
                amount=amount,
                is_last=on == day,
            )
        )
    return {"bars": bars, "top": top, "half": top / 2, "days": days, "is_empty": not any(days.values())}


def _scale_of(most: Decimal) -> Decimal:
    """Return a round figure at least as high as the highest bar: 1, 2, 4 or 5 with zeros."""
    unit = Decimal(100)
    while True:
        for factor in (1, 2, 4, 5):
            if most <= unit * factor:
                return unit * factor
        unit *= 10


def method_bars(rows: Sequence[tuple[str, Decimal]]) -> list[tuple[str, Decimal, str]]:
    """Return the amounts of a section with the width of a bar for each, in percent of the highest one."""
    most = max((abs(amount) for _, amount in rows), default=ZERO)
    return [
        (label, amount, f"{abs(amount) / most * 100:.1f}" if most else "0")
        for label, amount in rows
        if amount or not most
    ]


def _ages_bar(ages: Sequence[Decimal], whole: Decimal) -> list[Bar]:
    """Return the parts of a bar of 1,000 units. Each shows at least as a line."""
    bars = []
    x = Decimal(0)
    for place, amount in enumerate(ages):
        if not amount or not whole:
            continue
        width = max(amount / whole * 996, Decimal(4))
        bars.append(Bar(f"{x:.1f}", "0", f"{max(width - 2, Decimal(2)):.1f}", "14", f"s{place}", amount))
        x += width
    return bars


def _url(row: Invoice | CreditNote | Payment | Order) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
