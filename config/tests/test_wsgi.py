"""The WSGI application around Django."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.test import RequestFactory

from config import wsgi


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/api/token/", 3_000_000, 413), ("/api/shop/vehicles/", 1_000_000, 401), ("/none/", 1_000_000, 404)],
)
def test_refusal_drains_the_unread_body(path, size, status):
    body = BytesIO(b" " * size)
    request = RequestFactory().post(path, content_type="application/json")
    seen = []
    environ = {**request.environ, "CONTENT_LENGTH": str(size), "wsgi.input": body}
    b"".join(wsgi.application(environ, lambda line, headers: seen.append(line)))
    assert (int(seen[0][:3]), body.tell()) == (status, size)


def test_drain_stops_at_the_largest_accepted_body(settings):
    settings.MAX_BODY_BYTES = settings.MAX_FORM_BYTES = settings.MAX_UPLOAD_BYTES = 100_000
    body = BytesIO(b" " * 3_000_000)
    wsgi._drain(body)
    assert body.tell() == 2 << 16
