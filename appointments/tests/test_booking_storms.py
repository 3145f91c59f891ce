"""Parallel bookings never book a bay twice: the lock and the constraint each prevent it, and one of them is needed."""

from __future__ import annotations

import time
from contextlib import contextmanager
from random import Random

import pytest
from django.db import connection, transaction

from appointments import actions, holds
from appointments.holds import SlotTaken, VehicleIsBooked
from appointments.models import HOLDS_A_BAY, Appointment, Bay
from appointments.queries import NotASlot, get_bay_schedule
from appointments.tests.booking import HALF_HOUR, NOW, TEN, book
from common.domain.constraints import NoOverlap
from common.domain.errors import DomainError
from testing.factories import GarageFactory, ServiceTypeFactory, VehicleFactory
from testing.storms import parallel


def overlaps():
    """Return the pairs of appointments that hold one bay at the same time."""
    by_bay: dict[int, list[Appointment]] = {}
    for appointment in Appointment.objects.filter(status__in=HOLDS_A_BAY).order_by("start", "id"):
        by_bay.setdefault(appointment.bay_id, []).append(appointment)
    return [
        (a.pk, b.pk) for held in by_bay.values() for n, a in enumerate(held) for b in held[n + 1 :] if b.start < a.end
    ]  # fmt: skip


@contextmanager
def without_constraint():
    """Remove the constraint for the block."""
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


def count_outcomes(outcomes):
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, DomainError):
            raise outcome
    names = [type(outcome).__name__ for outcome in outcomes]
    return {name: names.count(name) for name in set(names)}


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_constraint_prevents_double_booking_without_the_lock(monkeypatch):
    """On PostgreSQL, two parallel bookings would both see a free bay."""
    monkeypatch.setattr(holds, "lock_bays", lambda **_: None)
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(12)
    parallel(12, lambda number: book(garage, vehicle=vehicles[number]))
    assert overlaps() == []
    assert 1 <= Appointment.objects.count() <= 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_lock_prevents_double_booking_without_the_constraint():
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(12)
    with without_constraint():
        found = count_outcomes(parallel(12, lambda number: book(garage, vehicle=vehicles[number])))
        assert (found, overlaps()) == ({"Appointment": 2, "SlotTaken": 10}, [])


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_bay_is_booked_twice_without_lock_and_constraint(monkeypatch):
    """Prove that the storms above can fail.

    SQLite has one writer at a time, so the transaction is removed there as well. Every booking waits between its query
    and its insert. Without the wait a fast thread can finish before the next one starts.
    """
    monkeypatch.setattr(holds, "lock_bays", lambda **_: None)
    monkeypatch.setattr(holds, "get_bay_schedule", get_schedule_and_wait)
    if connection.vendor == "sqlite":
        monkeypatch.setattr(transaction, "atomic", no_transaction)
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(12)
    with without_constraint():
        parallel(12, lambda number: book(garage, vehicle=vehicles[number]))
        assert overlaps()


def get_schedule_and_wait(*args, **options):
    schedule = get_bay_schedule(*args, **options)
    time.sleep(0.05)
    return schedule


@contextmanager
def no_transaction(*_args, **_options):
    yield


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_random_parallel_bookings_moves_and_cancels_never_overlap():
    garages = [GarageFactory(bays=2), GarageFactory(bays=1)]
    services = [ServiceTypeFactory(minutes=minutes) for minutes in (30, 45, 60, 150)]
    vehicles = VehicleFactory.create_batch(8)

    def client(number):
        random, vehicle, booked, done = Random(number), vehicles[number], [], []

        def slot():
            return {
                "location": random.choice(garages),
                "start": TEN.replace(hour=8) + random.randrange(12) * HALF_HOUR,
                "services": random.sample(services, random.randrange(3)),
            }

        for _ in range(25):
            verb = random.choice(["book", "book", "move", "move", "cancel"])
            try:
                if verb == "book" or not booked:
                    booked.append(
                        actions.book_appointment(
                            customer=vehicle.customer, vehicle=vehicle, by_staff=True, now=NOW, **slot()
                        )
                    )
                elif verb == "move":
                    actions.move_appointment(appointment=random.choice(booked), now=NOW, **slot())
                else:
                    appointment = booked.pop(random.randrange(len(booked)))
                    actions.cancel_pending_appointment(appointment=appointment, by=None, now=NOW)
                done.append(verb)
            except (SlotTaken, VehicleIsBooked, NotASlot):
                done.append("rejected")
        return done

    outcomes = parallel(8, client)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    verbs = [verb for outcome in outcomes for verb in outcome]
    assert {"book", "move", "cancel", "rejected"} <= set(verbs)
    assert overlaps() == []
    for appointment in Appointment.objects.filter(status__in=HOLDS_A_BAY).select_related("bay"):
        assert appointment.bay.location_id == appointment.location_id
    assert Bay.objects.count() == 3
