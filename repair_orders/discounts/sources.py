"""Let rooms above give on an order: the discount of a plan, and points that go back (docs/design, D135).

Plans, offers and their members are above this room. They register here, as `guards.py` does (D25).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from repair_orders.discounts.models import OrderDiscount


@dataclass(frozen=True, slots=True)
class Refusal:
    """A discount that is not given: its kind, and the reason in words."""

    kind: str
    reason: str


class GiveBack(Protocol):
    """Book points back to the member who spent them for the discount."""

    def __call__(self, discount: OrderDiscount, *, points: int, by: int | None, now: datetime) -> None: ...


# An order that was just made -> the discounts to give, not stored yet.
Take = Callable[..., Sequence[OrderDiscount]]
# An order and a time -> why nothing more is given.
Explain = Callable[..., Sequence[Refusal]]

_takes: list[Take] = []
_explains: list[Explain] = []
_give_backs: list[GiveBack] = []


def register(*, take: Take, explain: Explain, give_back: GiveBack) -> None:
    """Let a room above give discounts on new orders, explain what is not given, and take points back."""
    if take not in _takes:
        _takes.append(take)
        _explains.append(explain)
        _give_backs.append(give_back)


def find_for(order: object, *, now: datetime) -> list[OrderDiscount]:
    """Return the discounts that a new order takes."""
    return [discount for take in _takes for discount in take(order, now=now)]


def explain(order: object, *, now: datetime) -> list[Refusal]:
    """Return why the order has no discount, or no larger one."""
    return [refusal for reasons in _explains for refusal in reasons(order, now=now)]


def give_back(discount: OrderDiscount, *, points: int, by: int | None, now: datetime) -> None:
    """Give points of a discount back. None are given for 0."""
    if points:
        for book in _give_backs:
            book(discount, points=points, by=by, now=now)
