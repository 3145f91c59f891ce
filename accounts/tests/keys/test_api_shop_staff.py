"""The staff's API for API keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.keys.actions import hash_of
from accounts.models import ApiKey
from common.domain.models import IdempotencyKey
from testing import factories
from testing.billed import again

pytestmark = pytest.mark.django_db
URL = "/api/shop/api-keys/"


@pytest.fixture
def manager():
    return factories.UserFactory(role="manager")


@pytest.fixture
def as_manager(manager, sign_in):
    return sign_in(manager)


def iso(instant):
    return instant.isoformat().replace("+00:00", "Z")


def row_of(key, /, **changed):
    return {
        "id": key.pk,
        "name": key.name,
        "role": "manager",
        "prefix": key.prefix,
        "addresses": [],
        "created_at": iso(key.created_at),
        "created_by_id": None,
        "expires_at": None,
        "revoked_at": None,
        "last_used_at": None,
        **changed,
    }


def test_list_is_newest_first_and_filtered(as_manager):
    first = factories.ApiKeyFactory()
    second = factories.ApiKeyFactory(revoked_at=timezone.now(), addresses=["192.0.2.0/24"])
    rows = [row_of(second, revoked_at=iso(second.revoked_at), addresses=["192.0.2.0/24"]), row_of(first)]
    assert as_manager.get(URL).json()["results"] == rows
    assert as_manager.get(URL, {"revoked": "false"}).json()["results"] == rows[1:]
    assert as_manager.get(f"{URL}{first.pk}/").json() == rows[1]


def test_list_costs_the_same_for_every_length(as_manager, django_assert_num_queries):
    factories.ApiKeyFactory.create_batch(3)
    with django_assert_num_queries(2):
        as_manager.get(URL)


def test_key_is_in_the_response_alone(as_manager, manager):
    until = timezone.now() + timedelta(days=30)
    body = {"name": "Website", "role": "advisor", "addresses": ["192.0.2.7"], "expires_at": iso(until)}
    response = as_manager.post(URL, body, format="json")
    made = ApiKey.objects.get()
    key = response.json()["key"]
    assert response.status_code == 201
    assert response.json() == row_of(
        made,
        role="advisor",
        addresses=["192.0.2.7/32"],
        created_by_id=manager.pk,
        expires_at=iso(until),
        key=key,
    )
    assert hash_of(key) == made.key_hash
    assert "key" not in as_manager.get(f"{URL}{made.pk}/").json()


def test_replay_has_no_key_and_none_is_stored(as_manager):
    def send():
        return as_manager.post(
            URL,
            {"name": "Website", "role": "advisor"},
            format="json",
            headers={"Idempotency-Key": "once"},
        )

    first, second = send(), send()
    key = first.json()["key"]
    assert second.json() == {**first.json(), "key": None}
    assert (second.status_code, second["Idempotent-Replayed"]) == (201, "true")
    assert key not in IdempotencyKey.objects.get().body
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"role": "admin"}, {"role"}),
        ({"name": ""}, {"name"}),
        ({"name": "two\nlines"}, {"name"}),
        ({"addresses": ["10.0.0.1", "here"]}, {"addresses[1]"}),
        ({"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at"}),
        ({"prefix": "gk_mine"}, {"prefix"}),
    ],
)
def test_wrong_body_names_what_is_wrong(as_manager, wrong, fields):
    body = {"name": "Website", "role": "advisor", **wrong}
    response = as_manager.post(URL, body, format="json")
    assert (response.status_code, set(response.json()["fields"])) == (400, fields)
    assert ApiKey.objects.count() == 0


def test_revoked_key_is_refused_at_once(as_manager, api):
    key = factories.ApiKeyFactory()
    headers = {"Authorization": f"Api-Key {key.name}"}
    assert api.get(URL, headers=headers).status_code == 200
    response = as_manager.post(f"{URL}{key.pk}/revoke/")
    assert (response.status_code, response.json()) == (
        200,
        row_of(again(key), revoked_at=iso(again(key).revoked_at), last_used_at=iso(again(key).last_used_at)),
    )
    assert api.get(URL, headers=headers).status_code == 401
    again_revoked = as_manager.post(f"{URL}{key.pk}/revoke/")
    assert (again_revoked.status_code, again_revoked.json()["code"]) == (409, "api_key_is_revoked")


def test_keys_are_managed_by_people(api):
    key = factories.ApiKeyFactory()
    headers = {"Authorization": f"Api-Key {key.name}"}
    for url, body in ((URL, {"name": "Second", "role": "manager"}), (f"{URL}{key.pk}/revoke/", None)):
        response = api.post(url, body, format="json", headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "people_only")
    assert ApiKey.objects.count() == 1


def test_etag_does_not_change_with_each_use(as_manager):
    key = factories.ApiKeyFactory()
    etag = as_manager.get(f"{URL}{key.pk}/")["ETag"]
    ApiKey.objects.update(last_used_at=timezone.now())
    response = as_manager.post(f"{URL}{key.pk}/revoke/", headers={"If-Match": etag})
    assert (response.status_code, again(key).revoked_at is None) == (200, False)
