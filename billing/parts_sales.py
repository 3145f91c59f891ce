"""Payments and refunds of parts orders, which the rooms below ask for (docs/design, D91).

A confirmed parts order counts as sold for what is allocated to it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from billing.invoices import default_till
from billing.ledger import Target, lock_accounts, take_off
from billing.payments import give_back, take_payment
from customers.models import Customer
from orders.models import Order


def book_payment(
    order: Order, amount: Decimal, *, method: str, reference: str, by: int | None, now: datetime
) -> None:
    """Book one payment of a parts order that is being confirmed, and allocate it. The order is locked."""
    if amount <= 0:
        return
    take_payment(
        customer=Customer.objects.get(pk=order.customer_id),
        location=default_till(),
        amount=amount,
        method=method,
        reference=reference,
        allocations=[Target(order, amount)],
        by=by,
        now=now,
    )


def book_refund(order: Order, amount: Decimal, *, reason: str, by: int | None, now: datetime) -> None:
    """Give money back of a parts order that is cancelled or returned. The order is locked."""
    lock_accounts(order.customer_id)
    for payment, part in take_off(order, amount, by=by, now=now):
        give_back(payment, part, reason, by=by, now=now)
