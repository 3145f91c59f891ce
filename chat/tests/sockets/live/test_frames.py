"""Frames of the chat socket, against a real server with real clients."""

from __future__ import annotations

import asyncio
import json
import socket as network
import time
from uuid import uuid4

import pytest
import requests
from websockets.asyncio.client import connect

from testing.live import ADMIN, CARE, VIEWER, Person, closed, hear, say, silent

pytestmark = pytest.mark.server
REFUSAL = "Your login may only read. Ask an owner of the company for another role."


def test_message_reaches_its_customer_and_staff(alice, fleet, tim, conversation):
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


def test_web_client_hears_an_answer_as_rest_shows_it(alice, tim, conversation):
    async def scenario():
        address = alice.address().replace("/chat/ws?", "/chat/ws/?")
        async with connect(address, compression=None) as web:
            await asyncio.to_thread(tim.say, conversation, "Bring it in")
            return await hear(web), await hear(web)

    frame, shown = asyncio.run(scenario())
    [row] = alice.call("GET", f"/api/chat/threads/{conversation}/messages/")
    assert (frame["type"], frame["id"]) == ("MESSAGE", row["id"])
    assert shown == {"type": "message", "message": row}


def test_viewer_hears_messages_and_sends_none(server, fleet):
    viewer, conversation = Person(server.url, VIEWER), fleet.start_thread()

    async def scenario():
        async with fleet.socket() as manager, viewer.socket() as reader:
            for frame in ({"type": "SEND", "body": "Hello", "clientId": "c1"}, {"type": "TYPING"}):
                await say(reader, threadId=conversation, **frame)
                refusal = {"type": "ERROR", "error": REFUSAL}
                if "clientId" in frame:
                    refusal["clientId"] = frame["clientId"]
                assert await hear(reader) == refusal
            assert await silent(manager)
            await say(manager, type="SEND", threadId=conversation, body="Hello")
            assert (await hear(reader))["body"] == "Hello"

    asyncio.run(scenario())


def signed_in_browser(server):
    """Return a session of the administrator in the admin."""
    browser, login = requests.Session(), f"{server.url}/admin/login/"
    browser.get(login, timeout=15)
    form = {"username": ADMIN["email"], "password": ADMIN["password"], "next": "/healthz"}
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post(login, form | token, timeout=15).raise_for_status()
    return browser


def test_admin_answer_reaches_the_socket_and_internal_notes_do_not(server):
    ali, desk = Person(server.url, CARE), signed_in_browser(server)
    ticket = ali.call("POST", "/api/v1/customer/tickets", {"subject": "Tyres", "description": "Old"})
    address = f"{server.url}/admin/chat/supportticket/{ticket['id'].removeprefix('TKT')}/answer/"

    def answer(**fields):
        token = {"csrfmiddlewaretoken": desk.cookies["csrftoken"], "_form_submitted": "on"}
        desk.post(address, fields | token, timeout=15).raise_for_status()

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


def test_typing_reaches_the_others_only(alice, tim, conversation):
    user = alice.call("GET", f"/api/chat/threads/{conversation}/")["userId"]

    async def scenario():
        async with alice.socket() as one, tim.socket() as desk:
            await say(one, type="TYPING", threadId=conversation)
            assert await hear(desk) == {"type": "TYPING", "user": user, "threadId": conversation}
            await say(desk, type="TYPING", threadId=conversation, user="another")
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
def test_invalid_frame_is_answered_and_the_socket_stays_open(alice, conversation, frame, answer):
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


def test_conversation_of_another_customer_is_not_found(alice, fleet, conversation):
    async def scenario():
        async with fleet.socket() as one:
            for kind in ("SEND", "TYPING"):
                await say(one, type=kind, threadId=conversation, body="Hi")
                assert await hear(one) == {"type": "ERROR", "error": "Thread not found"}

    asyncio.run(scenario())
    assert alice.log(conversation) == []


def test_messages_sent_without_waiting_are_stored_in_order(alice, conversation):
    words = [str(n) for n in range(60)]
    photos = {word: alice.photo() for word in ("20", "40", "59")}

    async def scenario():
        async with alice.socket() as one:
            for word in words:
                extra = {"attachments": [photos[word]]} if word in photos else {}
                await say(one, type="SEND", threadId=conversation, body=word, clientId=word, **extra)
                if word == "30":
                    await say(one, type="SEND", threadId=conversation, clientId="bad")
            return [await hear(one, 15) for _ in range(61)]

    frames = asyncio.run(scenario())
    assert [frame["clientId"] for frame in frames if frame["type"] == "ERROR"] == ["bad"]
    messages = [frame for frame in frames if frame["type"] == "MESSAGE"]
    assert [frame["body"] for frame in messages] == words
    assert [frame["body"] for frame in messages if frame.get("attachments")] == list(photos)
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
        received = [[(await hear(one))["body"] for _ in range(60)] for one in sockets]
        for one in sockets:
            await one.close()
        return received

    received = asyncio.run(scenario())
    log = alice.log(conversation)
    assert sorted(log, key=int) == [str(n) for n in range(60)]
    assert all(one == log for one in received)


def test_changes_of_state_reach_the_customer_only(server, alice, fleet, tim):
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

    moved, notified = asyncio.run(scenario())
    assert moved == {
        "type": "REPAIR_ORDER",
        "id": moved["id"],
        "status": "completed",
        "timestamp": moved["timestamp"],
    }
    assert notified == {
        "type": "NOTIFICATION",
        "id": notified["id"],
        "kind": "REPAIR_ORDER",
        "title": "Repair completed",
        "message": notified["message"],
        "timestamp": moved["timestamp"],
    }


def test_client_that_does_not_read_delays_no_other(alice, tim, conversation):
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
            for n in range(400):  # 12 MB: more than the kernel, the server and the outbox hold for one client
                began = time.monotonic()
                await say(fast, type="SEND", threadId=conversation, body=f"{n}" + "€" * 9_990)
                assert (await hear(fast))["body"].rstrip("€") == str(n)
                longest = max(longest, time.monotonic() - began)
            assert longest < 2
            assert await closed(slow, 10) == 1013

    asyncio.run(scenario())
