"""What a customer can do with the link of a revision (docs/design, D79)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from repair_orders.estimates.models import Estimate
from repair_orders.estimates.queries import ANSWERABLE_STATUSES


class LinkState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    SUPERSEDED = "superseded"  # a later revision was sent
    CHANGED = "changed"  # the order has changed and no later revision was sent
    CLOSED = "closed"  # the order takes no answer any more
    EXPIRED = "expired"


STATUS = {
    LinkState.OPEN: 200,
    LinkState.ANSWERED: 200,
    LinkState.SUPERSEDED: 409,
    LinkState.CHANGED: 409,
    LinkState.CLOSED: 409,
    LinkState.EXPIRED: 410,
}


def get_state(estimate: Estimate, last: Estimate, now: datetime) -> LinkState:
    """Return the state of a revision. `last` is the last one of its order. It follows what an answer would be told."""
    order = estimate.repair_order
    if hasattr(estimate, "authorisation"):
        return LinkState.ANSWERED
    if last.pk != estimate.pk:
        return LinkState.SUPERSEDED
    if now >= estimate.expires_at:
        return LinkState.EXPIRED
    if order.status not in ANSWERABLE_STATUSES:
        return LinkState.CLOSED
    return LinkState.OPEN if order.version == estimate.version else LinkState.CHANGED
