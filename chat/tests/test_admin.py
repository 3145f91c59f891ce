import pytest

from chat.models import Conversation, Message, SupportTicket
from testing import factories
from testing.admin import buttons, changelist, page, press

pytestmark = pytest.mark.django_db


def test_answer_calls_post_message(desk, ada):
    conversation = factories.ConversationFactory()
    assert press(desk, conversation, "answer", body="Bring it in") == ["The message is sent."]
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_message.body, conversation.last_message.author) == (
        "in_progress",
        "Bring it in",
        ada,
    )
    assert conversation.last_message.is_support


def test_internal_note_is_shown_in_the_admin_only(desk, as_alice, alice):
    conversation = factories.ConversationFactory(customer=alice)
    press(desk, conversation, "answer", body="Difficult person", is_internal="on")
    assert Message.objects.get().is_internal
    assert "Difficult person" in desk.get(page(conversation)).content.decode()
    assert as_alice.get(f"/api/chat/threads/{conversation.uuid}/messages/").json() == []
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_message) == ("open", None)


def test_buttons_fit_the_status(desk):
    conversation = factories.ConversationFactory()
    assert buttons(desk, conversation) == ["Answer", "Resolve", "Close"]
    press(desk, conversation, "resolve")
    assert buttons(desk, conversation) == ["Answer", "Close", "Reopen"]
    press(desk, conversation, "close")
    assert buttons(desk, conversation) == ["Answer", "Reopen"]
    press(desk, conversation, "reopen")
    conversation.refresh_from_db()
    assert conversation.status == "open"


def test_staff_start_a_conversation(desk, alice, ada):
    url = changelist(Conversation) + "add/"
    response = desk.post(url, _form(customer=alice.pk, message="Your car is ready"))
    conversation = Conversation.objects.get()
    assert (response.status_code, conversation.customer, conversation.subject) == (302, alice, "Ready")
    assert (conversation.last_message.body, conversation.last_message.author, conversation.status) == (
        "Your car is ready",
        ada,
        "in_progress",
    )
    assert desk.post(url, _form(customer=alice.pk, message="")).status_code == 200
    assert Conversation.objects.count() == 1


def _form(**values):
    inline = {"messages-TOTAL_FORMS": "0", "messages-INITIAL_FORMS": "0"}
    return {"subject": "Ready", **inline, **values}


def test_subject_can_be_changed(desk):
    conversation = factories.ConversationFactory(subject="Braks")
    values = {"subject": "Brakes", "messages-TOTAL_FORMS": "0", "messages-INITIAL_FORMS": "0"}
    assert desk.post(page(conversation), values).status_code == 302
    conversation.refresh_from_db()
    assert (conversation.subject, conversation.history.count()) == ("Brakes", 2)


def test_page_of_a_long_conversation_has_constant_queries(desk, django_assert_max_num_queries):
    conversation = factories.ConversationFactory()
    for number in range(1, 40):
        factories.MessageFactory(conversation=conversation, number=number)
    desk.get(page(conversation))
    with django_assert_max_num_queries(25):
        assert desk.get(page(conversation)).status_code == 200


def test_support_ticket_is_answered_and_resolved_on_its_page(desk, as_alice, alice, mailoutbox):
    ticket = factories.SupportTicketFactory(id=456, conversation__customer=alice)
    mine = "/api/v1/customer/tickets/TKT456"
    assert buttons(desk, ticket) == ["Answer", "Resolve", "Close"]
    press(desk, ticket, "answer", body="<Difficult> person", is_internal="on")
    assert (as_alice.get(mine).json()["messages"], as_alice.get(mine).json()["status"]) == ([], "OPEN")
    assert press(desk, ticket, "answer", body="Bring it in") == ["The message is sent."]
    body = as_alice.get(mine).json()
    assert ([message["content"] for message in body["messages"]], body["status"]) == (
        ["Bring it in"],
        "IN_PROGRESS",
    )
    html = desk.get(page(ticket)).content.decode()
    assert "Bring it in" in html
    assert "&lt;Difficult&gt; person" in html
    press(desk, ticket, "resolve")
    assert as_alice.get(mine).json()["status"] == "RESOLVED"
    assert buttons(desk, ticket) == ["Answer", "Close", "Reopen"]


def test_staff_change_the_priority_of_a_support_ticket(desk, as_alice, alice):
    ticket = factories.SupportTicketFactory(id=456, conversation__customer=alice)
    assert desk.post(page(ticket), {"priority": "urgent", "conversation": 1}).status_code == 302
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.history.count()) == ("urgent", 2)
    assert as_alice.get("/api/v1/customer/tickets").json()[0]["priority"] == "URGENT"
    assert desk.get(changelist(SupportTicket) + "add/").status_code == 403


def test_support_ticket_is_found_by_its_number(desk):
    factories.SupportTicketFactory(id=456)
    factories.SupportTicketFactory(id=457)
    for term in ("TKT456", "tkt456", "456"):
        found = desk.get(changelist(SupportTicket), {"q": term}).context["cl"].result_list
        assert [ticket.pk for ticket in found] == [456]
