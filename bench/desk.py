"""The desk's pages of a busy day, on a small database and on one a hundred times larger.

`python -m bench.desk` prints the section alone. The pages are *Today* with 60 appointments, an order with 12 jobs and 60
lines, *Money* with 60 invoices, and *Repair orders*. Both databases (`garage_bench_desk_small`, `…_large`) are built
anew, in some minutes, because the busy day is today.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from bench import load
from bench.report import Goal, Section, spread
from bench.servers import ENV, ROOT, ROUNDS, SECONDS, ensure_database, use_django

SMALL, TIMES = 500, 100  # customers of the small database; factor of the large one
CONNECTIONS = 4
BUSY, JOBS, LINES = 60, 12, 5  # visits and invoices of the day; jobs of the order, lines of each
MILLISECONDS = 100  # of server time, at most
SAME = 0.9


def measure() -> Section:
    """Measure throughput on the large database against the small one, round by round, and CPU on the large one."""
    shops = {name: _prepare(name, size) for name, size in (("small", SMALL), ("large", SMALL * TIMES))}
    section = Section("Pages of the desk")
    with load.started([peer for peer, _, _ in shops.values()]):
        for page in next(iter(shops.values()))[2]:
            print(f"  {page} …", file=sys.stderr, flush=True)
            rounds = _rounds(shops, page)
            ratios = load.ratios(rounds, "large", "small")
            spent = [each.app_ms + each.db_ms for each in rounds["large"]]
            section.goals += [
                Goal(f"{page}, database {TIMES} × larger", "itself on the small one", SAME, ratios),
                Goal(f"{page}, CPU of web and database", "", MILLISECONDS, spent, at_most=True, unit="ms"),
            ]
            section.text += [f"### {page}", "", *load.table(rounds, against="small"), ""]
            print(f"    {spread(ratios)}, {median(spent):.0f} ms", file=sys.stderr, flush=True)
    section.text[:0] = [
        (
            f"{SMALL:,} and {SMALL * TIMES:,} customers with 16 repair orders each, and in both the same busy day of a "
            f"further location: {BUSY} appointments, an order with {JOBS} jobs and {JOBS * LINES} lines, {BUSY} invoices. "
            "A manager's browser asks for the page, gzip included."
        ),
        "",
    ]
    return section


Shop = tuple[load.Peer, str, dict[str, str]]  # server, cookie of the manager, pages by name


def _rounds(shops: dict[str, Shop], page: str) -> load.Rounds:
    rounds: load.Rounds = {name: [] for name in shops}
    for number in range(ROUNDS + 1):
        for name, (peer, cookie, pages) in shops.items():
            one = peer.load(pages[page], cookie, connections=CONNECTIONS, seconds=SECONDS)
            if number:  # the first warms up
                rounds[name].append(one)
    return rounds


def _prepare(name: str, customers: int) -> Shop:
    env = {**ENV, "DB_NAME": f"garage_bench_desk_{name}"}
    ensure_database(env["DB_NAME"], anew=True)
    command = [sys.executable, "-m", "bench.desk", str(customers)]
    told = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
    built: dict[str, Any] = json.loads(told.strip().rpartition("\n")[2])
    return load.Peer(name, "config.wsgi:application", env), built["cookie"], built["pages"]


def build(customers: int) -> str:
    """Fill the database named in the environment, add a busy day of today, and return cookie and pages as JSON.

    Runs in a process of its own, because a process can use one database.
    """
    use_django({**ENV})
    from django.core.management import call_command

    from bench.lists_data import cookie_of
    from testing import factories, growth

    call_command("migrate", verbosity=0)
    print(f"building {customers:,} customers …", file=sys.stderr, flush=True)
    growth.fill(customers)
    location = factories.GarageFactory(bays=JOBS, time_zone="UTC", name="Busy Street")
    factories.LabourRateFactory(location=location, is_default=True)
    order_id = _busy_day(location)
    manager = factories.UserFactory(role="manager")
    at = f"?location={location.pk}"
    pages = {
        "Today": f"/admin/today/{at}",
        "order": f"/admin/orders/{order_id}/",
        "Money": f"/admin/money/{at}",
        "Repair orders": f"/admin/repair-orders/{at}",
    }
    return json.dumps({"cookie": cookie_of(manager), "pages": pages})


def _busy_day(location: Any) -> int:
    """Add the visits, the invoices and the order of today, and return the order's id."""
    from django.utils import timezone

    from repair_orders import jobs
    from testing import billed, factories
    from testing.worked_example import add_labour, add_part, new_order, reload

    opens = datetime.combine(timezone.now().date(), time(8), tzinfo=UTC)
    bays = list(location.bays.all())
    for number in range(BUSY):
        start = opens + timedelta(hours=number // len(bays))
        vehicle = factories.VehicleFactory()
        factories.AppointmentFactory(
            customer=vehicle.customer,
            vehicle=vehicle,
            location=location,
            bay=bays[number % len(bays)],
            technician=factories.TechnicianFactory(location=location),
            start=start,
            end=start + timedelta(hours=1),
        )
        invoice = billed.issue(billed.finished(vehicle=vehicle, location=location))
        if number % 2:
            billed.pay(invoice, str(invoice.balance), method="card")
    order = new_order(location=location, discount_percent=Decimal(0))
    for number in range(JOBS):
        job = jobs.add_job(order=reload(order), name=f"Job number {number} of a long list of work")
        for price in range(LINES - 2):
            add_part(job, "1.5", f"1{price}.99")
        add_labour(job, "1.8")
        add_labour(job, "0.2")
    return int(order.pk)


if __name__ == "__main__":
    print(build(int(sys.argv[1])) if len(sys.argv) > 1 else measure())
