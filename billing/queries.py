"""Selectors of invoices and accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, Sum

from accounts.tokens import hash_link_token
from billing.ledger import ZERO
from billing.models import (
    Allocation,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    Payment,
    PaymentKind,
    Statement,
)
from billing.states import days_past_due
from common.domain.money import exact
from common.domain.types import AnyQuerySet
from customers.models import Customer
from repair_orders.models import OPEN_STATUSES, RepairOrder, RepairOrderStatus

# The buckets of ageing: name -> the most days past due. Not yet due is `current`.
BUCKETS = (("current", 0), ("d30", 30), ("d60", 60), ("d90", 90))
OVER = "over"
BUCKET_NAMES = (*(name for name, _ in BUCKETS), OVER)
AGE_NAMES = {
    "current": "Not due",
    "d30": "1 to 30 days",
    "d60": "31 to 60",
    "d90": "61 to 90",
    OVER: "Over 90",
}


@dataclass(frozen=True, slots=True)
class Account:
    """The sums that a customer was invoiced, credited, paid and given back, in dollars.

    Parts orders count as invoiced while they are paid for. `balance` is below 0.00 if the shop owes. `deposits` are
    open allocations to orders without an invoice, and `open_payments` what is not used for anything.
    """

    invoiced: Decimal
    credited: Decimal
    paid: Decimal
    refunded: Decimal
    balance: Decimal
    open_payments: Decimal
    deposits: Decimal
    ageing: dict[str, Decimal]


def get_account(customer_id: int, *, now: datetime) -> Account:
    """Return the account of a customer. Each invoice is aged by the day where its location is, as its state is."""
    invoices = Invoice.objects.filter(bill_to=customer_id)
    payments = Payment.objects.filter(customer=customer_id)
    allocations = Allocation.objects.filter(payment__customer=customer_id)
    bought = _sum(allocations.filter(parts_order__isnull=False), "amount")
    invoiced = _sum(invoices, "total") + bought
    credited = _sum(CreditNote.objects.filter(customer=customer_id), "total")
    unpaid = invoices.filter(balance__gt=0).values_list("due_on", "location__time_zone", "balance")
    paid = _sum(payments.exclude(kind=PaymentKind.REFUND), "amount")
    refunded = _sum(payments.filter(kind=PaymentKind.REFUND), "amount")
    return Account(
        invoiced=invoiced,
        credited=credited,
        paid=paid,
        refunded=refunded,
        balance=invoiced - credited - paid + refunded,
        open_payments=_sum(payments, "open"),
        deposits=_sum(allocations.filter(repair_order__isnull=False), "amount"),
        ageing=age((days_past_due(due_on, zone, now), balance) for due_on, zone, balance in unpaid),
    )


def age(rows: Iterable[tuple[int, Decimal]]) -> dict[str, Decimal]:
    """Return the sums of (days past due, balance) by bucket: `current`, `d30`, `d60`, `d90`, `over`."""
    sums = dict.fromkeys(BUCKET_NAMES, ZERO)
    for days, balance in rows:
        sums[bucket_of(days)] += balance
    return sums


def bucket_of(days: int) -> str:
    """Return the bucket of a balance by its days past due: `current` until the due date is over."""
    return next((name for name, most in BUCKETS if days <= most), OVER)


def find_payable(customer: Customer) -> list[Invoice | RepairOrder]:
    """Return what payments of a customer can be used for: unpaid invoices, then orders that take a deposit."""
    invoices = Invoice.objects.filter(bill_to=customer, balance__gt=0).order_by("due_on", "id")
    invoiced = Invoice.objects.filter(repair_order__isnull=False).values("repair_order")
    orders = RepairOrder.objects.filter(customer=customer).exclude(status=RepairOrderStatus.DENIED)
    return [*invoices, *orders.exclude(pk__in=invoiced).order_by("-id")]


def find_lines_left(invoice_id: int) -> list[tuple[InvoiceLine, Decimal | None]]:
    """Return the lines of an invoice of which something is left to credit, with the pieces or hours that are left.

    A line without a quantity has None.
    """
    lines = InvoiceLine.objects.filter(invoice=invoice_id).order_by("position")
    credited = (
        CreditNoteLine.objects.filter(credit_note__invoice=invoice_id, invoice_line__isnull=False)
        .order_by()
        .values("invoice_line_id")
        .annotate(pieces=Sum("quantity"))
        .values_list("invoice_line_id", "pieces")
    )
    taken = {pk: exact(pieces) for pk, pieces in credited}
    return [
        (line, None if line.quantity is None else line.quantity - taken.get(line.pk, ZERO))
        for line in lines
        if (line.pk not in taken if line.quantity is None else line.quantity > taken.get(line.pk, ZERO))
    ]


def get_deposit(order: RepairOrder) -> Decimal:
    """Return the deposits that are kept for an order."""
    return _sum(Allocation.objects.filter(repair_order=order), "amount")


def find_invoice_by_token(token: str) -> Invoice | None:
    """Return the invoice of a link, or None."""
    rows = Invoice.objects.select_related("location", "bill_to", "repair_order")
    return rows.filter(token_hash=hash_link_token(token)).first()


def find_statement_by_token(token: str) -> Statement | None:
    """Return the statement of a link, or None."""
    return Statement.objects.filter(token_hash=hash_link_token(token)).first()


def find_receipts(invoice: Invoice) -> AnyQuerySet:
    """Return the payments that were ever used for an invoice, and refunds of them, the oldest first."""
    used = Allocation.objects.filter(invoice=invoice).values("payment_id")
    rows = Payment.objects.filter(Q(pk__in=used) | Q(refunds__in=used))
    return rows.order_by("posted_at", "id")


def name_invoices(order: RepairOrder, now: datetime) -> list[str]:
    """Name the invoices of an order, which keep it completed."""
    numbers = Invoice.objects.filter(repair_order=order).order_by("id").values_list("number", flat=True)
    return [f"invoice {number}" for number in numbers]


def name_account_of_customer(customer: Customer, now: datetime) -> list[str]:
    """Name what is open between the shop and a customer."""
    return name_open_accounts([customer.pk])


def name_open_accounts(customer_ids: Collection[int]) -> list[str]:
    """Name the customers' unpaid invoices, their deposits, and their payments with an open part."""
    unpaid = Invoice.objects.filter(bill_to__in=customer_ids, balance__gt=0).order_by("id")
    allocations = Allocation.objects.filter(payment__customer__in=customer_ids, repair_order__isnull=False)
    deposits = allocations.order_by("repair_order").values("repair_order").annotate(held=Sum("amount"))
    open_payments = Payment.objects.filter(customer__in=customer_ids, open__gt=0).order_by("id")
    return [
        *(
            f"invoice {number} with a balance of {balance}"
            for number, balance in unpaid.values_list("number", "balance")
        ),
        *(
            f"deposit of {exact(row['held'])} on repair order {row['repair_order']}"
            for row in deposits
            if row["held"]
        ),
        *(f"payment {pk} with {part} open" for pk, part in open_payments.values_list("pk", "open")),
    ]


def find_to_invoice() -> AnyQuerySet:
    """Return the completed orders without an invoice that stands, the oldest first."""
    standing = Invoice.objects.filter(is_credited=False, repair_order__isnull=False)
    completed = RepairOrder.objects.filter(status=RepairOrderStatus.COMPLETED)
    return completed.exclude(pk__in=standing.values("repair_order")).order_by("completed_at", "id")


def find_to_give_back() -> AnyQuerySet:
    """Return the payments with an open part that waits to be given back, the oldest first.

    What was a deposit waits once its order was denied, stopped, or has an invoice on which its customer owes nothing,
    whatever else the customer has (docs/design, D87). Other money waits if the customer has no open order and no unpaid
    invoice.
    """
    settled = Invoice.objects.filter(
        Q(balance=0) | ~Q(bill_to=OuterRef("payment__customer")),
        repair_order=OuterRef("repair_order"),
        is_credited=False,
    )
    ended = Allocation.objects.filter(
        Q(repair_order__status=RepairOrderStatus.DENIED) | Exists(settled),
        payment=OuterRef("pk"),
        repair_order__isnull=False,
    )
    busy = RepairOrder.objects.filter(status__in=OPEN_STATUSES).values("customer")
    owing = Invoice.objects.filter(balance__gt=0).values("bill_to")
    is_free = ~Q(customer__in=busy) & ~Q(customer__in=owing)
    rows = Payment.objects.filter(Exists(ended) | is_free, open__gt=0)
    return rows.select_related("customer__contact").order_by("posted_at", "id")


def _sum(rows: AnyQuerySet, column: str) -> Decimal:
    return exact(rows.aggregate(sum=Sum(column))["sum"])
