"""Reading events while others are written: each once, in order, on both databases."""

from __future__ import annotations

import time
from random import Random
from threading import Event as Signal

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from common.domain import events
from common.domain.constraints import ReadInOrder
from common.domain.models import Event
from integrations.queries import read_events
from testing import factories
from testing.storms import parallel

TYPES = ["customers.customer.merged", "orders.order.packed", "orders.order.shipped"]
WRITERS, READERS = 6, 2
TRANSACTIONS = 12  # of each writer


def write_some(subject, chance):
    """Write events in one transaction that may take a moment, and return their ids. Some are rolled back."""
    with transaction.atomic():
        made = []
        for _ in range(chance.randint(1, 3)):
            made.append(events.record(TYPES[0], subject, at=timezone.now(), into=1).pk)
            time.sleep(chance.choice([0, 0, 0.002, 0.01]))
        if chance.random() < 0.2:
            transaction.set_rollback(True)
            return []
    return made


def read_all(is_over, *, limit):
    """Read until `is_over` and nothing is left. Return the ids in the order in which they came."""
    seen, after = [], None
    while True:
        was_over = is_over()
        found, after = read_events(after=after, types=None, limit=limit)
        seen += [event.pk for event in found]
        if was_over and not found:
            return seen
        time.sleep(0.001)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_readers_see_each_event_of_parallel_writers_once_and_in_order():
    subject, finished = factories.CustomerFactory(), [Signal() for _ in range(WRITERS)]

    def work(number):
        if number >= WRITERS:
            return read_all(lambda: all(one.is_set() for one in finished), limit=(7, 100)[number - WRITERS])
        chance = Random(number)
        try:
            return [write_some(subject, chance) for _ in range(TRANSACTIONS)]
        finally:
            finished[number].set()

    *written, one, other = parallel(WRITERS + READERS, work)
    assert one == other
    assert sorted(one) == sorted(pk for made in written for some in made for pk in some)
    place = {pk: number for number, pk in enumerate(one)}
    for made in written:  # what one writer wrote comes in the order in which it was written
        places = [place[pk] for some in made for pk in some]
        assert places == sorted(places)


@pytest.mark.skipif(not settings.USE_POSTGRES, reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_open_transaction_holds_back_the_events_of_later_ones():
    subject, written, read = factories.CustomerFactory(), Signal(), Signal()

    def first():
        with transaction.atomic():
            made = events.record(TYPES[0], subject, at=timezone.now(), into=1).pk
            written.set()
            read.wait(timeout=30)
        return made

    def second():
        written.wait(timeout=30)
        made = events.record(TYPES[0], subject, at=timezone.now(), into=1).pk
        before = read_events(after=None, types=None, limit=10)
        read.set()
        return made, before

    early, (late, before) = parallel(2, lambda number: second() if number else first())
    assert before == ([], None)
    found, after = read_events(after=None, types=None, limit=10)
    assert ([event.pk for event in found], after) == ([early, late], late)


@pytest.mark.skipif(not settings.USE_POSTGRES, reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_later_events_are_held_back_after_a_savepoint_that_recorded_first_was_rolled_back():
    subject, written, read = factories.CustomerFactory(), Signal(), Signal()

    def first():
        with transaction.atomic():
            with transaction.atomic():
                events.record(TYPES[0], subject, at=timezone.now(), into=1)
                transaction.set_rollback(True)
            events.record(TYPES[0], subject, at=timezone.now(), into=1)
            written.set()
            assert read.wait(20)

    def second():
        assert written.wait(20)
        later = events.record(TYPES[0], subject, at=timezone.now(), into=2).pk
        try:
            return later, list(events.readable())
        finally:
            read.set()

    failed, (later, before) = parallel(2, lambda number: (first, second)[number]())
    assert failed is None
    assert before == []
    assert list(events.readable().values_list("pk", flat=True)) == [later - 1, later]


@pytest.mark.skipif(not settings.USE_POSTGRES, reason="SQLite has one writer at a time")
@pytest.mark.django_db
def test_many_events_of_a_transaction_take_one_lock():
    subject = factories.CustomerFactory()
    for _ in range(3):
        events.record(TYPES[0], subject, at=timezone.now(), into=1)
    events.record_new(subject)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = %s",
            [ReadInOrder.LOCKS],
        )
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
@given(
    rows=st.lists(st.sampled_from(TYPES), max_size=25),
    types=st.one_of(st.none(), st.lists(st.sampled_from(TYPES), min_size=1, unique=True)),
    limit=st.integers(1, 6),
)
def test_pages_put_together_are_all_events_of_the_types_in_order(rows, types, limit):
    Event.objects.all().delete()
    made = [factories.EventFactory(type=name) for name in rows]
    expected = [row.pk for row in made if types is None or row.type in types]
    seen, after = [], None
    while True:
        found, place = read_events(after=after, types=types, limit=limit)
        seen += [event.pk for event in found]
        if len(found) < limit:
            break
        assert place == found[-1].pk
        after = place
    assert seen == expected
    assert place == (made[-1].pk if made else None)
    if place is not None:
        assert read_events(after=place, types=types, limit=limit) == ([], place)
