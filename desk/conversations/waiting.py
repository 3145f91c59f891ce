"""Find the conversations that wait for an answer, and since when (docs/design, D111)."""

from __future__ import annotations

from django.db.models import DateTimeField, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from chat.models import ENDED, Conversation, Message

PER_PAGE = 25
WAITING, OPEN, ENDED_ONES = "waiting", "open", "ended"
VIEWS = {WAITING: "Waiting for us", OPEN: "Open", ENDED_ONES: "Ended"}
# The customer wrote last. An internal note is no answer, so `last_message` leaves it out.
IS_WAITING = Q(last_message__is_support=False) & ~Q(status__in=ENDED)


def find_conversations(view: str) -> QuerySet[Conversation]:
    """Return the conversations of a view. Those that wait come first, the longest wait first, then the latest."""
    rows = with_wait(
        Conversation.objects.select_related("customer__contact", "last_message", "support_ticket")
    )
    if view == WAITING:
        return rows.filter(IS_WAITING).order_by(F("waits_since"), "id")
    if view == OPEN:
        return rows.exclude(status__in=ENDED).order_by(
            F("waits_since").asc(nulls_last=True), "-updated_at", "-id"
        )
    return rows.filter(status__in=ENDED).order_by("-updated_at", "-id")


def with_wait(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Add `waits_since`: the customer's first message after staff's last answer, null if none waits."""
    messages = Message.objects.filter(conversation=OuterRef("pk")).public().order_by()
    answered = (
        messages.filter(is_support=True).values("conversation").annotate(last=Max("number")).values("last")
    )
    asked = messages.filter(is_support=False, number__gt=Coalesce(OuterRef("answered_number"), Value(0)))
    first = asked.values("conversation").annotate(first=Min("created_at")).values("first")
    return rows.annotate(answered_number=Subquery(answered)).annotate(
        waits_since=Subquery(first, output_field=DateTimeField())
    )


def count_views() -> dict[str, int]:
    """Return the number of conversations that wait, and of those that are open. Two queries."""
    return {
        WAITING: Conversation.objects.filter(IS_WAITING).count(),
        OPEN: Conversation.objects.exclude(status__in=ENDED).count(),
    }
