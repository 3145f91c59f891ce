"""Clients that read and clients that do not, against a real server on the test's event loop."""

from __future__ import annotations

import asyncio
import socket as network
import tracemalloc
from contextlib import asynccontextmanager
from itertools import count
from uuid import uuid4

import pytest
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from chat.sockets import hub
from chat.sockets.broadcasts import Broadcast
from chat.sockets.consumer import ChatConsumer
from chat.sockets.protocol import Protocol
from common.domain.caller import Caller
from testing.live import closed, hear

pytestmark = pytest.mark.django_db  # the pool's threads may hold connections of earlier tests
FRAMES = 10_000
users = count(1)


class OneCustomerConsumer(ChatConsumer):
    """Authenticate every socket as a new user of customer 1."""

    def _authenticate(self):
        return Caller("customer", next(users), 1, session=uuid4()), "x"


class PatientProtocol(Protocol):
    """Leave a slow machine time to send all frames before the connection is cut."""

    def __init__(self, *args):
        super().__init__(*args)
        self.close_timeout = 60


class ImpatientProtocol(Protocol):
    def __init__(self, *args):
        super().__init__(*args)
        self.close_timeout = 0.2


@asynccontextmanager
async def serving(protocol=Protocol):
    async def application(scope, receive, send):
        await OneCustomerConsumer({})(scope, receive, send)

    config = Config(application, ws_per_message_deflate=False, ws_ping_interval=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config, state, {}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1], state.connections
    server.close()
    hub.here().stop()


async def slow_socket(port):
    """Return a connection with a small receive window."""
    plug = network.socket()
    plug.setsockopt(network.SOL_SOCKET, network.SO_RCVBUF, 4096)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", port))
    return connect(
        "ws://x/chat/ws", sock=plug, compression=None, max_queue=1, ping_interval=None, close_timeout=0.1
    )


def broadcast(numbers):
    """Send a frame of 1 KB per number to all sockets."""
    for n in numbers:
        hub.here().receive(Broadcast(1, {"n": n, "text": "x" * 1000}))


@pytest.fixture(autouse=True)
def no_conversations(monkeypatch):
    async def begin(self):
        """Skip the query: there are no conversations."""

    monkeypatch.setattr(hub.Hub, "begin", begin)


def test_client_that_does_not_read_loses_only_its_own_socket():
    async def scenario():
        async with (
            serving(PatientProtocol) as (port, connections),
            connect(f"ws://127.0.0.1:{port}/chat/ws", compression=None) as fast,
            await slow_socket(port) as lazy,
        ):
            received = []
            tracemalloc.start()
            for n in range(0, FRAMES, 50):  # 10 MB: more than the kernel and the outbox hold for one client
                broadcast(range(n, n + 50))
                received += [(await hear(fast))["n"] for _ in range(50)]
            held, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert received == list(range(FRAMES))
            assert [len(hub.here().registry), len(connections)] == [1, 2]
            assert await closed(lazy) == 1013
            await asyncio.sleep(0.05)
            assert len(connections) == 1
            return held, most

    held, most = asyncio.run(scenario())
    assert held < 3 << 20
    assert most < 12 << 20


def test_client_that_never_reads_is_cut():
    async def scenario():
        async with serving(ImpatientProtocol) as (port, connections), await slow_socket(port):
            for _ in range(200):
                broadcast(range(50))
                await asyncio.sleep(0)
            await asyncio.sleep(0.4)
            return len(connections)

    assert asyncio.run(scenario()) == 0
