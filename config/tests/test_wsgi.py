"""The handler that remembers where addresses lead."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import Resolver404, get_resolver

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


def test_an_address_that_leads_nowhere_is_asked_again():
    kept = wsgi._match_of.cache_info().currsize
    for _ in range(2):
        with pytest.raises(Resolver404):
            resolved("/api/nowhere/")
    assert wsgi._match_of.cache_info().currsize == kept
