"""Conversations at the desk: who waits the longest comes first, and answers, notes and files are sent from one page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from chat import actions
from chat.models import Conversation, Message
from customers.callers import caller_of_user
from files.models import Upload
from testing.factories import ConversationFactory, RepairOrderFactory, UserFactory, VehicleFactory
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


def text_of(response):
    """Return the text of a page without tags, as one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def told(response):
    return [str(message) for message in response.context["messages"]]


def url(conversation):
    return reverse("conversation", args=[conversation.pk])


def say(conversation, user, body, *, minutes_ago=0, is_internal=False):
    """Post a message in the past."""
    return actions.post_message(
        conversation=conversation.uuid,
        by=caller_of_user(user),
        body=body,
        is_internal=is_internal,
        now=timezone.now() - timedelta(minutes=minutes_ago),
    ).message


@pytest.fixture
def question(alice):
    """Return a conversation in which Alice waits for an answer since 40 minutes."""
    conversation = ConversationFactory(customer=alice, subject="Is it ready?")
    say(conversation, alice.contact, "Is my car ready?", minutes_ago=40)
    say(conversation, alice.contact, "Hello?", minutes_ago=5)
    return Conversation.objects.get(pk=conversation.pk)


def sent(client, conversation, **answers):
    """Send the form of a conversation with the answers."""
    form = client.get(url(conversation)).context["form"]
    data = {"key": form["key"].value(), "body": "", **answers}
    return client.post(url(conversation), data, follow=True)


class TestList:
    def test_longest_wait_comes_first(self, desk, ada, alice, bob, question):
        older = ConversationFactory(customer=bob, subject="Brakes")
        say(older, bob.contact, "They squeal.", minutes_ago=90)
        answered = ConversationFactory(customer=bob, subject="Answered")
        say(answered, bob.contact, "Thanks?", minutes_ago=300)
        say(answered, ada, "You are welcome.", minutes_ago=200)
        noted = ConversationFactory(customer=alice, subject="Noted")
        say(noted, alice.contact, "Anything new?", minutes_ago=60)
        say(noted, ada, "She called twice.", minutes_ago=50, is_internal=True)
        ended = ConversationFactory(customer=bob, subject="Ended", status="closed")
        ConversationFactory(customer=bob, subject="Empty")
        response = desk.get(LIST)
        assert [str(row) for row in response.context["page"]] == ["Brakes", "Noted", "Is it ready?"]
        assert "Waits 1\xa0hour, 30\xa0minutes" in response.content.decode()
        assert "Waiting for us (3)" in text_of(response)
        rows = [str(row) for row in desk.get(LIST, {"view": "open"}).context["page"]]
        assert (rows[:3], set(rows[3:])) == (["Brakes", "Noted", "Is it ready?"], {"Answered", "Empty"})
        assert list(desk.get(LIST, {"view": "ended"}).context["page"]) == [ended]

    def test_wait_begins_with_the_first_message_after_the_answer(self, desk, ada, alice):
        conversation = ConversationFactory(customer=alice)
        say(conversation, alice.contact, "One", minutes_ago=100)
        say(conversation, ada, "Two", minutes_ago=90)
        third = say(conversation, alice.contact, "Three", minutes_ago=30)
        say(conversation, alice.contact, "Four", minutes_ago=10)
        [row] = desk.get(LIST).context["page"]
        assert row.waits_since == third.created_at

    def test_nobody_waits(self, desk, db):
        assert "Nobody waits for an answer." in text_of(desk.get(LIST))

    def test_unknown_view_is_told(self, desk, db):
        assert told(desk.get(LIST, {"view": "mine"})) == ["There is no view 'mine'."]

    def test_number_of_queries_is_constant(self, desk, question, bob):
        desk.get(LIST)
        one = count_queries(lambda: desk.get(LIST))
        for _ in range(6):
            say(ConversationFactory(customer=bob), bob.contact, "Hello")
        assert count_queries(lambda: desk.get(LIST)) == one

    def test_list_needs_the_permission(self, client, tim, question):
        client.force_login(tim)
        assert client.get(LIST).status_code == 200
        Group.objects.get(name="technician").permissions.remove(
            Permission.objects.get(codename="view_conversation")
        )
        assert (client.get(LIST).status_code, client.get(url(question)).status_code) == (403, 403)


class TestConversation:
    def test_answer_is_sent(self, desk, ada, question):
        response = sent(desk, question, body="Yes, at five.")
        message = Message.objects.get(body="Yes, at five.")
        assert (message.author, message.is_support, message.is_internal) == (ada, True, False)
        question.refresh_from_db()
        assert (question.status, question.last_message) == ("in_progress", message)
        assert told(response) == ["The message is sent."]

    def test_note_is_kept_from_the_customer(self, desk, as_alice, question):
        response = sent(desk, question, body="She is angry.", note="1")
        note = Message.objects.get(body="She is angry.")
        question.refresh_from_db()
        assert (note.is_internal, question.status, question.last_message.body) == (True, "open", "Hello?")
        assert told(response) == ["The note is kept."]
        assert "Internal note" in text_of(response)
        shown = as_alice.get(f"/api/chat/threads/{question.uuid}/messages/").content.decode()
        assert "Hello?" in shown
        assert "angry" not in shown

    @pytest.mark.parametrize("note", [{}, {"note": "1"}])
    def test_file_of_a_note_is_the_shops(self, desk, as_alice, question, note):
        file = SimpleUploadedFile("pads.png", PNG, content_type="image/png")
        response = sent(desk, question, uploads=[file], **note)
        upload = Upload.objects.get()
        assert (upload.name, upload.state, upload.customer_id) == (
            "pads.png", "attached", None if note else question.customer_id
        )  # fmt: skip
        assert Message.objects.latest("number").attachments[0]["id"] == str(upload.uuid)
        assert "pads.png" in text_of(response)
        seen = as_alice.get(f"/api/files/{upload.uuid}/")
        seen.close()
        assert seen.status_code == (404 if note else 200)

    @pytest.mark.parametrize(
        ("answers", "field"),
        [
            ({}, "body"),
            ({"body": "x" * 10_001}, "body"),
            ({"uploads": [SimpleUploadedFile("a.txt", b"text", content_type="text/plain")]}, "uploads"),
            ({"uploads": [SimpleUploadedFile("a.png", b"GIF89a", content_type="image/png")]}, "uploads"),
            (
                {
                    "uploads": [
                        SimpleUploadedFile(f"{n}.png", PNG, content_type="image/png") for n in range(6)
                    ]
                },
                "uploads",
            ),
        ],
    )
    def test_wrong_answer_is_asked_again(self, desk, question, answers, field):
        response = sent(desk, question, **answers)
        assert list(response.context["form"].errors) == [field]
        assert (question.messages.count(), Upload.objects.count()) == (2, 0)

    def test_form_is_sent_once(self, desk, question):
        data = {"key": desk.get(url(question)).context["form"]["key"].value(), "body": "Yes."}
        desk.post(url(question), data)
        desk.post(url(question), data)
        assert question.messages.filter(body="Yes.").count() == 1

    def test_page_leads_to_customer_vehicle_and_order(self, desk, alice, question):
        vehicle = VehicleFactory(customer=alice)
        order = RepairOrderFactory(vehicle=vehicle, status="requested", number=1042)
        response = desk.get(url(question))
        assert (response.context["vehicles"], response.context["orders"]) == ([vehicle], [order])
        assert reverse("customer-page", args=[alice.pk]) in response.content.decode()
        assert "Order 1042" in text_of(response)

    def test_script_gets_what_is_new(self, desk, ada, question):
        assert desk.get(url(question), {"after": 2}).status_code == 204
        say(question, ada, "Soon.")
        html = desk.get(url(question), {"after": 2}).content.decode()
        assert re.findall(r'data-number="(\d+)"', html) == ["3"]
        assert "Soon." in html

    def test_text_is_escaped(self, desk, alice, question):
        say(question, alice.contact, "<script>alert(1)</script>\n\nSecond paragraph")
        html = desk.get(url(question)).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "<script>alert(1)" not in html

    def test_long_log_is_shown_in_screens(self, desk, alice, question):
        for number in range(60):
            say(question, alice.contact, f"Message {number}")
        response = desk.get(url(question))
        assert [entry["message"].number for entry in response.context["entries"]] == list(range(13, 63))
        assert response.context["earlier"] == 13
        earlier = desk.get(url(question), {"before": 13}).context
        assert [entry["message"].number for entry in earlier["entries"]] == list(range(1, 13))
        assert (earlier["earlier"], earlier["is_latest"]) == (None, False)

    def test_conversation_is_resolved_and_reopened(self, desk, question):
        response = desk.post(url(question), {"step": "resolved"}, follow=True)
        question.refresh_from_db()
        assert (question.status, told(response)) == ("resolved", ["The conversation is resolved."])
        desk.post(url(question), {"step": "open"})
        question.refresh_from_db()
        assert question.status == "open"

    def test_step_that_the_status_does_not_allow_is_refused(self, desk, question):
        assert told(desk.post(url(question), {"step": "open"}, follow=True)) == [
            "This conversation is open and cannot become open."
        ]
        assert told(desk.post(url(question), {"step": "gone"}, follow=True)) == ["There is no step 'gone'."]

    def test_technician_answers_and_does_not_end(self, client, tim, question):
        client.force_login(tim)
        sent(client, question, body="Ten minutes.")
        assert question.messages.filter(body="Ten minutes.", author=tim).exists()
        assert client.post(url(question), {"step": "closed"}).status_code == 403
        question.refresh_from_db()
        assert question.status == "in_progress"

    def test_answer_needs_its_permission(self, client, tim, question):
        Group.objects.get(name="technician").permissions.remove(
            Permission.objects.get(codename="add_message")
        )
        client.force_login(tim)
        assert client.post(url(question), {"body": "x", "key": "k"}).status_code == 403
        assert question.messages.count() == 2

    def test_number_of_queries_is_constant(self, desk, alice, question):
        desk.get(url(question))
        one = count_queries(lambda: desk.get(url(question)))
        for number in range(5):
            say(question, alice.contact, f"Message {number}")
            RepairOrderFactory(vehicle=VehicleFactory(customer=alice), status="requested")
        assert count_queries(lambda: desk.get(url(question))) == one

    def test_unknown_conversation_is_not_found(self, desk, db):
        assert desk.get("/admin/conversations/999999/").status_code == 404


class TestNew:
    def new(self, customer):
        return f"{reverse('conversation-new')}?customer={customer.pk}"

    def test_conversation_is_started(self, desk, ada, alice):
        form = desk.get(self.new(alice)).context["form"]
        data = {"key": form["key"].value(), "subject": "Your car", "body": "It is ready."}
        response = desk.post(self.new(alice), data, follow=True)
        conversation = Conversation.objects.get()
        assert (conversation.customer, conversation.subject, conversation.messages.get().author) == (
            alice, "Your car", ada
        )  # fmt: skip
        assert told(response) == ["The message is sent."]
        again = desk.post(self.new(alice), data)
        assert again.context["form"].non_field_errors()[0].startswith("This form was sent before.")
        assert Conversation.objects.count() == 1

    def test_subject_and_message_are_needed(self, desk, alice):
        response = desk.post(self.new(alice), {"key": "k", "subject": "", "body": ""})
        assert list(response.context["form"].errors) == ["subject", "body"]
        assert not Conversation.objects.exists()

    def test_it_needs_an_advisor_and_a_customer(self, client, tim, alice):
        client.force_login(tim)
        assert client.get(self.new(alice)).status_code == 403
        client.force_login(UserFactory(role="advisor"))
        assert client.get(reverse("conversation-new")).status_code == 404
