"""Request a return together with the support ticket in which the customer and the shop talk about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from chat.actions import open_support_ticket
from chat.models import SupportTicket
from common.domain.caller import Caller
from orders import returns
from orders.models import Order, ReturnRequest


class Requested(NamedTuple):
    """A return and its ticket."""

    request: ReturnRequest
    ticket: SupportTicket


def request_return(
    *, by: Caller, order: Order, products: Sequence[str], reason: str, description: str, now: datetime
) -> Requested:
    """Request a return of items of an order, and open a support ticket about it, or neither.

    Raises NotReturnable and the errors of `chat.actions.open_support_ticket`.
    """
    with transaction.atomic():
        request = returns.request_return(
            order=order, products=products, reason=reason, description=description, now=now
        )
        lines = [f"Items: {', '.join(products)}", f"Reason: {reason}", description]
        ticket = open_support_ticket(
            by=by,
            subject=f"Return {request.number} of order {order.number}",
            description="\n".join(line for line in lines if line),
            order_id=order.pk,
            now=now,
        )
    return Requested(request, ticket)
