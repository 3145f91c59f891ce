import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chat.sockets import turns as module
from chat.sockets.broadcasts import Broadcast
from chat.sockets.turns import SILENCE, Turns

NOW = datetime.now(UTC)


def entry(number, conversation=7):
    return Broadcast(1, {"n": number}, conversation=conversation, number=number)


class Log:
    """A conversation's log of `size` entries, read two at a time; before `old` they are older than anybody asks for."""

    def __init__(self, size, old=0):
        self.size, self.old, self.asked = size, old, []

    async def read(self, conversation, number, since):
        self.asked.append((conversation, number, since))
        await asyncio.sleep(0)
        first = max(number, self.old if since else 0) + 1
        return [entry(n, conversation) for n in range(first, min(first + 2, self.size + 1))]


async def settled(turns):
    """Nobody reads a log any more, however slow the machine is."""
    while reading := [turn.task for turn in turns._turns.values() if turn.task]:
        await asyncio.wait(reading)


def run(log, *steps, known=()):
    """The numbers handed out when the steps are taken one after the other; None lets everything settle."""

    async def scenario():
        out = []
        turns = Turns(log.read, lambda event: out.append(event.number))
        turns.begin(known)
        for step in steps:
            if step is None:
                await settled(turns)
            else:
                step(turns)
        await settled(turns)
        return out

    return asyncio.run(scenario())


def hear(*numbers):
    return lambda turns: [turns.hear(entry(n)) for n in numbers]


def test_what_comes_in_turn_is_handed_on_without_a_look_at_the_log():
    log = Log(3)
    assert run(log, hear(1, 2, 3)) == [1, 2, 3]
    assert run(log, hear(4, 5, 5, 4), known=[(7, 3)]) == [4, 5]
    assert log.asked == []


def test_an_entry_ahead_of_its_turn_makes_it_read_the_log():
    log = Log(6)
    assert run(log, hear(6), None, hear(5, 4), known=[(7, 3)]) == [4, 5, 6]
    assert [number for _, number, _ in log.asked] == [3, 5]


def test_what_is_heard_before_it_is_known_where_threads_stand_waits():
    async def scenario():
        out = []
        turns = Turns(Log(4).read, lambda event: out.append(event.number))
        turns.hear(entry(3))
        turns.hear(entry(4))
        assert out == []
        turns.begin([(7, 3)])
        return out

    assert asyncio.run(scenario()) == [4]


def test_of_a_thread_that_was_silent_only_what_is_new_is_read():
    log = Log(6, old=4)
    assert run(log, hear(6), None, hear(5)) == [5, 6]
    since = log.asked[0][2]
    assert abs(datetime.now(UTC) - SILENCE - since) < timedelta(minutes=1)


def test_after_a_cut_it_looks_from_there():
    cut = NOW - timedelta(hours=3)
    log = Log(6, old=4)
    assert run(log, lambda turns: turns.hear_of(7, 6, cut), None, hear(6)) == [5, 6]
    assert log.asked[0] == (7, 0, cut)
    assert run(Log(6), lambda turns: turns.hear_of(7, 6, cut), known=[(7, 6)]) == []


def test_what_cannot_be_read_is_read_again(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0)
    log, read = Log(5), Log.read
    faults = [OSError("away"), OSError("away")]

    async def failing(conversation, number, since):
        if faults:
            raise faults.pop()
        return await read(log, conversation, number, since)

    log.read = failing
    assert run(log, hear(5), known=[(7, 2)]) == [3, 4, 5]


def test_what_was_silent_for_long_is_forgotten(monkeypatch):
    monkeypatch.setattr(module, "FORGET_SECONDS", 0)
    log = Log(3, old=2)
    assert run(log, hear(1, 2), lambda turns: turns.forget(), hear(3)) == [1, 2, 3]
    assert [number for _, number, _ in log.asked] == [0]  # as of a conversation never heard of


@given(order=st.permutations(range(4, 13)), pauses=st.lists(st.booleans(), min_size=9, max_size=9))
def test_any_order_comes_out_in_turn_and_once(order, pauses):
    steps = [
        step
        for number, pause in zip(order, pauses, strict=True)
        for step in (hear(number), None if pause else hear())
    ]
    assert run(Log(12), *steps, known=[(7, 3)]) == list(range(4, 13))
