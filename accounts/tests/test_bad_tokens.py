"""Invalid tokens: forged, expired, or of a session that has ended."""

from __future__ import annotations

import base64
import json
from uuid import uuid4

import jwt
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import actions, passwords
from accounts.models import Session, User
from common.domain.tokens import AccessToken, RefreshToken

pytestmark = pytest.mark.django_db

REFRESH, VERIFY = "/api/token/refresh/", "/api/token/verify/"
PROFILE = "/api/auth/customer-profile/"
REFUSED = {"detail": "Token is invalid or expired."}
NOT_GOOD = {"detail": "Given token is not valid or has expired."}
NO_TOKEN = {"detail": "Authentication credentials were not provided."}


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def forged(session, kind, **changes):
    """Return a correctly signed token with the session's claims and `changes`. None removes a claim."""
    token = kind()
    token["sid"] = str(session.uuid)
    token["user_id"] = str(session.user.uuid)
    for name, value in changes.items():
        token.payload[name] = value
        if value is None:
            del token.payload[name]
    if kind is RefreshToken and "jti" not in changes:
        token.payload["jti"] = session.refresh_jti
    return str(token)


def unsigned(session, kind):
    claims = claims_of(forged(session, kind))
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


FORGERIES = {
    "expired": lambda session, kind: forged(session, kind, exp=int(timezone.now().timestamp()) - 1),
    "without expiry": lambda session, kind: forged(session, kind, exp=None),
    "wrong kind": lambda session, kind: forged(
        session, kind, token_type="refresh" if kind is AccessToken else "access"
    ),
    "without kind": lambda session, kind: forged(session, kind, token_type=None),
    "without jti": lambda session, kind: forged(session, kind, jti=None),
    "without session": lambda session, kind: forged(session, kind, sid=None),
    "session is no uuid": lambda session, kind: forged(session, kind, sid="1"),
    "session unknown": lambda session, kind: forged(session, kind, sid=str(uuid4())),
    "foreign key": lambda session, kind: jwt.encode(
        claims_of(forged(session, kind)), "another service's key " * 4, algorithm="HS256"
    ),
    "alg none": unsigned,
    "signature cut off": lambda session, kind: forged(session, kind).rpartition(".")[0] + ".",
    "garbage": lambda session, kind: "garbage",
    "not ascii": lambda session, kind: "tökén.é.ü",
    "list as claims": lambda session, kind: jwt.api_jws.encode(b"[]", "x" * 64, algorithm="HS256"),
}


class TestForgeries:
    @pytest.mark.parametrize("name", FORGERIES)
    def test_invalid_access_token_is_401(self, session, name):
        response = bearer(FORGERIES[name](session, AccessToken)).get(PROFILE)
        assert (response.status_code, response.json()) == (401, NOT_GOOD)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'

    @pytest.mark.parametrize("rotate", [False, True])
    @pytest.mark.parametrize("name", FORGERIES)
    def test_invalid_refresh_token_is_401_without_change(self, api, session, settings, name, rotate):
        settings.ROTATE_REFRESH_TOKENS = rotate
        before = Session.objects.values().get()
        response = api.post(REFRESH, {"refresh": FORGERIES[name](session, RefreshToken)}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)
        assert Session.objects.values().get() == before

    @pytest.mark.parametrize("name", [name for name in FORGERIES if name != "wrong kind"])
    def test_invalid_token_is_not_verified(self, api, session, name):
        for kind in (AccessToken, RefreshToken):
            response = api.post(VERIFY, {"token": FORGERIES[name](session, kind)}, format="json")
            assert (response.status_code, response.json()) == (401, REFUSED)

    def test_valid_token_is_accepted(self, api, session):
        assert bearer(forged(session, AccessToken)).get(PROFILE).status_code == 200
        response = api.post(REFRESH, {"refresh": forged(session, RefreshToken)}, format="json")
        assert response.status_code == 200

    @pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer  ", "Bearer a b"])
    def test_bearer_without_one_token_is_invalid(self, api, header):
        response = api.get(PROFILE, HTTP_AUTHORIZATION=header)
        assert (response.status_code, response.json()) == (401, NOT_GOOD)

    @pytest.mark.parametrize("header", ["", "Basic YTpi", "Token abc", "Bearerx y"])
    def test_other_scheme_counts_as_no_credentials(self, api, header):
        response = api.get(PROFILE, HTTP_AUTHORIZATION=header)
        assert (response.status_code, response.json()) == (401, NO_TOKEN)

    def test_scheme_is_accepted_in_any_case(self, api, tokens):
        assert api.get(PROFILE, HTTP_AUTHORIZATION=f"bEaReR {tokens.access}").status_code == 200


SESSION_ENDS = {
    "sign-out": lambda user, tokens, now: actions.sign_out(refresh=tokens.refresh, now=now),
    "password": lambda user, tokens, now: passwords.change_password(
        user=user, password="another one", now=now
    ),
    "role": lambda user, tokens, now: actions.change_role(user=user, role="manager", now=now),
    "deactivation": lambda user, tokens, now: actions.set_active(user=user, is_active=False, now=now),
    "deactivation in the database": lambda user, tokens, now: User.objects.update(is_active=False),
    "deletion": lambda user, tokens, now: user.delete(),
}


@pytest.mark.parametrize("ending", SESSION_ENDS)
def test_end_of_session_invalidates_both_tokens(api, carol, bob, now, ending):
    tokens = actions.open_session(user=carol, now=now)
    stranger = actions.open_session(user=bob.contact, now=now)
    SESSION_ENDS[ending](carol, tokens, now)
    assert bearer(tokens.access).get(PROFILE).json() == NOT_GOOD
    for address, key, token in (
        (REFRESH, "refresh", tokens.refresh),
        (VERIFY, "token", tokens.access),
        (VERIFY, "token", tokens.refresh),
    ):
        response = api.post(address, {key: token}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)
    if "deactivation" not in ending or "database" not in ending:
        assert bearer(stranger.access).get(PROFILE).status_code == 200
