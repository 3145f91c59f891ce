"""Record payments, use them, refund and reverse them (docs/design, D87)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from appointments.models import Location
from billing.ledger import (
    ZERO,
    NothingGiven,
    OverOpen,
    Target,
    column_of,
    last_day_of,
    lock_accounts,
    lock_owner,
    open_targets,
    post,
    posting_day,
    set_open,
    use,
)
from billing.models import Invoice, Payment, PaymentKind
from billing.snapshot import receipt_snapshot
from common.domain import events
from common.domain.errors import DomainError, Forbidden
from customers.actions import hold_customer
from customers.models import Customer
from orders.models import Order
from repair_orders.estimates.snapshot import digest
from repair_orders.models import RepairOrder

# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "take": "billing.add_payment",
    "allocate": "billing.add_payment",
    "refund": "billing.refund_payment",
    "reverse": "billing.reverse_payment",
}


class NotAPayment(DomainError):
    code = "not_a_payment"
    title = "Not a payment"
    message = "A refund can be neither used, refunded nor reversed. Record a new payment."


class AlreadyRefunded(DomainError):
    code = "already_refunded"
    title = "Already refunded"
    message = "A part of this payment was refunded. Only a payment without refunds can be reversed."


class OtherMethod(Forbidden):
    code = "other_method"
    message = "Only a manager can refund by another method than the payment's."


def take_payment(
    *,
    customer: Customer,
    location: Location | None,
    amount: Decimal,
    method: str,
    by: int | None,
    now: datetime,
    reference: str = "",
    received_on: date | None = None,
    allocations: Sequence[Target] = (),
) -> Payment:
    """Record a payment of a customer, and use it for invoices, as a deposit on open orders, or for a parts order.

    What is not used stays open on the payment. Raises NothingGiven, OverBalance, OverOpen, WrongAccount, NoSuchDeposit,
    NotTheTotal, CustomerIsMerged.
    """
    with transaction.atomic():
        _lock_orders(allocations)
        lock_accounts(customer.pk)
        hold_customer(customer)
        payment = _create(
            kind=PaymentKind.PAYMENT,
            customer=customer,
            location=location,
            amount=amount,
            method=method,
            reference=reference,
            received_on=received_on,
            by=by,
            now=now,
            uses=[_use_body(target) for target in allocations],
        )
        use(payment, allocations, by=by, now=now)
        events.record(
            "billing.payment.taken", payment, at=now, amount=str(payment.amount), method=payment.method
        )
    return payment


def allocate(*, payment: Payment, allocations: Sequence[Target], by: int | None, now: datetime) -> None:
    """Use the open part of a payment. Raises NotAPayment, and as `take_payment` does."""
    with transaction.atomic():
        _lock_orders(allocations)
        _lock_payment(payment)
        use(payment, allocations, by=by, now=now)
        events.record("billing.payment.used", payment, at=now, open=str(payment.open))


def refund(
    *,
    payment: Payment,
    amount: Decimal,
    reason: str,
    by: int | None,
    now: datetime,
    method: str | None = None,
    reference: str = "",
    may_change_method: bool = False,
    location: Location | None = None,
) -> Payment:
    """Give back a part of what is open on a payment, at its location or another one. Return the refund.

    Raises NotAPayment, NothingGiven, OverOpen, and OtherMethod unless the caller `may_change_method`.
    """
    with transaction.atomic():
        _lock_payment(payment)
        method = method or payment.method
        if method != payment.method and not may_change_method:
            raise OtherMethod
        return _give_back(
            payment, amount, reason, method=method, reference=reference, location=location, by=by, now=now
        )


def reverse(*, payment: Payment, reason: str, by: int | None, now: datetime) -> Payment:
    """Undo a payment that was recorded by mistake: take it off everything, and book its whole amount as a reversal.

    Raises NotAPayment, AlreadyRefunded.
    """
    with transaction.atomic():
        # Orders are locked before customers.
        _lock_orders(open_targets(payment))
        _lock_payment(payment)
        if payment.refunded_by.exists():
            raise AlreadyRefunded
        for target in open_targets(payment):
            post(payment, target.row, -target.amount, by=by, now=now)
        return _give_back(
            payment, payment.amount, reason, method=payment.method, is_reversal=True, by=by, now=now
        )


def give_back(payment: Payment, amount: Decimal, reason: str, *, by: int | None, now: datetime) -> Payment:
    """Refund an open part of a payment whose customer is locked, by the payment's own method."""
    return _give_back(payment, amount, reason, method=payment.method, by=by, now=now)


def _give_back(
    payment: Payment,
    amount: Decimal,
    reason: str,
    *,
    method: str,
    by: int | None,
    now: datetime,
    reference: str = "",
    is_reversal: bool = False,
    location: Location | None = None,
) -> Payment:
    if amount > payment.open:
        raise OverOpen(payment, amount)
    given = _create(
        kind=PaymentKind.REFUND,
        customer=payment.customer,
        location=location or payment.location,
        amount=amount,
        method=method,
        reference=reference,
        reason=reason,
        refunds=payment,
        is_reversal=is_reversal,
        by=by,
        now=now,
    )
    set_open(payment, payment.open - amount)
    events.record("billing.payment.refunded", payment, at=now, amount=str(amount), refund=given.pk)
    return given


def _create(
    *,
    kind: str,
    customer: Customer,
    location: Location | None,
    amount: Decimal,
    by: int | None,
    now: datetime,
    uses: Sequence[dict[str, str]] = (),
    refunds: Payment | None = None,
    **fields: object,
) -> Payment:
    if amount <= 0:
        raise NothingGiven(field="amount")
    payment = Payment(
        kind=kind,
        customer=customer,
        location=location,
        amount=amount,
        posted_at=now,
        day=posting_day(location, now, not_before=None if refunds is None else last_day_of(refunds)),
        taken_by_id=by,
        refunds=refunds,
        open=ZERO if kind == PaymentKind.REFUND else amount,
        **fields,
    )
    payment.snapshot = receipt_snapshot(payment, customer=customer, uses=uses, refunds=refunds)
    payment.digest = digest(payment.snapshot)
    payment.save(force_insert=True)
    return payment


def _use_body(target: Target) -> dict[str, str]:
    row = target.row
    names = {"invoice": "Invoice", "repair_order": "Deposit on repair order", "parts_order": "Parts order"}
    number = row.number if isinstance(row, Invoice | Order) else row.reference
    return {
        "column": column_of(row),
        "name": f"{names[column_of(row)]} {number}",
        "amount": str(target.amount),
    }


def _lock_orders(targets: Sequence[Target]) -> None:
    """Lock the repair orders, then the parts orders, each by their ids."""
    for model in (RepairOrder, Order):
        ids = {target.row.pk for target in targets if isinstance(target.row, model)}
        rows = (
            model._base_manager.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
            if ids
            else ()
        )
        list(rows)


def _lock_payment(payment: Payment) -> None:
    """Lock the customer of a payment and read it again. Raises NotAPayment for a refund."""
    lock_owner(payment, "customer_id")
    if payment.kind == PaymentKind.REFUND:
        raise NotAPayment
