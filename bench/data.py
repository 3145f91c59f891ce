"""The database of the bench: 2,000 customers, 32,000 repair orders of two part lines and two service lines each.

Built once into a database of its own (`BENCH_DB`, default `garage_bench`) and kept for the next run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

CUSTOMERS = 2_000
ORDERS_EACH = 16
SUBJECT = "driver1000@bench.example"
START = datetime(2025, 1, 1, tzinfo=UTC)


def is_built() -> bool:
    from accounts.models import User

    return User.objects.filter(email=SUBJECT).exists()


def build() -> None:
    """Insert everything by `bulk_create`; deterministic, so that every machine measures the same rows."""
    from accounts.models import User
    from customers.models import Customer, CustomerUser
    from repair_orders.models import Part, PartLine, RepairOrder, Service, ServiceLine
    from repair_orders.queries import totals_of
    from vehicles.models import Vehicle

    users = User.objects.bulk_create(
        User(
            email=f"driver{n}@bench.example",
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
            for n in range(ORDERS_EACH)
            for vehicle in vehicles
        ],
        batch_size=2_000,
    )
    PartLine.objects.bulk_create(
        [
            PartLine(
                repair_order=order,
                part=(part := parts[(n * 31 + step) % len(parts)]),
                quantity=1 + step,
                unit_price=part.unit_price,
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
                service=(service := services[(n * 17 + step) % len(services)]),
                labor_cost=service.labor_cost,
                taxable=service.taxable,
            )
            for n, order in enumerate(orders)
            for step in range(2)
        ],
        batch_size=2_000,
    )
    # Half of each customer's orders are completed, their totals frozen.
    subject = User.objects.get(email=SUBJECT)
    for order in RepairOrder.objects.filter(customer__logins__user=subject).order_by("id")[
        : ORDERS_EACH // 2
    ]:
        total = totals_of(order).total
        RepairOrder.objects.filter(pk=order.pk).update(status="completed", total_cost=total)
