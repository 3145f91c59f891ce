"""Requests with an API key: where it counts, from where, until when, and as whom it acts."""

from __future__ import annotations

import sqlite3
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.keys import callers
from accounts.keys.querysets import ApiKeyQuerySet
from repair_orders.models import RepairOrder
from testing import factories
from testing.billed import again
from testing.suites import UNAUTHENTICATED

pytestmark = pytest.mark.django_db
STAFFS, SERVICES = "/api/shop/repair-orders/", "/api/v1/customers/"
REFUSED = {"detail": "The API key is unknown, revoked or expired.", "code": "api_key_refused"}


@pytest.fixture
def key():
    return factories.ApiKeyFactory()


def get(api, key, url=STAFFS, **headers):
    return api.get(url, headers={"Authorization": f"Api-Key {key}", **headers})


@pytest.mark.parametrize("url", [STAFFS, SERVICES, f"{SERVICES}stats/"])
def test_key_opens_the_staffs_api_and_the_service_routes(api, key, url):
    assert get(api, key.name, url).status_code == 200


def test_key_reads_a_customer_of_the_service(api, key, alice):
    contact = alice.contact.uuid
    for tail in (
        f"{alice.uuid}/",
        f"{alice.uuid}/dashboard/",
        f"by_user_id/?user_id={contact}",
        f"logical/{contact}/",
    ):
        assert get(api, key.name, SERVICES + tail).status_code == 200, tail


@pytest.mark.parametrize(
    "url",
    [
        "/api/shop/repair-orders/customers/me/repair-orders/",
        "/api/auth/user/",
        "/api/vehicles/",
        "/api/v1/customer/orders",
        "/customer/api/repairs/",
        f"{SERVICES}profile/",
    ],
)
def test_key_counts_as_no_credentials_elsewhere(api, key, url):
    assert get(api, key.name, url).status_code in (302, 401)


def test_unknown_revoked_and_expired_keys_are_refused(api, key):
    ended = factories.ApiKeyFactory(created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now())
    revoked = factories.ApiKeyFactory(revoked_at=timezone.now())
    inactive = factories.ApiKeyFactory(user__is_active=False)
    for wrong in ("", "gk_", "gk_wrong", key.name.upper(), ended.name, revoked.name, inactive.name):
        response = get(api, wrong)
        assert (response.status_code, response.json()) == (401, REFUSED), wrong
        assert response["WWW-Authenticate"].startswith("Bearer")


def test_other_scheme_is_no_key(api, key):
    response = api.get(STAFFS, headers={"Authorization": f"Token {key.name}"})
    assert (response.status_code, response.json()["detail"]) == (401, UNAUTHENTICATED["detail"])


def test_key_works_from_its_addresses_only(api, key, settings):
    settings.TRUSTED_PROXIES = 1
    key.addresses = ["192.0.2.0/24", "2001:db8::/32"]
    key.save()
    for address, status in (
        ("192.0.2.9", 200),
        ("192.0.3.9", 403),
        ("2001:db8::7", 200),
        ("::ffff:192.0.2.9", 200),
        ("nonsense", 403),
    ):
        response = get(api, key.name, **{"X-Forwarded-For": f"192.0.2.9, {address}"})
        assert response.status_code == status, address
    assert response.json() == {
        "error": "Access denied",
        "detail": "This API key does not work from this address.",
        "code": "api_key_address",
    }


def test_key_has_the_permissions_of_its_role(api):
    technician = factories.ApiKeyFactory(user__role="technician")
    assert get(api, technician.name).status_code == 200
    response = get(api, technician.name, "/api/shop/invoices/")
    assert (response.status_code, response.json()["code"]) == (403, "role_may_not")


def test_history_names_the_key(api, key):
    vehicle = factories.VehicleFactory()
    response = api.post(
        STAFFS,
        {"vehicle_id": vehicle.pk, "description": "It squeaks."},
        format="json",
        headers={"Authorization": f"Api-Key {key.name}"},
    )
    assert response.status_code == 201
    assert RepairOrder.history.get().history_user == key.user


def test_use_is_noted_once_a_minute(api, key, monkeypatch):
    begun = timezone.now()

    def at(seconds, queries):
        monkeypatch.setattr(callers.timezone, "now", lambda: begun + timedelta(seconds=seconds))
        with CaptureQueriesContext(connection) as captured:
            get(api, key.name)
        words = [query["sql"].partition(" ")[0] for query in captured]
        # Others bound the wait for a lock.
        assert [word for word in words if word in ("SELECT", "INSERT", "UPDATE", "DELETE")] == queries
        return (again(key).last_used_at - begun).total_seconds()

    # The key and the page, and once a minute the use.
    noted, read = ["SELECT", "UPDATE", "SELECT"], ["SELECT", "SELECT"]
    assert [at(0, noted), at(59, read), at(61, noted)] == [0, 0, 61]


def test_use_that_cannot_be_noted_fails_no_request(api, key, monkeypatch):
    """The disk is full."""

    def fail(self, **values):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(ApiKeyQuerySet, "update", fail)
    assert get(api, key.name).status_code == 200
    assert again(key).last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_use_waits_for_no_writer(api, key):
    """On SQLite another writer has the lock of all writers, on PostgreSQL that of the key's row."""
    assert get(api, "gk_nobody").status_code == 401  # the views are loaded
    before = wait_of_locks()
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = connection.copy()
        other.set_autocommit(False)
        other.cursor().execute("SELECT 1 FROM accounts_apikey FOR UPDATE")
    try:
        began = time.monotonic()
        assert get(api, key.name).status_code == 200
        assert time.monotonic() - began < 10  # others wait 20 s
    finally:
        other.rollback()
        other.close()
    assert again(key).last_used_at is None
    assert get(api, key.name).status_code == 200
    assert again(key).last_used_at is not None
    assert wait_of_locks() == before


def wait_of_locks():
    """Return how long this connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout" if connection.vendor == "sqlite" else "SHOW lock_timeout")
        return cursor.fetchone()
