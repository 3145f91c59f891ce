"""Writes of a working day: over HTTP, against the same statements by hand and the same action behind stock DRF.

`python -m bench.writes` prints the section alone. It needs PostgreSQL and Redis, and builds its databases anew.

Each write is sent for 110 rows that wait for it. There are three copies of the database with these rows: for ours, for
stock DRF, and for psycopg, which runs the statements that ours ran, with their parameters, a transaction for each
request. One client sends the requests one after the other.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from bench import load
from bench.report import Goal, Section, spread
from bench.servers import ENV, LOGIN, ROUNDS, ensure_database, use_django

NAME = "garage_bench_writes"
EACH, WARM_UP = 20, 10  # requests of a round, and before the first
ROWS = WARM_UP + ROUNDS * EACH
BAYS = 10
BY_HAND, STOCK = 0.4, 2.0
OURS, HAND, DRF = "ours", "by hand", "stock DRF"
SHOP = "/api/shop/"
# Rows that a write makes or changes, which must be as many in the three copies afterwards.
COUNTED = (
    "appointments_appointment", "repair_orders_job", "repair_orders_partline", "repair_orders_serviceline",
    "repair_orders_authorisation", "billing_invoice", "billing_invoiceline", "billing_payment", "billing_allocation",
)  # fmt: skip

Request = tuple[str, Any]  # path and body of a POST
Statements = list[tuple[str, Any]]


@dataclass
class Work:
    """The rows that one order needs on its way from the booking to the payment."""

    customer: int
    vehicle: int
    order: int
    start: datetime
    job: int = 0
    total: str = ""
    invoice: int = 0


@dataclass(frozen=True)
class Write:
    """A write, and what is done to each row before it."""

    name: str
    request: Callable[[Work], Request]
    before: Callable[[Any, Work], None] = lambda client, work: None
    after: Callable[[Work, Any], None] = lambda work, body: None


@dataclass
class Shop:
    """What all orders share."""

    location: int
    service: str
    canned: int
    token: str
    client: Any
    works: list[Work] = field(default_factory=list)


def measure() -> Section:
    """Measure each write, in the order in which an order goes through them."""
    ensure_database(NAME, anew=True)
    use_django(_environment(NAME))
    shop = build()
    section = Section("Writes")
    lines = []
    for write in writes(shop):
        print(f"  {write.name} …", file=sys.stderr, flush=True)
        seconds, statements = one(write, shop)
        for against, goal in ((HAND, BY_HAND), (DRF, STOCK)):
            ratios = [b / a for a, b in zip(seconds[OURS], seconds[against], strict=True)]
            section.goals.append(Goal(write.name, against, goal, ratios))
        cells = [f"{median(seconds[name]) / EACH * 1000:.2f}" for name in (OURS, HAND, DRF)]
        lines.append(
            f"| {write.name} | {statements:.0f} | {' | '.join(cells)} | {spread(seconds_of(seconds))} |"
        )
    section.text = [
        (
            f"{ROUNDS} alternating rounds of {EACH} requests, one after the other, on a connection that stays open. "
            "*By hand* is psycopg with prepared statements and one transaction for each request, without HTTP, checks or "
            "bodies. *Stock DRF* calls the same action in a viewset with model serializers, with Django's default "
            "middleware and SimpleJWT. The rows of the three databases are counted and compared afterwards."
        ),
        "",
        "| write | statements | ms: ours | by hand | stock DRF | ours, ms by round |",
        "|---|---|---|---|---|---|",
        *lines,
    ]
    return section


def _environment(database: str) -> dict[str, str]:
    """Return the environment of a server. Tasks wait, because a worker would share the machine."""
    return {**ENV, "DB_NAME": database, "TASK_QUEUE": "database"}


def seconds_of(seconds: dict[str, list[float]]) -> list[float]:
    return [taken / EACH * 1000 for taken in seconds[OURS]]


def writes(shop: Shop) -> Iterator[Write]:
    def order(work: Work, tail: str) -> str:
        return f"{SHOP}repair-orders/{work.order}/{tail}/"

    yield Write(
        "book an appointment",
        lambda work: (
            f"{SHOP}appointments/",
            {
                "customer_id": work.customer,
                "vehicle_id": work.vehicle,
                "location_id": shop.location,
                "start": work.start.isoformat(),
                "services": [shop.service],
            },
        ),
    )
    yield Write(
        "add a job with its lines",
        lambda work: (order(work, "jobs"), {"canned_job_id": shop.canned}),
        after=_note_job,
    )
    yield Write(
        "answer an estimate",
        lambda work: (
            order(work, "authorisations"),
            {
                "method": "phone",
                "by_name": "Ada",
                "contact_used": "(217) 555-0123",
                "total": work.total,
                "decisions": [{"job_id": work.job, "decision": "approved"}],
            },
        ),
        before=lambda client, work: _send_estimate(client, work, order(work, "estimate")),
    )
    yield Write(
        "finish a job",
        lambda work: (order(work, f"jobs/{work.job}/finish"), {}),
        before=lambda client, work: _post(client, order(work, "start"), {}),
    )
    yield Write(
        "issue an invoice",
        lambda work: (order(work, "invoice"), {}),
        before=lambda client, work: _post(client, order(work, "complete"), {}),
        after=lambda work, body: setattr(work, "invoice", body["id"]),
    )
    yield Write(
        "take a payment",
        lambda work: (
            f"{SHOP}payments/",
            {
                "customer_id": work.customer,
                "location_id": shop.location,
                "amount": work.total,
                "method": "card",
                "reference": "4242",
                "allocations": [{"invoice_id": work.invoice, "amount": work.total}],
            },
        ),
    )


def one(write: Write, shop: Shop) -> tuple[dict[str, list[float]], float]:
    """Return the seconds of each round by competitor, and the statements of a request on average.

    The database goes on to the state in which the rows wait for the next write.
    """
    from django.db import connection

    for work in shop.works:
        write.before(shop.client, work)
    requests = [write.request(work) for work in shop.works]
    connection.close()
    copies = {name: _copy(name) for name in (OURS, HAND, DRF)}
    statements = []
    for (path, body), work in zip(requests, shop.works, strict=True):
        ran: Statements = []
        with connection.execute_wrapper(_recorder(ran)):
            write.after(work, _post(shop.client, path, body))
        statements.append(ran)
    peers = {
        name: load.Peer(name, f"{module}:application", _environment(copies[name]))
        for name, module in ((OURS, "config.wsgi"), (DRF, "bench.peers.stock_writes"))
    }
    with load.started([*peers.values()]), _by_hand(copies[HAND], statements) as by_hand:
        run: dict[str, Callable[[slice], None]] = {HAND: by_hand}
        for name, peer in peers.items():
            peer.ask("/api/shop/parts/?page_size=1" if name == OURS else "/ready/", shop.token)
            run[name] = _over_http(peer, shop.token, requests)
        for some in run.values():
            some(slice(0, WARM_UP))
        seconds: dict[str, list[float]] = {name: [] for name in run}
        for number in range(ROUNDS):
            for name, some in run.items():
                began = time.perf_counter()
                some(slice(WARM_UP + number * EACH, WARM_UP + (number + 1) * EACH))
                seconds[name].append(time.perf_counter() - began)
    counts = {name: _count(copy) for name, copy in copies.items()}
    assert counts[OURS] == counts[HAND] == counts[DRF], f"{write.name}: the rows differ: {counts}"
    return seconds, sum(map(len, statements)) / len(statements)


def _over_http(peer: load.Peer, token: str, requests: Sequence[Request]) -> Callable[[slice], None]:
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=60)
    headers = {**load.headers_of(token), "Content-Type": "application/json"}

    def run(part: slice) -> None:
        for path, body in requests[part]:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 300, f"{peer.name}: {answer.status} {path}: {content[:500]!r}"

    return run


@contextmanager
def _by_hand(database: str, statements: Sequence[Statements]) -> Iterator[Callable[[slice], None]]:
    """Yield a function that runs the statements of some requests, a transaction for each."""
    import psycopg
    from django.db import connection
    from django.db.backends.postgresql.psycopg_any import get_adapters_template

    context = get_adapters_template(True, connection.timezone)
    with psycopg.connect(f"{LOGIN} dbname={database}", autocommit=True, context=context) as by_hand:
        # Those of Django's connection, so that the plans are the same.
        by_hand.execute("SET random_page_cost = 1.1")
        by_hand.execute("SET jit = off")

        def run(part: slice) -> None:
            for some in statements[part]:
                with by_hand.transaction(), by_hand.cursor() as cursor:
                    for sql, params in some:
                        cursor.execute(sql, params)
                        if cursor.description:
                            cursor.fetchall()

        yield run


def _recorder(ran: Statements) -> Callable[..., Any]:
    def record(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        assert not many, sql
        if not sql.startswith(("SAVEPOINT", "RELEASE SAVEPOINT")):
            ran.append((sql, params))
        return execute(sql, params, many, context)

    return record


def _copy(name: str) -> str:
    """Return the name of a copy of the database as it is now."""
    import psycopg

    copy = f"{NAME}_{name.replace(' ', '_').lower()}"
    with psycopg.connect(f"{LOGIN} dbname=postgres", autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [NAME])
        admin.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{NAME}"')
    return copy


def _count(database: str) -> list[int]:
    import psycopg

    with psycopg.connect(f"{LOGIN} dbname={database}") as connection:
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED]


def _post(client: Any, path: str, body: Any) -> Any:
    answer = client.post(path, body, format="json", secure=True, SERVER_NAME="127.0.0.1")
    assert answer.status_code < 300, (path, answer.status_code, answer.content[:500])
    return answer.json()


def _note_job(work: Work, body: Any) -> None:
    work.job = body["jobs"][-1]["id"]


def _send_estimate(client: Any, work: Work, path: str) -> None:
    work.total = _post(client, path, {})["estimates"][-1]["total"]


def build() -> Shop:
    """Fill the database: the demo, and customers with a vehicle and a repair order each."""
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.actions import open_session
    from appointments.models import Location
    from catalogue.models import Part
    from catalogue.pricing.models import CannedJob
    from testing import factories
    from testing.clients import signed_in

    make: Any = factories
    call_command("migrate", verbosity=0)
    call_command("demo", verbosity=0)
    location = Location.objects.get(is_default=True)
    make.BayFactory.create_batch(BAYS, location=location)
    manager = make.UserFactory(role="manager", email="writes@bench.example")
    canned = CannedJob.objects.filter(lines__part__isnull=False).order_by("id").first()
    assert canned is not None
    client = signed_in(manager)
    for part in Part.objects.filter(canned_lines__canned_job=canned).distinct():
        _post(client, f"{SHOP}parts/{part.pk}/receive/", {"pieces": 10 * ROWS})
    shop = Shop(
        location=location.pk,
        service="oil_change",
        canned=canned.pk,
        token=open_session(user=manager, now=timezone.now()).access,
        client=client,
    )
    for number, start in zip(range(ROWS), _starts(), strict=False):
        customer = make.CustomerFactory(contact__email=f"writes{number}@bench.example")
        vehicle = make.VehicleFactory(customer=customer)
        body = {"vehicle_id": vehicle.pk, "location_id": location.pk, "description": "The brakes squeal."}
        order = _post(client, f"{SHOP}repair-orders/", body)["id"]
        shop.works.append(Work(customer.pk, vehicle.pk, order, start))
    return shop


def _starts() -> Iterator[datetime]:
    """Yield instants of weekdays ahead, each for as many appointments as there are bays."""
    day = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0) + timedelta(days=30)
    while True:
        day += timedelta(days=1)
        if day.weekday() < 5:
            for _ in range(BAYS):
                yield day


if __name__ == "__main__":
    print(measure())
