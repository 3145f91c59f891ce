"""The cost of the pages of a fleet with 5,000 units and 200,000 repairs on PostgreSQL.

`python -m bench.fleet` builds a database and drops it afterwards (`BENCH_KEEP=1` keeps it). Every page is requested in
this process through the whole middleware, `BENCH_ROUNDS` (15) times, and the median counts. The table also shows the
CPU that this process and its database connection spent per request, which does not depend on the load of the machine.
Parallel query plans are off, so that all of it is counted.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.servers import ENV, LOGIN, cpu_of_postgres, ensure_database, use_django

UNITS, REPAIRS, YEARS = 5_000, 200_000, 8
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))
DATABASE = os.environ.get("BENCH_DB", "garage_bench_fleet")
MANAGER = "manager@fleet.example"


@contextmanager
def own_database() -> Iterator[None]:
    import psycopg

    ensure_database(DATABASE)
    try:
        yield
    finally:
        if not os.environ.get("BENCH_KEEP"):
            with psycopg.connect(f"{LOGIN} dbname=postgres", autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')


def build() -> None:
    """Create the fleet, and a hundred small customers with as many repairs in total."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from catalogue.models import Part, Service
    from customers.actions import create_customer

    now = timezone.now()
    manager = User.objects.create_user(MANAGER, first_name="Rosa", last_name="Winding")
    fleet = create_customer(user=manager, now=now, company_name="RS Wind")
    part = Part.objects.create(name="Oil filter", part_number="F-1", unit_price="12.50")
    service = Service.objects.create(name="Oil change", labor_cost="45.00")
    others = [create_customer(user=None, now=now).pk for _ in range(100)]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO vehicles_vehicle (uuid, customer_id, vin, make, model, trim, year, license_plate, color,
                 fuel_type, odometer, unit_number, photo_url, created_at, archived_at)
               SELECT gen_random_uuid(), CASE WHEN n <= %s THEN %s ELSE %s + n %% 100 END,
                 'BENCH' || lpad(n::text, 12, '0'), 'Ford', 'Transit', '', 2019, 'P' || n, 'White', '', n * 10,
                 'U' || lpad(n::text, 5, '0'), '', now(), CASE WHEN n %% 50 = 0 THEN now() END
               FROM generate_series(1, %s) n""",
            [UNITS, fleet.pk, others[0], 2 * UNITS],
        )
        # Some units have more repairs than others. Open orders are few and recent.
        cursor.execute(
            """INSERT INTO repair_orders_repairorder (uuid, customer_id, vehicle_id, status, description, notes,
                 discount_amount, discount_percent, tax_percent, total_cost, denial_reason, created_at)
               SELECT gen_random_uuid(), v.customer_id, v.id, s.status, 'Oil change and inspection, as every year', '',
                 0, 0, 8.25, CASE WHEN s.status = 'completed' THEN 62.24 END, '', s.at
               FROM (SELECT n, now() - interval '1 day' * 365 * %s * (1 - n::float / %s) AS at,
                       CASE WHEN n < %s * 0.99 THEN CASE WHEN n %% 40 = 0 THEN 'denied' ELSE 'completed' END
                         ELSE (ARRAY['requested', 'pending', 'approved', 'in_progress'])[1 + n %% 4] END AS status,
                       1 + floor(power((hashint4(n)::bigint + 2147483648) / 4294967296.0, 1.5) * %s)::int AS unit
                     FROM generate_series(1, %s) n) s
               CROSS JOIN (VALUES (0), (%s)) part(shift)
               JOIN (SELECT *, row_number() OVER (ORDER BY id) AS n FROM vehicles_vehicle) v ON v.n = s.unit + part.shift""",
            [YEARS, REPAIRS, REPAIRS, UNITS, REPAIRS, UNITS],
        )
        cursor.execute(
            """INSERT INTO repair_orders_job (repair_order_id, position, name, concern, cause, correction, status, is_draft)
               SELECT id, 1, 'Service', '', '', '', CASE status WHEN 'completed' THEN 'done' ELSE 'proposed' END, false
               FROM repair_orders_repairorder WHERE status <> 'requested'"""
        )
        cursor.execute(
            """INSERT INTO repair_orders_partline (repair_order_id, job_id, part_id, name, part_number, manufacturer,
                 description, warranty_months, condition, quantity, unit_price, price_source, amount, taxable, is_shown)
               SELECT repair_order_id, id, %s, 'Oil filter', 'F-1', 'Fram', '', 0, 'new', 1, 12.50, 'catalogue', 12.50,
                 true, true FROM repair_orders_job""",
            [part.pk],
        )
        cursor.execute(
            """INSERT INTO repair_orders_serviceline (repair_order_id, job_id, service_id, kind, name, description,
                 warranty_months, amount, price_source, taxable, is_shown)
               SELECT repair_order_id, id, %s, 'labour', 'Oil change', '', 0, 45, 'catalogue', true, true
               FROM repair_orders_job""",
            [service.pk],
        )
        cursor.execute("VACUUM ANALYZE")


def pages() -> dict[str, str]:
    """Return the URL of every page by name, with ids of the fleet's rows."""
    from repair_orders.models import RepairOrder
    from vehicles.models import Vehicle

    unit = Vehicle.objects.get(unit_number="U00042").pk
    orders = RepairOrder.objects.filter(customer__company_name="RS Wind")
    pending = orders.filter(status="pending").latest("id").pk
    completed = orders.filter(status="completed").latest("id").pk
    last = orders.count() // 25
    list_ = "/customer/repairs/"
    return {
        "dashboard": "/customer/dashboard/",
        "repairs": list_,
        "repairs, a page in the middle": f"{list_}?page={last // 2}",
        "repairs, the last page": f"{list_}?page={last}",
        "repairs of a unit": f"{list_}?unit_id={unit}",
        "repairs of a unit by its number": f"{list_}?unit_number=u00042",
        "repairs in a state": f"{list_}?status=completed",
        "repairs of a month": f"{list_}?month=2024-05",
        "repairs, all three": f"{list_}?unit_number=U00042&status=completed&month=2024-05",
        "repairs, oldest first": f"{list_}?ordering=repair_date",
        "repairs by state": f"{list_}?ordering=status",
        "repairs by unit": f"{list_}?ordering=unit_number",
        "repairs by unit, last page": f"{list_}?ordering=unit_number&page={last}",
        "a repair": f"{list_}{completed}/",
        "an estimate": f"{list_}{pending}/",
        "request a repair": f"{list_}new/",
        "units": "/customer/units/",
        "units, most repairs first": "/customer/units/?ordering=-repairs",
        "units, searched": "/customer/units/?search=U0004",
        "a unit": f"/customer/units/{unit}/",
        "company": "/customer/company/",
        "JSON: unit-repair-data": "/customer/api/unit-repair-data/",
        "JSON: repair-cost-data": "/customer/api/repair-cost-data/",
        "JSON: a page of repairs": "/customer/api/repairs/?page=1",
        "JSON: the last page of repairs": f"/customer/api/repairs/?page={last // 2}",
    }


def measure() -> Iterator[str]:
    """Yield a row of the table for each page."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.get(email=MANAGER))
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    only = re.compile(os.environ.get("BENCH_ONLY", ""))
    for name, url in pages().items():
        if not only.search(name):
            continue
        response = client.get(url)
        if response.status_code != 200:
            sys.exit(f"{name}: {url} answered {response.status_code}")
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        count = len(queries)
        if os.environ.get("BENCH_SQL"):
            for query in queries:
                print(query["time"], query["sql"][:1500])
        times, before = [], (time.process_time(), cpu_of_postgres(DATABASE))
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            client.get(url)
            times.append(1000 * (time.perf_counter() - begun))
        app = 1000 * (time.process_time() - before[0]) / ROUNDS
        database = 1000 * (cpu_of_postgres(DATABASE) - before[1]) / ROUNDS
        median, size = statistics.median(times), len(response.content) // 1024
        yield f"| {name} | {median:.0f} | {max(times):.0f} | {app:.0f} + {database:.0f} | {count} | {size} |"


def main() -> None:
    with own_database(), tempfile.TemporaryDirectory() as static:
        use_django(
            {**ENV, "DB_NAME": DATABASE, "ALLOWED_HOSTS": "testserver", "REDIS_URL": "", "LOG_LEVEL": "ERROR"}
        )
        from django.conf import settings
        from django.core.management import call_command
        from django.db import connection

        from vehicles.models import Vehicle

        settings.STATIC_ROOT = static
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("migrate", verbosity=0)
        if not Vehicle.objects.exists():
            print(f"building {UNITS:,} units and {REPAIRS:,} repairs …", flush=True)
            build()
        print(
            f"{UNITS:,} units, {REPAIRS:,} repairs; {ROUNDS} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        print(
            "\n| page | median ms | worst ms | CPU ms: app + database | queries | KB |\n|---|---|---|---|---|---|"
        )
        for line in measure():
            print(line, flush=True)
        connection.close()


if __name__ == "__main__":
    main()
