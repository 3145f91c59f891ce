"""Idempotency keys (docs/design, D26): replay of the same body, 422 for another, one effect under parallel requests."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from rest_framework.permissions import AllowAny

from catalogue.models import Part
from common.domain import errors
from common.domain.models import IdempotencyKey
from common.http import idempotency
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareView
from common.http.contracts.shop import ShopView
from common.http.permissions import SignedIn
from common.http.routing import route
from testing.clients import signed_in
from testing.storms import parallel

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

ADDRESS = "/api/shop/made/"
REUSED = {
    "error": "Idempotency key reused",
    "detail": "This Idempotency-Key was already used for another request.",
}


class MakeMixin:
    """Create a part and respond as the body says."""

    permission_classes = [SignedIn]

    def post(self, request):
        part = Part.objects.create(
            name=request.data.get("name", ""), part_number=f"P{Part.objects.count() + 1}", unit_price=1
        )
        ending = request.data.get("ending")
        if ending == "conflict":
            raise errors.DomainError("Somebody was faster.")
        if ending == "bug":
            raise RuntimeError("A fault of ours.")
        if ending in (400, 500):
            return JSONResponse({"ending": ending}, status=ending)
        if ending == 204:
            return JSONResponse(status=204)
        return JSONResponse({"number": part.part_number, "name": part.name}, status=201)


class Make(MakeMixin, ShopView):
    pass


class CareMake(MakeMixin, CareView):
    pass


class Open(MakeMixin, ShopView):
    permission_classes = [AllowAny]


class ReadOnly(ShopView):
    permission_classes = [SignedIn]

    def get(self, request):
        return JSONResponse({})


urlpatterns = [
    route("api/shop/made/", Make.as_view()),
    route("api/shop/also/", Make.as_view()),
    route("api/shop/open/", Open.as_view()),
    route("api/shop/read/", ReadOnly.as_view()),
    route("api/v1/customer/made", CareMake.as_view()),
]


def post(client, key, body=None, address=ADDRESS):
    extra = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    return client.post(address, {"name": "ü"} if body is None else body, format="json", **extra)


def test_same_key_and_body_replay_the_first_response(as_alice):
    first, second = post(as_alice, "k"), post(as_alice, "k")
    assert (first.status_code, first.json()) == (201, {"number": "P1", "name": "ü"})
    assert (second.status_code, second.content) == (201, first.content)
    assert second["Content-Type"] == "application/json"
    assert ("Idempotent-Replayed" in first, second["Idempotent-Replayed"]) == (False, "true")
    assert Part.objects.count() == 1


def test_without_a_key_every_post_acts(as_alice):
    assert [post(as_alice, None).json()["number"] for _ in range(2)] == ["P1", "P2"]
    assert not IdempotencyKey.objects.exists()


def test_another_key_acts_again(as_alice):
    assert [post(as_alice, key).json()["number"] for key in ("a", "b")] == ["P1", "P2"]


def test_another_body_or_url_is_422(as_alice):
    post(as_alice, "k")
    for response in (post(as_alice, "k", {"name": "v"}), post(as_alice, "k", address="/api/shop/also/")):
        assert (response.status_code, response.json()) == (422, REUSED)
    assert Part.objects.count() == 1


def test_reused_key_as_care_renders_it(as_alice):
    post(as_alice, "k", address="/api/v1/customer/made")
    response = post(as_alice, "k", {"name": "v"}, address="/api/v1/customer/made")
    assert (response.status_code, response.json()) == (422, REUSED | {"fields": {}})


def test_keys_of_two_users_are_separate(as_alice, as_bob):
    assert [post(client, "k").json()["number"] for client in (as_alice, as_bob)] == ["P1", "P2"]


def test_204_is_replayed(as_alice):
    for _ in range(2):
        response = post(as_alice, "k", {"ending": 204})
        assert (response.status_code, response.content) == (204, b"")
    assert Part.objects.count() == 1


@pytest.mark.parametrize(("ending", "status"), [("conflict", 409), (400, 400), (500, 500)])
def test_error_leaves_neither_effect_nor_key(as_alice, ending, status):
    for _ in range(2):
        assert post(as_alice, "k", {"ending": ending}).status_code == status
    assert not Part.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert post(as_alice, "k").status_code == 201


def test_exception_leaves_neither_effect_nor_key(as_alice):
    with pytest.raises(RuntimeError):
        post(as_alice, "k", {"ending": "bug"})
    assert not Part.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_response_is_kept_for_24_hours(as_alice, now):
    post(as_alice, "k")
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=23, minutes=59))
    assert post(as_alice, "k").json()["number"] == "P1"
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=24, seconds=1))
    assert post(as_alice, "k", {"name": "v"}).json() == {"number": "P2", "name": "v"}
    assert IdempotencyKey.objects.get().created_at >= now


def test_request_deletes_only_the_callers_expired_keys(as_alice, as_bob, bob, now):
    post(as_alice, "a")
    post(as_bob, "b")
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=25))
    post(as_alice, "c")
    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"b", "c"}


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb", "a\x7fb"])
def test_invalid_key_is_400_and_has_no_effect(as_alice, key):
    response = post(as_alice, key)
    message = "Must be 1 to 255 printable ASCII characters."
    assert response.status_code == 400
    assert response.json() == {
        "error": "Invalid input",
        "detail": message,
        "fields": {"Idempotency-Key": [message]},
    }
    assert not Part.objects.exists()


@pytest.mark.parametrize("key", ["x" * 255, " ", "a b", '"8e03978e"'])
def test_any_printable_key_is_valid(as_alice, key):
    assert [post(as_alice, key).json()["number"] for _ in range(2)] == ["P1", "P1"]


def test_unauthenticated_request_stores_no_key(api):
    assert post(api, "k", address="/api/shop/open/").status_code == 201
    assert post(api, "k").status_code == 401
    assert not IdempotencyKey.objects.exists()


def test_key_is_ignored_except_for_post(as_alice):
    response = as_alice.get("/api/shop/read/", HTTP_IDEMPOTENCY_KEY="k")
    assert response.status_code == 200
    assert not IdempotencyKey.objects.exists()


def test_key_does_not_allow_a_method(as_alice):
    response = post(as_alice, "k", address="/api/shop/read/")
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"
    assert not IdempotencyKey.objects.exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_fifty_posts_with_one_key_have_one_effect_and_one_response(self, alice):
        client = signed_in(alice.contact)
        token = client._credentials

        def send(_):
            mine = type(client)()
            mine.credentials(**token)
            response = post(mine, "k")
            return response.status_code, response.content

        outcomes = parallel(50, send)
        assert set(outcomes) == {(201, '{"number":"P1","name":"ü"}'.encode())}
        assert Part.objects.count() == 1

    @pytest.mark.skipif(
        connection.vendor != "postgresql", reason="on SQLite every request waits for the write lock"
    )
    def test_wait_ends_with_409(self, alice, now, monkeypatch):
        monkeypatch.setattr(idempotency, "MAX_WAIT_SECONDS", 0.1)
        taken, answered = threading.Event(), threading.Event()

        def hold_or_ask(number):
            if number:
                taken.wait(10)
                try:
                    response = post(signed_in(alice.contact), "k")
                finally:
                    answered.set()
                return response.status_code, response.json()
            with transaction.atomic():
                IdempotencyKey.objects.create(
                    user_id=alice.contact_id, key="k", fingerprint="", created_at=now
                )
                taken.set()
                answered.wait(10)
            return None

        assert parallel(2, hold_or_ask)[1] == (
            409,
            {
                "error": "Request in progress",
                "detail": "A request with this Idempotency-Key is still being answered. Try again.",
            },
        )
        assert not Part.objects.exists()
