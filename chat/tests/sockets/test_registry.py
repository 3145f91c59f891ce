import asyncio
import json
from uuid import uuid4

from chat.sockets import registry as module
from chat.sockets.broadcasts import Broadcast, decode_broadcasts, encode_broadcasts
from chat.sockets.frames import decode_frame, encode_frame
from chat.sockets.registry import Listener, Outbox, Registry
from common.domain.caller import Caller


def listener(role="customer", user=1, customer=None, **options):
    """Return a listener and the list that its frames' texts are appended to."""
    texts = []
    caller = Caller(role, user, customer, session=uuid4())
    return Listener(caller, lambda frame: texts.append(decode_frame(frame)), **options), texts


def test_message_goes_to_the_customers_group_and_to_staff():
    registry = Registry()
    people = {
        "alice": listener(user=1, customer=10),
        "second login": listener(user=2, customer=10),
        "bob": listener(user=3, customer=11),
        "tim": listener("technician", user=4),
    }
    for one, _ in people.values():
        registry.join(one)
    registry.deliver(Broadcast(10, {"type": "MESSAGE"}, author=1, client_id="mine"))
    registry.deliver(Broadcast(10, {"type": "TYPING"}, author=4, is_echoed=False))
    registry.deliver(Broadcast(10, {"type": "NOTIFICATION"}, is_for_staff=False))
    registry.deliver(Broadcast(10, None, number=3))
    assert {name: texts for name, (_, texts) in people.items()} == {
        "alice": ['{"type":"MESSAGE","clientId":"mine"}', '{"type":"TYPING"}', '{"type":"NOTIFICATION"}'],
        "second login": ['{"type":"MESSAGE"}', '{"type":"TYPING"}', '{"type":"NOTIFICATION"}'],
        "bob": [],
        "tim": ['{"type":"MESSAGE"}'],
    }


def test_sockets_that_take_rows_get_messages_of_others_as_rest_shows_them_too():
    registry = Registry()
    alice, texts = listener(user=1, customer=10, takes_rows=True)
    registry.join(alice)
    frame = {
        "type": "MESSAGE",
        "id": "m",
        "threadId": "t",
        "body": "Monday",
        "sender": "support",
        "timestamp": "2026",
    }
    registry.deliver(Broadcast(10, frame, author=4))
    registry.deliver(Broadcast(10, {**frame, "attachments": ["u"]}, author=4))
    registry.deliver(Broadcast(10, frame, author=1))  # which she has from the response
    registry.deliver(Broadcast(10, {"type": "TYPING"}, author=4, is_echoed=False))
    registry.deliver(Broadcast(10, None, number=3))
    row = {
        "id": "m",
        "threadId": "t",
        "sender": "support",
        "body": "Monday",
        "attachments": [],
        "createdAt": "2026",
    }
    assert [json.loads(text) for text in texts] == [
        frame,
        {"type": "message", "message": row},
        {**frame, "attachments": ["u"]},
        {"type": "message", "message": {**row, "attachments": ["u"]}},
        frame,
        {"type": "TYPING"},
    ]


def test_customer_without_a_record_joins_a_group_with_their_first_message():
    registry = Registry()
    carol, texts = listener(user=5)
    other, none = listener(user=6)
    registry.join(carol)
    registry.join(other)
    registry.deliver(Broadcast(12, {"n": 0}, author=4))
    registry.deliver(Broadcast(12, {"n": 1}, author=5))
    registry.deliver(Broadcast(12, {"n": 2}, author=4))
    assert (texts, none) == (['{"n":1}', '{"n":2}'], [])
    assert set(registry) == {carol, other}


def test_empty_groups_are_removed():
    registry = Registry()
    alice, _ = listener(user=1, customer=10)
    registry.join(alice)
    registry.move(alice, Caller("customer", 1, 11, session=alice.session))
    assert list(registry._customers) == [11]
    registry.leave(alice)
    registry.leave(alice)
    assert (registry._customers, list(registry)) == ({}, [])


def test_broadcasts_survive_encoding():
    message = Broadcast(1, {"type": "MESSAGE", "body": "é"}, 2, 3, 4, "c", is_for_staff=False)
    broadcasts = [message, Broadcast(1, None)]
    assert decode_broadcasts(encode_broadcasts(broadcasts)) == broadcasts


def test_outbox_writes_waiting_frames_together_in_order():
    async def scenario():
        written, gate = [], asyncio.Event()

        async def write(frames):
            await gate.wait()
            written.append(list(map(decode_frame, frames)))

        outbox = Outbox(lambda: written.append("overrun"))
        task = asyncio.create_task(outbox.run(write))
        for n in range(3):
            outbox.put(encode_frame(b"%d" % n))
        await asyncio.sleep(0.01)
        outbox.put(encode_frame(b"3"))
        assert written == []
        gate.set()
        await asyncio.sleep(0.01)
        outbox.put(encode_frame(b"x" * module._MAX_WRITE_BYTES))
        outbox.put(encode_frame(b"5"))
        await asyncio.sleep(0.01)
        task.cancel()
        return written

    assert asyncio.run(scenario()) == [["0", "1", "2"], ["3"], ["x" * module._MAX_WRITE_BYTES], ["5"]]


def test_outbox_overruns_when_the_client_does_not_read():
    async def scenario(frame, fits):
        overruns = []

        async def write_forever(_):
            await asyncio.Event().wait()

        outbox = Outbox(lambda: overruns.append(True))
        task = asyncio.create_task(outbox.run(write_forever))
        await asyncio.sleep(0)
        outbox.put(b"")  # being written
        await asyncio.sleep(0)
        for _ in range(fits):
            outbox.put(frame)
        assert overruns == []
        outbox.put(frame)
        assert overruns == [True]
        assert list(outbox._waiting) == []
        task.cancel()

    asyncio.run(scenario(b"x", module.MAX_FRAMES))
    asyncio.run(scenario(b"x" * (module.MAX_BYTES // 4), 4))


def test_limit_of_sockets_is_per_user(monkeypatch):
    monkeypatch.setattr(module, "MAX_SOCKETS", 2)
    registry = Registry()
    first, second = (listener(user=1, customer=10)[0] for _ in range(2))
    registry.join(listener(user=2, customer=10)[0])
    registry.join(first)
    assert not registry.is_full_for(1)
    registry.join(second)
    assert (registry.is_full_for(1), registry.is_full_for(2)) == (True, False)
    registry.leave(first)
    assert not registry.is_full_for(1)
