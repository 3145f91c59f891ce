"""Opening and closing the chat socket, against a real server with real clients."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import AsyncExitStack, suppress

import pytest
import requests
from django.conf import settings
from websockets.exceptions import InvalidStatus

from chat.sockets.registry import MAX_SOCKETS
from testing.live import ALICE, CARE, TECHNICIAN, Person, closed, hear, say, silent
from testing.servers import database, free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.server]


def test_socket_token_opens_a_socket_once(alice, conversation):
    socket_token = alice.call("POST", "/api/chat/ticket/")["ticket"]

    async def scenario():
        async with alice.socket(f"?ticket={socket_token}") as one:
            await say(one, type="SEND", threadId=conversation, body="In")
            assert (await hear(one))["body"] == "In"
        async with alice.socket(f"?ticket={socket_token}") as again:
            assert await closed(again) == 4401

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=abc", "?token={refresh}", "?ticket=é b", "?other=1"]
)
def test_socket_without_a_valid_token_is_accepted_and_closed(alice, query):
    async def scenario():
        async with alice.socket(query.format(**alice.tokens)) as one:
            assert await closed(one) == 4401

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("origin", "is_allowed"), [("http://localhost:3000", True), ("https://evil.example", False)]
)
def test_foreign_origin_is_refused(alice, origin, is_allowed):
    async def scenario():
        async with alice.socket(origin=origin) as one:
            return await silent(one)

    if is_allowed:
        assert asyncio.run(scenario())
    else:
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(scenario())
        assert refused.value.response.status_code == 403


def test_path_with_and_without_slash_and_no_other(alice):
    async def opens(path):
        address = alice.address().replace("/chat/ws", path)
        async with alice.socket().__class__(address) as one:
            return await silent(one, 0.1)

    assert asyncio.run(opens("/chat/ws/"))
    for path in ("/chat", "/chat/ws//", "/chat/wss", "/"):
        with pytest.raises(InvalidStatus):
            asyncio.run(opens(path))
    plain = requests.get(f"{alice.url}/chat/ws", timeout=5)
    assert (plain.status_code, plain.json()) == (404, {"error": "There is nothing at this address."})


def test_frame_over_64_kib_closes_with_1009(alice, conversation):
    async def scenario(size):
        async with alice.socket() as one:
            await one.send("x" * size)
            return await closed(one) if size > 65_536 else await hear(one)

    assert asyncio.run(scenario(65_536))["type"] == "ERROR"
    assert asyncio.run(scenario(65_537)) == 1009


def test_sockets_beyond_the_limit_close_with_4429(server):
    user = Person(server.url, CARE)

    async def scenario():
        async with AsyncExitStack() as stack:
            opening = [stack.enter_async_context(user.socket()) for _ in range(MAX_SOCKETS + 3)]
            sockets = await asyncio.gather(*opening)
            codes = await asyncio.gather(*(ended(one) for one in sockets))
            assert sorted(code for code in codes if code) == [4429] * 3
            await next(one for one in sockets if one.close_code is None).close()
            async with user.socket() as again:
                assert await silent(again)

    async def ended(one):
        with suppress(TimeoutError):
            await asyncio.wait_for(one.wait_closed(), 1)
        return one.close_code

    asyncio.run(scenario())


def test_ended_session_closes_its_own_socket(alice, server):
    other = Person(server.url, ALICE)

    async def scenario():
        async with alice.socket() as one, other.socket() as two:
            refresh = {"refresh": alice.tokens["refresh"]}
            ended = await asyncio.to_thread(
                requests.post, f"{alice.url}/api/token/blacklist/", json=refresh, timeout=5
            )
            assert ended.status_code == 200
            assert await closed(one) == 4401
            assert await silent(two, 1.5)

    asyncio.run(scenario())


def test_deactivated_users_sockets_close(server, tim):
    code = (
        "import django; django.setup(); from django.utils import timezone; from accounts.models import User;"
        "from accounts.actions import set_active; u = User.objects.get(email='tech@test.com');"
        "set_active(user=u, is_active={}, now=timezone.now())"
    )

    def set_active(is_active):
        env = {**os.environ, **server.env, "DJANGO_SETTINGS_MODULE": "config.settings"}
        subprocess.run(
            [sys.executable, "-c", code.format(is_active)], cwd=settings.BASE_DIR, env=env, check=True
        )

    async def scenario():
        async with tim.socket() as one:
            await asyncio.to_thread(set_active, False)
            assert await closed(one) == 4401

    try:
        asyncio.run(scenario())
    finally:
        set_active(True)


def test_server_log_contains_no_token(server, alice, conversation):
    socket_token = alice.call("POST", "/api/chat/ticket/")["ticket"]

    async def scenario():
        async with (
            alice.socket(),
            alice.socket(f"?ticket={socket_token}"),
            alice.socket("?token=not-a-token-at-all"),
        ):
            pass
        with pytest.raises(InvalidStatus):
            async with alice.socket(origin="https://evil.example"):
                pass

    asyncio.run(scenario())
    text = server.log.read_text()
    assert '"WebSocket /chat/ws" [accepted]' in text
    for secret in (alice.token, socket_token, "not-a-token-at-all", "token=", "ticket="):
        assert secret not in text


def test_sigterm_closes_every_socket(tmp_path):
    port = free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with (
        database(tmp_path, has_demo=True) as env,
        serving(command, folder=tmp_path, port=port, env={**env, "DEBUG": "true"}) as server,
    ):
        alice, tim = Person(server.url, ALICE), Person(server.url, TECHNICIAN)

        async def scenario():
            sockets = [await one.socket() for one in (alice, tim, alice)]
            began = time.monotonic()
            stopping = asyncio.to_thread(server.stop)
            codes = await asyncio.gather(stopping, *(closed(one) for one in sockets))
            return codes[1:], time.monotonic() - began

        codes, seconds = asyncio.run(scenario())
        assert codes == [1012, 1012, 1012]
        assert seconds < 3
        text = server.log.read_text()
        assert "Finished server process" in text
        assert "Traceback" not in text
