"""Answers that a customer gives without staff, within the rules of their company (docs/design, D79).

A company may require a PO number for an approval, and limit what a login may approve. The JSON of contracts 000 and
001, the pages of the portal and the link of an estimate answer through here. Staff who record an answer are not
limited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from common.domain.caller import LoginRole
from common.domain.changes import change
from common.domain.errors import DomainError, Forbidden, ViewerMayNot
from customers.models import CustomerUser
from repair_orders.changes import lock
from repair_orders.estimates import actions
from repair_orders.estimates.actions import Answerer
from repair_orders.estimates.models import Answer, Authorisation, Estimate
from repair_orders.models import RepairOrder


class PoNumberNeeded(DomainError):
    code = "po_number_needed"
    title = "A PO number is needed"
    message = "Your company needs a PO number for each approval. Add it and approve again."

    def __init__(self) -> None:
        super().__init__(code=self.code)


class OverApprovalLimit(Forbidden):
    """The approved work would cost more than the login may approve. The fact is the `limit` in dollars."""

    code = "over_approval_limit"

    def __init__(self, limit: Decimal) -> None:
        super().__init__(
            f"Your login may approve repairs up to {limit}. Ask a colleague with a higher limit.",
            code=self.code,
            limit=limit,
        )


def answer_as_customer(
    *,
    estimate: Estimate,
    decisions: Mapping[int, str],
    answerer: Answerer,
    now: datetime,
    total: Decimal | None = None,
    po_number: str = "",
) -> Authorisation:
    """Record a customer's decisions on the jobs of a revision, as `actions.answer` does.

    The limit is that of the acting user's login, without one that of the login whose address the revision was sent to.
    Raises PoNumberNeeded, OverApprovalLimit, ViewerMayNot as well.
    """
    return _within_rules(
        estimate.repair_order,
        lambda: actions.answer(
            estimate=estimate, decisions=decisions, answerer=answerer, now=now, total=total
        ),
        by=answerer.by,
        po_number=po_number,
    )


def approve_as_customer(
    *,
    order: RepairOrder,
    by: int,
    now: datetime,
    method: str,
    by_name: str,
    contact_used: str,
    total: Decimal | None = None,
    po_number: str = "",
) -> Authorisation:
    """Approve every proposed job of the last revision sent, as `actions.approve` does.

    Raises PoNumberNeeded, OverApprovalLimit as well.
    """
    return _within_rules(
        order,
        lambda: actions.approve(
            order=order,
            by=by,
            now=now,
            total=total,
            method=method,
            by_name=by_name,
            contact_used=contact_used,
        ),
        by=by,
        po_number=po_number,
    )


def get_login(order: RepairOrder, *, by: int | None, sent_to: str = "") -> CustomerUser | None:
    """Return the login of a user of the order's customer, without a user that of the address a mail went to."""
    logins = CustomerUser.objects.filter(customer=order.customer_id)
    if by is not None:
        return logins.filter(user=by).first()
    return logins.filter(user__email=sent_to).first() if sent_to else None


def needs_po_number(order: RepairOrder) -> bool:
    """Return whether an approval of the order must carry a PO number, because the company asks for it."""
    return order.customer.requires_po_number and not order.po_number


def _within_rules(
    order: RepairOrder, give: Callable[[], Authorisation], *, by: int | None, po_number: str
) -> Authorisation:
    """Give an answer, and take it back with the transaction if it breaks a rule.

    The rules come second, so that an estimate that cannot be answered is refused for that.
    """
    with transaction.atomic():
        lock(order)
        authorisation = give()
        if not authorisation.decisions.filter(decision=Answer.APPROVED).exists():
            return authorisation
        login = get_login(order, by=by, sent_to=authorisation.estimate.sent_to)
        if login is not None and login.role == LoginRole.VIEWER:
            raise ViewerMayNot
        limit = login.approval_limit if login else None
        if limit is not None and authorisation.total > limit:
            raise OverApprovalLimit(limit)
        if po_number:
            change(order, po_number=po_number)
        if needs_po_number(order):
            raise PoNumberNeeded
    return authorisation
