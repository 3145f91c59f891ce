"""Events reach receivers at least once, in order of each subject, and signed."""

from __future__ import annotations

import time
from itertools import pairwise
from random import Random
from threading import Event as Signal
from threading import Lock

import pytest
from django.core.management import call_command

from common.domain import loops
from common.domain.models import Event
from integrations.models import Attempt, Delivery, Webhook
from integrations.webhooks import deliverer, queue, sending
from integrations.webhooks.deliverer import Deliverer, deliver
from integrations.webhooks.queue import record_due
from testing import factories
from testing.receiver import receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the factory


@pytest.fixture(autouse=True)
def _allowed(settings):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True


def record(number, subjects, chance=None):
    """Record events of some subjects, and return their ids."""
    chance = chance or Random(1)
    return [
        factories.EventFactory(subject=f"app.row:{chance.randrange(subjects)}", payload={"id": n}).pk
        for n in range(number)
    ]


def first_times(messages):
    """Return the ids of the events in the order in which each came first."""
    return list(dict.fromkeys(message.event["id"] for message in messages))


def assert_in_order_of_each_subject(messages):
    places = {event: place for place, event in enumerate(first_times(messages))}
    for subject in Event.objects.values_list("subject", flat=True).distinct():
        ids = list(Event.objects.filter(subject=subject).order_by("id").values_list("pk", flat=True))
        assert all(places[a] < places[b] for a, b in pairwise(i for i in ids if i in places))


@pytest.mark.django_db
def test_events_come_in_order_of_each_subject_and_signed(now):
    with receiving() as receiver:
        webhook = factories.WebhookFactory(url=receiver.url)
        ids = record(60, subjects=5)
        record_due(now=now)
        assert deliver(webhook.pk) == 60
        messages = receiver.messages
    assert sorted(first_times(messages)) == ids
    assert_in_order_of_each_subject(messages)
    for message in messages:
        message.verify(SECRET)
    assert len({message.id for message in messages}) == 60
    assert {message.headers["content-type"] for message in messages} == {"application/json"}
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.django_db
def test_failure_holds_back_its_subject_alone(now):
    with receiving(lambda message: 500 if message.event["subject"] == "app.row:1" else 204) as receiver:
        webhook = factories.WebhookFactory(url=receiver.url)
        record(30, subjects=3)
        record_due(now=now)
        deliver(webhook.pk)
        subjects = [message.event["subject"] for message in receiver.messages]
    assert subjects.count("app.row:1") == 1
    assert set(Delivery.objects.filter(state="waiting").values_list("subject", flat=True)) == {"app.row:1"}
    assert Delivery.objects.filter(state="delivered").count() == len(subjects) - 1


@pytest.mark.django_db
def test_slow_receiver_is_cut_off_and_tried_again(now, monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 0.2)
    released = Signal()

    def sleep(message):
        released.wait(20)
        return 204

    with receiving(sleep) as receiver:
        webhook = factories.WebhookFactory(url=receiver.url)
        record(1, subjects=1)
        record_due(now=now)
        began = time.monotonic()
        assert deliver(webhook.pk) == 1
        assert time.monotonic() - began < 10
        released.set()
    [attempt] = Attempt.objects.all()
    assert (attempt.status, attempt.error) == (None, "No response within 0.2 seconds.")
    assert Delivery.objects.get().state == "waiting"


@pytest.mark.django_db
def test_message_that_was_stopped_is_released(now):
    with receiving() as receiver:
        webhook = factories.WebhookFactory(url=receiver.url)
        record(5, subjects=1)
        record_due(now=now)
        stops = iter([False, False, False])
        assert deliver(webhook.pk, is_stopped=lambda: next(stops, True)) == 2
    assert Delivery.objects.filter(state="waiting", claimed_until=None).count() == 3


@pytest.mark.django_db
def test_receiver_that_dies_and_lies_gets_every_event_in_order(now, monkeypatch):
    """A receiver that fails at random, sometimes after it has taken the message."""
    monkeypatch.setattr(queue, "DELAYS", (0.001,))
    monkeypatch.setattr(queue, "RESTS", (0.001,))
    chance, lock, taken = Random(7), Lock(), []

    def answer(message):
        with lock:
            kind = chance.random()
            if kind < 0.2:
                return 503
            taken.append(message)
            return 500 if kind < 0.3 else 204

    with receiving(answer) as receiver:
        webhook = factories.WebhookFactory(url=receiver.url)
        ids = record(200, subjects=8)
        record_due(now=now)
        deadline = time.monotonic() + 30
        while Delivery.objects.filter(state="waiting").exists() and time.monotonic() < deadline:
            deliver(webhook.pk)
    assert sorted(first_times(taken)) == ids
    assert_in_order_of_each_subject(taken)
    for message in taken:
        message.verify(SECRET)
    assert len(taken) > 200  # some came twice, with the id of the first
    assert len({(message.id, message.event["id"]) for message in taken}) == 200


@pytest.mark.django_db(transaction=True)
def test_slow_receiver_holds_up_no_other(now, monkeypatch):
    released, slow_ones = Signal(), Signal()

    def wait(message):
        released.wait(8)
        slow_ones.set()
        return 204

    def delivered():
        return Delivery.objects.filter(state="delivered").count()

    with receiving(wait) as slow, receiving() as quick:
        for receiver in (slow, quick):
            factories.WebhookFactory(url=receiver.url)
        record(3, subjects=3)
        loop = Deliverer()
        loop.step()
        deadline = time.monotonic() + 7
        while delivered() < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (len(quick.messages), delivered(), slow_ones.is_set()) == (3, 3, False)
        released.set()
        loop.run_all()
        loop.stop()
    assert delivered() == 6


@pytest.mark.django_db(transaction=True)
def test_two_processes_send_each_event_once_and_in_order(now):
    with receiving() as receiver:
        factories.WebhookFactory(url=receiver.url)
        record(300, subjects=10)
        both = [Deliverer(), Deliverer()]
        for _ in range(20):
            for one in both:
                one.step()
        for one in both:
            one.run_all()
            one.stop()
        messages = receiver.messages
    assert len(messages) == 300
    assert_in_order_of_each_subject(messages)


@pytest.mark.django_db
def test_run_due_sends_what_is_due(monkeypatch, now):
    """The threads of a real run have connections of their own, which a test's transaction does not show."""
    sent = []
    monkeypatch.setattr(Deliverer, "step", lambda self: bool(record_due(now=now)))
    monkeypatch.setattr(Deliverer, "run_all", lambda self: sent.append(self.step()))
    webhook = factories.WebhookFactory()
    record(1, subjects=1)
    call_command("run_due")
    assert (sent, webhook.deliveries.count()) == ([False], 1)


def test_loop_is_registered():
    assert loops._loops["webhooks"] is Deliverer
    assert queue.LEASE.total_seconds() > deliverer.BATCH_SECONDS + sending.SECONDS


@pytest.mark.django_db
def test_nothing_is_sent_to_a_disabled_webhook(now):
    with receiving() as receiver:
        webhook = factories.WebhookFactory(url=receiver.url)
        record(1, subjects=1)
        record_due(now=now)
        Webhook.objects.update(disabled_at=now, disabled_because="by_staff")
        assert deliver(webhook.pk) == 0
        assert receiver.messages == []


@pytest.mark.django_db
def test_url_to_which_nothing_can_be_sent_any_more_is_a_failed_attempt(now, settings):
    """It was added while WEBHOOKS_TO_PRIVATE_ADDRESSES allowed it."""
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = False
    webhook = factories.WebhookFactory(url="http://127.0.0.1:9/hooks")
    record(3, subjects=1)
    record_due(now=now)
    assert deliver(webhook.pk) == 1
    [attempt] = Attempt.objects.all()
    assert (attempt.status, attempt.error) == (
        None,
        "Write a URL that begins with https://, such as https://hooks.example.com/garage.",
    )
    first = Delivery.objects.earliest("event_id")
    assert (first.state, first.tries, first.claimed_until) == ("waiting", 1, None)
    assert not Delivery.objects.exclude(claimed_until=None).exists()
    stored = Webhook.objects.get()
    assert (stored.failures, stored.failing_since is None) == (1, False)
    Delivery.objects.update(waits_since=now - queue.PATIENCE, due_at=now)
    Webhook.objects.update(rests_until=None)
    assert deliver(webhook.pk) == 1
    assert Webhook.objects.get().disabled_because == "failed"
