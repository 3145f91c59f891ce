"""The chat window of contract 002's client: one ticket, opened by writing."""

from __future__ import annotations

import time
from threading import Event

import pytest
from django.db import transaction

from chat import actions, window
from chat.log import lock
from chat.models import Message, SupportTicket
from customers.models import Customer
from testing import factories
from testing.storms import parallel

pytestmark = pytest.mark.django_db


def bodies(ticket):
    return list(ticket.conversation.messages.order_by("number").values_list("body", flat=True))


def test_window_finds_nothing_and_writes_nothing_before_the_first_message(by_alice):
    factories.SupportTicketFactory(conversation__customer_id=by_alice.customer_id)
    assert window.find_open(by_alice) is None
    assert SupportTicket.objects.count() == 1


def test_messages_go_to_one_ticket_until_it_ends(by_alice, now):
    first = window.write(by=by_alice, ticket_id=None, body="When?", now=now)
    again = window.write(by=by_alice, ticket_id=None, body="It is urgent.", now=now)
    assert (first, window.find_open(by_alice)) == (again, first)
    assert (first.conversation.subject, bodies(first)) == ("Chat", ["When?", "It is urgent."])
    actions.change_status(conversation=again.conversation, to="closed", by=None, now=now)
    other = window.write(by=by_alice, ticket_id=None, body="Another thing", now=now)
    assert (other.pk != first.pk, bodies(other), bodies(first)) == (
        True,
        ["Another thing"],
        ["When?", "It is urgent."],
    )


def test_message_to_a_named_ticket_reopens_it(by_alice, now):
    ticket = window.write(by=by_alice, ticket_id=None, body="When?", now=now)
    actions.change_status(conversation=ticket.conversation, to="resolved", by=None, now=now)
    window.write(by=by_alice, ticket_id=ticket.pk, body="Still waiting", now=now)
    ticket.conversation.refresh_from_db()
    assert (ticket.conversation.status, bodies(ticket)) == ("open", ["When?", "Still waiting"])


def test_ticket_of_another_customer_is_not_found(by_alice, bob, now):
    ticket = factories.SupportTicketFactory(conversation__customer=bob)
    for verb, text in ((window.write, "body"), (window.escalate, "reason")):
        with pytest.raises(window.TicketNotFound):
            verb(by=by_alice, ticket_id=ticket.pk, now=now, **{text: "Mine?"})
    ticket.refresh_from_db()
    assert (Message.objects.count(), ticket.priority) == (0, "medium")


@pytest.mark.parametrize(
    ("before", "after"), [("low", "high"), ("medium", "high"), ("high", "high"), ("urgent", "urgent")]
)
def test_escalation_posts_the_reason_and_raises_the_priority(by_alice, now, before, after):
    ticket = window.write(by=by_alice, ticket_id=None, body="When?", now=now)
    SupportTicket.objects.filter(pk=ticket.pk).update(priority=before)
    window.escalate(by=by_alice, ticket_id=ticket.pk, reason="I want a person.", now=now)
    ticket.refresh_from_db()
    assert (ticket.priority, bodies(ticket)) == (after, ["When?", "I want a person."])


@pytest.mark.django_db(transaction=True)
def test_message_of_the_window_does_not_hold_the_customer_before_the_conversation(by_alice, now):
    """A merge locks the conversations first and then the customers (D25)."""
    ticket = window.write(by=by_alice, ticket_id=None, body="When?", now=now)
    is_locked = Event()

    def work(number):
        if number:
            is_locked.wait(timeout=30)
            return window.write(by=by_alice, ticket_id=None, body="Today?", now=now)
        with transaction.atomic():
            lock([ticket.conversation.uuid], skip_locked=False)
            is_locked.set()
            time.sleep(0.5)
            rows = Customer.objects.select_for_update(no_key=True)
            return list(rows.filter(pk=by_alice.account).values_list("pk"))

    assert [outcome for outcome in parallel(2, work) if isinstance(outcome, Exception)] == []
    assert bodies(ticket) == ["When?", "Today?"]


@pytest.mark.django_db(transaction=True)
def test_two_first_messages_at_the_same_time_open_one_ticket(by_alice, now):
    texts = ["One", "Two", "Three"]
    parallel(3, lambda n: window.write(by=by_alice, ticket_id=None, body=texts[n], now=now))
    assert sorted(bodies(SupportTicket.objects.get())) == sorted(texts)
