"""Fill the database of the telematics measurement: the same samples as batches of the product and rows of the peer."""

from __future__ import annotations

from typing import Any

import psycopg

from bench.drives import A_BATCH, DRIVES, VEHICLES, batches
from bench.peers import copy_rows
from vehicles.telematics.packing import pack
from vehicles.telematics.samples import Samples


def migrate_and_create_vehicles() -> tuple[str, list[tuple[int, str]]]:
    """Migrate, create a customer with vehicles, and return their token and the id and uuid of each vehicle."""
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.actions import open_session
    from testing.factories import CustomerFactory, VehicleFactory

    call_command("migrate", verbosity=0)
    alice = CustomerFactory()
    vehicles = VehicleFactory.create_batch(VEHICLES, customer=alice)
    token = open_session(user=alice.contact, now=timezone.now()).access
    return token, [(vehicle.pk, str(vehicle.uuid)) for vehicle in vehicles]


def fill_rows(connection: psycopg.Connection[Any], drives: list[Samples], vehicles: list[int]) -> None:
    """Fill the table of the peer with SQL. Its key is built at the end, which gives the smallest index."""
    connection.execute(copy_rows.CREATE)
    connection.execute("ALTER TABLE peer_rows DROP CONSTRAINT peer_rows_pkey")
    connection.execute("SET maintenance_work_mem = '512MB'")
    connection.execute(
        "CREATE UNLOGGED TABLE driven (LIKE peer_rows)"
    )  # `vehicle` is the number of the drive
    for number, samples in enumerate(drives):
        with connection.cursor() as cursor, cursor.copy("COPY driven FROM STDIN (FORMAT BINARY)") as copying:
            copying.set_types(["int8", "int8", "float8", "float8", "float8"])
            for row in zip(*samples, strict=True):
                copying.write_row((number, *row))
    connection.execute("CREATE INDEX ON driven (vehicle, t)")
    connection.execute("ANALYZE driven")
    with connection.transaction():
        for batch in zip(*map(batches, drives), strict=True):
            for place, vehicle in enumerate(vehicles):
                number = place % DRIVES
                connection.execute(
                    """INSERT INTO peer_rows SELECT %s, t, speed, fuel_rate, odometer FROM driven
                       WHERE vehicle = %s AND t BETWEEN %s AND %s ORDER BY t""",
                    (vehicle, number, batch[number].t[0], batch[number].t[-1]),
                )
    connection.execute(f"ALTER TABLE peer_rows ADD {copy_rows.KEY}")
    connection.execute("DROP TABLE driven")


def fill_batches(drives: list[Samples], vehicles: list[int]) -> None:
    from vehicles.models import TelematicsBatch

    for sent in zip(*map(batches, drives), strict=True):
        blocks = [(batch.t[0], batch.t[-1], pack(batch)) for batch in sent]
        TelematicsBatch.objects.bulk_create(
            TelematicsBatch(vehicle_id=vehicle, start=start, end=end, count=A_BATCH, data=block)
            for place, vehicle in enumerate(vehicles)
            for start, end, block in [blocks[place % DRIVES]]
        )


def bytes_a_sample(connection: psycopg.Connection[Any], table: str, samples: int) -> float:
    [(size,)] = connection.execute("SELECT pg_total_relation_size(%s)", [table])
    return size / samples
