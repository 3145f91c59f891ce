"""The handler that remembers where addresses lead."""

from __future__ import annotations

from django.test import RequestFactory
from django.urls import get_resolver

from config import wsgi


def resolved(path):
    return wsgi._django.resolve_request(RequestFactory().get(path))


def test_an_address_leads_where_the_url_conf_says_each_time():
    first, second = resolved("/api/shop/vehicles/12/"), resolved("/api/shop/vehicles/12/")
    fresh = get_resolver().resolve("/api/shop/vehicles/12/")
    assert first is second
    assert (first.func, first.args, first.kwargs, first.route) == (
        fresh.func, fresh.args, fresh.kwargs, fresh.route,
    )  # fmt: skip
    assert resolved("/api/shop/vehicles/13/").kwargs == {"id": 13}


def test_a_long_address_is_not_remembered():
    kept = wsgi._match_of.cache_info().currsize
    assert resolved("/" + "x" * 200).func == resolved("/x").func
    assert wsgi._match_of.cache_info().currsize == kept + 1
