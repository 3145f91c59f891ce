"""Contract 002: the chat window of its client."""

from __future__ import annotations

import pytest

from chat.models import Conversation, SupportTicket
from testing import factories
from testing.suites import NO_RECORD, UNAUTHENTICATED, care_invalid

pytestmark = pytest.mark.django_db

WINDOW = "/api/v1/chat/"
START, MESSAGE, ESCALATE = (f"{WINDOW}{name}" for name in ("start", "message", "escalate"))
ROUTES = {
    START: {"initial_message": None},
    MESSAGE: {"conversation_id": "new", "message": "When?", "category_filter": None},
    ESCALATE: {"conversation_id": "new", "reason": "I want a person."},
}
NOT_FOUND = {"error": "Not found", "detail": "Ticket not found."}


def received(number):
    return {
        "id": None,
        "conversation_id": number,
        "content": "Your message was sent to the shop. No assistant answers here: a member of the staff answers in "
        f"ticket {number}, under your tickets.",
        "sender_type": "SYSTEM",
        "rag_sources": [],
    }


def test_window_is_started_and_written_in(as_alice):
    started = as_alice.post(START, ROUTES[START], format="json")
    assert (started.status_code, started.json()) == (200, {"id": "new", "status": "ACTIVE"})
    assert Conversation.objects.count() == 0
    for text in ("When?", "It is urgent."):
        sent = {"conversation_id": "new", "message": text, "category_filter": None}
        response = as_alice.post(MESSAGE, sent, format="json")
        assert (response.status_code, response.json()) == (200, received(SupportTicket.objects.get().number))
    ticket = SupportTicket.objects.get()
    assert as_alice.post(START, {}, format="json").json() == {"id": ticket.number, "status": "ACTIVE"}
    shown = as_alice.get(f"/api/v1/customer/tickets/{ticket.number}").json()
    assert (shown["subject"], [message["content"] for message in shown["messages"]]) == (
        "Chat",
        ["When?", "It is urgent."],
    )


def test_first_message_may_be_sent_with_the_start(as_alice):
    for text in ("When?", "And where?"):
        body = as_alice.post(START, {"initial_message": text}, format="json").json()
        assert body == {"id": SupportTicket.objects.get().number, "status": "ACTIVE"}
    assert SupportTicket.objects.get().conversation.messages.count() == 2


def test_escalation_raises_the_priority(as_alice):
    as_alice.post(MESSAGE, ROUTES[MESSAGE], format="json")
    ticket = SupportTicket.objects.get()
    sent = {"conversation_id": ticket.number, "reason": "I want a person."}
    response = as_alice.post(ESCALATE, sent, format="json")
    assert (response.status_code, response.json()) == (
        200,
        {"message": f"Ticket {ticket.number} has a high priority now.", "ticket_id": ticket.number},
    )
    ticket.refresh_from_db()
    assert ticket.priority == "high"


@pytest.mark.parametrize("url", [MESSAGE, ESCALATE])
def test_foreign_ticket_is_404_and_a_malformed_one_422(as_alice, bob, url):
    other = factories.SupportTicketFactory(conversation__customer=bob)
    response = as_alice.post(url, ROUTES[url] | {"conversation_id": other.number}, format="json")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    response = as_alice.post(url, ROUTES[url] | {"conversation_id": "12"}, format="json")
    assert (response.status_code, response.json()) == (
        422,
        care_invalid("conversation_id", "Must be an id like TKT123."),
    )
    assert other.conversation.messages.count() == 0


@pytest.mark.parametrize("url", [MESSAGE, ESCALATE])
def test_missing_keys_are_422(as_alice, url):
    response = as_alice.post(url, {}, format="json")
    text = "message" if url == MESSAGE else "reason"
    assert (response.status_code, response.json()["fields"]) == (
        422,
        {name: ["This field is required."] for name in ("conversation_id", text)},
    )


@pytest.mark.parametrize("url", list(ROUTES))
def test_only_customers_with_a_record_may_use_it(api, as_tim, sign_in, carol, url):
    refusals = [
        (api, 401, {"error": "Unauthorized", **UNAUTHENTICATED}),
        (as_tim, 403, {"error": "Access denied", "detail": "This endpoint is only accessible to customers."}),
        (sign_in(carol), 404, NO_RECORD),
    ]
    for client, status, body in refusals:
        response = client.post(url, ROUTES[url], format="json")
        assert (response.status_code, response.json()) == (status, body)
    assert Conversation.objects.count() == 0
