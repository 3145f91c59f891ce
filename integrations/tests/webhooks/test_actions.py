"""Webhooks are added, changed, tested and removed, and what was sent is sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from common.domain.errors import Invalid
from common.domain.models import Event
from integrations.models import Attempt, Delivery, Webhook
from integrations.queries import EventsGone
from integrations.webhooks import actions, removal
from integrations.webhooks.actions import WebhookIsDisabled
from integrations.webhooks.addresses import look_up
from integrations.webhooks.queue import LEASE, Sent, claim, record_due, record_outcomes
from integrations.webhooks.sending import Outcome
from testing import factories
from testing.billed import again

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/garage"


@pytest.fixture
def webhook():
    return factories.WebhookFactory()


def disabled(**fields):
    return factories.WebhookFactory(disabled_at=fields.pop("at"), disabled_because="by_staff", **fields)


def test_new_webhook_gets_the_events_from_now_on(now):
    before = factories.EventFactory()
    webhook = actions.add_webhook(url=look_up(URL), types=["billing.*", "billing.*"], by=None, now=now)
    assert (webhook.url, webhook.types, webhook.place) == (URL, ["billing.*"], before.pk)
    assert webhook.secret.startswith("whsec_")
    assert len(webhook.secret) == 50
    other = actions.add_webhook(url=look_up(URL), by=None, now=now)
    assert other.secret != webhook.secret


@pytest.mark.parametrize(
    ("given", "field", "item"),
    [
        ({"url": look_up("http://hooks.example.com/")}, "url", None),
        ({"url": look_up("https://127.0.0.1/")}, "url", None),
        ({"types": ["billing.*", "billing.paid"]}, "types", 1),
        ({"types": ["*"]}, "types", 0),
        ({"types": ["billing.*"] * 101}, "types", None),
    ],
)
def test_wrong_webhook_is_refused(now, given, field, item):
    with pytest.raises(Invalid) as refused:
        actions.add_webhook(**{"url": look_up(URL), "by": None, "now": now, **given})
    assert (refused.value.field, refused.value.item) == (field, item)
    assert Webhook.objects.count() == 0


def test_change_to_a_private_address_changes_nothing(webhook, now):
    with pytest.raises(Invalid):
        actions.change_webhook(webhook=webhook, url=look_up("https://10.0.0.1/"), description="x", now=now)
    assert (again(webhook).url, again(webhook).description) == (webhook.url, "")


def test_webhook_that_is_enabled_goes_on_where_it_stopped(now):
    webhook = disabled(at=now, failures=9, rests_until=now + timedelta(hours=1), failing_since=now)
    long_ago = now - timedelta(days=5)
    row = factories.DeliveryFactory(webhook=webhook, created_at=long_ago, tries=18)
    event = factories.EventFactory()
    actions.change_webhook(webhook=webhook, is_active=True, now=now)
    stored, row = again(webhook), again(row)
    assert (stored.disabled_at, stored.disabled_because, stored.failures, stored.rests_until) == (
        None,
        "",
        0,
        None,
    )
    assert (row.tries, row.waits_since, row.due_at) == (0, now, now)
    record_due(now=now)
    assert event.pk in webhook.deliveries.values_list("event_id", flat=True)


def test_webhook_is_disabled_by_staff_without_a_mail(webhook, now):
    actions.change_webhook(webhook=webhook, is_active=False, now=now)
    assert (again(webhook).disabled_at, again(webhook).disabled_because) == (now, "by_staff")
    assert DBTaskResult.objects.count() == 0
    actions.change_webhook(webhook=webhook, is_active=False, now=now + timedelta(hours=1))
    assert again(webhook).disabled_at == now


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("owner", "to"),
    [
        ({"role": "manager"}, ["owner@example.com"]),
        ({"role": "advisor"}, ["ada@example.com"]),
        ({"role": "manager", "is_active": False}, ["ada@example.com"]),
        (None, ["ada@example.com"]),
    ],
)
def test_owner_is_mailed_or_else_the_managers(now, mailoutbox, owner, to):
    factories.UserFactory(role="admin", email="ada@example.com", is_active=True)
    webhook = factories.WebhookFactory(
        description="Bookkeeping",
        created_by=owner and factories.UserFactory(email="owner@example.com", **owner),
    )
    factories.DeliveryFactory(webhook=webhook)
    if owner == {"role": "manager"}:
        factories.UserFactory(role="manager", email="other@example.com")
    actions.disable(webhook=webhook, because="failed", now=now)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (to, "A webhook was disabled: Bookkeeping")
    assert mail.body == (
        f"Nothing more is sent to this webhook:\n\n{webhook.url}\nBookkeeping\n\n"
        "Why: nothing was accepted for three days.\n"
        "1 event waits to be sent. When the receiver works, enable the webhook. It goes on where it stopped.\n\n"
        "http://localhost:8000/admin/webhooks/\n"
    )


def test_rotation_keeps_the_former_secret_for_a_day(webhook, now):
    row = actions.rotate_secret(webhook=webhook, now=now)
    stored = again(webhook)
    assert (stored.secret, stored.former_secret) == (row.secret, webhook.secret)
    assert stored.former_secret_until == now + timedelta(hours=24)
    assert stored.secret != webhook.secret


def test_history_has_no_secret(webhook, now):
    actions.rotate_secret(webhook=webhook, now=now)
    assert {"secret", "former_secret"} & {field.name for field in webhook.history.model._meta.fields} == set()


def test_test_of_a_disabled_webhook_is_refused(now):
    with pytest.raises(WebhookIsDisabled):
        actions.send_test(webhook=disabled(at=now), by=None, now=now)
    assert Event.objects.count() == 0


@pytest.mark.parametrize("state", ["delivered", "failed", "waiting"])
def test_delivery_is_sent_again(webhook, now, state):
    row = factories.DeliveryFactory(
        webhook=webhook,
        state=state,
        created_at=now - timedelta(days=4),
        ended_at=None if state == "waiting" else now,
        tries=5,
    )
    actions.replay(delivery=row, now=now)
    row = again(row)
    assert (row.state, row.tries, row.waits_since, row.due_at, row.ended_at) == ("waiting", 0, now, now, None)


def test_claim_stays_when_a_delivery_is_sent_again(webhook, now):
    until = now + timedelta(seconds=60)
    row = factories.DeliveryFactory(webhook=webhook, claimed_until=until)
    actions.replay(delivery=row, now=now)
    assert again(row).claimed_until == until


def test_delivery_of_a_deleted_event_cannot_be_sent_again(webhook, now):
    row = factories.DeliveryFactory(webhook=webhook, state="delivered", ended_at=now)
    Event.objects.all().delete()
    with pytest.raises(EventsGone):
        actions.replay(delivery=row, now=now)
    assert again(row).state == "delivered"


def test_delivery_of_a_disabled_webhook_is_not_sent_again(now):
    row = factories.DeliveryFactory(webhook=disabled(at=now), state="failed", ended_at=now)
    with pytest.raises(WebhookIsDisabled):
        actions.replay(delivery=row, now=now)
    assert again(row).state == "failed"


def test_span_is_sent_again_with_what_was_never_sent(now):
    found = [factories.EventFactory(type="billing.invoice.issued") for _ in range(4)]
    other = factories.EventFactory(type="orders.order.packed")
    webhook = factories.WebhookFactory(types=["billing.*"], place=other.pk)
    known = factories.DeliveryFactory(webhook=webhook, event=found[1], state="delivered", ended_at=now)
    later = factories.EventFactory(type="billing.invoice.issued")  # which is left to come
    assert actions.replay_span(webhook=webhook, after=found[0].pk, until=later.pk, now=now) == 3
    rows = webhook.deliveries.order_by("event_id")
    assert [(row.event_id, row.state, row.due_at) for row in rows] == [
        (event.pk, "waiting", now) for event in found[1:]
    ]
    assert again(known).uuid == known.uuid  # the id of the message stays


def test_span_without_an_event_and_one_that_is_too_long_are_refused(webhook, now, monkeypatch):
    found = [factories.EventFactory() for _ in range(3)]
    Webhook.objects.update(place=found[-1].pk)
    with pytest.raises(Invalid) as refused:
        actions.replay_span(webhook=webhook, after=found[-1].pk, until=found[-1].pk + 5, now=now)
    assert refused.value.field == "after"
    monkeypatch.setattr(actions, "MOST_REPLAYED", 2)
    with pytest.raises(Invalid, match=f"up to event {found[1].pk}") as refused:
        actions.replay_span(webhook=webhook, after=0, until=found[-1].pk, now=now)
    assert (refused.value.field, Delivery.objects.count()) == ("until", 0)


def test_removed_webhook_is_hidden_and_gets_nothing_at_once(webhook, now):
    delivery = factories.DeliveryFactory(webhook=webhook, created_at=now)
    found = claim(webhook.pk, now=now)
    actions.remove_webhook(webhook=webhook, now=now)
    actions.remove_webhook(webhook=webhook, now=now)  # the second of two requests
    assert Webhook.objects.count() == 0
    assert Event.objects.filter(type="integrations.webhook.removed").count() == 1
    assert claim(webhook.pk, now=now + LEASE) is None
    record_outcomes(*found, [Sent(found[1][0], now, Outcome(204, "", 1))], now=now)
    assert (again(delivery).state, Attempt.objects.count()) == ("waiting", 0)
    with pytest.raises(WebhookIsDisabled):
        actions.replay(delivery=again(delivery), now=now)
    factories.EventFactory()
    record_due(now=now)
    assert Delivery.objects.filter(webhook=webhook.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_webhook_is_removed_with_its_deliveries_batch_by_batch(webhook, now, monkeypatch):
    """A webhook may have millions of deliveries, which are too many for one transaction and for the memory."""
    other = factories.AttemptFactory()
    for delivery in factories.DeliveryFactory.create_batch(5, webhook=webhook):
        factories.AttemptFactory.create_batch(2, delivery=delivery)
    monkeypatch.setattr(removal, "BATCH", 2)
    with CaptureQueriesContext(connection) as captured:
        actions.remove_webhook(webhook=webhook, now=now)
    deleted = [
        query["sql"] for query in captured if query["sql"].startswith('DELETE FROM "integrations_delivery"')
    ]
    assert len(deleted) == 3
    assert list(Webhook._base_manager.all()) == [other.delivery.webhook]
    assert list(Delivery.objects.all()) == [other.delivery]
    assert list(Attempt.objects.all()) == [other]
