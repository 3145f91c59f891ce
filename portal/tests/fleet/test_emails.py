"""Portal: the pages that undo and confirm a change of email."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import EmailChange, Session, User
from portal.tests.fleet.conftest import browser
from testing import factories
from testing.clients import signed_in

pytestmark = pytest.mark.django_db

UNDO, CONFIRM = "/customer/email/undo/", "/customer/email/confirm/"
NEW_PASSWORD = "a quiet green bicycle"


@pytest.fixture
def carol():
    return factories.UserFactory(email="carol@example.com")


@pytest.fixture
def links(carol, django_capture_on_commit_callbacks):
    """Change Carol's email by contract 004 and return the links of the two mails."""
    client = signed_in(carol)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.patch("/api/auth/profile/update/", {"email": "new@example.com"}, format="json")
    assert (response.status_code, response.json()["email"]) == (200, "new@example.com")
    assert client.patch("/api/auth/profile/update/", {}, format="json").status_code == 200
    return [re.search(r"http://localhost:8000(/\S+)", message.body)[1] for message in mail.outbox]


def test_undo_restores_the_address_and_leads_to_a_new_password(carol, links):
    thief, client = browser(carol), Client()
    assert client.get(links[0])["Location"] == UNDO  # without the token
    assert "becomes <strong>carol@example.com</strong> again" in client.get(UNDO).content.decode()
    assert User.objects.get(pk=carol.pk).email == "new@example.com"  # opening the link changes nothing
    assert client.post(UNDO)["Location"] == "/customer/password/new/"
    carol.refresh_from_db()
    assert (carol.email, carol.confirmed_email, carol.has_usable_password()) == (
        "carol@example.com", None, False,
    )  # fmt: skip
    assert not Session.objects.filter(user=carol, ended_at=None).exists()
    assert thief.get("/customer/dashboard/").status_code == 302
    assert "Every session has ended." in client.get("/customer/password/new/").content.decode()
    fields = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert client.post("/customer/password/new/", fields)["Location"] == "/customer/login/"
    carol.refresh_from_db()
    assert carol.check_password(NEW_PASSWORD)
    other = Client()
    other.get(links[0])
    assert (other.get(UNDO).status_code, other.post(UNDO).status_code) == (400, 400)


def test_undo_signs_out_the_browser_that_uses_it(carol, links):
    client = browser(carol)
    client.get(links[0])
    client.post(UNDO)
    assert "_auth_user_id" not in client.session


def test_address_of_another_account_is_refused(carol, links):
    User.objects.create_user("carol@example.com")
    client = Client()
    client.get(links[0])
    response = client.post(UNDO)
    assert (response.status_code, "Another account" in response.content.decode()) == (409, True)
    assert EmailChange.objects.get().undone_at is None


def test_confirmation_needs_a_button(carol, links):
    client = Client()
    assert client.get(links[1])["Location"] == CONFIRM
    assert "Confirm that <strong>new@example.com</strong>" in client.get(CONFIRM).content.decode()
    assert User.objects.get(pk=carol.pk).confirmed_email == "carol@example.com"
    response = client.post(CONFIRM)
    assert (response.status_code, "is confirmed" in response.content.decode()) == (200, True)
    assert User.objects.get(pk=carol.pk).confirmed_email is None
    assert client.post(CONFIRM).status_code == 400


@pytest.mark.parametrize("url", [UNDO, CONFIRM])
def test_link_of_the_other_kind_or_without_token_does_nothing(client, carol, links, url):
    assert client.get(url).status_code == 400
    wrong = links[1] if url == UNDO else links[0]
    client.get(f"{url}?{wrong.partition('?')[2]}")
    for response in (client.post(url), client.get(url)):
        assert (response.status_code, "used already" in response.content.decode()) == (400, True)
    carol.refresh_from_db()
    assert (carol.email, carol.confirmed_email) == ("new@example.com", "carol@example.com")


@pytest.mark.parametrize("url", [UNDO, CONFIRM])
def test_button_needs_the_csrf_token(links, url):
    client = Client(enforce_csrf_checks=True)
    client.get(links[0] if url == UNDO else links[1])
    assert client.post(url).status_code == 403
    assert EmailChange.objects.filter(confirmed_at=None, undone_at=None).count() == 1
