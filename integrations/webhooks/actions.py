"""Add, change, test and remove webhooks, and send again what was sent (docs/design, D150)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from common.domain import events
from common.domain.changes import change, change_silently
from common.domain.errors import DomainError, Invalid
from common.domain.events import readable
from common.domain.models import Event
from integrations.queries import EventsGone
from integrations.webhooks.addresses import LookedUpUrl, check_url
from integrations.webhooks.choices import check_types, expand
from integrations.webhooks.models import Delivery, DeliveryState, Disabled, Webhook
from integrations.webhooks.signing import new_secret
from integrations.webhooks.tasks import delete_removed, mail_disabled

# The permission of each action, at the desk and in the API.
PERMISSIONS = {
    **dict.fromkeys(("test", "rotate_secret", "replay", "replay_delivery"), "integrations.change_webhook"),
    "deliveries": "integrations.view_delivery",
}
TESTED = "integrations.webhook.tested"
TWO_SECRETS = timedelta(hours=24)
MOST_REPLAYED = 10_000


class WebhookIsDisabled(DomainError):
    code = "webhook_is_disabled"
    title = "The webhook is disabled"
    message = "This webhook is disabled. Nothing is sent before it is enabled again."


def add_webhook(
    *, url: LookedUpUrl, by: int | None, now: datetime, description: str = "", types: Sequence[str] = ()
) -> Webhook:
    """Add a webhook, which gets the events from now on. Its secret is drawn.

    `url` is from `look_up`. Raises Invalid for a URL to which nothing may be sent and for a type that does not exist.
    """
    check_url(url)
    with transaction.atomic():
        webhook = Webhook.objects.create(
            url=url.url,
            description=description,
            types=check_types(types),
            secret=new_secret(),
            place=readable().values_list("pk", flat=True).last(),
            created_at=now,
            created_by_id=by,
        )
        events.record("integrations.webhook.created", webhook, at=now)
    return webhook


def change_webhook(
    *,
    webhook: Webhook,
    now: datetime,
    url: LookedUpUrl | None = None,
    description: str | None = None,
    types: Sequence[str] | None = None,
    is_active: bool | None = None,
) -> Webhook:
    """Change what is given. A webhook that is enabled goes on where it stopped. Raises Invalid, as `add_webhook`."""
    values: dict[str, object] = {}
    if url is not None:
        if url.url != webhook.url:
            check_url(url)
        values["url"] = url.url
    if description is not None:
        values["description"] = description
    if types is not None:
        values["types"] = check_types(types)
    with transaction.atomic():
        change(webhook, **values)
        if is_active is False and webhook.is_active:
            disable(webhook=webhook, because=Disabled.BY_STAFF, now=now)
        elif is_active and not webhook.is_active:
            change_silently(webhook, disabled_at=None, disabled_because="")
            events.record("integrations.webhook.enabled", webhook, at=now)
            _begin_anew(webhook, now)
        elif url is not None:
            _begin_anew(webhook, now)
    return webhook


def disable(*, webhook: Webhook, because: str, now: datetime) -> None:
    """Send nothing more. The owner is mailed unless staff did it."""
    with transaction.atomic():
        change_silently(webhook, disabled_at=now, disabled_because=because)
        events.record("integrations.webhook.disabled", webhook, at=now, because=because)
        if because != Disabled.BY_STAFF:
            mail_disabled.enqueue(webhook.pk)


def remove_webhook(*, webhook: Webhook, now: datetime) -> None:
    """Hide a webhook, and send it nothing more. A task deletes it and what is known of its deliveries."""
    with transaction.atomic():
        row = Webhook.objects.select_for_update(no_key=True).filter(pk=webhook.pk).first()
        if row is None:  # another request was first
            return
        change_silently(row, removed_at=now)
        events.record_removal(row)
        delete_removed.enqueue(row.pk)


def rotate_secret(*, webhook: Webhook, now: datetime) -> Webhook:
    """Draw a new secret. For 24 hours the former one signs as well, so that the receiver can follow."""
    with transaction.atomic():
        row = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
        change_silently(
            row, former_secret=row.secret, former_secret_until=now + TWO_SECRETS, secret=new_secret()
        )
        events.record("integrations.webhook.secret_rotated", row, at=now)
    return row


def send_test(*, webhook: Webhook, by: int | None, now: datetime) -> None:
    """Record an event that this webhook gets, whatever types it chose. Raises WebhookIsDisabled."""
    if not webhook.is_active:
        raise WebhookIsDisabled
    events.record(TESTED, webhook, at=now, by=by)


def replay(*, delivery: Delivery, now: datetime) -> None:
    """Send a delivery again, or now if it waits. Raises WebhookIsDisabled, and EventsGone if its event was deleted."""
    if not delivery.webhook.is_active:
        raise WebhookIsDisabled
    if not Event.objects.filter(pk=delivery.event_id).exists():
        raise EventsGone
    with transaction.atomic():
        _wait_anew([delivery.pk], now)
        events.record("integrations.webhook.replayed", delivery.webhook, at=now, deliveries=1)


def replay_span(*, webhook: Webhook, after: int, until: int, now: datetime) -> int:
    """Send the events again that follow `after`, up to and with `until`, and return their number.

    They are those of the present types, also of before the webhook was added. Events that have not been sent yet are
    left to come. Raises WebhookIsDisabled, and Invalid for a span with no event or too many.
    """
    if not webhook.is_active:
        raise WebhookIsDisabled
    if until <= after:
        raise Invalid(f"Name an event that follows event {after}.", field="until")
    with transaction.atomic():
        row = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
        span = Event.objects.filter(pk__gt=after, pk__lte=min(until, row.place or 0)).order_by("pk")
        types = expand(row.types)
        chosen = span if types is None else span.filter(type__in=types)
        found = list(chosen.only("type", "subject")[: MOST_REPLAYED + 1])
        if not found:
            raise Invalid(
                "No event of the webhook's types between the two was sent before.",
                field="after",
            )
        if len(found) > MOST_REPLAYED:
            raise Invalid(
                f"Replay at most {MOST_REPLAYED:,} events at a time, here up to event {found[MOST_REPLAYED - 1].pk}.",
                field="until",
            )
        _wait_anew_of(row, found, now)
        events.record("integrations.webhook.replayed", row, at=now, deliveries=len(found))
    return len(found)


def delivery_of(webhook: Webhook, event: Event, now: datetime) -> Delivery:
    """Return a delivery that is due, unsaved."""
    return Delivery(
        webhook=webhook,
        event_id=event.pk,
        type=event.type,
        subject=event.subject,
        created_at=now,
        waits_since=now,
        due_at=now,
    )


def _wait_anew_of(webhook: Webhook, found: Sequence[Event], now: datetime) -> None:
    first, last = found[0].pk, found[-1].pk
    pks = {event.pk for event in found}
    stored = webhook.deliveries.filter(event_id__range=(first, last)).values_list("event_id", "pk")
    known = {event_id: pk for event_id, pk in stored if event_id in pks}
    _wait_anew(list(known.values()), now)
    missing = [delivery_of(webhook, event, now) for event in found if event.pk not in known]
    Delivery.objects.bulk_create(missing, batch_size=1000)


def _wait_anew(pks: Sequence[int], now: datetime) -> None:
    # A claim stays, so that no later event of the subject is sent beside it.
    for start in range(0, len(pks), 500):
        Delivery.objects.filter(pk__in=pks[start : start + 500]).update(
            state=DeliveryState.WAITING, tries=0, waits_since=now, due_at=now, ended_at=None
        )


def _begin_anew(webhook: Webhook, now: datetime) -> None:
    """Forget how the receiver did. What waits is due, and has its three days again."""
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=None, failures=0, rests_until=None)
    webhook.deliveries.filter(state=DeliveryState.WAITING).update(tries=0, waits_since=now, due_at=now)
    webhook.refresh_from_db()
