"""The portal's door: sign-in, sign-out, forgotten passwords, and who may sign in for a company."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.actions import set_active
from accounts.models import Session, User
from accounts.passwords import change_password
from chat.sockets import tokens
from customers.callers import load_caller
from customers.models import CustomerUser
from portal.tests.fleet.conftest import browser
from testing import factories
from testing.factories import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/customer/login/"
NEW = "a quiet green bicycle"


def sign_in(client, user, password=PASSWORD, **words):
    return client.post(LOGIN, {"username": user.email, "password": password, **words})


def signed_in(client):
    return client.get("/customer/dashboard/").status_code == 200


class TestSignIn:
    def test_leads_where_one_was_going(self, client, rosa):
        asked = client.get("/customer/repairs/?status=pending")
        assert asked["Location"] == "/customer/login/?next=/customer/repairs/%3Fstatus%3Dpending"
        form = client.get(asked["Location"])
        assert 'name="next" value="/customer/repairs/?status=pending"' in form.content.decode()
        response = sign_in(client, rosa.contact, next="/customer/repairs/?status=pending")
        assert (response.status_code, response["Location"]) == (302, "/customer/repairs/?status=pending")
        assert signed_in(client)

    @pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_never_to_another_host(self, client, rosa, evil):
        assert sign_in(client, rosa.contact, next=evil)["Location"] == "/customer/dashboard/"

    def test_the_session_has_another_key_afterwards(self, client, rosa):
        client.get("/customer/password/new/?token=x")  # a session before the sign-in
        before = client.session.session_key
        sign_in(client, rosa.contact)
        assert before and client.session.session_key != before

    def test_email_in_any_case(self, client, rosa):
        response = client.post(LOGIN, {"username": rosa.contact.email.upper(), "password": PASSWORD})
        assert response.status_code == 302

    def test_wrong_words_are_counted_as_at_every_door(self, client, rosa, settings):
        for _ in range(settings.RATE_LOGIN):
            response = sign_in(client, rosa.contact, "wrong")
            assert "do not belong together" in response.content.decode()
        refused = sign_in(client, rosa.contact)
        assert (refused.status_code, refused.headers["Retry-After"].isdigit()) == (429, True)
        assert "Too many sign-in attempts" in refused.content.decode()
        assert not signed_in(client)

    def test_who_is_in_already_goes_on(self, page):
        assert page.get(LOGIN)["Location"] == "/customer/dashboard/"

    def test_cookies_are_for_https_and_for_no_script(self, client, rosa, settings):
        settings.SESSION_COOKIE_SECURE = True  # as with DEBUG=false
        cookie = sign_in(client, rosa.contact).cookies["sessionid"]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


class TestSessionEnds:
    def test_by_the_button(self, page):
        assert page.get("/customer/logout/")["Location"] == "/customer/dashboard/"
        assert page.post("/customer/logout/")["Location"] == LOGIN
        assert not signed_in(page)
        assert page.get("/customer/logout/")["Location"] == LOGIN

    def test_by_another_password(self, rosa, now):
        client = browser(rosa.contact)
        assert signed_in(client)
        change_password(user=User.objects.get(pk=rosa.contact_id), password=NEW, now=now)
        assert not signed_in(client)

    def test_by_deactivation(self, page, rosa, now):
        set_active(user=rosa.contact, is_active=False, now=now)
        assert not signed_in(page)


class TestForgotten:
    def ask(self, client, email, run):
        with run(execute=True):
            return client.post("/customer/password/", {"email": email})

    @pytest.fixture
    def link(self, client, rosa, django_capture_on_commit_callbacks):
        self.ask(client, rosa.contact.email, django_capture_on_commit_callbacks)
        [message] = mail.outbox
        assert message.to == [rosa.contact.email]
        [link] = re.findall(r"http://localhost:8000(/customer/password/new/\?token=\S+)", message.body)
        return link

    def test_a_link_is_mailed_and_sets_a_password(self, client, rosa, link):
        factories.SessionFactory(user=rosa.contact)
        here = client.get(link)
        assert here["Location"] == "/customer/password/new/"  # the token is in no address any more
        words = {"password": NEW, "again": NEW}
        assert client.post("/customer/password/new/", words)["Location"] == LOGIN
        assert not Session.objects.filter(user=rosa.contact, ended_at=None).exists()
        assert sign_in(client, rosa.contact, NEW).status_code == 302
        spent = Client()
        spent.get(link)
        again = spent.post("/customer/password/new/", words)
        assert (again.status_code, "expired or was used" in again.content.decode()) == (400, True)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ({"password": NEW, "again": "other"}, "The two passwords are not the same."),
            ({"password": "12345678", "again": "12345678"}, "too common"),
            ({"password": "", "again": ""}, "This field is required."),
        ],
    )
    def test_what_is_wrong_is_said_and_the_link_stays_good(self, client, rosa, link, words, said):
        client.get(link)
        response = client.post("/customer/password/new/", words)
        assert (response.status_code, said in response.content.decode()) == (400, True)
        assert client.post("/customer/password/new/", {"password": NEW, "again": NEW}).status_code == 302

    def test_an_unknown_email_is_told_the_same(self, client, rosa, django_capture_on_commit_callbacks):
        answers = {
            email: self.ask(client, email, django_capture_on_commit_callbacks).content.decode()
            for email in (rosa.contact.email, "nobody@example.com")
        }
        texts = {re.sub(r"[\w.]+@[\w.]+", "…", text) for text in answers.values()}
        assert len(texts) == 1
        assert len(mail.outbox) == 1

    def test_a_bad_link_is_told_so(self, client):
        assert client.get("/customer/password/new/").status_code == 400
        client.get("/customer/password/new/?token=nonsense")
        response = client.post("/customer/password/new/", {"password": NEW, "again": NEW})
        assert (response.status_code, "expired" in response.content.decode()) == (400, True)

    def test_so_many_mails_an_hour(self, client, rosa, settings, django_capture_on_commit_callbacks):
        for _ in range(settings.RATE_LOGIN):
            self.ask(client, rosa.contact.email, django_capture_on_commit_callbacks)
        refused = self.ask(client, rosa.contact.email, django_capture_on_commit_callbacks)
        assert (refused.status_code, refused.headers["Retry-After"].isdigit()) == (429, True)


class TestCompany:
    ADDRESS = {"street_address": "2 Gale Rd", "city": "Windham", "preferred_contact_method": "phone"}
    COLLEAGUE = {"first_name": "Ben", "last_name": "Breeze", "email": "Ben@RSWind.example"}

    def test_its_address_is_its_own_to_change_and_its_name_is_not(self, page, rosa):
        page.post("/customer/company/", self.ADDRESS | {"company_name": "Evil", "is_verified": "on"})
        rosa.refresh_from_db()
        assert (rosa.street_address, rosa.city, rosa.preferred_contact_method) == (
            "2 Gale Rd",
            "Windham",
            "phone",
        )
        assert (rosa.company_name, rosa.is_verified) == ("RS Wind", False)

    def test_a_wrong_phone_is_said_and_nothing_changes(self, page, rosa):
        response = page.post("/customer/company/", self.ADDRESS | {"emergency_contact_phone": "none"})
        assert response.status_code == 400
        rosa.refresh_from_db()
        assert rosa.street_address == "123 Elm St"

    def test_an_invited_colleague_chooses_a_password_and_is_in(
        self, page, rosa, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            page.post("/customer/company/users/new/", self.COLLEAGUE)
        [message] = mail.outbox
        assert (message.to, message.subject) == (["ben@rswind.example"], "You can sign in for RS Wind")
        [link] = re.findall(r"http://localhost:8000(/customer/password/new/\?token=\S+)", message.body)
        ben, client = User.objects.get(email="ben@rswind.example"), Client()
        assert not ben.has_usable_password()
        client.get(link)
        client.post("/customer/password/new/", {"password": NEW, "again": NEW})
        sign_in(client, ben, NEW)
        assert "RS Wind" in client.get("/customer/dashboard/").content.decode()

    def test_who_has_an_account_is_not_taken_into_a_company_unasked(self, page, bob, rosa):
        response = page.post("/customer/company/users/new/", self.COLLEAGUE | {"email": bob.contact.email})
        assert "There is an account with this email already." in response.content.decode()
        assert (rosa.logins.count(), len(mail.outbox)) == (1, 0)

    def test_a_colleague_is_removed_after_a_question(self, page, rosa):
        login = factories.CustomerUserFactory(customer=rosa)
        theirs, url = browser(login.user), f"/customer/company/users/{login.pk}/remove/"
        assert "Remove Pat" in page.get(url).content.decode()
        assert signed_in(theirs)
        page.post(url)
        assert not CustomerUser.objects.filter(pk=login.pk).exists()
        assert theirs.get("/customer/dashboard/").status_code == 404

    def test_neither_oneself_nor_the_contact(self, page, rosa):
        colleague = factories.CustomerUserFactory(customer=rosa)
        mine = rosa.logins.get(user=rosa.contact)
        url = f"/customer/company/users/{mine.pk}/remove/"
        assert page.post(url).status_code == 409
        assert browser(colleague.user).post(url).status_code == 409
        assert rosa.logins.count() == 2


class TestLive:
    """A ticket for the socket, behind the same door as the pages."""

    URL = "/customer/live/"

    def test_a_ticket_is_good_once_and_its_session_ends_with_the_pages(self, client, alice):
        client.force_login(alice.contact)
        first, second = (client.post(self.URL) for _ in range(2))
        assert (first.status_code, set(first.json())) == (201, {"ticket", "expires_in"})
        session = tokens.redeem(first.json()["ticket"])
        assert tokens.redeem(first.json()["ticket"]) is None
        assert tokens.redeem(second.json()["ticket"]) == session
        assert load_caller(session).customer_id == alice.pk
        client.post("/customer/logout/")
        assert load_caller(session) is None

    def test_a_session_that_was_ended_is_not_used_again(self, client, alice, now):
        client.force_login(alice.contact)
        session = tokens.redeem(client.post(self.URL).json()["ticket"])
        Session.objects.filter(uuid=session).end(now=now)
        another = tokens.redeem(client.post(self.URL).json()["ticket"])
        assert another != session
        assert load_caller(another).user_id == alice.contact_id

    def test_strangers_are_sent_to_the_login_and_staff_have_none(self, client, tim):
        assert client.post(self.URL).status_code == 302
        client.force_login(tim)
        assert client.post(self.URL).status_code == 404
        assert client.get(self.URL).status_code in (404, 405)
        assert not Session.objects.exists()
