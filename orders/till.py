"""The till of parts orders, which the room of billing registers (docs/design, D25, D91).

Its functions run in the transaction of the order, which is locked.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from orders.models import Order


class BookPayment(Protocol):
    def __call__(
        self, order: Order, amount: Decimal, *, method: str, reference: str, by: int | None, now: datetime
    ) -> None: ...


class BookRefund(Protocol):
    def __call__(
        self, order: Order, amount: Decimal, *, reason: str, by: int | None, now: datetime
    ) -> None: ...


_payments: list[BookPayment] = []
_refunds: list[BookRefund] = []


def register(book_payment: BookPayment, book_refund: BookRefund) -> None:
    """Book the payments and the refunds of parts orders with these functions from now on."""
    if book_payment not in _payments:
        _payments.append(book_payment)
        _refunds.append(book_refund)


def paid(
    order: Order, amount: Decimal, *, method: str, reference: str, by: int | None, now: datetime
) -> None:
    """Book the payment of an order that is being confirmed."""
    for book in _payments:
        book(order, amount, method=method, reference=reference, by=by, now=now)


def given_back(order: Order, amount: Decimal, *, reason: str, by: int | None, now: datetime) -> None:
    """Book the refund of an order that is cancelled, or of items that came back."""
    for book in _refunds:
        book(order, amount, reason=reason, by=by, now=now)
