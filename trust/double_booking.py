"""Promise: no double booking.

Customers of contract 003 book, move and cancel appointments in two bays over HTTP, all at once, on the embedded server.
Then every row is checked. The same storms on a server without the lock and the constraint must leave a double booking,
to prove that the trial finds one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from appointments.models import HOLDS_A_BAY, Appointment, Location
from testing.factories import GarageFactory, ServiceTypeFactory, VehicleFactory
from testing.servers import database, free_port, serving
from testing.storms import parallel
from trust.clients import Client, describe
from trust.databases import looking_into
from trust.promises import Tally, Trial

CLIENTS = 20
AT_ONCE = 200
BAYS = 2
MINUTES = (30, 60, 90, 120)  # of the services; an appointment takes the sum of its services, 30 without any
OVERLAP = "overlap"
BOOK = "/api/appointments/book/"
# The statuses of each step: success, or the slot was taken.
ALLOWED = {"book": {201, 409}, "move": {200, 409}, "cancel": {204}}


def no_double_booking(trial: Trial, tally: Tally) -> None:
    steps = trial.size(500, 100, 20)
    for engine in trial.engines:
        folder = trial.folder / engine
        folder.mkdir()
        with database(folder, postgres=engine == "PostgreSQL") as env, looking_into(env):
            held = _storms("manage.py", folder, env, trial.size(20, 2, 1), steps, tally)
            if trial.is_smoke:
                continue  # the longer runs prove that the trial finds a double booking
            _drop_constraint()
            unguarded = Tally()
            _storms("trust.unguarded", folder, env, 20, steps, unguarded)
        twice = [failure for failure in unguarded.failures if failure.startswith(OVERLAP)]
        tally.tried(bool(twice), f"{engine}: no double booking without lock and constraint")
        tally.note(
            f"{engine}: {held} appointments without overlap, {len(twice)} overlaps without lock and constraint"
        )


def _drop_constraint() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE appointments_appointment DROP CONSTRAINT bay_is_held_once")
        else:
            cursor.execute("DROP TRIGGER bay_is_held_once_insert")
            cursor.execute("DROP TRIGGER bay_is_held_once_update")


@dataclass
class Customer:
    """A customer. `appointments` maps ids to the times of the last response, `cancelled` lists the cancelled ids."""

    token: str
    appointments: dict[str, tuple[str, str]] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Storm:
    """A server, an empty location with two bays, and its customers."""

    port: int
    garage: Location
    services: dict[str, int]  # code: minutes
    customers: list[Customer]

    def starts(self, ahead: int) -> list[datetime]:
        """Return the starts, `ahead` days from today, at which the longest appointment fits."""
        opens = datetime.combine(timezone.now().date() + timedelta(days=ahead), time(8), tzinfo=UTC)
        last = 10 * 60 - sum(self.services.values())
        return [opens + timedelta(minutes=minutes) for minutes in range(0, last + 1, 30)]

    def booking(self, start: datetime, *services: str) -> dict[str, Any]:
        return {
            "locationId": str(self.garage.uuid), "startTime": start.isoformat(), "services": list(services)
        }  # fmt: skip


def _storms(command: str, folder: Path, env: dict[str, str], rounds: int, steps: int, tally: Tally) -> int:
    """Run both storms on a server, check every row after each, and return how many appointments hold a bay."""
    port = free_port()
    words = [command, "serve", "--port", str(port)]
    with serving(words, folder=folder, port=port, env={"DEBUG": "true", **env}):
        storm = _create_customers(port)
        for start in [start for ahead in range(8, 40) for start in storm.starts(ahead)][:rounds]:
            if _book_same_start(storm, start, tally) > BAYS:
                break  # a double booking was found
        _check_rows(storm, tally)  # before the next storm cancels appointments that overlap
        _book_at_random(storm, steps, tally)
        return _check_rows(storm, tally)


def _create_customers(port: int) -> Storm:
    customers = []
    for vehicle in VehicleFactory.create_batch(CLIENTS):
        customers.append(Customer(Client.of(port, vehicle.customer.contact).token))
    services = {ServiceTypeFactory(minutes=minutes).code: minutes for minutes in MINUTES}
    return Storm(port, GarageFactory(bays=BAYS, time_zone="UTC"), services, customers)


def _book_same_start(storm: Storm, start: datetime, tally: Tally) -> int:
    """Book the same start many times at once: as many succeed as there are bays. Return how many did."""
    customers = [storm.customers[number % CLIENTS] for number in range(AT_ONCE)]
    clients = [Client(storm.port, customer.token) for customer in customers]
    booking = storm.booking(start)
    answers = parallel(AT_ONCE, lambda number: clients[number].call("POST", BOOK, booking))
    booked = 0
    for customer, answer in zip(customers, answers, strict=True):
        if _allowed("book", answer, tally) and answer.status_code == 201:
            appointment = answer.json()
            customer.appointments[appointment["id"]] = (appointment["startTime"], appointment["endTime"])
            booked += 1
    tally.tried(booked == BAYS, f"{booked} of {AT_ONCE} booked {start} in {BAYS} bays", cases=0)
    return booked


def _allowed(step: str, answer: Any, tally: Tally) -> bool:
    if isinstance(answer, Exception):
        return tally.tried(False, f"{step}: {answer!r}")
    return tally.tried(answer.status_code in ALLOWED[step], describe(answer))


def _book_at_random(storm: Storm, steps: int, tally: Tally) -> None:
    """Let each customer book, move and cancel at random, all at the same time on the same two days."""
    starts = storm.starts(2) + storm.starts(3)

    def live(number: int) -> list[tuple[str, Any]]:
        customer, chance = storm.customers[number], Random(number)
        client = Client(storm.port, customer.token)
        steps_taken = []
        for _ in range(steps // CLIENTS):
            services = chance.sample(list(storm.services), chance.randint(0, len(storm.services)))
            booking = storm.booking(chance.choice(starts), *services)
            steps_taken.append(_step(customer, client, chance, booking))
        return steps_taken

    for outcome in parallel(CLIENTS, live):
        if isinstance(outcome, Exception):
            tally.tried(False, f"a customer failed: {outcome!r}")
            continue
        for step, answer in outcome:
            _allowed(step, answer, tally)


def _step(customer: Customer, client: Client, chance: Random, booking: dict[str, Any]) -> tuple[str, Any]:
    """Take a step, record the result for the customer, and return the step and its response."""
    mine = chance.choice(list(customer.appointments)) if customer.appointments else None
    step = chance.choices(("book", "move", "cancel"), (5, 3, 2))[0] if mine else "book"
    if step == "book":
        answer = client.call("POST", BOOK, booking)
    elif step == "move":
        answer = client.call("PATCH", f"/api/appointments/{mine}/", booking)
    else:
        answer = client.call("DELETE", f"/api/appointments/{mine}/")
    if answer.status_code in (200, 201):
        appointment = answer.json()
        customer.appointments[appointment["id"]] = (appointment["startTime"], appointment["endTime"])
    elif answer.status_code == 204 and mine:
        del customer.appointments[mine]
        customer.cancelled.append(mine)
    return step, answer


def _check_rows(storm: Storm, tally: Tally) -> int:
    """Check that no two appointments overlap in a bay, and that each has the times of its last response."""
    rows = list(
        Appointment.objects.filter(bay__location=storm.garage, status__in=HOLDS_A_BAY)
        .order_by("bay_id", "start", "id")
    )  # fmt: skip
    tally.tried(bool(rows), "no appointments were stored")
    for one, following in pairwise(rows):
        apart = one.bay_id != following.bay_id or one.end <= following.start
        tally.tried(apart, f"{OVERLAP} in bay {one.bay_id}: {one.start} to {one.end}, and {following.start}")
    stored = {str(row.uuid): (row.start, row.end) for row in rows}
    for customer in storm.customers:
        for appointment, answered in customer.appointments.items():
            times = tuple(map(parse_datetime, answered))
            tally.tried(
                stored.get(appointment) == times,
                f"appointment {appointment}: answered {times}, stored {stored.get(appointment)}",
            )
        for appointment in customer.cancelled:
            tally.tried(appointment not in stored, f"appointment {appointment} was cancelled and holds a bay")
    tally.tried(
        len(rows) == sum(len(customer.appointments) for customer in storm.customers),
        "more appointments are stored than were answered",
    )
    return len(rows)
