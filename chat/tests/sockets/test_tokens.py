import pytest

from chat.sockets import tokens
from chat.tests.member import TICKET

pytestmark = pytest.mark.django_db


def test_socket_token_is_good_once(as_alice, alice):
    response = as_alice.post(TICKET)
    socket_token = response.json()["ticket"]
    assert (response.status_code, response.json()) == (201, {"ticket": socket_token, "expiresIn": 30})
    assert tokens.redeem(socket_token) == alice.contact.sessions.get().uuid
    assert tokens.redeem(socket_token) is None
    assert tokens.redeem("never issued") is None


def test_socket_token_is_503_while_redis_is_away(as_alice, monkeypatch):
    from redis.exceptions import ConnectionError as Away

    class Broken:
        def __getattr__(self, name):
            raise Away

    monkeypatch.setattr(tokens, "cache", Broken())
    response = as_alice.post(TICKET)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json() == {"error": "Tickets cannot be issued right now. Try again in a few seconds."}
