"""Tokens signed with a former `SECRET_KEY` are accepted while it is among `SECRET_KEY_FALLBACKS`."""

from __future__ import annotations

import pytest
from rest_framework_simplejwt.backends import TokenBackend

from accounts.actions import open_session
from common.domain.tokens import AccessToken, RefreshToken

pytestmark = pytest.mark.django_db

OLD = "a former key of fifty and more characters 0123456789"
PROFILE = "/api/auth/customer-profile/"


@pytest.fixture
def resigned(alice, now):
    """Return both tokens of a session as a release with the former key signed them."""
    tokens = open_session(user=alice.contact, now=now)
    sign = TokenBackend("HS256", OLD).encode
    return sign(AccessToken(tokens.access).payload), sign(RefreshToken(tokens.refresh).payload)


def test_former_key_is_accepted_while_it_is_named(api, resigned, settings):
    access, refresh = resigned
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert api.get(PROFILE).status_code == 401
    settings.SECRET_KEY_FALLBACKS = [OLD[::-1], OLD]
    assert api.get(PROFILE).status_code == 200
    renewed = api.post("/api/token/refresh/", {"refresh": refresh}, format="json").json()["access"]
    settings.SECRET_KEY_FALLBACKS = []
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {renewed}")  # signed with the present key
    assert api.get(PROFILE).status_code == 200


def test_expired_token_is_refused_under_any_key(api, alice, now, settings):
    token = AccessToken(open_session(user=alice.contact, now=now).access)
    expired = TokenBackend("HS256", OLD).encode({**token.payload, "exp": int(now.timestamp()) - 1})
    settings.SECRET_KEY_FALLBACKS = [OLD]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {expired}")
    assert api.get(PROFILE).status_code == 401


def test_page_session_survives_rotation(client, alice, settings):
    client.force_login(alice.contact)
    former, settings.SECRET_KEY = settings.SECRET_KEY, OLD
    settings.SECRET_KEY_FALLBACKS = [former]
    assert client.get("/customer/api/repairs/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    settings.SECRET_KEY = OLD[::-1]
    assert client.get("/customer/api/repairs/").status_code == 302
