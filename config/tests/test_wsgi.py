"""The handler that remembers where addresses lead."""

from __future__ import annotations

from io import BytesIO

import pytest
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/api/token/", 3_000_000, 413), ("/api/shop/vehicles/", 1_000_000, 401), ("/none/", 1_000_000, 404)],
)
def test_a_refusal_takes_in_what_it_did_not_read(path, size, status):
    body = BytesIO(b" " * size)
    request = RequestFactory().post(path, content_type="application/json")
    seen = []
    environ = {**request.environ, "CONTENT_LENGTH": str(size), "wsgi.input": body}
    b"".join(wsgi.application(environ, lambda line, headers: seen.append(line)))
    assert (int(seen[0][:3]), body.tell()) == (status, size)


def test_of_a_body_that_nobody_takes_no_more_is_read_than_somebody_would(settings):
    settings.MAX_BODY_BYTES = settings.MAX_FORM_BYTES = settings.MAX_UPLOAD_BYTES = 100_000
    body = BytesIO(b" " * 3_000_000)
    wsgi._take_in(body)
    assert body.tell() == 2 << 16
