from __future__ import annotations

import asyncio

from config import asgi


def test_header_names_with_underscores_are_dropped(monkeypatch):
    """WSGI cannot tell `X_Forwarded_For` from `X-Forwarded-For`, so a client could write the proxy's header."""
    seen = []

    async def http(scope, receive, send):
        seen.append(scope)

    monkeypatch.setattr(asgi, "http", http)
    sent = [(b"x_forwarded_for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9"), (b"host", b"localhost")]
    asyncio.run(asgi.application({"type": "http", "path": "/", "headers": sent}, None, None))
    assert seen == [{"type": "http", "path": "/", "headers": sent[1:]}]
