"""The ledger: payments, and what they are used for (docs/design, D86, D87).

open(payment) = amount - allocations - refunds, and balance(invoice) = total - credit notes - allocations. Both are
stored, and neither is ever below 0.00. Every verb of billing locks the customer whose account
changes, after orders and before numbers (D25). Then it counts open parts and balances anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import models
from django.db.models import Max, Sum

from appointments.models import Location
from appointments.queries import local_time
from billing.models import Allocation, ClosedDay, Invoice, Payment
from common.domain import events
from common.domain.database import lock_for_share
from common.domain.days import day_of
from common.domain.errors import DomainError, Invalid
from common.domain.money import exact
from customers.models import Customer
from orders.actions import mark_paid
from orders.models import Order, OrderStatus
from repair_orders.models import RepairOrder, RepairOrderStatus

ZERO = Decimal("0.00")
_COLUMNS: dict[type[models.Model], str] = {
    Invoice: "invoice",
    RepairOrder: "repair_order",
    Order: "parts_order",
}


class OverBalance(DomainError):
    """More would be paid than is owed. The fact is the balance in dollars."""

    code = "over_balance"
    title = "More than is owed"

    def __init__(self, name: str, balance: Decimal, attempted: Decimal) -> None:
        super().__init__(
            f"{name} has a balance of {balance}, so {attempted} is too much.",
            field="amount",
            balance=str(balance),
        )


class OverOpen(DomainError):
    """More would be used or given back than is open on the payment. The fact is that part in dollars."""

    code = "over_open"
    title = "More than is open"

    def __init__(self, payment: Payment, attempted: Decimal) -> None:
        super().__init__(
            f"{payment.open} of payment {payment.pk} is open, so {attempted} is too much.",
            field="amount",
            open=str(payment.open),
        )


class WrongAccount(Invalid):
    code = "wrong_account"
    message = "The payment is of another customer."


class NoSuchDeposit(Invalid):
    code = "not_payable"
    message = "A deposit can be taken for an open or completed order without an invoice."


class NotTheTotal(Invalid):
    code = "not_the_total"


class NothingGiven(Invalid):
    code = "nothing_given"
    message = "Enter more than 0.00."


@dataclass(frozen=True, slots=True)
class Target:
    """The target of an amount: an invoice, a deposit on a repair order, or a parts order."""

    row: Invoice | RepairOrder | Order
    amount: Decimal

    @property
    def column(self) -> str:
        return column_of(self.row)


def column_of(row: models.Model) -> str:
    """Return the column of an allocation that names the row."""
    return _COLUMNS[type(row)]


def lock_accounts(*customer_ids: int) -> None:
    """Lock the customers whose accounts change, in the order of their ids."""
    rows = Customer.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=set(customer_ids))
    list(rows.order_by("pk").values_list("pk", flat=True))


def lock_owner(row: Payment | Invoice, column: str) -> None:
    """Lock the customer in `column` of a row and read the row again, also if two customers are merged meanwhile."""
    while True:
        owner = getattr(row, column)
        lock_accounts(owner)
        row.refresh_from_db()
        if getattr(row, column) == owner:
            return


def posting_day(location: Location | None, now: datetime, *, not_before: date | None = None) -> date:
    """Return the day on which something that is posted now counts: the local day, or the next that is not closed.

    What follows another posting does not count before it: `not_before` is the day of that one, which may have begun
    earlier at its location. The location is locked for share, so that no sheet is closed while something is posted on
    it.
    """
    if location is None:
        return max(day_of(now), not_before or date.min)
    lock_for_share(location)
    day = max(local_time(location, now).date(), not_before or date.min)
    closed = set(ClosedDay.objects.filter(location=location, day__gte=day).values_list("day", flat=True))
    while day in closed:
        day += timedelta(days=1)
    return day


def use(payment: Payment, targets: Iterable[Target], *, by: int | None, now: datetime) -> None:
    """Use parts of a payment whose customer is locked, and whose orders are.

    Raises NothingGiven, OverBalance, OverOpen, WrongAccount, NoSuchDeposit, NotTheTotal.
    """
    for place, target in enumerate(targets):
        try:
            _use(payment, target, by=by, now=now)
        except DomainError as error:
            error.field, error.item = "allocations", place
            raise


def _use(payment: Payment, target: Target, *, by: int | None, now: datetime) -> None:
    row, amount = target.row, target.amount
    if amount <= 0:
        raise NothingGiven(field="amount")
    row.refresh_from_db()
    owner = row.bill_to_id if isinstance(row, Invoice) else row.customer_id
    if owner != payment.customer_id:
        raise WrongAccount(field="allocations")
    if isinstance(row, RepairOrder):
        if not takes_deposit(row):
            raise NoSuchDeposit(field="allocations")
    elif isinstance(row, Order):
        _check_parts_order(row, amount)
    elif amount > row.balance:
        raise OverBalance(str(row), row.balance, amount)
    if amount > payment.open:
        raise OverOpen(payment, amount)
    if isinstance(row, Order) and row.status == OrderStatus.PLACED:
        mark_paid(order=row, by=by, now=now)
    post(payment, row, amount, by=by, now=now)


def _check_parts_order(order: Order, amount: Decimal) -> None:
    """Raise unless the amount is all that a parts order is not paid for. Its payment confirms it.

    After a reversal it is paid again, also when it is shipped already. What was refunded for returns is not owed.
    """
    paid = sum((part for _, part in held(order)), ZERO)
    owed = ZERO
    if order.status != OrderStatus.CANCELLED and not paid:
        owed = sum((item.subtotal - item.refunded for item in order.items.all()), ZERO)
    if amount > owed:
        raise OverBalance(f"Parts order {order.number}", owed, amount)
    if amount < owed:
        raise NotTheTotal(f"A parts order is paid as a whole: {owed}.", field="amount")


def takes_deposit(order: RepairOrder) -> bool:
    """Return whether a deposit can be kept for the order: it may still become an invoice."""
    return (
        order.status != RepairOrderStatus.DENIED and not Invoice.objects.filter(repair_order=order).exists()
    )


def post(
    payment: Payment,
    row: Invoice | RepairOrder | Order,
    amount: Decimal,
    *,
    by: int | None,
    now: datetime,
) -> None:
    """Add an allocation, negative to take one off, and count the payment and the invoice anew."""
    location = payment.location
    allocation = Allocation.objects.create(
        payment=payment,
        **{column_of(row): row},
        amount=amount,
        location=location,
        at=now,
        day=posting_day(location, now, not_before=max(payment.day, _first_day_of(row))),
        by_id=by,
    )
    ids = {
        "payment_id": payment.pk,
        "invoice_id": allocation.invoice_id,
        "order_id": allocation.parts_order_id,
    }
    events.record("billing.allocation.created", allocation, at=now, amount=str(amount), **ids)
    set_open(payment, payment.open - amount)
    if isinstance(row, Invoice):
        set_balance(row, paid=row.paid + amount)


def _first_day_of(row: Invoice | RepairOrder | Order) -> date:
    """Return the first day on which a payment can be used for something: that of an invoice, else any."""
    return row.day if isinstance(row, Invoice) else date.min


def last_day_of(row: Payment | Invoice) -> date:
    """Return the last day on which a payment was used, or an invoice paid. It is the row's own day at least."""
    last: date | None = row.allocations.aggregate(last=Max("day"))["last"]
    return max(row.day, last or row.day)


def set_open(payment: Payment, open: Decimal) -> None:
    payment.open = open
    Payment.objects.filter(pk=payment.pk).update(open=open)


def set_balance(
    invoice: Invoice, *, paid: Decimal | None = None, credited: Decimal | None = None, **more: bool
) -> None:
    """Store what is paid and credited of an invoice, and the balance that follows."""
    invoice.paid = invoice.paid if paid is None else paid
    invoice.credited = invoice.credited if credited is None else credited
    invoice.balance = invoice.total - invoice.credited - invoice.paid
    values = {"paid": invoice.paid, "credited": invoice.credited, "balance": invoice.balance, **more}
    Invoice.objects.filter(pk=invoice.pk).update(**values)


def held(row: models.Model) -> list[tuple[Payment, Decimal]]:
    """Return the payments that are used for an order or an invoice, with their amounts, the oldest first."""
    sums = (
        Allocation.objects.filter(**{column_of(row): row})
        .order_by()
        .values("payment_id")
        .annotate(held=Sum("amount"))
    )
    amounts = {found["payment_id"]: exact(found["held"]) for found in sums}
    payments = Payment.objects.filter(pk__in=amounts).select_related("location").order_by("posted_at", "id")
    return [(payment, amounts[payment.pk]) for payment in payments if amounts[payment.pk]]


def take_off(
    row: Invoice | RepairOrder | Order, most: Decimal | None, *, by: int | None, now: datetime
) -> list[tuple[Payment, Decimal]]:
    """Take allocations off a row, the latest payment first, up to `most`. Return what was freed on which payment."""
    freed = []
    left = most
    for payment, amount in reversed(held(row)):
        part = amount if left is None else min(amount, left)
        if part <= 0:
            continue
        post(payment, row, -part, by=by, now=now)
        freed.append((payment, part))
        left = left if left is None else left - part
    return freed


def open_targets(payment: Payment) -> list[Target]:
    """Return what a payment is used for now."""
    sums: dict[tuple[str, int], Decimal] = {}
    rows: dict[tuple[str, int], Invoice | RepairOrder | Order] = {}
    found = payment.allocations.select_related("invoice", "repair_order", "parts_order").order_by("id")
    for allocation in found:
        row = allocation.invoice or allocation.repair_order or allocation.parts_order
        assert row is not None  # a constraint
        key = (column_of(row), row.pk)
        rows.setdefault(key, row)
        sums[key] = sums.get(key, ZERO) + allocation.amount
    return [Target(rows[key], amount) for key, amount in sums.items() if amount]
