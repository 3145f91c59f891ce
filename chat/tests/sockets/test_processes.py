"""Two server processes with one database and one Redis, which is stopped and started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from testing.live import ADMIN, ALICE, REDIS, Person, hear, redis_on, say
from testing.servers import database, free_port, serving

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(REDIS is None, reason="redis-server is not installed"),
]


@pytest.fixture(scope="module")
def redis_port():
    return free_port()


@pytest.fixture(scope="module")
def servers(tmp_path_factory, redis_port):
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    ports = [free_port(), free_port()]
    with database(folders[0], has_demo=True) as env:
        env |= {"DEBUG": "true", "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"}
        with (
            serving(
                ["manage.py", "serve", "--port", str(ports[0])], folder=folders[0], port=ports[0], env=env
            ) as first,
            serving(
                ["manage.py", "serve", "--port", str(ports[1])], folder=folders[1], port=ports[1], env=env
            ) as second,
        ):  # fmt: skip
            first.env = env
            yield first, second


async def listen(client, bodies: list[str], until) -> None:
    """Append the bodies of received messages to `bodies` until `until(bodies)`."""
    while not until(bodies):
        frame = await hear(client, 20)
        if frame["type"] == "MESSAGE":
            bodies.append(frame["body"])


def test_thousand_messages_arrive_once_and_in_order(servers, redis_port):
    half = 500
    with redis_on(redis_port):
        alice, ada = Person(servers[0].url, ALICE), Person(servers[1].url, ADMIN)
        conversation = alice.start_thread()

        async def talk(client, name):
            for n in range(half):
                await say(client, type="SEND", threadId=conversation, body=f"{name}{n}")

        async def scenario():
            received = {"alice": [], "ada": [], "alice elsewhere": []}
            async with (
                alice.socket() as a,
                ada.socket() as b,
                Person(servers[1].url, ALICE).socket() as elsewhere,
            ):
                await asyncio.gather(
                    talk(a, "a"),
                    talk(b, "b"),
                    *(
                        listen(client, received[name], lambda bodies: len(bodies) == 2 * half)
                        for client, name in ((a, "alice"), (b, "ada"), (elsewhere, "alice elsewhere"))
                    ),
                )
            return received

        began = time.monotonic()
        received = asyncio.run(scenario())
        assert time.monotonic() - began < 30
    log = alice.log(conversation)
    assert len(set(log)) == 2 * half
    for name in "ab":
        assert [body for body in log if body.startswith(name)] == [f"{name}{n}" for n in range(half)]
    assert all(bodies == log for bodies in received.values())


def test_repeated_message_comes_after_those_that_another_process_stored(servers):
    alice, ada = Person(servers[0].url, ALICE), Person(servers[0].url, ADMIN)
    conversation = alice.start_thread()

    async def scenario():
        async with Person(servers[1].url, ADMIN).socket() as desk:  # Redis is away: it hears no other process
            await asyncio.to_thread(alice.say, conversation, "first")
            await asyncio.to_thread(ada.say, conversation, "second", clientId="once")
            await say(desk, type="SEND", threadId=conversation, body="second", clientId="once")
            bodies: list[str] = []
            await listen(desk, bodies, lambda heard: len(heard) >= 2)
            return bodies

    assert asyncio.run(scenario()) == ["first", "second"]


def test_no_message_is_lost_while_redis_is_away(servers, redis_port):
    part = 60
    with redis_on(redis_port) as redis:
        alice, ada = Person(servers[0].url, ALICE), Person(servers[1].url, ADMIN)
        conversation = alice.start_thread()

        async def talk(client, name):
            for n in range(part):
                await say(client, type="SEND", threadId=conversation, body=f"{name}{n}")
                await asyncio.to_thread(
                    (alice if client is a_socket[0] else ada).say, conversation, f"{name}{n} by REST"
                )

        a_socket = []

        async def scenario():
            received = {"alice": [], "ada": []}
            async with alice.socket() as a, ada.socket() as b:
                a_socket.append(a)
                listening = [
                    asyncio.create_task(
                        listen(client, received[name], lambda bodies: len(bodies) == 12 * part)
                    )
                    for client, name in ((a, "alice"), (b, "ada"))
                ]
                await asyncio.gather(talk(a, "before a"), talk(b, "before b"))
                redis.send_signal(signal.SIGKILL)
                await asyncio.to_thread(redis.wait)
                await asyncio.gather(talk(a, "while a"), talk(b, "while b"))
                async with alice.socket() as late:  # a socket can be opened
                    await say(late, type="TYPING", threadId=conversation)
                with redis_on(redis_port):
                    await asyncio.gather(talk(a, "after a"), talk(b, "after b"))
                    await asyncio.wait_for(asyncio.gather(*listening), 15)
            return received

        received = asyncio.run(scenario())
    log = alice.log(conversation)
    assert len(log) == len(set(log)) == 12 * part
    assert all(bodies == log for bodies in received.values())


def test_broadcast_of_a_command_is_sent_before_it_exits(servers, redis_port):
    code = (
        "import django; django.setup()\n"
        "from customers.actions import notify\n"
        "from django.utils import timezone\n"
        "notify(customer_id=19, type='ORDER', title='Ready', message='Come', now=timezone.now())"
    )
    env = {**os.environ, **servers[0].env, "DJANGO_SETTINGS_MODULE": "config.settings"}

    async def scenario():
        async with Person(servers[1].url, ALICE).socket() as one:
            command = [sys.executable, "-c", code]
            await asyncio.to_thread(subprocess.run, command, cwd=settings.BASE_DIR, env=env, check=True)
            return await hear(one)

    with redis_on(redis_port):
        time.sleep(2)  # both servers reconnect
        frame = asyncio.run(scenario())
    assert (frame["type"], frame["kind"], frame["title"]) == ("NOTIFICATION", "ORDER", "Ready")
