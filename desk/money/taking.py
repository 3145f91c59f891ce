"""Take a payment at the desk: find what it is for, and decide what of it is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from appointments.models import Location
from billing.ledger import ZERO, Target
from billing.models import Invoice, Payment
from billing.once import claim
from billing.payments import take_payment
from billing.queries import find_payable, get_deposit
from common.domain.errors import DomainError
from customers.models import Customer
from desk.search.find import find_people
from repair_orders.models import OPEN_STATUSES, RepairOrder, RepairOrderStatus
from repair_orders.queries import totals_of

MOST = 10


class MoreThanOwed(DomainError):
    """The amount is more than what it is for. The facts are what is owed and what is beyond it, in dollars."""

    code = "over_balance"
    title = "More than is owed"

    def __init__(self, owed: Decimal, rest: Decimal) -> None:
        super().__init__(f"{owed} is owed, so {rest} would stay open.", owed=str(owed), rest=str(rest))
        self.owed, self.rest = owed, rest


@dataclass(frozen=True, slots=True)
class Found:
    """A customer with what they can pay: unpaid invoices, and open orders that take a deposit."""

    customer: Customer
    owed: Decimal = ZERO
    invoices: list[Invoice] = field(default_factory=list)
    orders: list[RepairOrder] = field(default_factory=list)


def find_payers(text: str) -> list[Found]:
    """Return the customers that a search finds, the number of an order or invoice included, at most ten.

    Exact matches come first (`find_people`). Costs a constant number of queries.
    """
    customers = [person.customer for person in find_people(text, limit=MOST, with_papers=True).rows]
    if not customers:
        return []
    invoices: defaultdict[int, list[Invoice]] = defaultdict(list)
    unpaid = Invoice.objects.filter(bill_to__in=customers, balance__gt=0).defer("snapshot")
    for invoice in unpaid.select_related("repair_order__vehicle").order_by("due_on", "pk"):
        invoices[invoice.bill_to_id].append(invoice)
    orders: defaultdict[int, list[RepairOrder]] = defaultdict(list)
    opened = RepairOrder.objects.filter(customer__in=customers, status__in=OPEN_STATUSES)
    for order in opened.select_related("vehicle").order_by("-pk"):
        orders[order.customer_id].append(order)
    return [
        Found(
            customer,
            sum((invoice.balance for invoice in invoices[customer.pk]), ZERO),
            invoices[customer.pk],
            orders[customer.pk][:MOST],
        )
        for customer in customers
    ]


@dataclass(frozen=True, slots=True)
class Purpose:
    """The targets of a payment: rows that it pays in their order, and what they need. An order takes any amount.

    `total` is what one row comes to and `to_pay` what is open of it, both None for several rows or none. An order
    without prices comes to 0.00.
    """

    customer: Customer
    title: str
    rows: Sequence[Invoice | RepairOrder]
    total: Decimal | None = None
    to_pay: Decimal | None = None

    @property
    def order(self) -> RepairOrder | None:
        """Return the order whose deposit it is."""
        return next((row for row in self.rows if isinstance(row, RepairOrder)), None)

    @property
    def owed(self) -> Decimal | None:
        """Return what is owed, None for a deposit."""
        if self.order is not None:
            return None
        return sum((row.balance for row in self.rows if isinstance(row, Invoice)), ZERO)

    def beyond(self, amount: Decimal) -> Decimal:
        """Return what of an amount is more than it is for. Nothing is for an order without a total, or for no rows."""
        if self.order is not None:
            return max(amount - (self.to_pay or ZERO), ZERO) if self.total else ZERO
        return max(amount - (self.owed or ZERO), ZERO) if self.rows else ZERO

    def targets(self, amount: Decimal) -> list[Target]:
        """Return what an amount is used for, row by row until it is spent."""
        targets = []
        for row in self.rows:
            part = min(amount, row.balance) if isinstance(row, Invoice) else amount
            if part > 0:
                targets.append(Target(row, part))
                amount -= part
        return targets


def purpose_of(row: Invoice | RepairOrder | Customer) -> Purpose:
    """Return the purpose of a payment for an invoice, a deposit on an order, or the oldest invoices of a customer."""
    if isinstance(row, Invoice):
        return Purpose(row.bill_to, str(row), [row], row.total, row.balance)
    if isinstance(row, RepairOrder):
        total = row.total_cost if row.status == RepairOrderStatus.COMPLETED else totals_of(row).total
        to_pay = max(total - get_deposit(row), ZERO)
        return Purpose(row.customer, f"Deposit on repair order {row.reference}", [row], total, to_pay)
    invoices = [found for found in find_payable(row) if isinstance(found, Invoice)]
    title = "The oldest unpaid invoices first" if invoices else "Kept open for the customer"
    return Purpose(row, title, invoices)


def take(
    purpose: Purpose,
    *,
    key: str,
    location: Location,
    amount: Decimal,
    keep: Decimal | None,
    by: int,
    now: datetime,
    **paid: Any,
) -> Payment:
    """Take a payment for a purpose, once for each `key` of a form.

    `keep` is the rest beyond what is owed that the user agreed to take. It stays open on the payment, or belongs to the
    deposit. Raises MoreThanOwed for another rest, SentBefore, and the errors of `take_payment`.
    """
    targets, rest = purpose.targets(amount), purpose.beyond(amount)
    if rest > 0 and rest != keep:
        raise MoreThanOwed(amount - rest, rest)
    with transaction.atomic():
        claim(key, by=by, now=now)
        return take_payment(
            customer=purpose.customer,
            location=location,
            amount=amount,
            allocations=targets,
            by=by,
            now=now,
            **paid,
        )
