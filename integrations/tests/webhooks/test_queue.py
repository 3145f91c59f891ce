"""What is due is recorded without gaps, claimed in order and marked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection

from common.domain.models import Event
from integrations.models import Attempt, Delivery, Webhook
from integrations.webhooks import queue
from integrations.webhooks.actions import replay
from integrations.webhooks.queue import (
    DELAYS,
    JITTER,
    LEASE,
    PATIENCE,
    Message,
    Sent,
    claim,
    clear_deliveries,
    delay_after,
    keys_of,
    record_due,
    record_outcomes,
)
from integrations.webhooks.sending import Outcome
from testing import factories
from testing.billed import again

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ACCEPTED = Outcome(204, "", 12)
WRONG = Outcome(500, "The receiver answered 500.", 12)
DOWN = Outcome(None, "The connection was refused.", 1)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def make_events(*subjects, type="repair_orders.repairorder.approved"):
    return [factories.EventFactory(type=type, subject=f"app.row:{subject}") for subject in subjects]


@pytest.fixture
def webhook():
    return factories.WebhookFactory()


def waiting(webhook):
    return list(webhook.deliveries.order_by("event_id").values_list("event_id", flat=True))


def due(webhook, *subjects, **fields):
    """Return deliveries that are due, one for an event of each subject, in order."""
    return [
        factories.DeliveryFactory(webhook=webhook, event=event, created_at=NOW, **fields)
        for event in make_events(*subjects)
    ]


def claimed(webhook, now=NOW):
    """Return the ids of the deliveries that are claimed now."""
    found = claim(webhook.pk, now=now)
    return [message.delivery.pk for message in found[1]] if found else []


def send(webhook, outcome, now=NOW, *, only=None):
    """Claim what is due and let each of it, or the first `only`, come out so."""
    found = claim(webhook.pk, now=now)
    assert found
    row, messages = found
    sent = [Sent(message, now, outcome) for message in messages[:only]]
    record_outcomes(row, messages, sent, now=now)
    return [one.message.delivery.pk for one in sent]


# --- Recording --------------------------------------------------------------------------------------------


def test_each_event_is_recorded_once(webhook):
    first = make_events(1, 2)
    assert record_due(now=NOW) is False
    second = make_events(1)
    record_due(now=NOW)
    record_due(now=NOW)
    assert waiting(webhook) == [event.pk for event in first + second]
    assert again(webhook).place == second[0].pk
    row = Delivery.objects.order_by("event_id").first()
    assert (row.type, row.subject, row.state, row.due_at) == (
        "repair_orders.repairorder.approved",
        "app.row:1",
        "waiting",
        NOW,
    )


def test_long_list_is_recorded_page_by_page(webhook, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 2)
    found = make_events(1, 2, 3)
    assert record_due(now=NOW) is True
    assert len(waiting(webhook)) == 2
    assert record_due(now=NOW) is False
    assert waiting(webhook) == [event.pk for event in found]


def test_only_chosen_types_are_recorded_and_the_place_moves_on():
    webhook = factories.WebhookFactory(types=["billing.*", "orders.order.shipped"])
    [invoice] = make_events(1, type="billing.invoice.issued")
    [shipped] = make_events(2, type="orders.order.shipped")
    make_events(3, type="orders.order.packed")
    [other] = make_events(4)
    record_due(now=NOW)
    assert waiting(webhook) == [invoice.pk, shipped.pk]
    assert again(webhook).place == other.pk


def test_webhook_gets_the_tests_of_itself_alone():
    webhook, other = factories.WebhookFactory.create_batch(2, types=["billing.*"])
    event = factories.EventFactory(
        type="integrations.webhook.tested", subject=f"integrations.webhook:{webhook.pk}"
    )
    record_due(now=NOW)
    assert (waiting(webhook), waiting(other)) == ([event.pk], [])


def test_event_of_an_open_transaction_holds_later_ones_back(webhook, monkeypatch):
    early, late = make_events(1, 2)
    monkeypatch.setattr(
        "integrations.queries.readable", lambda: Event.objects.order_by("id").filter(pk__lt=late.pk)
    )
    record_due(now=NOW)
    assert (waiting(webhook), again(webhook).place) == ([early.pk], early.pk)
    monkeypatch.undo()
    record_due(now=NOW)
    assert waiting(webhook) == [early.pk, late.pk]


def test_disabled_webhook_stays_where_it_is():
    webhook = factories.WebhookFactory(disabled_at=NOW, disabled_because="by_staff")
    make_events(1)
    record_due(now=NOW)
    assert (waiting(webhook), again(webhook).place) == ([], None)


def test_webhook_that_was_away_for_long_goes_on_with_the_oldest_event_that_is_left():
    gone, kept = make_events(1, 2)
    webhook = factories.WebhookFactory(place=gone.pk)
    gone.delete()
    record_due(now=NOW)
    assert waiting(webhook) == [kept.pk]


def test_search_without_new_events_writes_nothing(webhook, django_assert_num_queries):
    make_events(1)
    record_due(now=NOW)
    with django_assert_num_queries(2 if connection.vendor == "sqlite" else 4):
        record_due(now=NOW)


# --- Claiming ---------------------------------------------------------------------------------------------


def test_everything_due_is_claimed_in_the_order_of_events(webhook):
    rows = due(webhook, 1, 2, 1, 3)
    assert claimed(webhook) == [row.pk for row in rows]
    assert claimed(webhook) == []


def test_what_a_dead_process_claimed_is_claimed_again_after_its_lease(webhook):
    rows = due(webhook, 1)
    assert claimed(webhook) == [rows[0].pk]
    assert claimed(webhook, NOW + LEASE - timedelta(seconds=1)) == []
    assert claimed(webhook, NOW + LEASE) == [rows[0].pk]


def test_later_event_of_a_subject_waits_for_the_earlier_one(webhook):
    first, second, other = due(webhook, 1, 1, 2)
    assert send(webhook, WRONG, only=1) == [first.pk]
    # The second and the other were released. The first is due later, and holds the second back.
    assert claimed(webhook) == [other.pk]
    assert claimed(webhook, at(60)) == [first.pk, second.pk]


def test_claimed_event_holds_back_a_later_one_of_its_subject(webhook):
    [first] = due(webhook, 1)
    assert claimed(webhook) == [first.pk]
    due(webhook, 1)
    assert claimed(webhook) == []


def test_event_that_was_given_up_holds_nothing_back(webhook):
    due(webhook, 1, state="failed", ended_at=NOW)
    [second] = due(webhook, 1)
    assert claimed(webhook) == [second.pk]


def test_webhooks_do_not_wait_for_one_another(webhook):
    other = factories.WebhookFactory()
    [event] = make_events(1)
    for one in (webhook, other):
        factories.DeliveryFactory(webhook=one, event=event, created_at=NOW)
    send(webhook, DOWN)
    assert len(claimed(other)) == 1


def test_message_is_the_event_as_the_feed_shows_it(webhook):
    event = factories.EventFactory(at=NOW)
    row = factories.DeliveryFactory(webhook=webhook, event=event, created_at=NOW)
    _, [message] = claim(webhook.pk, now=NOW)
    assert message.id == f"msg_{row.uuid.hex}"
    assert message.body.decode() == (
        f'{{"id":{event.pk},"type":"repair_orders.repairorder.approved","subject":"{event.subject}",'
        f'"at":"2026-01-15T12:00:00Z","payload":{{"id":{event.payload["id"]},"status":"approved"}}}}'
    )


def test_claiming_costs_the_same_for_every_number(webhook, django_assert_num_queries):
    for number in (1, 30):
        due(webhook, *range(100 * number, 101 * number))
        with django_assert_num_queries(7):  # with a savepoint, which is one in a test
            assert len(claimed(webhook, at(number))) == number


def test_two_secrets_sign_during_a_rotation(webhook):
    webhook.former_secret, webhook.former_secret_until = "whsec_Zm9ybWVy", at(1)
    assert keys_of(webhook, NOW) == [webhook.secret, "whsec_Zm9ybWVy"]
    assert keys_of(webhook, at(1)) == [webhook.secret]


# --- Marking ----------------------------------------------------------------------------------------------


def test_accepted_message_is_delivered(webhook):
    [row] = due(webhook, 1)
    send(webhook, ACCEPTED)
    row, webhook = again(row), again(webhook)
    assert (row.state, row.ended_at, row.claimed_until, row.tries) == ("delivered", NOW, None, 1)
    assert (webhook.last_delivered_at, webhook.failures, webhook.failing_since) == (NOW, 0, None)
    [attempt] = Attempt.objects.values("delivery", "at", "status", "error", "milliseconds")
    assert attempt == {"delivery": row.pk, "at": NOW, "status": 204, "error": "", "milliseconds": 12}


def test_failed_message_is_tried_over_three_days_and_given_up(webhook):
    [row] = due(webhook, 1)
    now, times = NOW, []
    while again(row).state == "waiting":
        Webhook.objects.update(rests_until=None)
        send(webhook, WRONG, now)
        times.append(now)
        now = again(row).due_at
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    for number, seconds in enumerate(waits[:-1]):
        usual = DELAYS[min(number, len(DELAYS) - 1)]
        assert usual * (1 - JITTER) <= seconds <= usual * (1 + JITTER)
    assert times[-1] == NOW + PATIENCE
    assert 16 <= len(times) <= 24
    assert (again(row).state, again(row).ended_at) == ("failed", NOW + PATIENCE)


def test_delays_differ():
    assert len({delay_after(1) for _ in range(20)}) > 1


def test_outcome_of_a_claim_that_was_taken_over_is_left_alone(webhook):
    [row] = due(webhook, 1)
    late, messages = claim(webhook.pk, now=NOW)
    assert claimed(webhook, NOW + LEASE) == [row.pk]
    record_outcomes(late, messages, [Sent(messages[0], NOW, ACCEPTED)], now=at(300))
    assert (again(row).state, Attempt.objects.count()) == ("waiting", 0)


def test_receiver_that_is_down_rests_and_gets_one_message_then(webhook):
    rows = due(webhook, 1, 2, 3)
    send(webhook, DOWN)
    assert again(webhook).rests_until == at(1)
    later = due(webhook, 4, 5)
    assert claimed(webhook) == []
    assert send(webhook, DOWN, at(1)) == [later[0].pk]
    assert again(webhook).rests_until == at(3)
    # The first that is accepted makes everything due that failed meanwhile.
    assert send(webhook, ACCEPTED, at(3)) == [later[1].pk]
    assert again(webhook).rests_until is None
    assert claimed(webhook, at(3)) == [row.pk for row in [*rows, later[0]]]


def test_message_that_is_refused_holds_up_no_other_subject(webhook):
    due(webhook, 1)
    send(webhook, WRONG)
    [other] = due(webhook, 2)
    assert claimed(webhook) == [other.pk]


def test_webhook_that_accepted_nothing_for_three_days_is_disabled(webhook):
    due(webhook, 1)
    due(webhook, 2, waits_since=NOW + timedelta(days=2))
    send(webhook, DOWN, NOW + PATIENCE, only=1)
    webhook = again(webhook)
    assert (webhook.disabled_at, webhook.disabled_because) == (NOW + PATIENCE, "failed")
    [event] = Event.objects.filter(type="integrations.webhook.disabled")
    assert event.payload == {"id": webhook.pk, "uuid": str(webhook.uuid), "because": "failed"}


def test_webhook_that_accepted_others_meanwhile_stays_active(webhook):
    due(webhook, 1)
    Webhook.objects.update(last_delivered_at=at(1))
    send(webhook, WRONG, NOW + PATIENCE)
    assert again(webhook).is_active


def test_receiver_that_answers_410_is_disabled(webhook):
    [row] = due(webhook, 1)
    send(webhook, Outcome(410, "The receiver answered 410.", 3))
    assert again(webhook).disabled_because == "gone"
    assert again(row).state == "waiting"


def test_event_that_was_deleted_is_given_up_and_is_no_failure_of_the_receiver(webhook):
    [row] = due(webhook, 1)
    Event.objects.all().delete()
    found, messages = claim(webhook.pk, now=NOW)
    assert messages == [Message(row, None)]
    outcome = Outcome(None, queue.EVENT_GONE, 0)
    record_outcomes(found, messages, [Sent(messages[0], NOW, outcome)], now=NOW)
    assert (again(row).state, again(webhook).failures, again(webhook).is_active) == ("failed", 0, True)


def test_webhook_that_was_deleted_meanwhile_is_no_error(webhook):
    due(webhook, 1)
    found, messages = claim(webhook.pk, now=NOW)
    Webhook.objects.all().delete()
    record_outcomes(found, messages, [Sent(messages[0], NOW, ACCEPTED)], now=NOW)
    assert Attempt.objects.count() == 0


def test_old_deliveries_are_deleted_and_waiting_ones_stay(webhook, settings):
    settings.KEEP_EVENTS_DAYS = 90
    old, recent = NOW - timedelta(days=91), NOW - timedelta(days=89)
    for day in (old, recent):
        factories.DeliveryFactory(webhook=webhook, created_at=day, state="delivered", ended_at=day)
    factories.AttemptFactory(delivery=webhook.deliveries.first())
    factories.DeliveryFactory(webhook=webhook, created_at=old)
    assert clear_deliveries(now=NOW) == 1
    assert webhook.deliveries.count() == 2


def test_replay_during_the_last_attempt_begins_its_three_days_anew(webhook):
    """The attempt that was claimed before the replay would else end it as given up."""
    [row] = due(webhook, 1)
    late = NOW + PATIENCE
    found = claim(webhook.pk, now=late)
    replay(delivery=again(row), now=late)
    record_outcomes(found[0], found[1], [Sent(found[1][0], late, WRONG)], now=late + timedelta(seconds=1))
    stored = again(row)
    assert (stored.state, stored.ended_at, stored.waits_since, stored.tries) == ("waiting", None, late, 1)
    assert stored.due_at > late
    assert again(webhook).is_active
