import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chat.sockets import turns as module
from chat.sockets.broadcasts import Broadcast
from chat.sockets.turns import LOOK_BACK, Turns

NOW = datetime.now(UTC)


def entry(number, conversation=7):
    return Broadcast(1, {"n": number}, conversation=conversation, number=number)


class Log:
    """A conversation's log of `size` entries, read two at a time. Entries up to number `old` are older than `since`."""

    def __init__(self, size, old=0):
        self.size, self.old, self.reads = size, old, []

    async def read(self, conversation, number, since):
        self.reads.append((conversation, number, since))
        await asyncio.sleep(0)
        first = max(number, self.old if since else 0) + 1
        return [entry(n, conversation) for n in range(first, min(first + 2, self.size + 1))]


async def settled(turns):
    """Wait until no log is being read."""
    while reading := [turn.task for turn in turns._turns.values() if turn.task]:
        await asyncio.wait(reading)


def run(log, *steps, known=()):
    """Return the numbers that are delivered when the steps are taken in turn. None waits until all is read."""

    async def scenario():
        out = []
        turns = Turns(log.read, lambda broadcast: out.append(broadcast.number))
        turns.begin(known)
        for step in steps:
            if step is None:
                await settled(turns)
            else:
                step(turns)
        await settled(turns)
        return out

    return asyncio.run(scenario())


def receive(*numbers):
    return lambda turns: [turns.receive(entry(n)) for n in numbers]


def test_entries_in_order_are_delivered_without_reading_the_log():
    log = Log(3)
    assert run(log, receive(1, 2, 3)) == [1, 2, 3]
    assert run(log, receive(4, 5, 5, 4), known=[(7, 3)]) == [4, 5]
    assert log.reads == []


def test_entry_ahead_of_its_turn_reads_the_log():
    log = Log(6)
    assert run(log, receive(6), None, receive(5, 4), known=[(7, 3)]) == [4, 5, 6]
    assert [number for _, number, _ in log.reads] == [3, 5]


def test_entries_received_before_begin_wait_for_it():
    async def scenario():
        out = []
        turns = Turns(Log(4).read, lambda broadcast: out.append(broadcast.number))
        turns.receive(entry(3))
        turns.receive(entry(4))
        assert out == []
        turns.begin([(7, 3)])
        return out

    assert asyncio.run(scenario()) == [4]


def test_untracked_conversation_is_read_two_minutes_back():
    log = Log(6, old=4)
    assert run(log, receive(6), None, receive(5)) == [5, 6]
    since = log.reads[0][2]
    assert abs(datetime.now(UTC) - LOOK_BACK - since) < timedelta(minutes=1)


def test_announced_conversation_is_read_from_the_lost_connection_on():
    cut = NOW - timedelta(hours=3)
    log = Log(6, old=4)
    assert run(log, lambda turns: turns.announce(7, 6, cut), None, receive(6)) == [5, 6]
    assert log.reads[0] == (7, 0, cut)
    assert run(Log(6), lambda turns: turns.announce(7, 6, cut), known=[(7, 6)]) == []


def test_call_waits_for_the_entries_before():
    log = Log(6)
    called = []

    def repeat(number):
        return lambda turns: turns.call_after(
            entry(number), lambda: called.append((number, turns._turns[7].last))
        )

    assert run(log, repeat(5), repeat(2), None, repeat(4), known=[(7, 3)]) == [4, 5]
    assert called == [(2, 3), (5, 5), (4, 5)]


def test_call_comes_for_an_entry_older_than_what_is_read():
    called = []
    assert run(Log(6, old=6), lambda turns: turns.call_after(entry(2), lambda: called.append(2))) == []
    assert called == [2]


def test_failed_read_is_repeated(monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    log, read = Log(5), Log.read
    faults = [OSError("away"), OSError("away")]

    async def failing(conversation, number, since):
        if faults:
            raise faults.pop()
        return await read(log, conversation, number, since)

    log.read = failing
    assert run(log, receive(5), known=[(7, 2)]) == [3, 4, 5]


def test_idle_positions_are_dropped(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0)
    log = Log(3, old=2)
    assert run(log, receive(1, 2), lambda turns: turns.drop_idle(), receive(3)) == [1, 2, 3]
    assert [number for _, number, _ in log.reads] == [0]  # as for an untracked conversation


@given(order=st.permutations(range(4, 13)), pauses=st.lists(st.booleans(), min_size=9, max_size=9))
def test_any_order_is_delivered_once_in_number_order(order, pauses):
    steps = [
        step
        for number, pause in zip(order, pauses, strict=True)
        for step in (receive(number), None if pause else receive())
    ]
    assert run(Log(12), *steps, known=[(7, 3)]) == list(range(4, 13))
