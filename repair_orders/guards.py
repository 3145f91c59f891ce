"""Let rooms above keep an order as it is, and follow it when it ends (docs/design, D25).

The checks and followers run in the transaction of the order, which is locked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from common.domain.errors import DomainError
from common.domain.guards import Guards
from repair_orders.models import RepairOrder, RepairOrderStatus

Follower = Callable[..., None]
_reopening: Guards[RepairOrder] = Guards()
_followers: list[Follower] = []
register = _reopening.register


class OrderIsInvoiced(DomainError):
    """The order was invoiced, so it stays completed. The message names the invoices."""

    code = "already_invoiced"
    title = "Already invoiced"

    def __init__(self, holders: list[str]) -> None:
        super().__init__(f"This order has {', '.join(holders)} and cannot be reopened.")


def check_reopenable(order: RepairOrder, now: datetime) -> None:
    """Raise OrderIsInvoiced if something holds a completed order."""
    if holders := _reopening.holders(order, now):
        raise OrderIsInvoiced(holders)


def follow_denied(follower: Follower) -> None:
    """Call `follower(order, by=, now=)` when an order was denied or stopped, after parts are locked."""
    if follower not in _followers:
        _followers.append(follower)


def tell_denied(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Tell the followers if the order is denied now."""
    if order.status == RepairOrderStatus.DENIED:
        for follower in _followers:
            follower(order, by=by, now=now)
