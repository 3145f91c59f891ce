"""The page *API keys*: a key is shown once, and revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.keys.actions import hash_of
from accounts.models import ApiKey
from common.domain.recent_password import RECENT, remember_password
from testing.billed import again
from testing.factories import ApiKeyFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/admin/api-keys/"


@pytest.fixture
def manager(client):
    user = UserFactory(role="manager", first_name="Mia", last_name="Mann")
    client.force_login(user)
    session = client.session
    remember_password(session, now=timezone.now())
    session.save()
    return client


def form(**fields):
    return {
        "name": "Website",
        "role": "advisor",
        "days": "30",
        "addresses": "192.0.2.7\n::1",
        "key": "k1",
    } | fields


def test_key_is_shown_once(manager):
    response = manager.post(URL, form())
    [key] = re.findall(r'value="(gk_[\w-]{43})"', response.text)
    row = ApiKey.objects.get()
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    assert row.key_hash == hash_of(key)
    assert (row.name, row.role, row.addresses, str(row.created_by), row.expires_at - row.created_at) == (
        "Website",
        "advisor",
        ["192.0.2.7/32", "::1/128"],
        "Mia Mann",
        timedelta(days=30),
    )
    page = manager.get(URL).text
    assert key not in page and f"{row.prefix}…" in page


def test_form_that_is_sent_twice_makes_one(manager):
    manager.post(URL, form())
    response = manager.post(URL, form())
    assert (response.status_code, "This form was sent before" in response.text) == (400, True)
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("role", "admin"), ("days", "0"), ("days", "3651"), ("addresses", "192.0.2.7 here")],
)
def test_what_cannot_be_used_is_said_at_its_field(manager, field, value):
    response = manager.post(URL, form(**{field: value}))
    assert (response.status_code, list(response.context["form"].errors)) == (400, [field])
    assert ApiKey.objects.count() == 0


def test_making_a_key_asks_for_the_password_again(manager):
    session = manager.session
    remember_password(session, now=timezone.now() - RECENT)
    session.save()
    response = manager.post(URL, form())
    assert "password" in response.text.lower()
    assert ApiKey.objects.count() == 0


def test_key_is_revoked(manager):
    key = ApiKeyFactory()
    response = manager.post(f"{URL}{key.pk}/revoke/", follow=True)
    assert [str(message) for message in response.context["messages"]] == [f"The key {key} is revoked."]
    assert again(key).revoked_at is not None
    response = manager.post(f"{URL}{key.pk}/revoke/", follow=True)
    assert [str(message) for message in response.context["messages"]] == ["This key is already revoked."]


@pytest.mark.parametrize("role", ["technician", "advisor"])
def test_page_is_for_managers(client, role):
    client.force_login(UserFactory(role=role))
    key = ApiKeyFactory()
    assert client.get(URL).status_code == 403
    assert client.post(f"{URL}{key.pk}/revoke/").status_code == 403


def test_machines_are_not_of_the_team(desk, ada):
    ApiKeyFactory()
    assert [user for user, _ in desk.get("/admin/team/").context["team"]] == [ada]
