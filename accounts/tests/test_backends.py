from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory

from accounts.models import KnownAddress, User
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
