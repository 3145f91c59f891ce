from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password

from accounts import hashers
from accounts.models import User
from common.domain.errors import Busy
from config import settings as product  # the suite hashes faster
from testing.factories import PASSWORD

HASHERS = ["accounts.hashers.BoundedArgon2"]


def test_product_hashes_with_it():
    assert product.PASSWORD_HASHERS[0] == HASHERS[0]


def test_hash_is_argon2s(settings):
    settings.PASSWORD_HASHERS = HASHERS
    encoded = make_password("correct horse")
    assert encoded.startswith("argon2$argon2id$")
    assert check_password("correct horse", encoded)
    assert not check_password("wrong horse", encoded)


def test_third_hash_waits_and_gives_up(monkeypatch):
    monkeypatch.setattr(hashers, "PATIENCE_SECONDS", 0.05)
    both, over = Barrier(3), Barrier(3)

    def slow(self, password, salt):
        both.wait(timeout=10)
        over.wait(timeout=10)
        return "hash"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", slow)
    threads = [Thread(target=hashers.BoundedArgon2().encode, args=("password", "salt")) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(timeout=10)
    with pytest.raises(Busy) as refused:
        hashers.BoundedArgon2().verify("password", "argon2$hash")
    assert refused.value.retry_after == 0.05
    over.wait(timeout=10)
    for thread in threads:
        thread.join()
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda *_: "hash")
    assert hashers.BoundedArgon2().encode("password", "salt") == "hash"


NEW = "a quiet green bicycle"
REQUESTS = {
    "/api/token/": {"email": "carol@example.com", "password": PASSWORD},
    "/api/auth/password/change/": {"oldPassword": PASSWORD, "newPassword": NEW},
    "/api/auth/register/": {"name": "John Doe", "email": "john@example.com", "password": NEW, "phone": "5550100001"},
}  # fmt: skip


@pytest.mark.parametrize("url", REQUESTS)
def test_request_that_gets_no_turn_is_503_and_changes_nothing(carol, sign_in, settings, monkeypatch, url):
    client = sign_in(carol)
    settings.PASSWORD_HASHERS = HASHERS
    User.objects.update(email="carol@example.com", password=make_password(PASSWORD))
    before = list(User.objects.values())
    monkeypatch.setattr(hashers._turns, "acquire", lambda timeout: False)
    response = client.post(url, REQUESTS[url], format="json")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert list(User.objects.values()) == before
