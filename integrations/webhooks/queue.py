"""Record what is due to be sent, claim it, and record what came of it (docs/design, D150).

A webhook's row is locked while its deliveries are recorded, claimed or marked, so that two processes do not take two
events of one subject at once. Nothing is sent meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from common.domain.encoding import dumps
from common.domain.errors import Invalid
from common.domain.events import readable
from common.domain.models import Event
from integrations.queries import EventsGone, read_events
from integrations.webhooks.actions import TESTED, delivery_of, disable
from integrations.webhooks.choices import expand, is_chosen
from integrations.webhooks.models import Attempt, Delivery, DeliveryState, Disabled, Webhook
from integrations.webhooks.removal import delete_deliveries
from integrations.webhooks.sending import GONE, Outcome

PAGE = 1000  # events that are recorded at a time
BATCH = 200  # deliveries that are claimed at a time
LEASE = timedelta(seconds=120)  # a batch takes 20 s, a request 10 s, and the look-up of a name up to 40 s
DELAYS = (
    5,
    30,
    120,
    300,
    900,
    3600,
    3 * 3600,
    6 * 3600,
)  # seconds before each further attempt, then the last one
JITTER = 0.2
PATIENCE = timedelta(days=3)
# Seconds for which nothing is sent to a receiver that was down, after each time that nothing got through.
RESTS = (1, 2, 5, 10, 30, 60)
EVENT_GONE = "The event was deleted before it could be sent."


@dataclass(frozen=True)
class Message:
    """A delivery that was claimed, and the body to send. Without a body its event was deleted."""

    delivery: Delivery
    body: bytes | None

    @property
    def id(self) -> str:
        return format_message_id(self.delivery.uuid)


@dataclass(frozen=True)
class Sent:
    """A message that was sent, and what came of it."""

    message: Message
    at: datetime
    outcome: Outcome


def format_message_id(uuid: UUID) -> str:
    """Return the `webhook-id` of a delivery."""
    return f"msg_{uuid.hex}"


def body_of(event: Event) -> bytes:
    """Return what is sent: the event as the feed shows it."""
    row = {"id": event.pk, "type": event.type, "subject": event.subject, "at": event.at}
    return dumps({**row, "payload": event.payload})


# --- Events to deliveries ---------------------------------------------------------------------------------


def record_due(*, now: datetime) -> bool:
    """Record the deliveries of new events for each active webhook. Return whether there are more events."""
    newest: int | None = None
    has_more = False
    for pk, place in Webhook.objects.active().order_by("pk").values_list("pk", "place"):
        if newest is None:
            newest = readable().values_list("pk", flat=True).last() or 0
        if (place or 0) < newest:
            has_more |= _record_due_of(pk, now)
    return has_more


def _record_due_of(pk: int, now: datetime) -> bool:
    with transaction.atomic():
        webhook = _locked(pk)
        if webhook is None or not webhook.is_active:
            return False
        events, place = _read(webhook)
        if place == webhook.place:
            return False
        Delivery.objects.bulk_create(
            [delivery_of(webhook, event, now) for event in events if _concerns(webhook, event)],
            ignore_conflicts=True,  # a replay may have recorded it
        )
        Webhook.objects.filter(pk=pk).update(place=place)
    return len(events) == PAGE


def _read(webhook: Webhook) -> tuple[list[Event], int | None]:
    """Return the next events of a webhook. One that was disabled for long goes on with the oldest that is left."""
    types = expand(webhook.types)
    try:
        return read_events(after=webhook.place, types=types and [*types, TESTED], limit=PAGE)
    except (EventsGone, Invalid):  # Invalid: after a restored backup there is no such event
        return read_events(after=None, types=types and [*types, TESTED], limit=PAGE)


def _concerns(webhook: Webhook, event: Event) -> bool:
    """Return whether a webhook gets an event. It gets the tests of itself whatever its types are."""
    own = event.subject == f"{Webhook._meta.label_lower}:{webhook.pk}"
    return (event.type == TESTED and own) or is_chosen(webhook.types, event.type)


# --- Claiming ---------------------------------------------------------------------------------------------


def claim(pk: int, *, now: datetime) -> tuple[Webhook, list[Message]] | None:
    """Claim what can be sent to a webhook now, in the order of the events. Return None if there is nothing.

    A receiver that was down gets one message first.
    """
    if (
        not Webhook.objects.with_due(now).filter(pk=pk).exists()
    ):  # so that SQLite's lock is not taken for nothing
        return None
    with transaction.atomic():
        webhook = _locked(pk)
        if webhook is None or not webhook.is_active:
            return None
        most = BATCH if webhook.rests_until is None else 1
        rows = list(Delivery.objects.sendable(now).filter(webhook=pk).order_by("event_id")[:most])
        until = now + LEASE
        Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(claimed_until=until)
    for row in rows:
        row.claimed_until = until
    events = Event.objects.in_bulk([row.event_id for row in rows])
    found = [(row, events.get(row.event_id)) for row in rows]
    return webhook, [Message(row, body_of(event) if event else None) for row, event in found]


def keys_of(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign now: the present one, and the former one until it ends."""
    until = webhook.former_secret_until
    return [webhook.secret, *([webhook.former_secret] if until and until > now else [])]


def _locked(pk: int) -> Webhook | None:
    """Return the webhook, locked, or None if it was deleted or another process has it."""
    rows = Webhook.objects.filter(pk=pk)
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, no_key=True)
    return rows.first()


# --- Marking ----------------------------------------------------------------------------------------------


def record_outcomes(
    webhook: Webhook, messages: Sequence[Message], sent: Sequence[Sent], *, now: datetime
) -> None:
    """Store the attempts and what becomes of their deliveries. Release those of `messages` that were not sent.

    A delivery that was taken over after its lease belongs to another process, and is left alone.
    """
    with transaction.atomic():
        row = Webhook.objects.select_for_update(no_key=True).filter(pk=webhook.pk).first()
        if row is None:
            return
        mine = _still_mine(messages)  # as they are stored now: a replay may have begun their three days anew
        outcomes = {one.message.delivery.pk: one for one in sent if one.message.delivery.pk in mine}
        accepted = [pk for pk, one in outcomes.items() if one.outcome.is_accepted]
        _end(accepted, DeliveryState.DELIVERED, now)
        Delivery.objects.filter(pk__in=mine.keys() - outcomes.keys()).update(claimed_until=None)
        given_up = [
            one
            for pk, one in outcomes.items()
            if not one.outcome.is_accepted and not _postpone(one.message, mine[pk], now)
        ]
        _end([one.message.delivery.pk for one in given_up], DeliveryState.FAILED, now)
        Attempt.objects.bulk_create(
            Attempt(
                delivery=one.message.delivery,
                at=one.at,
                status=one.outcome.status,
                error=one.outcome.error[: Attempt.LONGEST_ERROR],
                milliseconds=one.outcome.milliseconds,
            )
            for one in outcomes.values()
        )
        _follow(
            row,
            *([one for one in some if one.message.body] for some in (outcomes.values(), given_up)),
            now=now,
        )


def _still_mine(messages: Sequence[Message]) -> dict[int, Delivery]:
    """Return the rows of the messages whose claims still hold, locked, by their keys."""
    claims: Mapping[int, datetime | None] = {one.delivery.pk: one.delivery.claimed_until for one in messages}
    stored = Delivery.objects.select_for_update(no_key=True).waiting().filter(pk__in=claims).order_by("pk")
    return {row.pk: row for row in stored if row.claimed_until == claims[row.pk]}


def _end(pks: Collection[int], state: str, now: datetime) -> None:
    if pks:
        Delivery.objects.filter(pk__in=pks).update(
            state=state, ended_at=now, claimed_until=None, tries=F("tries") + 1
        )


def _postpone(message: Message, delivery: Delivery, now: datetime) -> bool:
    """Make a delivery due again later, and return whether it is. After three days, or without its event, it is not."""
    last = delivery.waits_since + PATIENCE
    if message.body is None or now >= last:
        return False
    due = min(now + timedelta(seconds=delay_after(delivery.tries + 1)), last)
    Delivery.objects.filter(pk=delivery.pk).update(due_at=due, claimed_until=None, tries=F("tries") + 1)
    return True


def delay_after(tries: int) -> float:
    """Return the seconds after the failed attempt of this number. They differ, so that not all come back at once."""
    return DELAYS[min(tries, len(DELAYS)) - 1] * uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret


def _follow(webhook: Webhook, tried: Sequence[Sent], given_up: Sequence[Sent], *, now: datetime) -> None:
    """Note how the receiver does: a rest if it is down, an end if it accepted nothing for three days."""
    rows = Webhook.objects.filter(pk=webhook.pk)
    if any(one.outcome.is_accepted for one in tried):
        if webhook.rests_until is not None:  # what failed while it was down need not wait any longer
            again = Delivery.objects.waiting().filter(webhook=webhook, claimed_until=None, tries__gt=0)
            again.update(due_at=now)
        rows.update(last_delivered_at=now, failing_since=None, failures=0, rests_until=None)
    elif tried:
        rest = timedelta(seconds=RESTS[min(webhook.failures, len(RESTS) - 1)])
        is_down = any(one.outcome.is_down for one in tried)
        rows.update(
            failing_since=webhook.failing_since or now,
            failures=F("failures") + 1,
            rests_until=now + rest if is_down else None,
        )
        last = webhook.last_delivered_at
        is_dead = any(last is None or last < one.message.delivery.waits_since for one in given_up)
        if webhook.is_active and any(one.outcome.status == GONE for one in tried):
            disable(webhook=webhook, because=Disabled.GONE, now=now)
        elif webhook.is_active and is_dead:
            disable(webhook=webhook, because=Disabled.FAILED, now=now)


def clear_deliveries(*, now: datetime) -> int:
    """Delete what was sent or given up and is older than events are kept. Without its event it cannot be sent again."""
    since = now - timedelta(days=settings.KEEP_EVENTS_DAYS)
    return delete_deliveries(
        Delivery.objects.filter(created_at__lt=since).exclude(state=DeliveryState.WAITING)
    )
