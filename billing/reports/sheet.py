"""The day sheet: sales by kind, money by method, deposits and cost of goods of a day.

Sales by kind - discounts + tax = invoices - credit notes, where a parts order counts as sold for what is allocated to
it. Payments - refunds = money of the day. Deposits held are the open allocations to orders. Opening balances are
neither sales nor money of any day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.db.models import Exists, OuterRef, Q, Sum

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
from common.domain.money import PaymentMethod, exact
from common.domain.types import AnyQuerySet, Json

TITLE = "Day sheet"
# The reversal of an opening credit. No money came in with it, and none goes out.
OPENING_REVERSED = Q(is_reversal=True, refunds__kind=PaymentKind.OPENING)
_SOLD = (LineKind.PART, LineKind.LABOUR, LineKind.SUBLET, LineKind.FEE, LineKind.ALLOWANCE)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: list[tuple[str, Decimal]]
    total: tuple[str, Decimal]

    @property
    def body(self) -> Json:
        return {
            "title": self.title,
            "rows": [{"label": label, "amount": str(amount)} for label, amount in self.rows],
            "total": {"label": self.total[0], "amount": str(self.total[1])},
        }


@dataclass(frozen=True)
class Sheet:
    """The sections of a day sheet. `cash` is what came into the till."""

    scope: Scope
    sections: list[Section]
    cash: Decimal

    @property
    def report(self) -> Report:
        rows = [
            {"section": section.title, "label": label, "amount": amount}
            for section in self.sections
            for label, amount in [*section.rows, section.total]
        ]
        columns = {"section": "Section", "label": "Item", "amount": "Amount"}
        return Report("day-sheet", TITLE, self.scope, BY_POSTING, columns, rows)

    @property
    def bodies(self) -> list[Json]:
        return [section.body for section in self.sections]

    @cached_property
    def lists(self) -> dict[str, list[int]]:
        """Return the ids of the rows behind the figures, by kind."""
        return find_rows(self.scope)


def day_sheet(scope: Scope) -> Sheet:
    """Return the sheet of the days of a scope. Costs a constant number of queries."""
    sold = _by_kind(
        InvoiceLine.objects.filter(scope.rows("invoice__"), invoice__kind=InvoiceKind.ORDER), cost=True
    )
    notes = CreditNoteLine.objects.filter(
        scope.rows("credit_note__"), credit_note__invoice__kind=InvoiceKind.ORDER
    )
    credited = _by_kind(notes, cost=True)
    mail = _both_ways(scope, parts_order__isnull=False)
    money = _money(scope)
    whole = taken_back(scope).values("invoice")
    returned = _by_kind(InvoiceLine.objects.filter(invoice__in=whole), cost=True)
    restocked = _by_kind(CreditNoteLine.objects.filter(credit_note__invoice__in=whole), cost=True)
    sections = [
        _sales(sold, credited, mail[0] + mail[1]),
        _papers(scope, mail),
        *_methods(money),
        _deposits(scope),
        _costs(sold, credited, returned, restocked),
    ]
    opened = _opened(scope)
    if any(amount for _, amount in opened.rows):
        sections.append(opened)
    return Sheet(scope, sections, _cash(money))


def taken_back(scope: Scope) -> AnyQuerySet:
    """Return the credit notes that took the rest of an invoice back. Its cost of goods is taken back with them.

    An invoice that is credited as a whole gets no further credit note, so it is the last one.
    """
    later = CreditNote.objects.filter(invoice=OuterRef("invoice"), pk__gt=OuterRef("pk"))
    rows = CreditNote.objects.filter(scope.rows(), invoice__is_credited=True, invoice__kind=InvoiceKind.ORDER)
    return rows.exclude(Exists(later))


_Figures = dict[str, dict[str, Decimal]]
_Money = dict[tuple[str, str, bool], Decimal]


def _by_kind(lines: AnyQuerySet, *, cost: bool = False) -> _Figures:
    names = ["amount", "discount", "tax", *(["cost"] if cost else [])]
    rows = lines.order_by().values("kind").annotate(**{f"{name}s": Sum(name) for name in names})
    return {row["kind"]: {name: exact(row[f"{name}s"]) for name in names} for row in rows}


def _sum(
    figures: Mapping[str, Mapping[str, Decimal]], name: str, kinds: Sequence[str] | None = None
) -> Decimal:
    return sum((row[name] for kind, row in figures.items() if kinds is None or kind in kinds), ZERO)


def _sales(sold: _Figures, credited: _Figures, mail: Decimal) -> Section:
    rows = [(kind.label, _sum(sold, "amount", [kind]) - _sum(credited, "amount", [kind])) for kind in _SOLD]
    rows.append(("Parts by mail", mail))
    rows.append(("Discounts", _sum(credited, "discount") - _sum(sold, "discount")))
    rows.append(("Tax", _sum(sold, "tax") - _sum(credited, "tax")))
    return Section("Sales", rows, ("Sales with tax", _total(rows)))


def _papers(scope: Scope, mail: tuple[Decimal, Decimal]) -> Section:
    invoices = Invoice.objects.filter(scope.rows(), kind=InvoiceKind.ORDER)
    notes = CreditNote.objects.filter(scope.rows(), invoice__kind=InvoiceKind.ORDER)
    rows = [
        ("Invoices", _one(invoices, "total")),
        ("Credit notes", ZERO - _one(notes, "total")),
        ("Parts orders", mail[0]),
        ("Parts orders cancelled or returned", mail[1]),
    ]
    return Section("Invoices and credit notes", rows, ("Invoices less credit notes", _total(rows)))


def _money(scope: Scope) -> _Money:
    rows = (
        Payment.objects.filter(scope.rows(), ~OPENING_REVERSED)
        .exclude(kind=PaymentKind.OPENING)
        .order_by()
        .values("kind", "method", "is_reversal")
        .annotate(sum=Sum("amount"))
    )
    return {(row["kind"], row["method"], row["is_reversal"]): exact(row["sum"]) for row in rows}


def _methods(money: _Money) -> list[Section]:
    """Return payments, refunds and reversals by method, and the money of the day by method."""
    sections = []
    for title, kind, is_reversal in (
        ("Payments", PaymentKind.PAYMENT, False),
        ("Refunds", PaymentKind.REFUND, False),
        ("Reversals", PaymentKind.REFUND, True),
    ):
        found = [(method, money.get((kind, method, is_reversal), ZERO)) for method in PaymentMethod]
        is_in = kind == PaymentKind.PAYMENT
        rows = [(method.label, amount if is_in else ZERO - amount) for method, amount in found]
        sections.append(Section(title, rows, (title, _total(rows))))
    rows = [
        (method.label, sum((section.rows[place][1] for section in sections), ZERO))
        for place, method in enumerate(PaymentMethod)
    ]
    return [*sections, Section("Money of the day", rows, ("Payments less refunds", _total(rows)))]


def _cash(money: _Money) -> Decimal:
    cash = PaymentMethod.CASH
    given = sum(
        (
            amount
            for (kind, method, _), amount in money.items()
            if kind == PaymentKind.REFUND and method == cash
        ),
        ZERO,
    )
    return money.get((PaymentKind.PAYMENT, cash, False), ZERO) - given


def _deposits(scope: Scope) -> Section:
    before = Allocation.objects.filter(scope.place(), day__lt=scope.first, repair_order__isnull=False)
    taken, off = _both_ways(scope, repair_order__isnull=False)
    rows = [("Held before", _one(before, "amount")), ("Taken", taken), ("Used or released", off)]
    return Section("Deposits", rows, ("Deposits held", _total(rows)))


def _costs(sold: _Figures, credited: _Figures, returned: _Figures, restocked: _Figures) -> Section:
    """Return the cost of goods: sold, less restocked, less what `returned` invoices had cost and did not restock."""
    parts = [LineKind.PART]
    others = [kind for kind in LineKind if kind != LineKind.PART]
    rows = [
        (
            label,
            _sum(sold, "cost", kinds)
            - _sum(credited, "cost", kinds)
            - (_sum(returned, "cost", kinds) - _sum(restocked, "cost", kinds)),
        )
        for label, kinds in (("Parts", parts), ("Sublet work", others))
    ]
    return Section("Cost of goods", rows, ("Cost of goods", _total(rows)))


def _opened(scope: Scope) -> Section:
    """Return what was taken back of opening balances: a part of no sale, and no money."""
    notes = CreditNote.objects.filter(scope.rows(), invoice__kind=InvoiceKind.OPENING)
    rows = [
        ("Credit notes on opening balances", ZERO - _one(notes, "total")),
        ("Opening credits reversed", _one(Payment.objects.filter(scope.rows(), OPENING_REVERSED), "amount")),
    ]
    return Section("Opening balances", rows, ("Opening balances taken back", _total(rows)))


def _both_ways(scope: Scope, **target: bool) -> tuple[Decimal, Decimal]:
    """Return what was allocated to a kind of target, and what was taken off again as an amount below 0.00."""
    rows = Allocation.objects.filter(scope.rows(), **target)
    sums = rows.aggregate(on=Sum("amount", filter=Q(amount__gt=0)), off=Sum("amount", filter=Q(amount__lt=0)))
    return exact(sums["on"]), exact(sums["off"])


def find_rows(scope: Scope) -> dict[str, list[int]]:
    """Return the ids of the rows behind the figures of a sheet, by kind."""

    def ids(rows: AnyQuerySet) -> list[int]:
        return list(rows.filter(scope.rows()).order_by("pk").values_list("pk", flat=True))

    def orders(column: str) -> list[int]:
        rows = Allocation.objects.filter(scope.rows(), **{f"{column}__isnull": False})
        return sorted(set(rows.values_list(column, flat=True)))

    return {
        "invoices": ids(Invoice.objects.filter(kind=InvoiceKind.ORDER)),
        "credit_notes": ids(CreditNote.objects.all()),
        "payments": ids(Payment.objects.filter(kind=PaymentKind.PAYMENT)),
        "refunds": ids(Payment.objects.filter(kind=PaymentKind.REFUND)),
        "deposits": orders("repair_order"),
        "parts_orders": orders("parts_order"),
    }


def _one(rows: AnyQuerySet, column: str) -> Decimal:
    return exact(rows.aggregate(sum=Sum(column))["sum"])


def _total(rows: Sequence[tuple[str, Decimal]]) -> Decimal:
    return sum((amount for _, amount in rows), ZERO)
