"""The database of the bench: 2,000 customers with 16 repair orders each, except one with 160 and one with 1,000.

Every order has two part lines and two service lines. The database (`BENCH_DB`, default `garage_bench`, or a SQLite
file) is built once and kept for the next run.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.servers import ENV, ROOT, ensure_database, use_django

CUSTOMERS = 2_000
ORDERS_EACH = 16
SUBJECTS = {16: 1000, 160: 1001, 1000: 1002}  # rows of a list -> the customer with that many
START = datetime(2025, 1, 1, tzinfo=UTC)

POSTGRES = {**ENV, "DB_NAME": os.environ.get("BENCH_DB", "garage_bench")}
# Without Redis, like the embedded server: each process counts by itself.
SQLITE = {
    **ENV, "USE_POSTGRES": "false", "SQLITE_PATH": str(ROOT / "var" / "bench.sqlite3"), "REDIS_URL": ""
}  # fmt: skip


def prepare(env: dict[str, str]) -> dict[int, str]:
    """Set Django up over the database of the bench and build it if it is missing.

    Return an access token for each number of rows in `SUBJECTS`.
    """
    if env["USE_POSTGRES"] == "true":
        ensure_database(env["DB_NAME"])
    (ROOT / "var").mkdir(exist_ok=True)
    use_django(env)
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from accounts.actions import open_session
    from accounts.models import User

    call_command("migrate", verbosity=0)
    if not is_built():
        print(f"building {CUSTOMERS:,} customers and their orders …", flush=True)
        call_command("flush", verbosity=0, interactive=False)
        build()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    tokens = {
        rows: open_session(user=User.objects.get(email=email_of(n)), now=timezone.now()).access
        for rows, n in SUBJECTS.items()
    }
    connection.close()
    return tokens


def email_of(customer: int) -> str:
    return f"driver{customer}@bench.example"


def is_built() -> bool:
    from repair_orders.models import RepairOrder

    return all(
        RepairOrder.objects.filter(customer__logins__user__email=email_of(n)).count() == rows
        for rows, n in SUBJECTS.items()
    )


def build() -> None:
    """Insert all rows with `bulk_create`. They are deterministic, so that every machine measures the same rows."""
    from accounts.models import User
    from catalogue.models import Part, Service
    from customers.models import Customer, CustomerUser
    from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine
    from repair_orders.queries import totals_of
    from vehicles.models import Vehicle

    users = User.objects.bulk_create(
        User(
            email=email_of(n),
            first_name=f"Driver{n}",
            last_name="Bench",
            phone="(555) 010-0000",
            password="!",
        )
        for n in range(CUSTOMERS)
    )
    customers = Customer.objects.bulk_create(
        Customer(
            contact=user, street_address="123 Elm St", city="Springfield", state="NY", customer_since=START
        )
        for user in users
    )
    CustomerUser.objects.bulk_create(
        CustomerUser(customer=customer, user=user) for customer, user in zip(customers, users, strict=True)
    )
    vehicles = Vehicle.objects.bulk_create(
        Vehicle(
            customer=customer,
            vin=f"1HGBH41JXMN{n:06d}",
            make="Honda",
            model="Civic",
            year=2020,
            license_plate=f"BCH-{n}",
            color="Silver",
        )
        for n, customer in enumerate(customers)
    )
    parts = Part.objects.bulk_create(
        Part(
            name=f"Part {n}",
            part_number=f"P-{n}",
            manufacturer="Valvoline",
            unit_price=Decimal(n * 7 + 99) / 100,
            taxable=n % 5 != 0,
        )
        for n in range(200)
    )
    services = Service.objects.bulk_create(
        Service(
            name=f"Service {n}", description="Rotate and balance", labor_cost=Decimal(n * 13 + 2500) / 100
        )
        for n in range(100)
    )
    states = ["requested", "pending", "approved", "in_progress"]
    placed = [(n, vehicle) for n in range(ORDERS_EACH) for vehicle in vehicles]
    placed += [
        (n, vehicles[customer]) for rows, customer in SUBJECTS.items() for n in range(ORDERS_EACH, rows)
    ]
    orders = RepairOrder.objects.bulk_create(
        [
            RepairOrder(
                customer_id=vehicle.customer_id,
                vehicle=vehicle,
                status=states[n % len(states)],
                notes="Repair work for Honda Civic",
                discount_percent=Decimal("10.00") if n % 3 == 0 else Decimal("0.00"),
                discount_amount=Decimal("5.00") if n % 4 == 0 else Decimal("0.00"),
                tax_percent=Decimal("8.25"),
                created_at=START + timedelta(hours=n, microseconds=n),
            )
            for n, vehicle in placed
        ],
        batch_size=2_000,
    )
    jobs = Job.objects.bulk_create(
        [
            Job(
                repair_order=order,
                position=1,
                name="Service",
                status="approved" if order.status in ("approved", "in_progress") else "proposed",
                is_draft=order.status == "requested",
            )
            for order in orders
        ],
        batch_size=2_000,
    )
    PartLine.objects.bulk_create(
        [
            PartLine(
                repair_order=order,
                job=jobs[n],
                part=(part := parts[(n * 31 + step) % len(parts)]),
                name=part.name,
                part_number=part.part_number,
                manufacturer=part.manufacturer,
                warranty_months=part.warranty_months,
                quantity=1 + step,
                unit_price=part.unit_price,
                amount=part.unit_price * (1 + step),
                taxable=part.taxable,
            )
            for n, order in enumerate(orders)
            for step in range(2)
        ],
        batch_size=2_000,
    )
    ServiceLine.objects.bulk_create(
        [
            ServiceLine(
                repair_order=order,
                job=jobs[n],
                service=(service := services[(n * 17 + step) % len(services)]),
                name=service.name,
                description=service.description,
                warranty_months=service.warranty_months,
                amount=service.labor_cost,
                taxable=service.taxable,
            )
            for n, order in enumerate(orders)
            for step in range(2)
        ],
        batch_size=2_000,
    )
    # Half of the orders in the lists are completed, with stored totals.
    for rows, customer in SUBJECTS.items():
        for order in RepairOrder.objects.filter(customer=customers[customer]).order_by("id")[: rows // 2]:
            total = totals_of(order).total
            order.jobs.update(status="done")
            RepairOrder.objects.filter(pk=order.pk).update(status="completed", total_cost=total)
