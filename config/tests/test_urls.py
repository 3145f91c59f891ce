"""Every route of every contract."""

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


def test_no_route_needs_lowercase_uuids():
    """Django's converter accepts only lowercase. RFC 9562 allows either case on input."""
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


def test_uuid_may_have_either_case_and_malformed_id_is_404(as_alice, things):
    for address, uuid in things.items():
        lower, upper = (as_alice.get(address.format(text)) for text in (str(uuid), str(uuid).upper()))
        assert (upper.status_code, upper.json()) == (200, lower.json()), address
        unknown, malformed = (as_alice.get(address.format(text)) for text in (UUID(int=0), "not-a-uuid"))
        assert (malformed.status_code, malformed.json()) == (404, unknown.json()), address


def test_favicon_is_found(client):
    assert client.get("/favicon.ico").headers["Location"] == "/static/common/favicon.svg"
