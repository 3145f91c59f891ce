"""No bay twice, whoever comes at once: by the lock, by the constraint, and not without both."""

from __future__ import annotations

from contextlib import contextmanager
from random import Random

import pytest
from django.db import connection, transaction

from appointments import actions
from appointments.actions import SlotTaken
from appointments.models import HOLDS_A_BAY, Appointment, Bay
from appointments.queries import NotASlot
from appointments.tests.booking import HALF_HOUR, NOW, TEN, book
from common.domain.constraints import NoOverlap
from common.domain.errors import DomainError
from testing.factories import GarageFactory, ServiceTypeFactory, VehicleFactory
from testing.storms import parallel


def overlaps():
    """Pairs of visits that hold one bay at one time."""
    by_bay: dict[int, list[Appointment]] = {}
    for visit in Appointment.objects.filter(status__in=HOLDS_A_BAY).order_by("start", "id"):
        by_bay.setdefault(visit.bay_id, []).append(visit)
    return [
        (a.pk, b.pk) for held in by_bay.values() for n, a in enumerate(held) for b in held[n + 1 :] if b.start < a.end
    ]  # fmt: skip


@contextmanager
def without_constraint():
    """The table as it would be if the database forbade nothing."""
    constraint = next(c for c in Appointment._meta.constraints if isinstance(c, NoOverlap))
    every = Appointment._meta.constraints
    Appointment._meta.constraints = [c for c in every if c is not constraint]
    try:
        with connection.schema_editor() as editor:
            editor.remove_constraint(Appointment, constraint)
        yield
    finally:
        Appointment.objects.all().delete()
        Appointment._meta.constraints = every
        with connection.schema_editor() as editor:
            editor.add_constraint(Appointment, constraint)


def outcomes(answers):
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, DomainError):
            raise answer
    names = [type(answer).__name__ for answer in answers]
    return {name: names.count(name) for name in set(names)}


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_the_constraint_holds(monkeypatch):
    """Also on PostgreSQL, where two who look at once both see a free bay."""
    monkeypatch.setattr(actions, "lock_bays", lambda **_: None)
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(12)
    parallel(12, lambda number: book(garage, vehicle=vehicles[number]))
    assert overlaps() == []
    assert 1 <= Appointment.objects.count() <= 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_without_the_constraint_the_lock_holds():
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(12)
    with without_constraint():
        found = outcomes(parallel(12, lambda number: book(garage, vehicle=vehicles[number])))
        assert (found, overlaps()) == ({"Appointment": 2, "SlotTaken": 10}, [])


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_without_both_a_bay_is_booked_twice(monkeypatch):
    """These storms can fail: nothing but the lock and the constraint stands between two who look at once.

    SQLite lets one writer in at a time, so there the transaction is taken away as well.
    """
    monkeypatch.setattr(actions, "lock_bays", lambda **_: None)
    if connection.vendor == "sqlite":
        monkeypatch.setattr(transaction, "atomic", no_transaction)
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(12)
    with without_constraint():
        parallel(12, lambda number: book(garage, vehicle=vehicles[number]))
        assert overlaps()


@contextmanager
def no_transaction(*_args, **_options):
    yield


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_clients_who_book_move_and_cancel_at_random_none_shares_a_bay():
    garages = [GarageFactory(bays=2), GarageFactory(bays=1)]
    services = [ServiceTypeFactory(minutes=minutes) for minutes in (30, 45, 60, 150)]
    vehicles = VehicleFactory.create_batch(8)

    def client(number):
        random, vehicle, mine, done = Random(number), vehicles[number], [], []

        def slot():
            return {
                "location": random.choice(garages),
                "start": TEN.replace(hour=8) + random.randrange(12) * HALF_HOUR,
                "services": random.sample(services, random.randrange(3)),
            }

        for _ in range(25):
            verb = random.choice(["book", "book", "move", "move", "cancel"])
            try:
                if verb == "book" or not mine:
                    mine.append(
                        actions.book_appointment(
                            customer=vehicle.customer, vehicle=vehicle, now=NOW, **slot()
                        )
                    )
                elif verb == "move":
                    actions.move_appointment(appointment=random.choice(mine), now=NOW, **slot())
                else:
                    visit = mine.pop(random.randrange(len(mine)))
                    actions.call_off_appointment(appointment=visit, by=None, now=NOW)
                done.append(verb)
            except (SlotTaken, NotASlot):
                done.append("refused")
        return done

    answers = parallel(8, client)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    counted = [verb for answer in answers for verb in answer]
    assert {"book", "move", "cancel", "refused"} <= set(counted)
    assert overlaps() == []
    for visit in Appointment.objects.filter(status__in=HOLDS_A_BAY).select_related("bay"):
        assert visit.bay.location_id == visit.location_id
    assert Bay.objects.count() == 3
