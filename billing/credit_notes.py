"""Take back lines, an amount or the whole of an invoice (docs/design, D89).

Steps are cumulative: whatever the order of credits, they end at the total and the tax of the invoice exactly, and never
exceed them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

from billing.invoices import draw_number
from billing.ledger import ZERO, last_day_of, lock_owner, posting_day, set_balance, take_off
from billing.models import (
    CreditKind,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    LineKind,
)
from billing.restock import OverRestock, put_back
from billing.snapshot import credit_note_snapshot
from billing.splitting import NOTHING, Shares, add_up, fit, part_of, tax_in
from common.domain import events
from common.domain.errors import DomainError, Invalid
from common.domain.ids import new_uuid
from common.domain.money import exact, to_cents, to_dollars
from repair_orders.estimates.snapshot import digest
from repair_orders.money import Totals

# The permission of each action, in the admin and in the API.
PERMISSIONS = {"credit": "billing.add_creditnote"}
ALLOWANCE = "Allowance"
ALLOWANCE_BACK = "Allowances given before"


class OverInvoice(DomainError):
    """More would be credited than is left of the invoice. The fact is what is left, in dollars."""

    code = "over_invoice"
    title = "More than was invoiced"

    def __init__(self, left: Decimal, attempted: Decimal) -> None:
        super().__init__(
            f"{left} of this invoice is left to credit, so {attempted} is too much.", left=str(left)
        )


class OverLine(DomainError):
    """More of a line would be credited than is left of it. The fact is the quantity that is left."""

    code = "over_line"
    title = "More than was sold"

    def __init__(self, line: InvoiceLine, left: Decimal, place: int) -> None:
        super().__init__(
            f"{left} of {line.name} is left to credit.", field="lines", item=place, left=str(left)
        )


class NotDivisible(Invalid):
    code = "not_divisible"
    message = "This line has no quantity. Credit it as a whole or credit an amount."


class UnknownLine(Invalid):
    code = "unknown_line"
    message = "The invoice has no such line."


class FullyCredited(DomainError):
    code = "fully_credited"
    title = "Already credited"
    message = "This invoice was credited as a whole."


@dataclass(frozen=True, slots=True)
class LineCredit:
    """A line to credit: pieces or hours of it, None for all that is left."""

    line_id: int
    quantity: Decimal | None = None
    restock: int = 0  # pieces of them that go back on the shelf


@dataclass(frozen=True, slots=True)
class _Row:
    line: InvoiceLine | None
    kind: str
    name: str
    quantity: Decimal | None
    shares: Shares
    restocked: int = 0
    cost: Decimal = ZERO


def credit_lines(
    *, invoice: Invoice, lines: Sequence[LineCredit], reason: str, by: int | None, now: datetime
) -> CreditNote:
    """Credit lines of an invoice, or pieces and hours of them. A line returns its own net and tax.

    With `restock` pieces of a line go back on the shelf, no more than are credited and than left it for the job. They
    take the cost back at which they left. Raises UnknownLine, NotDivisible, OverLine, OverRestock, OverInvoice,
    FullyCredited.
    """
    with transaction.atomic():
        costs = _restock(invoice, lines, by=by, now=now)
        state = _State.of(invoice)
        rows = [
            replace(row, cost=costs.pop(row.line.pk, ZERO)) if row.line is not None and row.restocked else row
            for row in _rows_of(state, lines)
        ]
        return _credit(state, CreditKind.LINES, rows, reason, by=by, now=now)


def _restock(
    invoice: Invoice, lines: Sequence[LineCredit], *, by: int | None, now: datetime
) -> dict[int, Decimal]:
    """Put back what lines say, and return its cost by the id of the line. Unknown lines are refused later."""
    by_id = {line.pk: line for line in InvoiceLine.objects.filter(invoice=invoice)}
    wanted = [
        (place, by_id[line.line_id], line.restock)
        for place, line in enumerate(lines)
        if line.restock and line.line_id in by_id
    ]
    return put_back(invoice, wanted, by=by, now=now)


def total_of_lines(*, invoice: Invoice, lines: Sequence[LineCredit]) -> Decimal:
    """Return what a credit of these lines comes to, tax included. Raises as `credit_lines` does, and writes nothing."""
    with transaction.atomic():
        state = _State.of(invoice)
        return to_dollars(add_up([row.shares for row in _rows_of(state, lines)]).total)


def _rows_of(state: _State, lines: Sequence[LineCredit]) -> list[_Row]:
    """Return the rows of a credit of these lines.

    Raises UnknownLine, NotDivisible, OverLine, OverRestock, OverInvoice.
    """
    by_id = {line.pk: line for line in state.lines}
    left = state.left
    rows = []
    for place, wanted in enumerate(lines):
        line = by_id.get(wanted.line_id)
        if line is None:
            raise UnknownLine(field="lines", item=place)
        row = state.take(line, wanted.quantity, place)
        if wanted.restock > (row.quantity or 0):
            raise OverRestock(line, int(row.quantity or 0), place)
        rows.append(replace(row, restocked=wanted.restock))
    return _fitted(rows, left)


def credit_amount(
    *, invoice: Invoice, amount: Decimal, reason: str, by: int | None, now: datetime
) -> CreditNote:
    """Credit an amount that includes tax, as an allowance. Raises OverInvoice, FullyCredited, Invalid."""
    with transaction.atomic():
        state = _State.of(invoice)
        if amount <= 0:
            raise Invalid("Enter more than 0.00.", field="amount")
        left = state.left
        if to_cents(amount) > left.total:
            raise OverInvoice(to_dollars(left.total), amount)
        before = state.allowed
        cents = before.total + to_cents(amount)
        tax = tax_in(cents, tax=to_cents(invoice.tax), total=to_cents(invoice.total)) - before.tax
        net = to_cents(amount) - tax
        row = _Row(None, LineKind.ALLOWANCE, ALLOWANCE, None, Shares(net, 0, net, tax))
        change = fit(row.shares, left)
        shares = Shares(net - change, 0, net - change, tax + change)
        row = _Row(None, LineKind.ALLOWANCE, ALLOWANCE, None, shares)
        return _credit(state, CreditKind.AMOUNT, [row], reason, by=by, now=now)


def credit_all(*, invoice: Invoice, reason: str, by: int | None, now: datetime) -> CreditNote:
    """Credit all that is left of an invoice, so that its order can be invoiced again. Raises FullyCredited."""
    with transaction.atomic():
        state = _State.of(invoice)
        rows = []
        for line in state.lines:
            row = state.rest(line)
            if row.shares != NOTHING or (row.quantity or 0) > 0:
                rows.append(row)
        if state.allowed != NOTHING:
            rows.append(_Row(None, LineKind.ALLOWANCE, ALLOWANCE_BACK, None, NOTHING - state.allowed))
        return _credit(state, CreditKind.WHOLE, rows, reason, by=by, now=now)


class _State:
    """The amounts of a locked invoice that were credited before."""

    def __init__(self, invoice: Invoice) -> None:
        self.invoice = invoice
        self.lines = list(InvoiceLine.objects.filter(invoice=invoice).order_by("position"))
        credited = (
            CreditNoteLine.objects.filter(credit_note__invoice=invoice)
            .order_by()
            .values("invoice_line_id")
            .annotate(
                pieces=Sum("quantity"),
                amounts=Sum("amount"),
                discounts=Sum("discount"),
                nets=Sum("net"),
                taxes=Sum("tax"),
            )
        )
        sums: dict[int | None, Any] = {row["invoice_line_id"]: row for row in credited}
        self._sums = sums
        self._pieces = {
            pk: exact(row["pieces"]) for pk, row in sums.items() if pk is not None and row["pieces"]
        }
        self.taken = {line.pk: self._shares(line.pk) for line in self.lines}
        # Allowances, and what credits of lines had to shift between net and tax.
        self.allowed = self._shares(None)

    @classmethod
    def of(cls, invoice: Invoice) -> _State:
        """Lock the account of an invoice and return what was credited. Raises FullyCredited."""
        lock_owner(invoice, "bill_to_id")
        if invoice.is_credited:
            raise FullyCredited
        return cls(invoice)

    def _shares(self, line_id: int | None) -> Shares:
        row = self._sums.get(line_id)
        if row is None:
            return NOTHING
        return Shares(*(to_cents(exact(row[name])) for name in ("amounts", "discounts", "nets", "taxes")))

    @property
    def left(self) -> Shares:
        """Return what is left of the invoice's figures."""
        whole = add_up([shares_of(line) for line in self.lines])
        return whole - add_up([*self.taken.values(), self.allowed])

    def rest(self, line: InvoiceLine) -> _Row:
        quantity = None if line.quantity is None else line.quantity - self._pieces.get(line.pk, ZERO)
        return _Row(line, line.kind, line.name, quantity, shares_of(line) - self.taken[line.pk])

    def take(self, line: InvoiceLine, quantity: Decimal | None, place: int) -> _Row:
        """Take pieces of a line, all that is left if `quantity` is None, and remember them."""
        rest = self.rest(line)
        if quantity is not None and line.quantity is None:
            raise NotDivisible(field="lines", item=place)
        is_spent = rest.quantity == 0 if rest.quantity is not None else self.taken[line.pk] != NOTHING
        if is_spent or (quantity is not None and quantity > (rest.quantity or 0)):
            raise OverLine(line, rest.quantity or ZERO, place)
        if quantity is None or quantity == rest.quantity:
            row = rest
        else:
            assert line.quantity is not None
            before = self._pieces.get(line.pk, ZERO)
            cumulated = part_of(shares_of(line), to_cents(before + quantity), to_cents(line.quantity))
            row = _Row(line, line.kind, line.name, quantity, cumulated - self.taken[line.pk])
        self.taken[line.pk] = add_up([self.taken[line.pk], row.shares])
        if row.quantity is not None:
            self._pieces[line.pk] = self._pieces.get(line.pk, ZERO) + row.quantity
        return row


def _fitted(rows: list[_Row], left: Shares) -> list[_Row]:
    """Return the rows with an allowance that shifts cents between net and tax, if amounts were credited before."""
    wanted = add_up([row.shares for row in rows])
    if wanted.total > left.total:
        raise OverInvoice(to_dollars(left.total), to_dollars(wanted.total))
    change = fit(wanted, left)
    if not change:
        return rows
    return [*rows, _Row(None, LineKind.ALLOWANCE, ALLOWANCE_BACK, None, Shares(-change, 0, -change, change))]


def shares_of(line: InvoiceLine) -> Shares:
    return Shares(to_cents(line.amount), to_cents(line.discount), to_cents(line.net), to_cents(line.tax))


def _tuple(shares: Shares) -> tuple[int, int, int, int]:
    return shares.amount, shares.discount, shares.net, shares.tax


def _credit(
    state: _State, kind: str, rows: Sequence[_Row], reason: str, *, by: int | None, now: datetime
) -> CreditNote:
    """Store a credit note, and take off the allocations that the invoice does not need any more, the latest first."""
    invoice = state.invoice
    given = add_up([row.shares for row in rows])
    totals = Totals(*(to_dollars(cents) for cents in (*_tuple(given), given.total)))
    credited = invoice.credited + totals.total
    if credited > invoice.total:
        raise OverInvoice(invoice.total - invoice.credited, totals.total)
    is_whole = kind == CreditKind.WHOLE or (credited == invoice.total and invoice.total > 0)
    lines = [
        CreditNoteLine(
            position=place,
            invoice_line=row.line,
            kind=row.kind,
            name=row.name,
            quantity=row.quantity,
            restocked=row.restocked,
            cost=row.cost,
            amount=to_dollars(row.shares.amount),
            discount=to_dollars(row.shares.discount),
            net=to_dollars(row.shares.net),
            tax=to_dollars(row.shares.tax),
        )
        for place, row in enumerate(rows, start=1)
    ]
    over = invoice.paid - (invoice.total - credited)
    if over > 0:
        take_off(invoice, over, by=by, now=now)
    day = posting_day(invoice.location, now, not_before=last_day_of(invoice))
    set_balance(invoice, credited=credited, is_credited=is_whole)
    invoice.is_credited = is_whole
    uuid = new_uuid()
    number = draw_number(invoice.location, "C")
    snapshot = credit_note_snapshot(
        invoice,
        number=number,
        posted_at=now,
        day=day,
        reason=reason,
        lines=lines,
        totals=totals,
        left=invoice.total - credited,
    )
    note = CreditNote.objects.create(
        uuid=uuid,
        kind=kind,
        number=number,
        location=invoice.location,
        invoice=invoice,
        customer_id=invoice.bill_to_id,
        posted_at=now,
        day=day,
        by_id=by,
        reason=reason,
        subtotal=totals.subtotal,
        discount=totals.discount,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
        snapshot=snapshot,
        digest=digest(snapshot),
    )
    for line in lines:
        line.credit_note = note
    CreditNoteLine.objects.bulk_create(lines)
    events.record("billing.invoice.credited", invoice, at=now, credit_note=note.pk, total=str(note.total))
    return note
