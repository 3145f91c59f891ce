"""Keep a customer while rows of rooms above need it."""

from __future__ import annotations

from datetime import datetime

from common.domain.errors import DomainError
from common.domain.guards import Guards
from customers.models import Customer

_guards: Guards[Customer] = Guards()
register = _guards.register


class CustomerIsHeld(DomainError):
    """An appointment is ahead or a repair order is open. The message names them."""

    code = "customer_is_held"
    title = "Customer is needed"

    def __init__(self, holders: list[str]) -> None:
        super().__init__(f"Finish or cancel first: {', '.join(holders)}.")


def check_free(*, customer: Customer, now: datetime) -> None:
    """Raise CustomerIsHeld if something holds the customer. The caller has locked its row."""
    if holders := _guards.holders(customer, now):
        raise CustomerIsHeld(holders)
