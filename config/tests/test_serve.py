"""The embedded server's stop."""

from __future__ import annotations

import asyncio
import socket
from http.client import HTTPResponse

import uvicorn

from config.management.commands.serve import Server
from testing.servers import free_port

EACH = 20
ASKING = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def application(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"OK"})


def answer(one):
    response = HTTPResponse(one)
    response.begin()
    return response.status, response.read(), response.headers["Connection"]


class Told(Server):
    """Told to stop while its loop was busy: meanwhile people came and asked, on new connections and on old ones."""

    async def main_loop(self):
        self.callers = [socket.create_connection(("127.0.0.1", self.config.port)) for _ in range(EACH)]
        for one in self.callers:
            one.sendall(ASKING)
        assert (
            await asyncio.to_thread(lambda: [answer(one) for one in self.callers])
            == [(200, b"OK", None)] * EACH
        )
        self.callers += [socket.create_connection(("127.0.0.1", self.config.port)) for _ in range(EACH)]
        for one in self.callers:
            one.sendall(ASKING)


def test_whoever_was_there_before_the_stop_is_answered():
    server = Told(uvicorn.Config(application, port=free_port(), log_config=None, lifespan="off"))
    asyncio.run(server.serve())
    assert [answer(one) for one in server.callers] == [(200, b"OK", "close")] * 2 * EACH
    for one in server.callers:
        one.close()
