"""The contact form of contract 003's web client."""

from __future__ import annotations

import pytest
from django.core import mail

from chat.models import Conversation
from testing import factories

pytestmark = pytest.mark.django_db
URL = "/api/auth/contact/"
SENT = {
    "name": "Mary Major",
    "email": "mary@example.com",
    "phone": "+1234567890",
    "userType": "non-member",
    "message": "Do you service EVs?",
}


@pytest.fixture(autouse=True)
def shop(db):
    return factories.LocationFactory(email="desk@shop.example", is_default=True)


@pytest.fixture
def send(django_capture_on_commit_callbacks):
    """Return a function that posts a body, runs the tasks that this stored, and returns the response."""

    def post(client, body):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(URL, body, format="json")

    return post


def answer(response):
    return response.status_code, response.json()


def test_stranger_is_mailed_to_the_shop_which_answers_to_the_sender(send, api):
    assert answer(send(api, SENT)) == (
        201,
        {"message": "Your message was sent.", "threadId": None},
    )
    [message] = mail.outbox
    assert (message.to, message.reply_to) == (["desk@shop.example"], ["mary@example.com"])
    assert message.subject == "Message from the contact form"
    assert message.body == (
        "Do you service EVs?\n\n--\nMary Major\nmary@example.com\n+1234567890\nnon-member\n"
    )
    assert not Conversation.objects.exists()


def test_signed_in_customer_starts_a_conversation(send, as_alice, alice):
    response = send(as_alice, SENT)
    conversation = Conversation.objects.get()
    assert answer(response) == (
        201,
        {"message": "Your message was sent.", "threadId": str(conversation.uuid)},
    )
    assert (conversation.customer, conversation.subject) == (alice, "Contact form")
    assert conversation.last_message.body == "Do you service EVs?"
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"email": "mary"}, {"email": ["Enter a valid email address."]}),
        ({"message": " "}, {"message": ["This field may not be blank."]}),
        ({"name": ""}, {"name": ["This field may not be blank."]}),
        ({"phone": "12"}, {"phone": ["Enter a phone number of 7 to 15 digits."]}),
    ],
)
def test_wrong_values_send_nothing(send, api, change, fields):
    assert answer(send(api, {**SENT, **change})) == (400, fields)
    assert mail.outbox == []


def test_sender_cannot_add_headers(send, api):
    sent = {**SENT, "email": "mary@example.com\nBcc: all@example.com"}
    assert send(api, sent).status_code == 400
    assert mail.outbox == []


def test_messages_of_an_address_are_limited(send, api, settings):
    settings.RATE_REGISTER = 1
    assert send(api, SENT).status_code == 201
    again = send(api, SENT)
    assert (again.status_code, "Retry-After" in again.headers) == (429, True)
    assert len(mail.outbox) == 1
