"""What the outbox of events costs a write, and whether readers see each event once while many are written.

    python -m bench.outbox cost                      # three writes of the staff's API, with and without their events
    python -m bench.outbox storm --events 100000     # 8 writers and 2 readers, each on a connection of its own

Both use the database that the environment names (docs/settings.md). It must be migrated, and gets rows.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise
from random import Random
from statistics import median
from threading import Event as Signal
from typing import Any
from unittest.mock import patch

WRITERS, READERS, PAGE = 8, 2, 1000
ROUNDS, CALLS = 30, 6


def cost() -> None:
    """Print what each write takes with and without its events, alternately, as medians over all rounds."""
    from common.domain.models import Event

    def unsaved(event: Any, **options: Any) -> None:
        event.pk = 0

    @contextmanager
    def without() -> Iterator[None]:
        with patch.object(Event, "save", unsaved):
            yield

    for name, write in _writes().items():
        times: dict[str, list[float]] = {"with": [], "without": []}
        for number in range(ROUNDS + 1):
            for kind, around in (("with", nullcontext), ("without", without)):
                with around():
                    began = time.perf_counter()
                    for _ in range(CALLS):
                        write()
                    took = (time.perf_counter() - began) / CALLS
                if number:  # the first round warms up
                    times[kind].append(took)
        shares = sorted(a / b - 1 for a, b in zip(times["with"], times["without"], strict=True))
        print(
            f"{name}: {median(times['with']) * 1000:.2f} ms with, {median(times['without']) * 1000:.2f} ms without; "
            f"paired median {median(shares):+.1%}, quartiles {shares[len(shares) // 4]:+.1%} "
            f"to {shares[3 * len(shares) // 4]:+.1%}; fastest round {min(times['with']) * 1000:.2f} and "
            f"{min(times['without']) * 1000:.2f} ms; {_statements(write)} statements"
        )


def _statements(write: Callable[[], None]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        write()
    return len(queries)


def _writes() -> dict[str, Callable[[], None]]:
    """Return requests of staff, each of which records one event."""
    from testing import factories
    from testing.clients import signed_in

    make: Any = factories
    number = time.time_ns() % 10**9
    user = make.UserFactory(role="manager", email=f"outbox{number}@bench.example")
    client = signed_in(user)
    customer = make.CustomerFactory(contact__email=f"customer{number}@bench.example")
    job = make.JobFactory(repair_order__vehicle__customer=customer)
    location = make.LocationFactory(name=f"Bench {number}")
    count = iter(range(10**9))

    def ok(response: Any) -> None:
        assert response.status_code < 300, response.content

    def change() -> None:
        address = f"/api/shop/customers/{customer.pk}/"
        ok(client.patch(address, {"city": f"City {next(count)}"}, format="json", secure=True))

    def add_job() -> None:
        address = f"/api/shop/repair-orders/{job.repair_order_id}/jobs/{job.pk}/"
        ok(client.patch(address, {"cause": f"Cause {next(count)}"}, format="json", secure=True))

    def pay() -> None:
        body = {"customer_id": customer.pk, "location_id": location.pk, "amount": "5.00", "method": "cash"}
        ok(client.post("/api/shop/payments/", body, format="json", secure=True))

    return {"change a customer": change, "change a job": add_job, "take a payment": pay}


def storm(number: int) -> None:
    """Let writers write `number` events in parallel, and print what both readers have seen."""
    from common.domain.models import Event
    from testing import factories
    from testing.storms import parallel

    make: Any = factories.CustomerFactory
    subject = make(contact__email=f"storm{time.time_ns()}@bench.example")
    last = Event.objects.order_by("id").last()
    finished = [Signal() for _ in range(WRITERS)]

    def work(worker: int) -> list[int]:
        if worker >= WRITERS:
            return _read(last.pk if last else None, lambda: all(one.is_set() for one in finished))
        try:
            return _write(subject, number // WRITERS, Random(worker))
        finally:
            finished[worker].set()

    began = time.perf_counter()
    results = parallel(WRITERS + READERS, work)
    took = time.perf_counter() - began
    for result in results:
        if isinstance(result, BaseException):
            raise result
    written, readers = results[:WRITERS], results[WRITERS:]
    for seen in readers:
        _report(seen, written)
    print(f"{number:,} events in {took:.0f} s. Both readers alike: {readers[0] == readers[1]}")


def _write(subject: Any, number: int, chance: Random) -> list[int]:
    """Write events in transactions of 1 to 20, and return their ids. One in ten is rolled back.

    A transaction that waited too long for SQLite's lock of all writers, or found no free connection, is tried again.
    """
    from django.db import OperationalError, transaction
    from django.utils import timezone

    from common.domain import events

    made: list[int] = []
    while len(made) < number:
        with suppress(OperationalError):
            with transaction.atomic():
                some = []
                for _ in range(min(chance.randint(1, 20), number - len(made))):
                    some.append(events.record("customers.customer.changed", subject, at=timezone.now()).pk)
                    if chance.random() < 0.05:
                        time.sleep(0.001)
                if chance.random() < 0.1:
                    transaction.set_rollback(True)
                    some = []
            made += some
    return made


def _read(after: int | None, is_over: Callable[[], bool]) -> list[int]:
    """Read until `is_over` and nothing is left. Return the ids in the order in which they came."""
    from django.db import OperationalError

    from integrations.queries import read_events

    seen: list[int] = []
    while True:
        was_over = is_over()
        try:
            found, after = read_events(after=after, types=None, limit=PAGE)
        except OperationalError:
            continue
        seen += [event.pk for event in found]
        if was_over and not found:
            return seen
        if len(found) < PAGE:
            time.sleep(0.02)


def _report(seen: list[int], written: list[list[int]]) -> None:
    place = {pk: position for position, pk in enumerate(seen)}
    missed = sum(pk not in place for made in written for pk in made)
    wrong = sum(place.get(a, 0) > place.get(b, 0) for made in written for a, b in pairwise(made))
    later = sum(a > b for a, b in pairwise(seen))
    print(
        f"reader: {len(seen):,} events, {missed} missed, {len(seen) - len(place)} twice, {wrong} out of a writer's "
        f"order, {later:,} times a smaller id after a larger one"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("cost", "storm"))
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.RATE_USER = 10**9
    if options.what == "cost":
        cost()
    else:
        storm(options.events)


if __name__ == "__main__":
    main()
