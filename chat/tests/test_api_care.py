"""Contract 002, "Tickets APIs"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chat import actions
from chat.api.care import recent_tickets
from chat.models import Conversation, Message, SupportTicket
from customers.callers import caller_of_user
from customers.models import Notification
from testing import factories
from testing.suites import NOTHING_HERE, CareGateSuite, CareOwnListSuite, care_invalid

pytestmark = pytest.mark.django_db

TICKETS = "/api/v1/customer/tickets"
NOT_FOUND = {"error": "Not found", "detail": "Ticket not found."}
OPENED = datetime(2024, 1, 14, 15, 20, tzinfo=UTC)


def format_instant(instant):
    return instant.isoformat().replace("+00:00", "Z")


def ticket_of(customer, number=456, **conversation):
    """Create TKT456 as the contract prints it."""
    values = {"subject": "Product inquiry", "created_at": OPENED, "updated_at": OPENED} | conversation
    ticket = factories.SupportTicketFactory(id=number, conversation__customer=customer, **{
        f"conversation__{name}": value for name, value in values.items()
    })  # fmt: skip
    post(ticket, customer.contact, "I need help with my order", OPENED)
    return ticket


def post(ticket, user, body, now, **more):
    posted = actions.post_message(
        conversation=ticket.conversation.uuid, by=caller_of_user(user), body=body, now=now, **more
    )
    ticket.conversation.refresh_from_db()
    return posted.message


class TestTickets(CareOwnListSuite):
    url = TICKETS
    allow = "GET, HEAD, POST"

    def make(self, customer, **fields):
        return factories.SupportTicketFactory(conversation__customer=customer, **fields)

    def row(self, ticket):
        return {
            "id": f"TKT{ticket.pk}",
            "subject": "Brakes",
            "status": "OPEN",
            "priority": "MEDIUM",
            "created_at": format_instant(ticket.conversation.created_at),
        }

    @pytest.mark.parametrize(
        ("value", "states"),
        [
            ("all", ["open", "in_progress", "resolved", "closed"]),
            ("open", ["open"]),
            ("in-progress", ["in_progress"]),
            ("IN_PROGRESS", ["in_progress"]),
            ("resolved", ["resolved", "closed"]),
            ("", ["open", "in_progress", "resolved", "closed"]),
        ],
    )
    def test_filter_by_status(self, alice, as_alice, value, states):
        printed = {
            "open": "OPEN", "in_progress": "IN_PROGRESS", "resolved": "RESOLVED", "closed": "RESOLVED"
        }  # fmt: skip
        for status in printed:
            self.make(alice, conversation__status=status)
        found = [row["status"] for row in as_alice.get(self.url, {"status": value}).json()]
        assert sorted(found) == sorted(printed[status] for status in states)

    @pytest.mark.parametrize("word", ["closed", "OPEN!"])
    def test_unknown_status_is_422(self, as_alice, word):
        text = f'"{word.lower()}" is not one of all, open, in_progress, resolved.'
        response = as_alice.get(self.url, {"status": word})
        assert (response.status_code, response.json()) == (422, care_invalid("status", text))

    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("tkt45", [456, 45]),
            ("456", [456]),
            ("INQ", [456]),
            ("inquiry product", [456]),
            ("pro-duct", [456]),
            ("%", []),
            ("none", []),
        ],
    )
    def test_search_finds_subject_and_number(self, alice, as_alice, text, numbers):
        self.make(alice, id=456, conversation__subject="Product inquiry")
        self.make(alice, id=45)
        found = [row["id"] for row in as_alice.get(self.url, {"search": text}).json()]
        assert sorted(found) == sorted(f"TKT{number}" for number in numbers)

    def test_conversations_without_a_ticket_are_not_listed(self, alice, as_alice):
        factories.ConversationFactory(customer=alice)
        assert as_alice.get(self.url).json() == []

    def test_dashboard_gets_the_newest_five(self, alice, django_assert_num_queries):
        for day in range(7):
            self.make(alice, id=day + 1, conversation__created_at=OPENED + timedelta(days=day))
        caller = caller_of_user(alice.contact)
        with django_assert_num_queries(1):
            recent = recent_tickets(caller)
        assert [row["id"] for row in recent] == ["TKT7", "TKT6", "TKT5", "TKT4", "TKT3"]


class TestCreateTicket(CareGateSuite):
    url = TICKETS
    method = "post"

    @pytest.mark.parametrize("url", [TICKETS, f"{TICKETS}/"])
    def test_as_printed(self, alice, as_alice, url):
        order = factories.OrderFactory(id=123, customer=alice)
        body = {
            "subject": "Product inquiry",
            "description": "I need help with my recent order",
            "order_id": "ORD123",
            "priority": "MEDIUM",
        }
        response = as_alice.post(url, body, format="json")
        assert response.status_code == 201, response.content
        ticket, message = SupportTicket.objects.get(), Message.objects.get()
        at = format_instant(ticket.conversation.created_at)
        assert response.json() == {
            "id": f"TKT{ticket.pk}",
            "subject": "Product inquiry",
            "status": "OPEN",
            "priority": "MEDIUM",
            "created_at": at,
            "updated_at": at,
            "messages": [
                {
                    "id": f"MSG{message.pk}",
                    "sender_id": alice.contact.pk,
                    "sender_name": "Alice Cooper",
                    "content": "I need help with my recent order",
                    "timestamp": at,
                    "is_internal": False,
                }
            ],
        }
        assert (ticket.order, ticket.conversation.customer) == (order, alice)

    def test_ticket_is_also_a_thread_of_contract_003(self, as_alice):
        as_alice.post(TICKETS, {"subject": "Tyres", "description": "Old"}, format="json")
        (conversation,) = as_alice.get("/api/chat/threads/").json()
        assert (conversation["subject"], conversation["status"], conversation["lastMessage"]["body"]) == (
            "Tyres",
            "open",
            "Old",
        )

    def test_one_idempotency_key_creates_one_ticket(self, as_alice):
        body = {"subject": "Tyres", "description": "Old", "priority": "high", "order_id": None}
        first, again = (
            as_alice.post(TICKETS, body, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
        )
        assert (first.status_code, again.json(), SupportTicket.objects.get().priority) == (
            201,
            first.json(),
            "high",
        )

    def test_order_of_another_customer_is_404_and_creates_nothing(self, bob, as_alice):
        factories.OrderFactory(id=123, customer=bob)
        for number in ("ORD123", "ORD9"):
            body = {"subject": "Mine", "description": "?", "order_id": number}
            response = as_alice.post(TICKETS, body, format="json")
            assert (response.status_code, response.json()) == (
                404, {"error": "Not found", "detail": "Order not found."}
            )  # fmt: skip
        assert not Conversation.objects.exists()

    @pytest.mark.parametrize(
        ("change", "fields"),
        [
            ({"subject": " "}, {"subject": ["This field may not be blank."]}),
            ({"subject": "x" * 201}, {"subject": ["Ensure this field has no more than 200 characters."]}),
            ({"description": ""}, {"description": ["This field may not be blank."]}),
            ({"order_id": "123"}, {"order_id": ["Must be an id like ORD123."]}),
            ({"priority": "soon"}, {"priority": ['"soon" is not a valid choice.']}),
        ],
    )
    def test_invalid_body_is_422_and_names_the_field(self, as_alice, change, fields):
        body = {"subject": "S", "description": "D"} | change
        response = as_alice.post(TICKETS, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (422, fields)
        assert not Conversation.objects.exists()


class TestTicketDetail(CareGateSuite):
    url = f"{TICKETS}/TKT456"

    def test_internal_notes_are_not_shown(self, alice, as_alice, tim):
        ticket = ticket_of(alice)
        before = as_alice.get(self.url).json()
        post(ticket, tim, "Difficult person", OPENED + timedelta(hours=1), is_internal=True)
        assert as_alice.get(self.url).json() == before
        assert "Difficult" not in as_alice.get("/api/chat/threads/").content.decode()
        assert not Notification.objects.exists()

    def test_staff_answer_is_shown_and_notified(self, alice, as_alice, tim):
        ticket = ticket_of(alice)
        answer = post(ticket, tim, "Which one?", OPENED + timedelta(hours=1))
        body = as_alice.get(self.url).json()
        assert (body["status"], body["updated_at"]) == ("IN_PROGRESS", "2024-01-14T16:20:00Z")
        assert body["messages"][1] == {
            "id": f"MSG{answer.pk}",
            "sender_id": tim.pk,
            "sender_name": "Tim Turner",
            "content": "Which one?",
            "timestamp": "2024-01-14T16:20:00Z",
            "is_internal": False,
        }
        notification = Notification.objects.get()
        assert (
            notification.customer, notification.type, notification.title, notification.message
        ) == (
            alice, "SUPPORT", "Support Reply", "Support has answered your ticket TKT456: Product inquiry"
        )  # fmt: skip

    def test_deleted_author_is_shown_as_support(self, alice, as_alice, tim):
        post(ticket_of(alice), tim, "Which one?", OPENED + timedelta(hours=1))
        tim.delete()
        sender = as_alice.get(self.url).json()["messages"][1]
        assert (sender["sender_id"], sender["sender_name"]) == (None, "Support")

    def test_ticket_of_another_customer_is_404_like_a_missing_one(self, alice, as_bob):
        ticket_of(alice)
        for address in (self.url, f"{TICKETS}/TKT9"):
            response = as_bob.get(address)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)

    @pytest.mark.parametrize("id", ["456", "tkt456", "TKT0", "TKTx", "ORD456"])
    def test_malformed_id_is_404(self, as_alice, id):
        response = as_alice.get(f"{TICKETS}/{id}")
        assert (response.status_code, response.json()) == (404, NOTHING_HERE)


class TestTicketMessages(CareGateSuite):
    url = f"{TICKETS}/TKT456/messages"
    method = "post"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_as_printed(self, alice, as_alice, slash):
        ticket_of(alice)
        body = {"content": "Thank you for the quick response!"}
        response = as_alice.post(self.url + slash, body, format="json")
        message = Message.objects.latest("number")
        assert (response.status_code, response.json()) == (
            201,
            {
                "id": f"MSG{message.pk}",
                "sender_id": alice.contact.pk,
                "sender_name": "Alice Cooper",
                "content": "Thank you for the quick response!",
                "timestamp": format_instant(message.created_at),
                "is_internal": False,
            },
        )

    @pytest.mark.parametrize("status", ["resolved", "closed"])
    def test_message_reopens_an_ended_ticket(self, alice, as_alice, status):
        ticket_of(alice)
        Conversation.objects.update(status=status)
        assert as_alice.get(f"{TICKETS}/TKT456").json()["status"] == "RESOLVED"
        as_alice.post(self.url, {"content": "Still broken"}, format="json")
        assert as_alice.get(f"{TICKETS}/TKT456").json()["status"] == "OPEN"

    def test_ticket_of_another_customer_is_404_and_unchanged(self, alice, as_bob):
        ticket_of(alice)
        response = as_bob.post(self.url, {"content": "Mine"}, format="json")
        assert (response.status_code, response.json(), Message.objects.count()) == (404, NOT_FOUND, 1)

    @pytest.mark.parametrize("content", ["", "  ", None, ["x"]])
    def test_blank_message_is_422(self, alice, as_alice, content):
        ticket_of(alice)
        response = as_alice.post(self.url, {"content": content, "is_internal": True}, format="json")
        assert (response.status_code, list(response.json()["fields"])) == (422, ["content"])
        assert Message.objects.count() == 1
