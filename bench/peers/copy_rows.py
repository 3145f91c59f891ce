"""The minimum to store telematics batches: rows in memory, `COPY … BINARY`, a commit per batch.

There is no HTTP, authentication or validation. `python -m bench.peers.copy_rows VEHICLE SECONDS` reads a line, makes its
rows and prints `ready`. At the next line it copies for that many seconds, and prints the number of batches and the
seconds. The numbers of its vehicles rise from VEHICLE.
"""

from __future__ import annotations

import gc
import itertools
import sys
import time
from typing import Any

import psycopg

from bench.drives import batches, drive
from bench.peers.day_of_rows import dsn

KEY = "PRIMARY KEY (vehicle, t)"
CREATE = f"""CREATE TABLE peer_rows (vehicle bigint NOT NULL, t bigint NOT NULL,
             speed float8, fuel_rate float8, odometer float8, {KEY})"""
_TYPES = ["int8", "int8", "float8", "float8", "float8"]
_BATCHES = 200  # of one vehicle
_A_SECOND = 800  # more than it can copy

Batch = list[tuple[Any, ...]]


def copy(connection: psycopg.Connection[Any], batch: Batch) -> None:
    statement = "COPY peer_rows FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copying:
        copying.set_types(_TYPES)
        for row in batch:
            copying.write_row(row)


def copy_for(connection: psycopg.Connection[Any], seconds: float, given: list[Batch]) -> tuple[int, float]:
    """Copy batches until the time is over, and return their number and the seconds."""
    began = time.perf_counter()
    for number, batch in enumerate(given):
        copy(connection, batch)
        if time.perf_counter() - began >= seconds:
            return number + 1, time.perf_counter() - began
    raise RuntimeError("The peer ran out of batches: raise _A_SECOND.")


def main(vehicle: int, seconds: float) -> None:
    sent = [list(zip(*batch, strict=True)) for batch in batches(drive(0, _BATCHES * 1000))]
    vehicles = itertools.count(vehicle)
    gc.disable()  # rows have no reference cycles
    with psycopg.connect(dsn(), autocommit=True) as connection:
        while sys.stdin.readline():
            given = [
                [(number, *sample) for sample in batch]
                for number in itertools.islice(vehicles, int(seconds * _A_SECOND / _BATCHES) + 1)
                for batch in sent
            ]
            print("ready", flush=True)
            sys.stdin.readline()
            print(*copy_for(connection, seconds, given), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
