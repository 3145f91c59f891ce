"""Issue the invoice of a completed order (docs/design, D88)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from string import ascii_uppercase

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from appointments.models import Location
from appointments.queries import local_time
from billing.ledger import ZERO, held, lock_accounts, post, posting_day
from billing.links import INVOICES
from billing.models import Invoice, InvoiceKind, InvoiceLine, InvoiceSeries, LineKind, Payment
from billing.snapshot import invoice_snapshot
from billing.splitting import Shares, split
from catalogue.shelf.models import MoveKind, StockMove
from catalogue.shelf.sources import source_of
from common.domain import events
from common.domain.database import lock_for_share
from common.domain.days import day_of
from common.domain.errors import DomainError, Invalid
from common.domain.ids import new_uuid
from common.domain.money import exact, to_cents, to_dollars
from common.domain.numbers import draw
from customers.actions import hold_customer
from customers.models import Customer
from repair_orders import parts
from repair_orders.changes import lock
from repair_orders.estimates.snapshot import digest, discounts_body
from repair_orders.models import JobStatus, PartLine, RepairOrder, RepairOrderStatus, ServiceLine
from repair_orders.money import line_amount
from repair_orders.worksheet import Figures, Worksheet


class NotCompleted(DomainError):
    code = "not_completed"
    title = "Not completed"
    message = "Only a completed order can be invoiced. Complete it first."


class AlreadyInvoiced(DomainError):
    """The order has an invoice that is not credited as a whole. The facts name it."""

    code = "already_invoiced"
    title = "Already invoiced"

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(
            f"This order has invoice {invoice.number}. Credit it as a whole before you issue another one.",
            invoice_id=invoice.pk,
            number=invoice.number,
        )


class NoLocation(DomainError):
    code = "no_location"
    title = "No location"
    message = "Invoices are numbered by location. Add a location first."


class PrefixIsUsed(Invalid):
    code = "prefix_is_used"
    message = "Invoices were numbered with this prefix, so it cannot change."


def issue_invoice(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    bill_to: Customer | None = None,
    po_number: str | None = None,
) -> Invoice:
    """Issue the invoice of a completed order, to its customer or to another one, and move its deposits to it.

    The invoice has the lines and the total that were stored when the order was completed. Deposits of the customer
    who is billed move, the oldest first, at most the balance. Others are open on their payments. Raises NotCompleted,
    AlreadyInvoiced, NoLocation, CustomerIsMerged.
    """
    with transaction.atomic():
        lock(order)
        if order.status != RepairOrderStatus.COMPLETED:
            raise NotCompleted
        standing = Invoice.objects.filter(repair_order=order, is_credited=False).first()
        if standing is not None:
            raise AlreadyInvoiced(standing)
        location = till_of(order)
        if location is None:
            raise NoLocation
        payer = bill_to or order.customer
        lock_accounts(order.customer_id, payer.pk)
        hold_customer(payer)
        day = posting_day(location, now)
        lines, figures = _lines(order)
        totals = figures.totals
        _lock_tills(order)
        deposits = _movable(order, payer, totals.total)
        po = order.po_number if po_number is None else po_number
        due_on = day + timedelta(days=payer.terms_days)
        uuid = new_uuid()
        number = draw_number(location)
        snapshot = invoice_snapshot(
            order,
            location=location,
            bill_to=payer,
            number=number,
            issued_at=now,
            day=day,
            due_on=due_on,
            po_number=po,
            lines=[(line, shares) for line, shares, _ in lines],
            totals=totals,
            deposits=deposits,
            discounts=discounts_body(figures),
        )
        invoice = Invoice.objects.create(
            uuid=uuid,
            kind=InvoiceKind.ORDER,
            number=number,
            location=location,
            repair_order=order,
            customer_id=order.customer_id,
            bill_to=payer,
            issued_at=now,
            day=day,
            due_on=due_on,
            issued_by_id=by,
            po_number=po,
            tax_percent=order.tax_percent,
            subtotal=totals.subtotal,
            discount=totals.discount,
            net=totals.net,
            tax=totals.tax,
            total=totals.total,
            cost=sum((cost for _, _, cost in lines), ZERO),
            balance=totals.total,
            snapshot=snapshot,
            digest=digest(snapshot),
            token_hash=INVOICES.token_of(uuid)[1],
        )
        InvoiceLine.objects.bulk_create(
            _stored(invoice, place, line, shares, cost)
            for place, (line, shares, cost) in enumerate(lines, start=1)
        )
        _move_deposits(order, invoice, by=by, now=now)
        events.record(
            "billing.invoice.issued", invoice, at=now, total=str(invoice.total), repair_order_id=order.pk
        )
    return invoice


def till_of(order: RepairOrder) -> Location | None:
    """Return the location that bills an order: its own, else the default one, else the oldest."""
    return order.location or default_till()


def default_till() -> Location | None:
    """Return the location at which parts are sold by mail: the default one, else the oldest."""
    return Location.objects.order_by(F("is_default").desc(), "id").first()


def today_of_shop(now: datetime) -> date:
    """Return the day at the default location, by which months and reports of all locations go."""
    till = default_till()
    return day_of(now) if till is None else local_time(till, now).date()


def draw_number(location: Location, word: str = "") -> str:
    """Return the next number of a location: of an invoice, or of a credit note if `word` is `C`.

    The series stays locked until the transaction ends, so it is drawn last. A location without a prefix gets one.
    """
    count = draw(f"invoice{word}:{location.pk}")
    # The counter is locked, so that of parallel first invoices one makes the prefix and the others read it.
    prefix = InvoiceSeries.objects.filter(location=location).values_list("prefix", flat=True).first()
    if prefix is None:
        prefix = InvoiceSeries.objects.create(location=location, prefix=_free_prefix(location)).prefix
    return f"{prefix}-{word}{count}"


def _free_prefix(location: Location) -> str:
    taken = set(InvoiceSeries.objects.values_list("prefix", flat=True))
    wanted = (f"L{location.pk}{more}" for more in ("", *ascii_uppercase))
    return next(prefix for prefix in wanted if prefix not in taken)


def set_prefix(*, location: Location, prefix: str) -> None:
    """Set the prefix of a location's numbers before its first invoice. Raises PrefixIsUsed, Invalid."""
    with transaction.atomic():
        # Issuing holds the location for share.
        Location.objects.select_for_update(no_key=True).get(pk=location.pk)
        series = InvoiceSeries.objects.filter(location=location).first()
        if Invoice.objects.filter(location=location).exists() and (series is None or series.prefix != prefix):
            raise PrefixIsUsed(field="prefix")
        series = series or InvoiceSeries(location=location)
        series.prefix = prefix
        try:
            with transaction.atomic():
                series.full_clean()
                series.save()
                events.record_change(series)
        except (ValidationError, IntegrityError) as error:
            messages = error.messages if isinstance(error, ValidationError) else ["This prefix is taken."]
            raise Invalid(messages[0], field="prefix") from error


_Line = tuple[PartLine | ServiceLine, Shares, Decimal]


def _lines(order: RepairOrder) -> tuple[list[_Line], Figures]:
    """Return the lines of a completed order with their shares and costs, and its figures."""
    done = {"repair_order": order, "job__status": JobStatus.DONE}
    services = ServiceLine.objects.filter(repair_order=order, is_shown=True).in_order()
    lines: list[PartLine | ServiceLine] = [
        *PartLine.objects.filter(**done).in_order(),
        *(line for line in services),
    ]
    sheet = Worksheet.of(order)
    figures = sheet.figures(sheet.counted)
    totals = figures.totals
    assert totals.total == order.total_cost  # nothing of a completed order can change
    shares = split(
        [to_cents(line.amount) for line in lines],
        [line.taxable for line in lines],
        discount=to_cents(totals.discount),
        tax=to_cents(totals.tax),
    )
    costs = _costs(lines)
    return list(zip(lines, shares, costs, strict=True)), figures


def _costs(lines: Sequence[PartLine | ServiceLine]) -> list[Decimal]:
    """Return what each line cost the shop: its pieces as they left the shelf, else the cost on the line."""
    sources = {source_of(parts.KIND, line.job_id) for line in lines if isinstance(line, PartLine)}
    issued = (
        StockMove.objects.filter(source__in=sources, kind__in=(MoveKind.ISSUE, MoveKind.RETURN))
        .order_by()
        .values_list("source", "part_id")
        .annotate(cost=Sum(-F("pieces") * F("unit_cost")))
    )
    from_shelf = {(source, part): cost for source, part, cost in issued if cost is not None}
    costs = []
    for line in lines:
        if isinstance(line, ServiceLine):
            costs.append(line.cost or ZERO)
            continue
        left = source_of(parts.KIND, line.job_id), line.part_id
        if left in from_shelf:
            # Several lines of one part share what left the shelf for their job: the first one has it.
            costs.append(exact(from_shelf[left]))
            from_shelf[left] = ZERO
        else:
            costs.append(ZERO if line.unit_cost is None else line_amount(line.quantity, line.unit_cost))
    return costs


def _stored(
    invoice: Invoice, place: int, line: PartLine | ServiceLine, shares: Shares, cost: Decimal
) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        position=place,
        kind=LineKind.PART if isinstance(line, PartLine) else line.kind,
        line_id=line.pk,
        job_id=line.job_id,
        name=line.name,
        quantity=line.quantity if isinstance(line, PartLine) else line.hours or None,
        amount=line.amount,
        discount=to_dollars(shares.discount),
        net=to_dollars(shares.net),
        tax=to_dollars(shares.tax),
        taxable=line.taxable,
        cost=cost,
        is_core=isinstance(line, PartLine) and line.core_of_id is not None,
    )


def _lock_tills(order: RepairOrder) -> None:
    """Lock the locations of the deposits for share. Moving them posts there after the number is drawn."""
    tills = {payment.location for payment, _ in held(order) if payment.location is not None}
    for location in sorted(tills, key=lambda location: location.pk):
        lock_for_share(location)


def _movable(order: RepairOrder, payer: Customer, total: Decimal) -> list[tuple[Payment, Decimal]]:
    """Return the payments that move to the invoice with their amounts, the oldest first."""
    moved = []
    left = total
    for payment, amount in held(order):
        part = min(amount, left)
        if part > 0 and payment.customer_id == payer.pk:
            moved.append((payment, part))
            left -= part
    return moved


def _move_deposits(order: RepairOrder, invoice: Invoice, *, by: int | None, now: datetime) -> None:
    for payment, amount in held(order):
        post(payment, order, -amount, by=by, now=now)
        part = min(amount, invoice.balance)
        if part > 0 and payment.customer_id == invoice.bill_to_id:
            post(payment, invoice, part, by=by, now=now)
