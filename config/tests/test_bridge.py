"""The bridge between the protocols: who sends or reads slowly holds no thread."""

from __future__ import annotations

import asyncio
import threading
from io import BytesIO

import pytest

from config import bridge
from config.bridge import Bridge

PLAIN = [("Content-Type", "text/plain")]


def scope(**given):
    return {
        "type": "http", "method": "POST", "path": "/a b/é", "query_string": b"x=1", "http_version": "1.1",
        "headers": [(b"x-one", b"1"), (b"x-one", b"2")], "server": ("garage", 80), "client": ("1.2.3.4", 5), **given,
    }  # fmt: skip


def pieces(*bodies, more_after=False):
    """A client that sends these, one after another; and then, perhaps, nothing more for ever."""
    waiting = [
        {"type": "http.request", "body": body, "more_body": more_after or n < len(bodies) - 1}
        for n, body in enumerate(bodies)
    ]

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.Future()

    return receive


async def call(app, receive, **given):
    """Status, headers, and the bodies as they were sent."""
    sent = []

    async def send(message):
        sent.append(message)

    await app(scope(**given), receive, send)
    if not sent:
        return None
    assert [message.get("more_body", False) for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
    return sent[0]["status"], sent[0]["headers"], [message.get("body", b"") for message in sent[1:]]


def echo(environ, start_response):
    """What came in."""
    start_response("200 OK", PLAIN)
    return [environ["REQUEST_METHOD"].encode(), b" ", environ["wsgi.input"].read()]


def test_a_request_reaches_wsgi_and_its_answer_comes_back():
    seen = {}

    def app(environ, start_response):
        seen.update(environ)
        start_response("201 Created", [*PLAIN, ("Set-Cookie", " a=1")])
        return [b"made"]

    answer = asyncio.run(call(Bridge(app, threads=1), pieces(b"")))
    assert answer == (201, [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1")], [b"made"])
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["HTTP_X_ONE"], seen["REMOTE_ADDR"]) == (
        "/a b/Ã©", "x=1", "1,2", "1.2.3.4",
    )  # fmt: skip


def test_a_body_in_pieces_is_one_body():
    answer = asyncio.run(call(Bridge(echo, threads=1), pieces(b"on", b"e", b" body")))
    assert answer[2] == [b"POST one body"]


def test_bodies_that_never_end_hold_no_thread():
    app = Bridge(echo, threads=1)

    async def scenario():
        slow = [asyncio.create_task(call(app, pieces(b"x", more_after=True))) for _ in range(20)]
        await asyncio.sleep(0)
        answer = await asyncio.wait_for(call(app, pieces(b"quick")), 5)
        for one in slow:
            one.cancel()
        return answer

    assert asyncio.run(scenario())[2] == [b"POST quick"]


def test_readers_that_never_read_hold_no_thread():
    app = Bridge(echo, threads=1)

    async def never(message):
        await asyncio.Event().wait()

    async def scenario():
        slow = [asyncio.create_task(app(scope(), pieces(b"x" * 500_000), never)) for _ in range(20)]
        await asyncio.sleep(0.05)
        answer = await asyncio.wait_for(call(app, pieces(b"quick")), 5)
        for one in slow:
            one.cancel()
        return answer

    assert asyncio.run(scenario())[2] == [b"POST quick"]


def test_a_body_that_stands_still_is_408(monkeypatch):
    monkeypatch.setattr(bridge, "PATIENCE_SECONDS", 0.01)
    answer = asyncio.run(call(Bridge(echo, threads=1), pieces(b"x", more_after=True)))
    assert answer == (408, [(b"connection", b"close")], [b""])


def test_a_client_that_goes_away_in_the_middle_of_his_body_asked_nothing():
    called = threading.Event()

    async def receive():
        return {"type": "http.disconnect"}

    assert asyncio.run(call(Bridge(lambda *_: called.set(), threads=1), receive)) is None
    assert not called.is_set()


def test_of_a_body_longer_than_any_route_takes_nothing_is_read(settings):
    settings.MAX_BODY_BYTES = settings.MAX_FORM_BYTES = settings.MAX_UPLOAD_BYTES = 10

    async def receive():
        raise AssertionError("it was read")

    app = Bridge(echo, threads=1)
    assert asyncio.run(call(app, receive, headers=[(b"content-length", b"11")]))[2] == [b"POST "]
    # Where no length is said, one byte more than the limit tells that it is too long.
    assert asyncio.run(call(app, pieces(b"x" * 11, more_after=True)))[2] == [b"POST " + b"x" * 11]


@pytest.mark.parametrize("kind", ["of the disk", "of memory"])
def test_a_file_is_sent_from_where_it_stands_and_closed_in_the_thread(tmp_path, kind):
    (tmp_path / "file").write_bytes(b"##" + b"a" * 65_536 + b"b")
    closed_in = []

    def app(environ, start_response):
        file = (tmp_path / "file").open("rb")
        if kind == "of memory":
            with file:
                file = BytesIO(file.read())
        file.read(2)
        close = file.close

        def closing():
            closed_in.append(threading.current_thread().name)
            close()

        start_response("200 OK", PLAIN)
        answer = environ["wsgi.file_wrapper"](file)
        answer.close = closing
        return answer

    answer = asyncio.run(call(Bridge(app, threads=1), pieces(b"")))
    assert answer[2] == [b"a" * 65_536, b"b"]
    assert closed_in == ["http_0"]
