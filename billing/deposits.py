"""Free the deposits of orders that end without an invoice (docs/design, D87)."""

from __future__ import annotations

from datetime import datetime

from billing.ledger import held, lock_accounts, take_off
from repair_orders.models import RepairOrder


def free_deposits(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Take the deposits off an order that was denied, so that they are open on their payments. The order is locked."""
    owners = {payment.customer_id for payment, _ in held(order)}
    if owners:
        lock_accounts(*owners)
        take_off(order, None, by=by, now=now)
