"""Portal: invitations of the company's page, and the page on which they are accepted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from customers.models import CustomerUser, Invitation
from portal.tests.fleet.conftest import browser
from testing import factories

pytestmark = pytest.mark.django_db

COMPANY = "/customer/company/"
INVITE = "/customer/company/users/new/"
PAGE = "/customer/invitation/"
BEN = {"email": "Ben@RSWind.example", "role": "approver"}
NEW_LOGIN = {
    "first_name": "Ben",
    "last_name": "Breeze",
    "password": "a quiet green bicycle",
    "again": "a quiet green bicycle",
}
SPENT = "expired, was withdrawn or was already used"


@pytest.fixture(autouse=True)
def _verified(rosa):
    rosa.is_verified = True
    rosa.save()


@pytest.fixture
def send(page, django_capture_on_commit_callbacks):
    """Return a function that posts to a page and returns the response and the link of its mail."""

    def send(url=INVITE, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            response = page.post(url, BEN | fields)
        assert response.status_code == 302, response.content.decode()
        [link] = re.findall(r"http://localhost:8000(/customer/invitation/\?token=\S+)", mail.outbox[-1].body)
        return link

    return send


def text(response):
    return response.content.decode()


class TestCompanyPage:
    def test_invitation_is_listed_sent_again_and_withdrawn(self, page, rosa, send):
        old = send()
        first = Invitation.objects.get()
        assert "ben@rswind.example" in text(page.get(COMPANY))
        url = f"/customer/company/invitations/{first.pk}"
        assert "Send the invitation to ben@rswind.example again?" in text(page.get(f"{url}/resend/"))
        new = send(f"{url}/resend/")
        assert new != old
        client = Client()
        assert client.get(old)["Location"] == PAGE
        response = client.get(PAGE)
        assert (response.status_code, SPENT in text(response)) == (400, True)
        second = Invitation.objects.waiting().get()
        url = f"/customer/company/invitations/{second.pk}/withdraw/"
        assert "Withdraw the invitation" in text(page.get(url))
        assert page.post(url)["Location"] == COMPANY
        client.get(new)
        assert client.get(PAGE).status_code == 400
        assert page.post(url).status_code == 404
        assert "No invitation" not in text(page.get(COMPANY))
        assert (rosa.logins.count(), len(mail.outbox)) == (1, 2)

    def test_expired_invitation_is_marked(self, page, rosa, now):
        factories.InvitationFactory(customer=rosa, created_at=now - timedelta(days=8))
        assert "expired" in text(page.get(COMPANY))

    def test_invalid_address_and_role_are_refused(self, page, rosa):
        for fields in ({"email": "ben"}, {"role": "king"}, {"role": ""}, {"email": rosa.contact.email}):
            response = page.post(INVITE, BEN | fields)
            assert (response.status_code, 'class="errors"' in text(response)) == (400, True)
        assert (Invitation.objects.count(), mail.outbox) == (0, [])

    def test_limit_is_429_with_the_seconds_to_wait(self, page, rosa, settings, now):
        factories.InvitationFactory.create_batch(settings.RATE_INVITATIONS, customer=rosa, created_at=now)
        response = page.post(INVITE, BEN)
        assert (response.status_code, response["Retry-After"].isdigit()) == (429, True)
        assert Invitation.objects.count() == settings.RATE_INVITATIONS

    def test_unverified_company_has_no_button_and_gets_403(self, page, rosa):
        assert INVITE in text(page.get(COMPANY))
        rosa.is_verified = False
        rosa.save()
        assert INVITE not in text(page.get(COMPANY))
        response = page.post(INVITE, BEN)
        assert (response.status_code, "has not verified" in text(response)) == (403, True)
        assert (Invitation.objects.count(), mail.outbox) == (0, [])

    def test_approver_gets_403_and_no_buttons(self, rosa):
        invitation = factories.InvitationFactory(customer=rosa)
        login = factories.CustomerUserFactory(customer=rosa, role="approver")
        mine, theirs = browser(login.user), rosa.logins.get(user=rosa.contact)
        shown = text(mine.get(COMPANY))
        assert not re.search("/(role|remove|resend|withdraw|new)/", shown)
        for url, fields in (
            (INVITE, BEN),
            (f"{COMPANY}invitations/{invitation.pk}/resend/", {}),
            (f"{COMPANY}invitations/{invitation.pk}/withdraw/", {}),
            (f"{COMPANY}users/{theirs.pk}/remove/", {}),
            (f"{COMPANY}users/{login.pk}/role/", {"role": "owner"}),
        ):
            assert mine.post(url, fields).status_code == 403, url
        assert list(Invitation.objects.waiting()) == [invitation]
        assert set(rosa.logins.values_list("role", flat=True)) == {"owner", "approver"}

    def test_owner_changes_roles_but_not_of_the_last_owner(self, page, rosa):
        login = factories.CustomerUserFactory(customer=rosa, role="viewer")
        url = f"{COMPANY}users/{login.pk}/role/"
        assert "viewer" in text(page.get(url))
        assert page.post(url, {"role": "king"}).status_code == 400
        assert page.post(url, {"role": "owner"})["Location"] == COMPANY
        login.refresh_from_db()
        assert login.role == "owner"
        page.post(url, {"role": "approver"})
        own = rosa.logins.get(user=rosa.contact)
        response = page.post(f"{COMPANY}users/{own.pk}/role/", {"role": "viewer"})
        assert (response.status_code, "needs an owner" in text(response)) == (409, True)
        own.refresh_from_db()
        assert own.role == "owner"


class TestAccept:
    def test_new_colleague_sets_a_password_and_signs_in(self, rosa, send):
        client, link = Client(), send()
        [message] = mail.outbox
        assert (message.to, message.subject) == (["ben@rswind.example"], "Invitation to the fleet portal")
        assert not User.objects.filter(email="ben@rswind.example").exists()
        assert client.get(link)["Location"] == PAGE  # without the token
        assert "You are invited as <strong>ben@rswind.example</strong>" in text(client.get(PAGE))
        assert not User.objects.filter(email="ben@rswind.example").exists()
        for wrong in (
            {"first_name": ""},
            {"again": "other"},
            dict.fromkeys(("password", "again"), "12345678"),
        ):
            response = client.post(PAGE, NEW_LOGIN | wrong)
            assert (response.status_code, 'class="errors"' in text(response)) == (400, True)
        assert client.post(PAGE, NEW_LOGIN)["Location"] == "/customer/login/"
        fields = {"username": "ben@rswind.example", "password": NEW_LOGIN["password"]}
        assert client.post("/customer/login/", fields).status_code == 302
        assert "RS Wind" in text(client.get("/customer/dashboard/"))
        other = Client()
        other.get(link)
        assert other.post(PAGE, NEW_LOGIN).status_code == 400
        assert rosa.logins.count() == 2

    def test_account_of_the_address_signs_in_first(self, rosa, carol, send):
        client, link = Client(), send(email=carol.email)
        client.get(link)
        assert f"/customer/login/?next={PAGE}" in text(client.get(PAGE))
        assert client.post(PAGE, NEW_LOGIN).status_code == 400
        assert not CustomerUser.objects.filter(user=carol).exists()
        fields = {"username": carol.email, "password": factories.PASSWORD, "next": PAGE}
        assert client.post("/customer/login/", fields)["Location"] == PAGE
        assert "Accept the invitation" in text(client.get(PAGE))
        assert client.post(PAGE)["Location"] == "/customer/dashboard/"
        assert CustomerUser.objects.get(user=carol).customer == rosa
        assert "RS Wind" in text(client.get("/customer/dashboard/"))

    def test_another_signed_in_user_is_asked_to_sign_out(self, rosa, carol, send):
        client, link = browser(carol), send()
        client.get(link)
        assert "signed in with another address" in text(client.get(PAGE))
        response = client.post(PAGE)
        assert (response.status_code, "for another email address" in text(response)) == (403, True)
        assert rosa.logins.count() == 1

    def test_login_of_another_customer_is_told_why(self, rosa, bob, send):
        client, link = browser(bob.contact), send(email=bob.contact.email)
        client.get(link)
        response = client.post(PAGE)
        assert (response.status_code, "belongs to another customer" in text(response)) == (409, True)
        assert bob.logins.get().customer == bob

    def test_registrations_are_limited(self, rosa, send, settings):
        settings.RATE_REGISTER = 1
        clients = []
        for number in range(2):
            client, link = Client(), send(email=f"ben{number}@rswind.example")
            client.get(link)
            clients.append(client.post(PAGE, NEW_LOGIN))
        refused = clients[1]
        assert (clients[0].status_code, refused.status_code) == (302, 429)
        assert refused["Retry-After"].isdigit()

    def test_page_without_a_token_or_with_a_wrong_one_is_spent(self, client):
        assert client.get(PAGE).status_code == 400
        client.get(f"{PAGE}?token=nonsense")
        for response in (client.post(PAGE, NEW_LOGIN), client.get(PAGE)):
            assert (response.status_code, SPENT in text(response)) == (400, True)
