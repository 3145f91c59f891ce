import asyncio
from uuid import uuid4

from chat.sockets import registry as module
from chat.sockets.broadcasts import Broadcast, decode_broadcasts, encode_broadcasts
from chat.sockets.frames import spell, text_of
from chat.sockets.registry import Listener, Outbox, Registry
from common.domain.caller import Caller


def listener(role="customer", user=1, customer=None):
    heard = []
    made = Listener(Caller(role, user, customer, session=uuid4()), lambda frame: heard.append(text_of(frame)))
    return made, heard


def test_a_message_goes_to_the_customers_room_and_the_staff():
    rooms = Registry()
    people = {
        "alice": listener(user=1, customer=10),
        "wife": listener(user=2, customer=10),
        "bob": listener(user=3, customer=11),
        "tim": listener("technician", user=4),
    }
    for one, _ in people.values():
        rooms.join(one)
    rooms.deliver(Broadcast(10, {"type": "MESSAGE"}, author=1, client_id="mine"))
    rooms.deliver(Broadcast(10, {"type": "TYPING"}, author=4, is_echoed=False))
    rooms.deliver(Broadcast(10, {"type": "NOTIFICATION"}, is_for_staff=False))
    rooms.deliver(Broadcast(10, None, number=3))
    assert {name: heard for name, (_, heard) in people.items()} == {
        "alice": ['{"type":"MESSAGE","clientId":"mine"}', '{"type":"TYPING"}', '{"type":"NOTIFICATION"}'],
        "wife": ['{"type":"MESSAGE"}', '{"type":"TYPING"}', '{"type":"NOTIFICATION"}'],
        "bob": [],
        "tim": ['{"type":"MESSAGE"}'],
    }


def test_a_customer_without_a_record_gets_his_room_with_his_first_message():
    rooms = Registry()
    carol, heard = listener(user=5)
    other, nothing = listener(user=6)
    rooms.join(carol)
    rooms.join(other)
    rooms.deliver(Broadcast(12, {"n": 0}, author=4))
    rooms.deliver(Broadcast(12, {"n": 1}, author=5))
    rooms.deliver(Broadcast(12, {"n": 2}, author=4))
    assert (heard, nothing) == (['{"n":1}', '{"n":2}'], [])
    assert set(rooms) == {carol, other}


def test_rooms_go_with_their_last_socket():
    rooms = Registry()
    alice, _ = listener(user=1, customer=10)
    rooms.join(alice)
    rooms.move(alice, Caller("customer", 1, 11, session=alice.session))
    assert list(rooms._rooms) == [11]
    rooms.leave(alice)
    rooms.leave(alice)
    assert (rooms._rooms, list(rooms)) == ({}, [])


def test_events_travel_whole():
    events = [
        Broadcast(1, {"type": "MESSAGE", "body": "é"}, 2, 3, 4, "c", is_for_staff=False),
        Broadcast(1, None),
    ]
    assert decode_broadcasts(encode_broadcasts(events)) == events


def test_an_outbox_writes_in_order_and_together_and_waits_for_nobody_else():
    async def scenario():
        written, gate = [], asyncio.Event()

        async def write(frames):
            await gate.wait()
            written.append(list(map(text_of, frames)))

        outbox = Outbox(lambda: written.append("overrun"))
        task = asyncio.create_task(outbox.run(write))
        for n in range(3):
            outbox.put(spell(b"%d" % n))
        await asyncio.sleep(0.01)
        outbox.put(spell(b"3"))
        assert written == []
        gate.set()
        await asyncio.sleep(0.01)
        outbox.put(spell(b"x" * module._AT_ONCE))
        outbox.put(spell(b"5"))
        await asyncio.sleep(0.01)
        task.cancel()
        return written

    assert asyncio.run(scenario()) == [["0", "1", "2"], ["3"], ["x" * module._AT_ONCE], ["5"]]


def test_an_outbox_gives_up_on_who_does_not_read():
    async def scenario(frame, fits):
        given_up = []

        async def never(_):
            await asyncio.Event().wait()

        outbox = Outbox(lambda: given_up.append(True))
        task = asyncio.create_task(outbox.run(never))
        await asyncio.sleep(0)
        outbox.put(b"")  # on its way
        await asyncio.sleep(0)
        for _ in range(fits):
            outbox.put(frame)
        assert given_up == []
        outbox.put(frame)
        assert given_up == [True]
        assert list(outbox._waiting) == []
        task.cancel()

    asyncio.run(scenario(b"x", module.MOST_FRAMES))
    asyncio.run(scenario(b"x" * (module.MOST_BYTES // 4), 4))


def test_a_user_may_have_so_many_sockets_and_another_is_not_concerned(monkeypatch):
    monkeypatch.setattr(module, "MOST_SOCKETS", 2)
    rooms = Registry()
    mine = [listener(user=1, customer=10)[0] for _ in range(2)]
    rooms.join(listener(user=2, customer=10)[0])
    rooms.join(mine[0])
    assert not rooms.is_full_for(1)
    rooms.join(mine[1])
    assert (rooms.is_full_for(1), rooms.is_full_for(2)) == (True, False)
    rooms.leave(mine[0])
    assert not rooms.is_full_for(1)
