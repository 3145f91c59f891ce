"""Tax by rate: what was sold with tax, without it and with an exemption, and the tax (docs/reports.md).

Credit notes are taken off on their own day, at the rate of their invoice. A credited line takes its own net off. An
allowance belongs to no line. Its net is split in proportion to the taxed and the other lines of its invoice, counted
cumulatively over the invoice's allowances, and never takes more off one part than is left of it. So whatever the order
of credits, they end at the figures of the invoice exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Case, Q, Sum, Value, When
from django.db.models.fields import BooleanField

from billing.ledger import ZERO
from billing.models import Allocation, CreditNote, CreditNoteLine, Invoice, InvoiceKind, InvoiceLine
from billing.reports.base import BY_POSTING, Report, Scope
from common.domain.money import exact, format_percent, half_up, to_cents, to_dollars
from common.domain.types import AnyQuerySet, Json

TITLE = "Tax by rate"
COLUMNS = {
    "rate": "Rate",
    "taxed": "Net taxed",
    "exempt": "Net exempt",
    "not_taxed": "Net not taxed",
    "net": "Net",
    "tax": "Tax",
}
MAIL = "Parts by mail"
_SUMMED = ("taxed", "exempt", "not_taxed", "net", "tax")

# An invoice without tax is exempt if its order has a certificate.
_IS_EXEMPT = Case(
    When(~Q(invoice__repair_order__tax_exemption="") & Q(invoice__tax_percent=0), then=Value(True)),
    default=Value(False),
    output_field=BooleanField(),
)


@dataclass
class _Rate:
    taxed: Decimal = ZERO
    exempt: Decimal = ZERO
    not_taxed: Decimal = ZERO
    tax: Decimal = ZERO
    invoices: list[int] = field(default_factory=list)
    credit_notes: list[int] = field(default_factory=list)

    def add(
        self, of_taxable: Decimal, rest: Decimal, tax: Decimal, *, percent: Decimal, exempt: bool
    ) -> None:
        """Add the net of taxable lines, the net of the others, and the tax."""
        if percent:
            self.taxed += of_taxable
        elif exempt:
            self.exempt += of_taxable
        else:
            rest += of_taxable
        self.not_taxed += rest
        self.tax += tax


def tax_by_rate(scope: Scope) -> Report:
    """Return tax by rate for the days of a scope. Costs a constant number of queries."""
    rates: dict[Decimal, _Rate] = defaultdict(_Rate)
    _add_invoices(rates, scope)
    _add_credit_notes(rates, scope)
    rows = [_body(f"{format_percent(percent)}%", rates[percent]) for percent in sorted(rates)]
    mail = Allocation.objects.filter(scope.rows(), parts_order__isnull=False)
    sold = exact(mail.aggregate(sum=Sum("amount"))["sum"])
    orders = sorted(set(mail.values_list("parts_order", flat=True)))
    if orders:
        rows.append({**_body(MAIL, _Rate(not_taxed=sold)), "parts_order_ids": orders})
    totals = {name: sum((row[name] for row in rows), ZERO) for name in _SUMMED}
    return Report("tax", TITLE, scope, BY_POSTING, COLUMNS, rows, totals)


def _body(name: str, rate: _Rate) -> Json:
    return {
        "rate": name,
        "taxed": rate.taxed,
        "exempt": rate.exempt,
        "not_taxed": rate.not_taxed,
        "net": rate.taxed + rate.exempt + rate.not_taxed,
        "tax": rate.tax,
        "invoice_ids": rate.invoices,
        "credit_note_ids": rate.credit_notes,
        "parts_order_ids": [],
    }


def _add_invoices(rates: dict[Decimal, _Rate], scope: Scope) -> None:
    lines = (
        InvoiceLine.objects.filter(scope.rows("invoice__"), invoice__kind=InvoiceKind.ORDER)
        .order_by()
        .annotate(exempt=_IS_EXEMPT)
        .values("invoice__tax_percent", "exempt", "taxable")
        .annotate(nets=Sum("net"), taxes=Sum("tax"))
    )
    for row in lines:
        percent, net = row["invoice__tax_percent"], exact(row["nets"])
        parts = (net, ZERO) if row["taxable"] else (ZERO, net)
        rates[percent].add(*parts, exact(row["taxes"]), percent=percent, exempt=row["exempt"])
    invoices = Invoice.objects.filter(scope.rows(), kind=InvoiceKind.ORDER).order_by("pk")
    for pk, percent in invoices.values_list("pk", "tax_percent"):
        rates[percent].invoices.append(pk)


def _add_credit_notes(rates: dict[Decimal, _Rate], scope: Scope) -> None:
    notes = CreditNote.objects.filter(scope.rows(), invoice__kind=InvoiceKind.ORDER).order_by("pk")
    found = notes.values_list(
        "pk", "invoice", "tax", "invoice__tax_percent", "invoice__repair_order__tax_exemption"
    )
    nets = _taxed_nets(notes.values("invoice"))
    for pk, _, tax, percent, certificate in found:
        taxed, rest = nets.get(pk, (ZERO, ZERO))  # that of an invoice of 0.00 may have no lines
        rates[percent].add(-taxed, -rest, -tax, percent=percent, exempt=bool(certificate))
        rates[percent].credit_notes.append(pk)


def _taxed_nets(invoices: AnyQuerySet) -> dict[int, tuple[Decimal, Decimal]]:
    """Return the net of taxable lines and the other net of all credit notes of some invoices, by credit note."""
    sold: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    lines = InvoiceLine.objects.filter(invoice__in=invoices).order_by().values("invoice", "taxable")
    for row in lines.annotate(nets=Sum("net")):
        sold[row["invoice"]][not row["taxable"]] = to_cents(exact(row["nets"]))
    credited: dict[int, dict[int, list[int]]] = defaultdict(dict)
    notes = CreditNoteLine.objects.filter(credit_note__invoice__in=invoices).order_by()
    names = ("credit_note__invoice", "credit_note", "invoice_line__taxable")
    for row in notes.values(*names).annotate(nets=Sum("net")).order_by("credit_note"):
        figures = credited[row["credit_note__invoice"]].setdefault(row["credit_note"], [0, 0, 0])
        kind = row["invoice_line__taxable"]
        figures[2 if kind is None else int(not kind)] = to_cents(exact(row["nets"]))
    nets = {}
    for invoice, of_notes in credited.items():
        parts = split_nets(sold[invoice], list(of_notes.values()))
        for note, (taxed, rest) in zip(of_notes, parts, strict=True):
            nets[note] = to_dollars(taxed), to_dollars(rest)
    return nets


def split_nets(sold: Sequence[int], notes: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Split credit notes of an invoice into the net of taxable lines and the rest, in cents.

    `sold` is the net of taxable and of other lines. Each note is the net of taxable lines, of other lines and of
    allowances, the earliest first.
    """
    left, other = sold
    whole = left + other
    allowed = given = 0
    parts = []
    for of_taxed, of_other, allowance in notes:
        allowed += allowance
        sign = -1 if allowed < 0 else 1
        cumulated = sign * half_up(sign * allowed * sold[0], whole) if whole else 0
        net = of_taxed + of_other + allowance
        taxed = min(max(of_taxed + cumulated - given, net - other), left)
        given = cumulated
        left, other = left - taxed, other - (net - taxed)
        parts.append((taxed, net - taxed))
    return parts
