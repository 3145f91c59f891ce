"""Requests for the deletion of one's data, by the web client of contract 003."""

from __future__ import annotations

import pytest
from django.core import mail

from testing import factories

pytestmark = pytest.mark.django_db
URL = "/api/users/request-deletion/"
RECEIVED = (
    202,
    {
        "message": "The request was received. If an account with this email exists, our staff will take care of it."
    },
)


@pytest.fixture
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


def test_known_email_mails_shop_and_person(send, api, alice, shop):
    sent = {"email": alice.contact.email.upper(), "reason": "I moved."}
    assert answer(send(api, sent)) == RECEIVED
    to_shop, to_person = mail.outbox
    assert (to_shop.to, to_person.to) == (["desk@shop.example"], [alice.contact.email])
    assert f"manage.py erase_person {alice.contact.email}" in to_shop.body
    assert "I moved." in to_shop.body
    assert "Nothing has been deleted" in to_person.body


def test_unknown_email_has_the_same_answer_and_no_mail(send, api, shop):
    assert answer(send(api, {"email": "nobody@example.com"})) == RECEIVED
    assert mail.outbox == []


def test_shop_without_an_address_is_told_through_its_managers(send, api, alice, ada):
    factories.LocationFactory(is_default=True)
    assert answer(send(api, {"email": alice.contact.email})) == RECEIVED
    assert mail.outbox[0].to == [ada.email]


def test_signed_in_caller_needs_no_email(send, as_alice, alice, shop):
    assert answer(send(as_alice, {"reason": ""})) == RECEIVED
    assert [message.to for message in mail.outbox] == [["desk@shop.example"], [alice.contact.email]]


def test_open_business_is_named_to_the_signed_in_caller(send, as_alice, alice, shop):
    order = factories.RepairOrderFactory(customer=alice)
    assert answer(send(as_alice, {"email": alice.contact.email})) == (
        409,
        {"error": f"Finish or cancel first: repair order {order.pk}."},
    )
    assert mail.outbox == []


def test_email_of_another_account_is_refused(send, as_alice, bob, shop):
    assert answer(send(as_alice, {"email": bob.contact.email})) == (
        400,
        {"email": ["This is not the email of your account."]},
    )
    assert mail.outbox == []


def test_staff_are_refused(send, as_tim, shop):
    assert send(as_tim, {}).status_code == 403


@pytest.mark.parametrize("sent", [{}, {"email": "alice"}, {"email": "a@b.example", "reason": "x" * 2001}])
def test_wrong_bodies_are_400(send, api, sent):
    assert send(api, sent).status_code == 400


def test_requests_are_limited_by_email_and_by_address(send, api, alice, shop, settings):
    settings.RATE_LOGIN, settings.RATE_REGISTER = 1, 2
    assert send(api, {"email": alice.contact.email}).status_code == 202
    again = send(api, {"email": alice.contact.email})
    assert (again.status_code, "Retry-After" in again.headers) == (429, True)
    assert send(api, {"email": "other@example.com"}).status_code == 429
