"""Find revisions, and describe who answers them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from django.db.models import DateTimeField, Prefetch, QuerySet

from accounts.models import User
from accounts.tokens import hash_link_token
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.reads.statements import as_expression
from repair_orders.estimates.models import Decision, Estimate, Method

if TYPE_CHECKING:
    from repair_orders.models import RepairOrder

# The states of an order in which a revision can be answered: pending, and in progress with more work proposed.
ANSWERABLE_STATUSES = ("pending", "in_progress")

# The states of a revision in the JSON of every contract.
STATES = ("sent", "answered", "superseded", "expired")


class PaperRow(NamedTuple):
    revision: int
    sent_at: datetime
    answer_id: int | None


class AskedFilters(TypedDict):
    now: datetime


def revision_state(answer_id: int | None, is_superseded: bool, expires_at: datetime, now: datetime) -> str:
    """Return one of `STATES`: answered, else superseded by a later revision, else expired or sent."""
    if answer_id is not None:
        return "answered"
    if is_superseded:
        return "superseded"
    return "expired" if now >= expires_at else "sent"


def find_revisions(caller: Caller, filters: AskedFilters) -> QuerySet[Estimate]:
    """Return the revisions that the caller may see, newest first, with the facts of their states."""
    rows = Estimate.objects.visible_to(caller).with_facts(
        caller, as_expression(filters["now"], DateTimeField())
    )
    return rows.order_by("-sent_at", "-id")


def get_revision(caller: Caller, id: int, *, now: datetime) -> Estimate:
    """Return a revision with its order, its answer and the facts of its state. Raises Missing. Costs two queries."""
    rows = find_revisions(caller, {"now": now}).select_related("repair_order__customer", "authorisation")
    decisions = Prefetch("authorisation__decisions", Decision.objects.order_by("id"))
    found = rows.prefetch_related(decisions).filter(pk=id).first()
    if found is None:
        raise Missing("Estimate not found.")
    return found


def online(caller: Caller) -> Json:
    """Return the arguments of an answer that a customer gives with a login: their user, name and address."""
    user = User.objects.get(pk=caller.user_id)
    return {
        "by": user.pk,
        "method": Method.ONLINE,
        "by_name": f"{user.first_name} {user.last_name}".strip(),
        "contact_used": user.email or "",
    }


def find_by_token(token: str) -> Estimate | None:
    """Return the revision that a link opens, with its order, or None."""
    rows = Estimate.objects.select_related("repair_order__customer", "authorisation")
    return rows.filter(token_hash=hash_link_token(token)).first()


def get_last(order: RepairOrder) -> Estimate:
    """Return the last revision of an order that has one, with its answer and without its paper."""
    rows = Estimate.objects.filter(repair_order=order).select_related("authorisation")
    return rows.defer("snapshot").latest("revision")


def find_papers(order: RepairOrder) -> list[PaperRow]:
    """Return the revisions of an order that have a paper, with the id of their answer or None."""
    rows = Estimate.objects.filter(repair_order=order).order_by("revision")
    return [PaperRow(*row) for row in rows.values_list("revision", "sent_at", "authorisation__id")]


def find_open(order: RepairOrder) -> Estimate | None:
    """Return the last revision of an order that waits for an answer, expired or not, or None."""
    if order.status not in ANSWERABLE_STATUSES:
        return None
    last = (
        Estimate.objects.filter(repair_order=order)
        .select_related("authorisation")
        .order_by("-revision")
        .first()
    )
    if last is None or hasattr(last, "authorisation"):
        return None
    last.repair_order = order
    return last
