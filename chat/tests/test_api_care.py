"""Contract 002, "Tickets APIs"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chat import actions
from chat.api.care import recent_tickets
from chat.models import Conversation, Message, SupportTicket
from customers.callers import caller_of_user
from customers.models import Notification
from files.actions import UnsupportedFileType
from files.models import Upload
from files.queries import public_url
from files.tests.conftest import JPEG
from testing import factories
from testing.storms import parallel
from testing.suites import NOTHING_HERE, CareGateSuite, CareOwnListSuite, care_invalid

pytestmark = pytest.mark.django_db

TICKETS = "/api/v1/customer/tickets"
NOT_FOUND = {"error": "Not found", "detail": "Ticket not found."}
OPENED = datetime(2024, 1, 14, 15, 20, tzinfo=UTC)


def format_instant(instant):
    return instant.isoformat().replace("+00:00", "Z")


def ticket_of(customer, number=456, order=None, **conversation):
    """Create TKT456 as the contract prints it."""
    values = {"subject": "Product inquiry", "created_at": OPENED, "updated_at": OPENED} | conversation
    ticket = factories.SupportTicketFactory(id=number, order=order, conversation__customer=customer, **{
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
            "related_order_id": None,
            "message_count": 0,
        }

    def test_order_and_public_messages_are_counted(self, alice, as_alice, tim, now):
        ticket = ticket_of(alice, order=factories.OrderFactory(id=123, customer=alice))
        post(ticket, tim, "Which one?", now)
        post(ticket, tim, "Difficult person", now, is_internal=True)
        other = ticket_of(alice, number=457)
        assert [
            (row["id"], row["related_order_id"], row["message_count"]) for row in as_alice.get(TICKETS).json()
        ] == [
            (other.number, None, 1),
            ("TKT456", "ORD123", 2),
        ]

    @pytest.mark.parametrize(
        ("value", "states"),
        [
            ("all", ["open", "in_progress", "resolved", "closed"]),
            ("open", ["open"]),
            ("in-progress", ["in_progress"]),
            ("IN_PROGRESS", ["in_progress"]),
            ("resolved", ["resolved", "closed"]),
            ("closed", ["closed"]),
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

    @pytest.mark.parametrize("word", ["pending", "OPEN!"])
    def test_unknown_status_is_422(self, as_alice, word):
        text = f'"{word.lower()}" is not one of all, open, in_progress, resolved, closed.'
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
        assert list(recent[0]) == ["id", "subject", "status", "priority", "created_at", "date"]
        assert str(recent[0]["date"]) == "2024-01-20"


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
            "related_order_id": "ORD123",
            "message_count": 1,
            "updated_at": at,
            "messages": [
                {
                    "id": f"MSG{message.pk}",
                    "sender_id": alice.contact.pk,
                    "sender_name": "Alice Cooper",
                    "content": "I need help with my recent order",
                    "timestamp": at,
                    "is_internal": False,
                    "sender_type": "customer",
                    "attachments": [],
                }
            ],
            "ticket_id": f"TKT{ticket.pk}",
        }
        assert (ticket.order, ticket.conversation.customer) == (order, alice)

    @pytest.mark.parametrize("order", ["none", "None", "", " ", None])
    def test_no_order_can_be_named_by_a_word(self, as_alice, order):
        body = {"subject": "S", "description": "D", "order_id": order}
        response = as_alice.post(TICKETS, body, format="json")
        assert (response.status_code, response.json()["related_order_id"]) == (201, None)

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
            (
                {"priority": "soon"},
                {"priority": ['"soon" is not a valid choice. Choose one of: LOW, MEDIUM, HIGH, URGENT.']},
            ),
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
            "sender_type": "support",
            "attachments": [],
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
                "sender_type": "customer",
                "attachments": [],
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


class TestDeleteMessage(CareGateSuite):
    url = f"{TICKETS}/TKT456/messages/MSG1"
    method = "delete"

    @pytest.fixture
    def ticket(self, alice):
        return ticket_of(alice)

    def address(self, message):
        return f"{TICKETS}/TKT456/messages/MSG{message.pk}"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_own_message_loses_its_content_and_is_hidden(self, ticket, alice, as_alice, now, slash):
        reply = post(ticket, alice.contact, "Forget it", now)
        response = as_alice.delete(self.address(reply) + slash)
        assert (response.status_code, response.json()) == (200, {"message": "The message was deleted."})
        body = as_alice.get(f"{TICKETS}/TKT456").json()
        assert [message["content"] for message in body["messages"]] == ["I need help with my order"]
        assert body["message_count"] == 1
        reply.refresh_from_db()
        assert (reply.body, reply.attachments, reply.number) == ("", [], 2)
        (thread,) = as_alice.get("/api/chat/threads/").json()
        assert thread["lastMessage"]["body"] == "I need help with my order"
        (listed,) = as_alice.get(f"/api/chat/threads/{thread['id']}/messages/").json()
        assert listed["body"] == "I need help with my order"
        again = as_alice.delete(self.address(reply))
        assert (again.status_code, again.json()["detail"]) == (404, "Message not found.")

    def test_next_message_takes_the_next_number(self, ticket, alice, as_alice, now):
        reply = post(ticket, alice.contact, "Forget it", now)
        as_alice.delete(self.address(reply))
        assert post(ticket, alice.contact, "It rattles", now).number == 3

    def test_ticket_without_messages_is_shown(self, ticket, as_alice):
        as_alice.delete(self.address(Message.objects.get()))
        body = as_alice.get(f"{TICKETS}/TKT456").json()
        assert (body["messages"], body["message_count"]) == ([], 0)
        ticket.conversation.refresh_from_db()
        assert ticket.conversation.last_message is None

    def test_answered_message_is_409_and_a_note_is_no_answer(self, ticket, alice, as_alice, tim, now):
        reply = post(ticket, alice.contact, "Any news?", now)
        post(ticket, tim, "Difficult person", now, is_internal=True)
        first = Message.objects.get(number=1)
        post(ticket, tim, "Which one?", now)
        for message in (first, reply):
            response = as_alice.delete(self.address(message))
            assert (response.status_code, response.json()) == (
                409,
                {
                    "error": "Message is answered",
                    "detail": "The shop has answered this message. It cannot be deleted any more.",
                },
            )
        late = post(ticket, alice.contact, "The left one", now)
        post(ticket, tim, "Still difficult", now, is_internal=True)
        assert as_alice.delete(self.address(late)).status_code == 200
        assert list(Message.objects.order_by("number").values_list("body", flat=True)) == [
            "I need help with my order", "Any news?", "Difficult person", "Which one?", "", "Still difficult",
        ]  # fmt: skip

    def test_message_of_the_shop_or_a_colleague_is_403(self, ticket, alice, as_alice, tim, sign_in, now):
        answer = post(ticket, tim, "Which one?", now)
        colleague = factories.CustomerUserFactory(customer=alice).user
        written = post(ticket, colleague, "The left one", now)
        for message in (answer, written):
            response = as_alice.delete(self.address(message))
            assert (response.status_code, response.json()) == (
                403, {"error": "Access denied", "detail": "You can delete your own messages only."}
            )  # fmt: skip
        assert not Message.objects.exclude(withdrawn_at=None).exists()

    def test_internal_note_other_ticket_and_other_customer_are_404(
        self, ticket, alice, as_alice, as_bob, tim, now
    ):
        note = post(ticket, tim, "Difficult person", now, is_internal=True)
        other = ticket_of(alice, number=457)
        elsewhere = other.conversation.messages.get()
        for client, message in (
            (as_alice, note),
            (as_alice, elsewhere),
            (as_bob, ticket.conversation.messages.first()),
        ):
            response = client.delete(self.address(message))
            assert response.status_code == 404, response.content
        assert not Message.objects.exclude(withdrawn_at=None).exists()


class TestAttachments(CareGateSuite):
    url = f"{TICKETS}/TKT456/attachments"
    method = "post"

    def send(self, client, *files, **headers):
        return client.post(self.url, {"files": list(files)}, format="multipart", headers=headers)

    @staticmethod
    def file(name="brake pads.jpg", content=JPEG, kind="image/jpeg"):
        return SimpleUploadedFile(name, content, kind)

    def test_files_become_a_message_that_names_them(self, alice, as_alice):
        ticket_of(alice)
        response = self.send(as_alice, self.file(), self.file("bill.pdf", b"%PDF-1.7 ", "application/pdf"))
        assert response.status_code == 201, response.content
        message, uploads = Message.objects.get(number=2), list(Upload.objects.order_by("id"))
        assert response.json() == {
            "id": f"MSG{message.pk}",
            "sender_id": alice.contact.pk,
            "sender_name": "Alice Cooper",
            "content": "Attached: brake pads (JPG), bill (PDF)",
            "timestamp": format_instant(message.created_at),
            "is_internal": False,
            "sender_type": "customer",
            "attachments": [public_url(upload.key) for upload in uploads],
        }
        assert [(u.state, u.name, u.owner, u.customer_id) for u in uploads] == [
            ("attached", "brake pads.jpg", alice.contact, alice.pk),
            ("attached", "bill.pdf", alice.contact, alice.pk),
        ]
        assert as_alice.get(f"{TICKETS}/TKT456").json()["messages"][1] == response.json()

    def test_repeated_idempotency_key_stores_one_message(self, alice, as_alice):
        ticket_of(alice)
        head = 'Content-Disposition: form-data; name="files"; filename="a.jpg"\r\nContent-Type: image/jpeg'
        body = b"--b\r\n" + head.encode() + b"\r\n\r\n" + JPEG + b"\r\n--b--\r\n"
        answers = [
            as_alice.generic(
                "POST",
                self.url,
                body,
                content_type="multipart/form-data; boundary=b",
                HTTP_IDEMPOTENCY_KEY="once",
            )
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert (Message.objects.count(), Upload.objects.count()) == (2, 1)

    @pytest.mark.parametrize(
        ("name", "content", "kind", "path", "message"),
        [
            ("a.exe", b"MZ", "application/x-msdownload", "files[1]", UnsupportedFileType.message),
            ("a.jpg", b"<html>", "image/jpeg", "files", "a.jpg is not a file of the type image/jpeg."),
            ("a.jpg", b"", "image/jpeg", "files[1]", "The submitted file is empty."),
        ],
    )
    def test_wrong_file_is_422_and_posts_nothing(self, alice, as_alice, name, content, kind, path, message):
        ticket_of(alice)
        response = self.send(as_alice, self.file(), self.file(name, content, kind))
        assert (response.status_code, response.json()["fields"]) == (422, {path: [message]})
        assert (Message.objects.count(), Upload.objects.filter(state="attached").count()) == (1, 0)

    def test_too_large_file_and_too_many_files_are_422(self, alice, as_alice, monkeypatch, settings):
        ticket_of(alice)
        response = self.send(as_alice, *(self.file() for _ in range(11)))
        assert (response.status_code, list(response.json()["fields"])) == (422, ["files"])
        settings.MAX_UPLOAD_BYTES, settings.MAX_BODY_BYTES = 1024, 4096
        response = self.send(as_alice, self.file(content=JPEG + b"x" * 1500))
        assert (response.status_code, response.json()["fields"]) == (
            422, {"files[0]": ["A file may have at most 1,024 bytes."]}
        )  # fmt: skip
        response = self.send(as_alice, self.file(content=JPEG + b"x" * 5000))
        assert (response.status_code, response.json()["error"]) == (413, "Request too large")
        assert not Upload.objects.exists()

    @pytest.mark.parametrize(
        ("body", "kind", "status", "error"),
        [
            ({}, None, 422, "Invalid input"),
            ({"files": "text"}, None, 422, "Invalid input"),
            ("{}", "application/json", 415, "Unsupported media type"),
            ("no boundary", "multipart/form-data", 400, "Malformed JSON"),
        ],
    )
    def test_other_bodies_are_refused(self, alice, as_alice, body, kind, status, error):
        ticket_of(alice)
        how = {"content_type": kind} if kind else {"format": "multipart"}
        response = as_alice.post(self.url, body, **how)
        assert (response.status_code, response.json()["error"]) == (status, error)

    def test_ticket_of_another_customer_is_404_and_stores_nothing(self, alice, as_bob):
        ticket_of(alice)
        response = self.send(as_bob, self.file())
        assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert (Message.objects.count(), Upload.objects.count()) == (1, 0)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_answer_and_deletion_at_once_agree(tim, alice, sign_in, now):
    """Either the answer comes first and the deletion is refused, or the message is gone before the answer."""
    ticket = ticket_of(alice)
    as_alice, message = sign_in(alice.contact), Message.objects.get()

    def act(number):
        if number:
            return as_alice.delete(f"{TICKETS}/TKT456/messages/MSG{message.pk}").status_code
        return post_alone(ticket, tim, now)

    answers = parallel(2, act)
    message.refresh_from_db()
    assert (200 in answers) == (message.body == "")
    assert (409 in answers) == (message.body != "")
    ticket.conversation.refresh_from_db()
    assert ticket.conversation.last_message.body == "Which one?"


def post_alone(ticket, user, now):
    actions.post_message(
        conversation=ticket.conversation.uuid, by=caller_of_user(user), body="Which one?", now=now
    )
