"""API keys are made, stored as a hash, and revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.keys.actions import KeyIsRevoked, create_api_key, hash_of, revoke
from accounts.models import ApiKey, User
from common.domain.errors import Invalid
from common.domain.models import Event
from testing import factories
from testing.billed import again

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def made(**values):
    return create_api_key(**{"name": "Website", "role": "advisor", "by": None, "now": NOW, **values})


def test_key_is_shown_once_and_only_its_hash_is_stored():
    maker = factories.UserFactory(role="manager")
    row, key = made(
        by=maker.pk, addresses=["192.0.2.7", "2001:db8:1::1/48"], expires_at=NOW + timedelta(days=1)
    )
    stored = ApiKey.objects.values().get()
    del stored["id"], stored["uuid"]
    assert stored == {
        "name": "Website",
        "user_id": row.user_id,
        "prefix": key[:9],
        "key_hash": hash_of(key),
        "addresses": ["192.0.2.7/32", "2001:db8:1::/48"],
        "created_at": NOW,
        "created_by_id": maker.pk,
        "expires_at": NOW + timedelta(days=1),
        "revoked_at": None,
        "last_used_at": None,
    }
    assert key.startswith("gk_") and len(key) == 46
    assert key not in str([*ApiKey.history.values(), *Event.objects.values()])
    assert Event.objects.values_list("type", "payload").get() == (
        "accounts.apikey.created",
        {"id": row.pk, "uuid": str(row.uuid), "user_id": row.user_id, "role": "advisor"},
    )


def test_key_acts_as_a_user_who_cannot_sign_in():
    row, _ = made()
    user = row.user
    assert (str(user), user.email, user.role, user.has_usable_password()) == (
        "Website (API key)",
        None,
        "advisor",
        False,
    )
    assert list(User.objects.people()) == []


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("fe80::1", "fe80::1/128"),
    ],
)
def test_ipv4_address_within_ipv6_is_stored_as_ipv4(given, stored):
    """A caller's address is compared as IPv4, however the server writes it."""
    row, _ = made(addresses=[given])
    assert row.addresses == [stored]


def test_address_with_an_interface_is_refused():
    with pytest.raises(Invalid) as refused:
        made(addresses=["192.0.2.7", "fe80::1%eth0"])
    assert (refused.value.field, refused.value.item, refused.value.text) == (
        "addresses",
        1,
        "'fe80::1%eth0' names an interface of one machine. Write fe80::1, without it.",
    )


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("role", {"role": "admin"}),
        ("role", {"role": "customer"}),
        ("name", {"name": ""}),
        ("name", {"name": "x" * 81}),
        ("name", {"name": "two\nlines"}),
        ("expires_at", {"expires_at": NOW}),
        ("addresses", {"addresses": ["192.0.2.7", "localhost"]}),
        ("addresses", {"addresses": ["192.0.2.0/33"]}),
        ("addresses", {"addresses": ["192.0.2.1"] * 51}),
    ],
)
def test_wrong_value_is_refused_by_its_name(field, values):
    with pytest.raises(Invalid) as refused:
        made(**values)
    assert refused.value.field == field
    assert (ApiKey.objects.count(), User.objects.count()) == (0, 0)


def test_wrong_address_is_counted():
    with pytest.raises(Invalid) as refused:
        made(addresses=["192.0.2.7", "localhost"])
    assert (refused.value.item, refused.value.text) == (
        1,
        "'localhost' is no IP address or network, such as 192.0.2.7 or 2001:db8::/32.",
    )


def test_key_is_revoked_once():
    row, _ = made()
    revoke(key=row, now=NOW)
    with pytest.raises(KeyIsRevoked):
        revoke(key=row, now=NOW + timedelta(hours=1))
    assert again(row).revoked_at == NOW
    assert Event.objects.values_list("type", flat=True).last() == "accounts.apikey.revoked"


class TestCommand:
    def test_prints_the_key(self, capsys):
        call_command("create_api_key", "Website", "--role", "advisor", "--days", "7", "--address", "::1")
        said = capsys.readouterr()
        row = ApiKey.objects.get()
        assert hash_of(said.out.strip()) == row.key_hash
        assert said.err == "The key of Website, with the role advisor:\n"
        assert (row.expires_at - row.created_at, row.addresses, row.created_by) == (
            timedelta(days=7),
            ["::1/128"],
            None,
        )

    @pytest.mark.parametrize("days", ["0", "3651", "99999999999"])
    def test_days_have_a_bound(self, days):
        with pytest.raises(CommandError, match="days: Give 1 to 3650"):
            call_command("create_api_key", "Website", "--role", "advisor", "--days", days)

    def test_says_what_is_wrong(self):
        with pytest.raises(CommandError, match="addresses: 'here' is no IP address"):
            call_command("create_api_key", "Website", "--role", "advisor", "--address", "here")
