"""The socket at a real server, with real clients."""

from __future__ import annotations

import asyncio
import json
import socket as network
import subprocess
import sys
import time
from contextlib import AsyncExitStack, suppress
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from websockets.exceptions import InvalidStatus

from chat.sockets.registry import MOST_SOCKETS
from testing.live import ADMIN, ALICE, CARE, FLEET, TECHNICIAN, Person, closed, hear, say, silent
from testing.servers import database, free_port, serving

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("chat"), free_port()
    command = ["manage.py", "serve", "--demo", "--port", str(port)]
    with database(folder) as env:
        env |= {"DEBUG": "true", "SOCKET_CHECK_SECONDS": "1", "LOG_LEVEL": "DEBUG"}
        with serving(command, folder=folder, port=port, env=env) as server:
            server.env = env
            yield server


@pytest.fixture
def alice(server):
    return Person(server.url, ALICE)


@pytest.fixture
def fleet(server):
    return Person(server.url, FLEET)


@pytest.fixture
def tim(server):
    return Person(server.url, TECHNICIAN)


@pytest.fixture
def conversation(alice):
    return alice.start_thread()


def test_a_message_is_heard_by_its_customer_and_the_staff(alice, fleet, tim, conversation):
    async def scenario():
        async with (
            alice.socket() as one,
            alice.socket() as two,
            fleet.socket() as stranger,
            tim.socket() as desk,
        ):
            await say(
                one,
                type="SEND",
                threadId=conversation,
                body="Hello, I need help",
                attachments=[],
                clientId="c1",
            )
            mine, desks = await hear(one), await hear(desk)
            assert list(desks) == ["type", "id", "threadId", "body", "sender", "timestamp"]
            assert desks == {
                "type": "MESSAGE",
                "id": desks["id"],
                "threadId": conversation,
                "body": "Hello, I need help",
                "sender": "user",
                "timestamp": desks["timestamp"],
            }
            assert mine == await hear(two) == {**desks, "clientId": "c1"}
            await say(desk, type="SEND", threadId=conversation, body="How can I help?")
            answer = await hear(one)
            assert (answer["sender"], answer["body"]) == ("support", "How can I help?")
            assert answer == await hear(desk) == await hear(two)
            by_rest = await asyncio.to_thread(tim.say, conversation, "Bring it in")
            assert (await hear(one))["id"] == (await hear(desk))["id"] == by_rest["id"]
            assert await silent(stranger)
            return [desks["id"], answer["id"], by_rest["id"]]

    ids = asyncio.run(scenario())
    assert [row["id"] for row in alice.call("GET", f"/api/chat/threads/{conversation}/messages/")] == ids


def at_the_desk(server):
    """The administrator's browser, in the admin."""
    browser, login = requests.Session(), f"{server.url}/admin/login/"
    browser.get(login, timeout=15)
    words = {"username": ADMIN["email"], "password": ADMIN["password"], "next": "/healthz"}
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post(login, words | token, timeout=15).raise_for_status()
    return browser


def test_the_admins_answer_to_a_ticket_is_heard_and_its_notes_are_not(server):
    ali, desk = Person(server.url, CARE), at_the_desk(server)
    ticket = ali.call("POST", "/api/v1/customer/tickets", {"subject": "Tyres", "description": "Old"})
    address = f"{server.url}/admin/chat/ticket/{ticket['id'].removeprefix('TKT')}/answer/"

    def answer(**words):
        token = {"csrfmiddlewaretoken": desk.cookies["csrftoken"], "_form_submitted": "on"}
        desk.post(address, words | token, timeout=15).raise_for_status()

    async def scenario():
        async with ali.socket() as client:
            await asyncio.to_thread(answer, body="Difficult person", is_internal="on")
            assert await silent(client)
            await asyncio.to_thread(answer, body="Bring it in")
            frames = {frame["type"]: frame for frame in [await hear(client), await hear(client)]}
            assert (frames["MESSAGE"]["body"], frames["MESSAGE"]["sender"]) == ("Bring it in", "support")
            assert (frames["NOTIFICATION"]["kind"], frames["NOTIFICATION"]["title"]) == (
                "SUPPORT",
                "Support Reply",
            )
            assert await silent(client)

    asyncio.run(scenario())
    mine = ali.call("GET", f"/api/v1/customer/tickets/{ticket['id']}")
    assert [message["content"] for message in mine["messages"]] == ["Old", "Bring it in"]


def test_typing_goes_to_the_others(alice, tim, conversation):
    user = alice.call("GET", f"/api/chat/threads/{conversation}/")["userId"]

    async def scenario():
        async with alice.socket() as one, tim.socket() as desk:
            await say(one, type="TYPING", threadId=conversation)
            assert await hear(desk) == {"type": "TYPING", "user": user, "threadId": conversation}
            await say(desk, type="TYPING", threadId=conversation, user="somebody else")
            assert await hear(one) == {"type": "TYPING", "user": "support", "threadId": conversation}
            assert await silent(one)
            assert await silent(desk)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("hello", 'Send a JSON object whose "type" is SEND or TYPING.'),
        (b"\x00", 'Send a JSON object whose "type" is SEND or TYPING.'),
        ("[]", 'Send a JSON object whose "type" is SEND or TYPING.'),
        ({"type": ["SEND"]}, 'Send a JSON object whose "type" is SEND or TYPING.'),
        ({"type": "MESSAGE"}, 'Send a JSON object whose "type" is SEND or TYPING.'),
        ({"type": "SEND", "body": "a"}, "threadId: This field is required."),
        ({"type": "SEND", "threadId": "x", "body": "a"}, "threadId: Must be a valid UUID."),
        ({"type": "SEND", "threadId": str(uuid4()), "body": "a"}, "Thread not found"),
        ({"type": "SEND", "threadId": None, "body": " "}, "body: This field may not be blank."),
        (
            {"type": "SEND", "threadId": None, "body": "a", "clientId": ["x"]},
            "clientId: Not a valid string.",
        ),
        ({"type": "TYPING"}, "threadId: This field is required."),
        ({"type": "TYPING", "threadId": "5"}, "threadId: Must be a valid UUID."),
        ({"type": "TYPING", "threadId": str(uuid4())}, "Thread not found"),
    ],
)
def test_what_cannot_be_taken_is_answered_and_the_socket_lives(alice, conversation, frame, answer):
    if isinstance(frame, dict) and frame.get("threadId", 0) is None:
        frame = {**frame, "threadId": conversation}

    async def scenario():
        async with alice.socket() as one:
            await one.send(json.dumps(frame) if isinstance(frame, dict) else frame)
            assert await hear(one) == {"type": "ERROR", "error": answer}
            await say(one, type="SEND", threadId=conversation, body="Still here", clientId="x")
            assert (await hear(one))["body"] == "Still here"
            await say(one, type="SEND", threadId=conversation, body="", clientId="y")
            assert await hear(one) == {
                "type": "ERROR",
                "error": "body: This field may not be blank.",
                "clientId": "y",
            }

    asyncio.run(scenario())


def test_another_customers_thread_is_nobodys(alice, fleet, conversation):
    async def scenario():
        async with fleet.socket() as one:
            for kind in ("SEND", "TYPING"):
                await say(one, type=kind, threadId=conversation, body="Hi")
                assert await hear(one) == {"type": "ERROR", "error": "Thread not found"}

    asyncio.run(scenario())
    assert alice.log(conversation) == []


def test_a_ticket_opens_a_socket_once(alice, conversation):
    ticket = alice.call("POST", "/api/chat/ticket/")["ticket"]

    async def scenario():
        async with alice.socket(f"?ticket={ticket}") as one:
            await say(one, type="SEND", threadId=conversation, body="In")
            assert (await hear(one))["body"] == "In"
        async with alice.socket(f"?ticket={ticket}") as again:
            assert await closed(again) == 4401

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=abc", "?token={refresh}", "?ticket=é b", "?other=1"]
)
def test_without_a_good_token_it_is_accepted_and_closed(alice, query):
    async def scenario():
        async with alice.socket(query.format(**alice.tokens)) as one:
            assert await closed(one) == 4401

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("origin", "welcome"), [("http://localhost:3000", True), ("https://evil.example", False)]
)
def test_a_foreign_page_is_refused(alice, origin, welcome):
    async def scenario():
        async with alice.socket(origin=origin) as one:
            return await silent(one)

    if welcome:
        assert asyncio.run(scenario())
    else:
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(scenario())
        assert refused.value.response.status_code == 403


def test_both_spellings_and_no_other_address(alice):
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


def test_a_frame_over_64_kib_is_1009(alice, conversation):
    async def scenario(size):
        async with alice.socket() as one:
            await one.send("x" * size)
            return await closed(one) if size > 65_536 else await hear(one)

    assert asyncio.run(scenario(65_536))["type"] == "ERROR"
    assert asyncio.run(scenario(65_537)) == 1009


def test_one_socket_more_than_a_user_may_have_is_4429(server):
    user = Person(server.url, CARE)

    async def scenario():
        async with AsyncExitStack() as stack:
            opening = [stack.enter_async_context(user.socket()) for _ in range(MOST_SOCKETS + 3)]
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


def test_what_a_socket_says_without_waiting_is_stored_in_its_order(alice, conversation):
    words = [str(n) for n in range(60)]
    photos = {word: alice.photo() for word in ("20", "40", "59")}

    async def scenario():
        async with alice.socket() as one:
            for word in words:
                shown = {"attachments": [photos[word]]} if word in photos else {}
                await say(one, type="SEND", threadId=conversation, body=word, clientId=word, **shown)
                if word == "30":
                    await say(one, type="SEND", threadId=conversation, clientId="bad")
            return [await hear(one, 15) for _ in range(61)]

    heard = asyncio.run(scenario())
    assert [frame["clientId"] for frame in heard if frame["type"] == "ERROR"] == ["bad"]
    told = [frame for frame in heard if frame["type"] == "MESSAGE"]
    assert [frame["body"] for frame in told] == words
    assert [frame["body"] for frame in told if frame.get("attachments")] == list(photos)
    assert alice.log(conversation) == words


def test_twenty_parallel_sends_of_one_client_id_store_one(alice, conversation):
    async def scenario():
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(one_send())

    async def one_send():
        async with alice.socket() as one:
            await say(one, type="SEND", threadId=conversation, body="Once", clientId="same")
            frame = await hear(one, 15)
            assert (frame["body"], frame["clientId"]) == ("Once", "same")

    asyncio.run(scenario())
    assert alice.log(conversation) == ["Once"]


def test_sixty_parallel_posts_reach_twenty_sockets_in_order(alice, tim, conversation):
    async def scenario():
        sockets = [await (alice if n % 2 else tim).socket() for n in range(20)]
        posts = [asyncio.to_thread(alice.say, conversation, str(n)) for n in range(60)]
        await asyncio.gather(*posts)
        heard = [[(await hear(one))["body"] for _ in range(60)] for one in sockets]
        for one in sockets:
            await one.close()
        return heard

    heard = asyncio.run(scenario())
    log = alice.log(conversation)
    assert sorted(log, key=int) == [str(n) for n in range(60)]
    assert all(one == log for one in heard)


def test_steps_of_the_shop_are_told_to_the_customer_alone(server, alice, fleet, tim):
    admin = Person(server.url, ADMIN)
    orders = alice.call("GET", "/api/shop/repair-orders/customers/me/repair-orders/?status=in_progress")
    order = orders["results"][0]["id"]

    async def scenario():
        async with alice.socket() as one, fleet.socket() as stranger, tim.socket() as desk:
            await asyncio.to_thread(admin.call, "POST", f"/api/shop/repair-orders/{order}/complete/", {})
            frames = [await hear(one), await hear(one)]
            assert await silent(stranger)
            assert await silent(desk)
            return frames

    moved, told = asyncio.run(scenario())
    assert moved == {
        "type": "REPAIR_ORDER",
        "id": moved["id"],
        "status": "completed",
        "timestamp": moved["timestamp"],
    }
    assert told == {
        "type": "NOTIFICATION",
        "id": told["id"],
        "kind": "REPAIR_ORDER",
        "title": "Repair completed",
        "message": told["message"],
        "timestamp": moved["timestamp"],
    }


def test_an_ended_session_closes_its_socket_and_no_other(alice, server):
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


def test_a_deactivated_users_sockets_close(server, tim):
    code = (
        "import django; django.setup(); from django.utils import timezone; from accounts.models import User;"
        "from accounts.actions import set_active; u = User.objects.get(email='tech@test.com');"
        "set_active(user=u, is_active={}, now=timezone.now())"
    )

    def let_in(is_active):
        env = {**__import__("os").environ, **server.env, "DJANGO_SETTINGS_MODULE": "config.settings"}
        subprocess.run(
            [sys.executable, "-c", code.format(is_active)], cwd=settings.BASE_DIR, env=env, check=True
        )

    async def scenario():
        async with tim.socket() as one:
            await asyncio.to_thread(let_in, False)
            assert await closed(one) == 4401

    try:
        asyncio.run(scenario())
    finally:
        let_in(True)


def test_a_reader_who_does_not_read_makes_nobody_wait(alice, tim, conversation):
    async def scenario():
        plug = network.socket()
        plug.setsockopt(network.SOL_SOCKET, network.SO_RCVBUF, 4096)
        plug.setblocking(False)
        port = int(alice.url.rpartition(":")[2])
        await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", port))
        async with (
            tim.socket(sock=plug, max_queue=1, ping_interval=None) as slow,
            alice.socket() as fast,
        ):
            longest = 0.0
            for n in range(400):  # 12 MB: more than the kernel, the server and the outbox hold for one
                began = time.monotonic()
                await say(fast, type="SEND", threadId=conversation, body=f"{n}" + "€" * 9_990)
                assert (await hear(fast))["body"].rstrip("€") == str(n)
                longest = max(longest, time.monotonic() - began)
            assert longest < 2
            assert await closed(slow, 10) == 1013

    asyncio.run(scenario())


def test_the_log_shows_no_token(server, alice, conversation):
    ticket = alice.call("POST", "/api/chat/ticket/")["ticket"]

    async def scenario():
        async with (
            alice.socket(),
            alice.socket(f"?ticket={ticket}"),
            alice.socket("?token=not-a-token-at-all"),
        ):
            pass
        with pytest.raises(InvalidStatus):
            async with alice.socket(origin="https://evil.example"):
                pass

    asyncio.run(scenario())
    text = server.log.read_text()
    assert '"WebSocket /chat/ws" [accepted]' in text
    for secret in (alice.token, ticket, "not-a-token-at-all", "token=", "ticket="):
        assert secret not in text


def test_sigterm_closes_every_socket(tmp_path):
    port = free_port()
    command = ["manage.py", "serve", "--demo", "--port", str(port)]
    with (
        database(tmp_path) as env,
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
