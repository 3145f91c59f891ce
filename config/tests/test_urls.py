"""Every address of every contract."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import UUIDConverter

from testing import factories


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        else:
            yield pattern


def test_no_address_wants_its_uuid_in_small_letters():
    """Django's own converter does; RFC 9562 has them read in either case."""
    small = [
        str(pattern.pattern)
        for pattern in patterns(get_resolver())
        if any(isinstance(converter, UUIDConverter) for converter in pattern.pattern.converters.values())
    ]
    assert small == []


@pytest.fixture
def things(alice):
    visit = factories.AppointmentFactory(customer=alice)
    return {
        "/api/appointments/{}/": visit.uuid,
        "/api/appointments/locations/{}/": visit.location.uuid,
        "/api/chat/threads/{}/": factories.ConversationFactory(customer=alice).uuid,
        "/api/chat/threads/{}/messages/": factories.ConversationFactory(customer=alice).uuid,
        "/api/vehicles/{}/": factories.VehicleFactory(customer=alice).uuid,
    }


def test_an_id_is_read_in_either_case_and_a_malformed_one_is_nobodys(as_alice, things):
    for address, uuid in things.items():
        lower, upper = (as_alice.get(address.format(text)) for text in (str(uuid), str(uuid).upper()))
        assert (upper.status_code, upper.json()) == (200, lower.json()), address
        unknown, malformed = (as_alice.get(address.format(text)) for text in (UUID(int=0), "not-a-uuid"))
        assert (malformed.status_code, malformed.json()) == (404, unknown.json()), address


def test_a_browser_that_looks_for_an_icon_finds_one(client):
    assert client.get("/favicon.ico").headers["Location"] == "/static/common/favicon.svg"
