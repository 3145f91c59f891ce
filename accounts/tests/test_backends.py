from __future__ import annotations

import pytest
from django.contrib.auth import authenticate, get_user
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import KnownAddress, PageSession, User
from accounts.page_sessions import SessionStore
from testing.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_(rf: RequestFactory):
    return rf.post("/admin/login/")


def test_authenticate_accepts_username_or_email(carol, request_):
    assert authenticate(request_, username=carol.email.upper(), password=PASSWORD) == carol
    assert authenticate(request_, email=carol.email, password=PASSWORD) == carol


@pytest.mark.parametrize("case", ["wrong", "no password", "no email", "no request", "deactivated"])
def test_authenticate_returns_none(carol, request_, case):
    given = {"request": request_, "username": carol.email, "password": PASSWORD}
    given |= {
        "wrong": {"password": "wrong"},
        "no password": {"password": None},
        "no email": {"username": ""},
        "no request": {"request": None},
        "deactivated": {},
    }[case]
    if case == "deactivated":
        User.objects.update(is_active=False)
    assert authenticate(**given) is None
    assert not KnownAddress.objects.exists()


def test_page_request_loads_session_and_user_with_two_statements(
    carol, client, django_assert_num_queries, rf
):
    client.force_login(carol)
    request = rf.get("/")
    with django_assert_num_queries(2):
        request.session = SessionStore(client.session.session_key)
        user = get_user(request)
    assert (user, type(user), user._state.adding) == (carol, User, False)
    assert {field.attname: getattr(user, field.attname) for field in User._meta.concrete_fields} == {
        field.attname: getattr(carol, field.attname) for field in User._meta.concrete_fields
    }
    assert not user.get_deferred_fields()


@pytest.mark.parametrize("case", ["unknown", "expired", "ended", "deactivated", "deleted"])
def test_page_request_without_living_session_and_user_is_anonymous(carol, client, rf, case):
    client.force_login(carol)
    key = client.session.session_key
    if case == "expired":
        PageSession.objects.update(expire_date=timezone.now())
    elif case == "ended":
        PageSession.objects.all().delete()
    elif case == "deactivated":
        User.objects.update(is_active=False)
    elif case == "deleted":
        PageSession.objects.update(user=None)
        carol.delete()
    request = rf.get("/")
    request.session = SessionStore("0" * 32 if case == "unknown" else key)
    assert get_user(request) == AnonymousUser()
    if case in ("unknown", "expired", "ended"):
        assert request.session.session_key is None
