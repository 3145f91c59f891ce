"""Users see and end their sessions."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.actions import open_session
from accounts.models import PageSession, Session
from accounts.own_sessions import list_sessions
from accounts.own_sessions_pages import name_browser
from testing.factories import PASSWORD, CustomerUserFactory

PAGE = "/admin/sessions/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"


def browser(user):
    client = Client(headers={"User-Agent": FIREFOX}, REMOTE_ADDR="192.0.2.7")
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    return client


def shown(client):
    return [(one.device, one.address, one.is_present) for one in client.get(PAGE).context["sessions"]]


@pytest.fixture
def here(tim):
    return browser(tim)


@pytest.fixture
def there(tim):
    return browser(tim)


def test_page_lists_browsers_and_apps_of_the_user(here, there, tim, alice, now):
    open_session(user=tim, now=now, device_id="phone-1")
    open_session(user=alice.contact, now=now)
    assert shown(here)[0] == ("Firefox on Windows", "192.0.2.7", True)
    assert sorted(shown(here)[1:]) == [("Firefox on Windows", "192.0.2.7", False), ("phone-1", "", False)]
    assert not any(row.session_key in here.get(PAGE).text for row in PageSession.objects.all())


def test_times_name_their_zone(here):
    assert re.search(r"since \d+ \w{3} \d{4}, \d\d:\d\d UTC", here.get(PAGE).text)


def test_one_browser_is_ended(here, there):
    other = next(one for one in here.get(PAGE).context["sessions"] if not one.is_present)
    assert here.post(PAGE, {"session": other.id})["Location"] == PAGE
    assert (here.get("/admin/tables/").status_code, there.get("/admin/tables/").status_code) == (200, 302)


def test_one_app_is_ended(here, tim, now):
    open_session(user=tim, now=now)
    here.post(PAGE, {"session": str(Session.objects.get().uuid)})
    assert Session.objects.get().ended_at is not None


def test_all_others_are_ended(here, there, tim, alice, now):
    open_session(user=tim, now=now)
    open_session(user=alice.contact, now=now)
    here.post(PAGE, {"others": "yes"})
    assert (here.get("/admin/tables/").status_code, there.get("/admin/tables/").status_code) == (200, 302)
    assert Session.objects.get(user=tim).ended_at is not None
    assert Session.objects.get(user=alice.contact).ended_at is None


@pytest.mark.parametrize("id", ["", "x", "0" * 32])
def test_unknown_session_is_reported(here, there, id):
    response = here.post(PAGE, {"session": id}, follow=True)
    assert "This session has ended already." in response.text
    assert there.get("/admin/tables/").status_code == 200


def test_session_of_another_user_is_not_ended(here, alice, now):
    open_session(user=alice.contact, now=now)
    here.post(PAGE, {"session": str(Session.objects.get().uuid)})
    assert Session.objects.get().ended_at is None


def test_browser_of_another_user_is_not_ended(here, ada, now):
    other = browser(ada)
    [row] = list_sessions(user_id=ada.pk, present=None, now=now)
    here.post(PAGE, {"session": row.id})
    assert other.get("/admin/tables/").status_code == 200


def test_page_is_for_staff(client, alice):
    assert client.get(PAGE).status_code == 302
    client.force_login(alice.contact)
    assert client.get(PAGE).status_code == 302


class TestPortal:
    URL = "/customer/company/sessions/"

    @pytest.mark.parametrize("role", ["owner", "viewer"])
    def test_login_sees_and_ends_its_sessions(self, alice, role):
        user = CustomerUserFactory(customer=alice, role=role).user
        here, there = Client(), Client()
        for client in (here, there):
            client.force_login(user)
        assert "This browser" in here.get(self.URL).text
        assert here.post(self.URL, {"others": "yes"})["Location"] == self.URL
        assert here.get(self.URL).status_code == 200
        assert there.get(self.URL).status_code == 302


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("", ""),
        ("curl/8", ""),
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
    ],
)
def test_browser_is_named(agent, name):
    assert name_browser(agent) == name
