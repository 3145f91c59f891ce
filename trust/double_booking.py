"""No double booking: storms of bookings on two bays, then a look at every row.

Over HTTP, against the embedded server, by customers of the members' contract: the one in which they book, move and call
off. The same storms against a server without lock and constraint must leave a double booking, or they prove nothing.
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
from trust.clients import Client, told
from trust.databases import looking_into
from trust.promises import Tally, Trial

CLIENTS = 20
AT_ONCE = 200
BAYS = 2
MINUTES = (30, 60, 90, 120)  # of the services; a visit takes the sum of those that are booked, 30 without
OVERLAP = "overlap"
BOOK = "/api/appointments/book/"
# What may be answered to a step: it was taken, or somebody else was faster.
ALLOWED = {"book": {201, 409}, "move": {200, 409}, "cancel": {204}}


def no_double_booking(trial: Trial, tally: Tally) -> None:
    steps = trial.size(500, 100, 20)
    for engine in trial.engines:
        folder = trial.folder / engine
        folder.mkdir()
        with database(folder, postgres=engine == "PostgreSQL") as env, looking_into(env):
            held = _storms("manage.py", folder, env, trial.size(20, 2, 1), steps, tally)
            if trial.is_smoke:
                continue  # the longer runs prove that the trial finds what it looks for
            _drop_constraint()
            unguarded = Tally()
            _storms("trust.unguarded", folder, env, 20, steps, unguarded)
        twice = [failure for failure in unguarded.failures if failure.startswith(OVERLAP)]
        tally.tried(bool(twice), f"{engine}: no double booking without lock and constraint")
        tally.note(
            f"{engine}: {held} visits held, no overlap; without lock and constraint {len(twice)} overlaps"
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
    """Somebody with one vehicle; `visits` is what he was told last, `called_off` what he need not come to."""

    token: str
    visits: dict[str, tuple[str, str]] = field(default_factory=dict)
    called_off: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Storm:
    """A server, a location of two bays where nobody has booked, and its customers."""

    port: int
    garage: Location
    services: dict[str, int]  # code: minutes
    customers: list[Customer]

    def starts(self, ahead: int) -> list[datetime]:
        """Those of the day that many days ahead at which the longest visit fits."""
        opens = datetime.combine(timezone.now().date() + timedelta(days=ahead), time(8), tzinfo=UTC)
        last = 10 * 60 - sum(self.services.values())
        return [opens + timedelta(minutes=minutes) for minutes in range(0, last + 1, 30)]

    def wish(self, start: datetime, *services: str) -> dict[str, Any]:
        return {
            "locationId": str(self.garage.uuid), "startTime": start.isoformat(), "services": list(services)
        }  # fmt: skip


def _storms(command: str, folder: Path, env: dict[str, str], rounds: int, steps: int, tally: Tally) -> int:
    """Both storms on a server of their own, after each the look at every row; how many visits hold a bay in the end."""
    port = free_port()
    words = [command, "serve", "--port", str(port)]
    with serving(words, folder=folder, port=port, env={"DEBUG": "true", **env}):
        storm = _gather(port)
        for start in [start for ahead in range(8, 40) for start in storm.starts(ahead)][:rounds]:
            if _rush(storm, start, tally) > BAYS:
                break  # it is proven
        _sweep(storm, tally)  # before those who wander about call off what overlaps
        _wander(storm, steps, tally)
        return _sweep(storm, tally)


def _gather(port: int) -> Storm:
    customers = []
    for vehicle in VehicleFactory.create_batch(CLIENTS):
        customers.append(Customer(Client.of(port, vehicle.customer.contact).token))
    services = {ServiceTypeFactory(minutes=minutes).code: minutes for minutes in MINUTES}
    return Storm(port, GarageFactory(bays=BAYS, time_zone="UTC"), services, customers)


def _rush(storm: Storm, start: datetime, tally: Tally) -> int:
    """Everybody wants the same start: as many get it as there are bays, the others are told that it is taken. How many
    got it."""
    customers = [storm.customers[number % CLIENTS] for number in range(AT_ONCE)]
    clients = [Client(storm.port, customer.token) for customer in customers]
    wish = storm.wish(start)
    answers = parallel(AT_ONCE, lambda number: clients[number].call("POST", BOOK, wish))
    booked = 0
    for customer, answer in zip(customers, answers, strict=True):
        if _allowed("book", answer, tally) and answer.status_code == 201:
            visit = answer.json()
            customer.visits[visit["id"]] = (visit["startTime"], visit["endTime"])
            booked += 1
    tally.tried(booked == BAYS, f"{booked} of {AT_ONCE} got {start} in {BAYS} bays", cases=0)
    return booked


def _allowed(step: str, answer: Any, tally: Tally) -> bool:
    if isinstance(answer, Exception):
        return tally.tried(False, f"{step}: {answer!r}")
    return tally.tried(answer.status_code in ALLOWED[step], told(answer))


def _wander(storm: Storm, steps: int, tally: Tally) -> None:
    """Each customer books, moves and calls off as it comes into his head, all at the same time on the same two days."""
    starts = storm.starts(2) + storm.starts(3)

    def live(number: int) -> list[tuple[str, Any]]:
        customer, chance = storm.customers[number], Random(number)
        client = Client(storm.port, customer.token)
        steps_taken = []
        for _ in range(steps // CLIENTS):
            services = chance.sample(list(storm.services), chance.randint(0, len(storm.services)))
            wish = storm.wish(chance.choice(starts), *services)
            steps_taken.append(_step(customer, client, chance, wish))
        return steps_taken

    for outcome in parallel(CLIENTS, live):
        if isinstance(outcome, Exception):
            tally.tried(False, f"a customer gave up: {outcome!r}")
            continue
        for step, answer in outcome:
            _allowed(step, answer, tally)


def _step(customer: Customer, client: Client, chance: Random, wish: dict[str, Any]) -> tuple[str, Any]:
    """One step and its answer; what it says is what the customer believes from then on."""
    mine = chance.choice(list(customer.visits)) if customer.visits else None
    step = chance.choices(("book", "move", "cancel"), (5, 3, 2))[0] if mine else "book"
    if step == "book":
        answer = client.call("POST", BOOK, wish)
    elif step == "move":
        answer = client.call("PATCH", f"/api/appointments/{mine}/", wish)
    else:
        answer = client.call("DELETE", f"/api/appointments/{mine}/")
    if answer.status_code in (200, 201):
        visit = answer.json()
        customer.visits[visit["id"]] = (visit["startTime"], visit["endTime"])
    elif answer.status_code == 204 and mine:
        del customer.visits[mine]
        customer.called_off.append(mine)
    return step, answer


def _sweep(storm: Storm, tally: Tally) -> int:
    """No two visits in a bay at once, and each as its customer was told."""
    rows = list(
        Appointment.objects.filter(bay__location=storm.garage, status__in=HOLDS_A_BAY)
        .order_by("bay_id", "start", "id")
    )  # fmt: skip
    tally.tried(bool(rows), "no visits at all")
    for one, following in pairwise(rows):
        apart = one.bay_id != following.bay_id or one.end <= following.start
        tally.tried(apart, f"{OVERLAP} in bay {one.bay_id}: {one.start} to {one.end}, and {following.start}")
    stored = {str(row.uuid): (row.start, row.end) for row in rows}
    for customer in storm.customers:
        for visit, answered in customer.visits.items():
            times = tuple(map(parse_datetime, answered))
            tally.tried(
                stored.get(visit) == times, f"visit {visit}: told {times}, stored {stored.get(visit)}"
            )
        for visit in customer.called_off:
            tally.tried(visit not in stored, f"visit {visit} was called off and holds a bay")
    tally.tried(
        len(rows) == sum(len(customer.visits) for customer in storm.customers), "visits nobody was told of"
    )
    return len(rows)
