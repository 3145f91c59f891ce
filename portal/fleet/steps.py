"""The history of a repair as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from repair_orders.models import RepairOrder, RepairOrderStatus


@dataclass(frozen=True)
class Step:
    """A step of a repair. `at` is None for a step that is still to come."""

    title: str
    at: datetime | None
    is_current: bool = False


def repair_steps(order: RepairOrder) -> list[Step]:
    """Return the steps that are done, and those to come unless the order is completed or denied."""
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
    done[-1] = Step(done[-1].title, done[-1].at, is_current=True)
    return done + [Step(title, None) for title in _TO_COME.get(order.status, ()) if is_open]


_TO_COME: dict[str, tuple[str, ...]] = {
    RepairOrderStatus.REQUESTED: ("Estimate", "Your approval", "Work", "Completed"),
    RepairOrderStatus.PENDING: ("Your approval", "Work", "Completed"),
    RepairOrderStatus.APPROVED: ("Work", "Completed"),
    RepairOrderStatus.IN_PROGRESS: ("Completed",),
}
