"""A repair's way through its states, as its page tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from repair_orders.models import RepairOrder, RepairOrderStatus


@dataclass(frozen=True)
class Step:
    """`at` is None for what is still to come."""

    title: str
    at: datetime | None
    is_present: bool = False


def steps_of(order: RepairOrder) -> list[Step]:
    """What has happened and, unless it was denied, what is to come."""
    is_open = order.status not in (RepairOrderStatus.COMPLETED, RepairOrderStatus.DENIED)
    done = [
        Step(title, at)
        for title, at in (
            ("Requested", order.created_at),
            ("Estimate sent", order.estimated_at),
            ("Approved", order.approved_at),
            ("Denied", order.denied_at),
            ("Work started", order.started_at),
            ("Completed", order.completed_at),
        )
        if at is not None
    ]
    done[-1] = Step(done[-1].title, done[-1].at, is_present=True)
    return done + [Step(title, None) for title in _TO_COME.get(order.status, ()) if is_open]


_TO_COME: dict[str, tuple[str, ...]] = {
    RepairOrderStatus.REQUESTED: ("Estimate", "Your approval", "Work", "Completed"),
    RepairOrderStatus.PENDING: ("Your approval", "Work", "Completed"),
    RepairOrderStatus.APPROVED: ("Work", "Completed"),
    RepairOrderStatus.IN_PROGRESS: ("Completed",),
}
