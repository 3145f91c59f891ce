"""Jobs, counts, receipts and parts orders that reach for the same parts at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from catalogue.models import Part, Reservation, StockMove
from catalogue.shelf import actions as shelf
from catalogue.shelf.actions import NotEnoughStock, PartNeeded
from common.domain.errors import DomainError, IllegalTransition
from orders import actions as orders
from orders.models import Order
from testing.factories import CustomerFactory, PartFactory
from testing.shelf import assert_balanced, available, on_shelf
from testing.storms import parallel

pytestmark = [pytest.mark.storm, pytest.mark.django_db(transaction=True)]


def test_last_piece_is_promised_once(now):
    part, customers = PartFactory(stock=1), CustomerFactory.create_batch(5)

    def ask(number):
        if number % 2:
            shelf.reserve(source=f"job:{number}", pieces={part.pk: 1}, by=None, now=now)
            return None
        customer = customers[number // 2 % 5]
        return orders.place_order(customer_id=customer.pk, items=[(part.pk, 1)], now=now).source

    outcomes = parallel(50, ask)
    assert [outcome for outcome in outcomes[1::2] if outcome is not None] == []
    bought = [outcome for outcome in outcomes[::2] if isinstance(outcome, str)]
    assert sum(isinstance(outcome, NotEnoughStock) for outcome in outcomes) == 25 - len(bought)
    filled = list(Reservation.objects.filter(filled=1).values_list("source", flat=True))
    assert len(filled) == 1 and set(bought) <= set(filled)
    assert Order.objects.count() == len(bought)
    assert Reservation.objects.open().count() == 25 - (not bought)
    assert on_shelf() == {part.pk: (1, 1)}
    assert_balanced()


def test_received_pieces_are_kept_once(now):
    part = PartFactory(stock=1)
    for number in range(10):
        shelf.reserve(
            source=f"job:{number}", pieces={part.pk: 2}, by=None, now=now + timedelta(seconds=number)
        )
    parallel(19, lambda _: shelf.receive(part=Part.objects.get(), pieces=1, by=None, now=now))
    assert not Reservation.objects.open().exists()
    assert on_shelf() == {part.pk: (20, 20)}
    assert_balanced()


def test_issue_happens_once(now):
    part = PartFactory(stock=3)
    shelf.reserve(source="job:1", pieces={part.pk: 2}, by=None, now=now)
    outcomes = parallel(20, lambda _: shelf.issue(source="job:1", by=None, now=now))
    assert sorted(len(moves) for moves in outcomes) == [0] * 19 + [1]
    assert on_shelf() == {part.pk: (1, 0)}
    assert_balanced()


def test_storm_of_all_verbs_has_no_deadlock(now):
    """Every kind of work touches the same parts, in the order given and in the opposite one."""
    parts, customers = PartFactory.create_batch(4, stock=20), CustomerFactory.create_batch(3)
    ids = [part.pk for part in parts]
    placed = [
        orders.place_order(customer_id=customers[n % 3].pk, items=[(pk, 1) for pk in ids], now=now)
        for n in range(6)
    ]

    def wanted(number):
        return dict.fromkeys(ids if number % 2 else ids[::-1], 1 + number % 2)

    def two_jobs(number):
        """Reserve for two jobs of one repair order in one transaction."""
        first, second = (ids[:2], ids[2:]) if number % 2 else (ids[2:], ids[:2])
        with transaction.atomic():
            shelf.lock_parts(ids)
            for job, chosen in enumerate((first, second)):
                shelf.reserve(source=f"job:{number}{job}", pieces=dict.fromkeys(chosen, 2), by=None, now=now)

    def place(number):
        items = list(wanted(number).items())
        orders.place_order(customer_id=customers[number % 3].pk, items=items, now=now)

    work = [
        lambda n: shelf.receive(part=parts[n % 4], pieces=2, unit_cost=Decimal(n), by=None, now=now),
        lambda n: shelf.reserve(source=f"job:{n}", pieces=wanted(n), by=None, now=now),
        two_jobs,
        lambda n: shelf.release(source=f"job:{n - 8}", by=None, now=now),
        lambda n: shelf.issue(source=f"job:{n - 9}", received=bool(n % 2), by=None, now=now),
        lambda n: shelf.count(part=parts[n % 4], pieces=3 * n % 25, reason="Counted", by=None, now=now),
        place,
        lambda n: orders.cancel(order=Order.objects.get(pk=placed[n % 6].pk), by=None, now=now),
        lambda n: orders.expire_unpaid(now=now + timedelta(hours=49)),
        lambda n: shelf.take_back(source="order:1", pieces=wanted(n), by=None, now=now),
    ]
    outcomes = parallel(60, lambda n: work[n % len(work)](n))
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [e for e in errors if not isinstance(e, (NotEnoughStock, PartNeeded, IllegalTransition))] == []
    assert all(isinstance(error, DomainError) for error in errors)
    assert StockMove.objects.exists() and available()
    assert_balanced()
