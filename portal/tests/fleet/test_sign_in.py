"""Portal: sign-in, sign-out, password reset, the company and its logins, and socket tokens."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.actions import set_active
from accounts.models import PageSession, Session, User
from accounts.passwords import change_password
from chat.sockets import tokens
from customers.callers import load_caller
from customers.models import CustomerUser
from portal.tests.fleet.conftest import browser
from testing import factories
from testing.factories import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/customer/login/"
NEW_PASSWORD = "a quiet green bicycle"


def sign_in(client, user, password=PASSWORD, **fields):
    return client.post(LOGIN, {"username": user.email, "password": password, **fields})


def is_signed_in(client):
    return client.get("/customer/dashboard/").status_code == 200


class TestSignIn:
    def test_redirects_to_the_requested_page(self, client, rosa):
        response = client.get("/customer/repairs/?status=pending")
        assert response["Location"] == "/customer/login/?next=/customer/repairs/%3Fstatus%3Dpending"
        form = client.get(response["Location"])
        assert 'name="next" value="/customer/repairs/?status=pending"' in form.content.decode()
        response = sign_in(client, rosa.contact, next="/customer/repairs/?status=pending")
        assert (response.status_code, response["Location"]) == (302, "/customer/repairs/?status=pending")
        assert is_signed_in(client)

    @pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_never_redirects_to_another_host(self, client, rosa, url):
        assert sign_in(client, rosa.contact, next=url)["Location"] == "/customer/dashboard/"

    def test_session_gets_a_new_key(self, client, rosa):
        session = client.session  # a session before the sign-in
        session["language"] = "en"
        session.save()
        before = session.session_key
        sign_in(client, rosa.contact)
        assert before and client.session.session_key != before

    def test_email_is_accepted_in_any_case(self, client, rosa):
        response = client.post(LOGIN, {"username": rosa.contact.email.upper(), "password": PASSWORD})
        assert response.status_code == 302

    def test_wrong_passwords_are_limited(self, client, rosa, settings):
        for _ in range(settings.RATE_LOGIN):
            response = sign_in(client, rosa.contact, "wrong")
            assert "do not belong together" in response.content.decode()
        refused = sign_in(client, rosa.contact)
        assert (refused.status_code, refused.headers["Retry-After"].isdigit()) == (429, True)
        assert "Too many sign-in attempts" in refused.content.decode()
        assert not is_signed_in(client)

    def test_signed_in_user_is_redirected_to_the_dashboard(self, page):
        assert page.get(LOGIN)["Location"] == "/customer/dashboard/"

    def test_session_cookie_is_secure_and_http_only(self, client, rosa, settings):
        settings.SESSION_COOKIE_SECURE = True  # as with DEBUG=false
        cookie = sign_in(client, rosa.contact).cookies["sessionid"]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


class TestSessionEnd:
    def test_sign_out_ends_the_session(self, page):
        assert page.get("/customer/logout/")["Location"] == "/customer/dashboard/"
        assert page.post("/customer/logout/")["Location"] == LOGIN
        assert not is_signed_in(page)
        assert page.get("/customer/logout/")["Location"] == LOGIN

    def test_new_password_ends_the_session(self, rosa, now):
        client = browser(rosa.contact)
        assert is_signed_in(client)
        change_password(user=User.objects.get(pk=rosa.contact_id), password=NEW_PASSWORD, now=now)
        assert not is_signed_in(client)

    def test_deactivation_ends_the_session(self, page, rosa, now):
        set_active(user=rosa.contact, is_active=False, now=now)
        assert not is_signed_in(page)


@pytest.mark.parametrize(
    "url",
    [
        *("/customer/password/new/?token=x", "/customer/password/new/", "/customer/password/"),
        *(
            "/customer/login/",
            "/customer/",
            "/customer/units/",
            "/admin/",
            "/admin/login/",
            "/api/docs/",
            "/",
        ),
    ],
)
def test_anonymous_visit_stores_no_session(client, url):
    for _ in range(2):
        client.get(url, follow=True)
    client.post(url, {"password": "x", "again": "x", "username": "x", "email": ""})
    assert "sessionid" not in client.cookies
    assert not PageSession.objects.exists()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/customer/password/new", "fleet_reset"),
        ("/customer/invitation", "fleet_invitation"),
        ("/customer/email/undo", "email_undo"),
        ("/customer/email/confirm", "email_confirm"),
    ],
)
def test_token_moves_into_a_cookie_of_its_page(client, settings, url, name):
    """The cookie is removed with the attributes with which it was set, and only from a browser that has it."""
    settings.SESSION_COOKIE_SECURE = True
    fields = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
    for response in (client.get(f"{url}/"), client.post(f"{url}/", fields)):
        assert (response.status_code, list(response.cookies)) == (400, [])
    kept = client.get(f"{url}/?token=x").cookies[name]
    assert (kept.value, kept["max-age"]) == ("x", settings.PASSWORD_RESET_TIMEOUT)
    removed = client.post(f"{url}/", fields).cookies[name]
    assert (removed.value, removed["max-age"]) == ("", 0)
    for cookie in (kept, removed):
        assert (cookie["path"], cookie["secure"], cookie["httponly"], cookie["samesite"]) == (
            url, True, True, "Lax",
        )  # fmt: skip


class TestForgottenPassword:
    def request_link(self, client, email, capture):
        with capture(execute=True):
            return client.post("/customer/password/", {"email": email})

    @pytest.fixture
    def link(self, client, rosa, django_capture_on_commit_callbacks):
        self.request_link(client, rosa.contact.email, django_capture_on_commit_callbacks)
        [message] = mail.outbox
        assert message.to == [rosa.contact.email]
        [link] = re.findall(r"http://localhost:8000(/customer/password/new/\?token=\S+)", message.body)
        return link

    def test_emailed_link_sets_a_password_once(self, client, rosa, link):
        factories.SessionFactory(user=rosa.contact)
        response = client.get(link)
        assert response["Location"] == "/customer/password/new/"  # without the token
        fields = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
        assert client.post("/customer/password/new/", fields)["Location"] == LOGIN
        assert not Session.objects.filter(user=rosa.contact, ended_at=None).exists()
        assert sign_in(client, rosa.contact, NEW_PASSWORD).status_code == 302
        other = Client()
        other.get(link)
        again = other.post("/customer/password/new/", fields)
        assert (again.status_code, "expired or was used" in again.content.decode()) == (400, True)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"password": NEW_PASSWORD, "again": "other"}, "The two passwords are not the same."),
            ({"password": "12345678", "again": "12345678"}, "too common"),
            ({"password": "", "again": ""}, "This field is required."),
        ],
    )
    def test_invalid_password_is_refused_and_the_link_stays_valid(self, client, rosa, link, fields, message):
        client.get(link)
        response = client.post("/customer/password/new/", fields)
        assert (response.status_code, message in response.content.decode()) == (400, True)
        assert (
            client.post(
                "/customer/password/new/", {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
            ).status_code
            == 302
        )

    def test_unknown_email_gets_the_same_page(self, client, rosa, django_capture_on_commit_callbacks):
        pages = {
            email: self.request_link(client, email, django_capture_on_commit_callbacks).content.decode()
            for email in (rosa.contact.email, "nobody@example.com")
        }
        texts = {re.sub(r"[\w.]+@[\w.]+", "…", text) for text in pages.values()}
        assert len(texts) == 1
        assert len(mail.outbox) == 1

    def test_invalid_link_shows_an_error(self, client):
        assert client.get("/customer/password/new/").status_code == 400
        client.get("/customer/password/new/?token=nonsense")
        response = client.post("/customer/password/new/", {"password": NEW_PASSWORD, "again": NEW_PASSWORD})
        assert (response.status_code, "expired" in response.content.decode()) == (400, True)

    def test_emails_are_limited(self, client, rosa, settings, django_capture_on_commit_callbacks):
        for _ in range(settings.RATE_LOGIN):
            self.request_link(client, rosa.contact.email, django_capture_on_commit_callbacks)
        refused = self.request_link(client, rosa.contact.email, django_capture_on_commit_callbacks)
        assert (refused.status_code, refused.headers["Retry-After"].isdigit()) == (429, True)


class TestCompany:
    ADDRESS = {"street_address": "2 Gale Rd", "city": "Windham", "preferred_contact_method": "phone"}

    def test_company_can_change_its_address_but_not_its_name(self, page, rosa):
        page.post("/customer/company/", self.ADDRESS | {"company_name": "Evil", "is_verified": "on"})
        rosa.refresh_from_db()
        assert (rosa.street_address, rosa.city, rosa.preferred_contact_method) == (
            "2 Gale Rd",
            "Windham",
            "phone",
        )
        assert (rosa.company_name, rosa.is_verified) == ("RS Wind", False)

    def test_company_can_choose_its_units(self, page, rosa):
        assert 'name="units"' in page.get("/customer/company/").content.decode()
        page.post("/customer/company/", self.ADDRESS | {"units": "metric"})
        rosa.refresh_from_db()
        assert rosa.units == "metric"
        assert page.post("/customer/company/", self.ADDRESS | {"units": "furlongs"}).status_code == 400
        page.post("/customer/company/", self.ADDRESS | {"units": ""})
        rosa.refresh_from_db()
        assert rosa.units == ""

    def test_invalid_phone_is_refused_and_nothing_changes(self, page, rosa):
        response = page.post("/customer/company/", self.ADDRESS | {"emergency_contact_phone": "none"})
        assert response.status_code == 400
        rosa.refresh_from_db()
        assert rosa.street_address == "123 Elm St"

    def test_line_with_control_characters_is_refused_and_nothing_changes(self, page, rosa):
        response = page.post("/customer/company/", self.ADDRESS | {"emergency_contact_name": "Eve\nBcc: x"})
        assert response.status_code == 400
        assert "Control characters such as line breaks" in response.content.decode()
        rosa.refresh_from_db()
        assert (rosa.street_address, rosa.emergency_contact_name) == ("123 Elm St", "")

    def test_colleague_is_removed_after_a_confirmation(self, page, rosa):
        login = factories.CustomerUserFactory(customer=rosa)
        theirs, url = browser(login.user), f"/customer/company/users/{login.pk}/remove/"
        assert "Remove Pat" in page.get(url).content.decode()
        assert is_signed_in(theirs)
        page.post(url)
        assert not CustomerUser.objects.filter(pk=login.pk).exists()
        assert theirs.get("/customer/dashboard/").status_code == 404

    def test_own_login_and_contact_cannot_be_removed(self, page, rosa):
        colleague = factories.CustomerUserFactory(customer=rosa)
        own = rosa.logins.get(user=rosa.contact)
        url = f"/customer/company/users/{own.pk}/remove/"
        assert page.post(url).status_code == 409
        assert browser(colleague.user).post(url).status_code == 409
        assert rosa.logins.count() == 2


class TestLive:
    """The route that issues socket tokens to signed-in users."""

    URL = "/customer/live/"

    def test_token_is_valid_once_and_its_session_ends_with_sign_out(self, client, alice):
        client.force_login(alice.contact)
        first, second = (client.post(self.URL) for _ in range(2))
        assert (first.status_code, set(first.json())) == (201, {"ticket", "expires_in"})
        session = tokens.redeem(first.json()["ticket"])
        assert tokens.redeem(first.json()["ticket"]) is None
        assert tokens.redeem(second.json()["ticket"]) == session
        assert load_caller(session).customer_id == alice.pk
        client.post("/customer/logout/")
        assert load_caller(session) is None

    def test_ended_session_is_not_reused(self, client, alice, now):
        client.force_login(alice.contact)
        session = tokens.redeem(client.post(self.URL).json()["ticket"])
        Session.objects.filter(uuid=session).end(now=now)
        another = tokens.redeem(client.post(self.URL).json()["ticket"])
        assert another != session
        assert load_caller(another).user_id == alice.contact_id

    def test_anonymous_user_is_redirected_and_staff_get_404(self, client, tim):
        assert client.post(self.URL).status_code == 302
        client.force_login(tim)
        assert client.post(self.URL).status_code == 404
        assert client.get(self.URL).status_code in (404, 405)
        assert not Session.objects.exists()
