"""`python bench/telematics.py`: how telematics are best stored, and how quickly they come in (docs/decisions/0011).

First the storage path alone, on PostgreSQL: the same samples as a row each, as arrays of a batch and as packed blocks of a
batch, a commit a batch, in the order in which many vehicles would send them. Then the whole way over HTTP, as production
runs it. What is read back is compared before anything counts. `BENCH_SAMPLES` (10,000,000) says how many; the database
is dropped at the end. zstd is measured where `zstandard` is installed.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
import psycopg

os.environ["BENCH_DB"] = os.environ.get("BENCH_DB", "garage_bench") + "_telematics"

from bench.run import CONNECTIONS, ENV, ROOT, ROUNDS, SECONDS, WORKERS, Peer, _cpu, spread
from vehicles.telematics import packing
from vehicles.telematics.samples import Samples, merged

SAMPLES = int(os.environ.get("BENCH_SAMPLES", "10000000"))
A_BATCH = 1000
VEHICLES = 50
DRIVES = 8  # different ones; compression never sees more than a batch
READS = 9
T = 1704067200000
DAY = (T, T + 86_400_000 - 1)


# --- The samples -------------------------------------------------------------------------------------------------


def drive(count: int, seed: int) -> Samples:
    """A sample a second with a phone's jitter: speed with one decimal place, fuel rate and odometer with two."""
    dice = random.Random(seed)
    t, speed, target, odometer = T, 0.0, 30.0, 15_000.0 + 1000 * seed
    columns: tuple[list[Any], ...] = ([], [], [], [])
    for _ in range(count):
        if dice.random() < 0.02:
            target = dice.choice([0, 0, 25, 35, 45, 65])
        speed = max(
            0.0, speed + max(-5, min(3, (target - speed) * 0.2)) + (dice.gauss(0, 0.4) if speed else 0)
        )
        odometer += speed / 3600
        rate = max(0.2, 0.3 + speed * 0.02 + max(0.0, target - speed) * 0.06 + dice.gauss(0, 0.05))
        for column, value in zip(
            columns, (t, round(speed, 1), round(rate, 2), round(odometer, 2)), strict=True
        ):
            column.append(value)
        t += 1000 + dice.choice([0, 0, 0, 0, 0, 0, -3, 2, 5, 11])
    return Samples(*columns)


def batches(drives: list[Samples]) -> Iterator[tuple[int, Samples]]:
    """(vehicle, a batch) in the order of time: the vehicles send in turn."""
    for first in range(0, len(drives[0].t), A_BATCH):
        for vehicle in range(VEHICLES):
            yield vehicle, Samples(*(c[first : first + A_BATCH] for c in drives[vehicle % DRIVES]))


# --- The ways to store them --------------------------------------------------------------------------------------


class Rows:
    name = "a row a sample, `COPY … BINARY`, key (vehicle, t)"
    create = """CREATE TABLE store (vehicle bigint, t bigint, speed float8, fuel_rate float8, odometer float8,
                PRIMARY KEY (vehicle, t))"""

    def write(self, connection: Any, vehicle: int, samples: Samples) -> None:
        with connection.cursor() as cursor, cursor.copy("COPY store FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8", "float8", "float8", "float8"])
            for t, speed, rate, odometer in zip(*samples, strict=True):
                copy.write_row((vehicle, t, speed, rate, odometer))

    def read(self, connection: Any, vehicle: int, since: int, until: int) -> Samples:
        rows = connection.cursor(binary=True).execute(
            "SELECT t, speed, fuel_rate, odometer FROM store WHERE vehicle = %s AND t BETWEEN %s AND %s ORDER BY t",
            (vehicle, since, until),
        )
        return Samples(*map(list, zip(*rows, strict=True)))


class Arrays:
    name = "arrays a batch"
    create = """CREATE TABLE store (id bigserial PRIMARY KEY, vehicle bigint, start bigint, "end" bigint, t bigint[],
                speed float8[], fuel_rate float8[], odometer float8[], UNIQUE (vehicle, start, "end"))"""

    def write(self, connection: Any, vehicle: int, samples: Samples) -> None:
        connection.execute(
            """INSERT INTO store (vehicle, start, "end", t, speed, fuel_rate, odometer)
               VALUES (%s, %s, %s, %b, %b, %b, %b) ON CONFLICT DO NOTHING""",
            (vehicle, samples.t[0], samples.t[-1], *map(list, samples)),
        )

    def read(self, connection: Any, vehicle: int, since: int, until: int) -> Samples:
        rows = connection.cursor(binary=True).execute(
            f"SELECT t, speed, fuel_rate, odometer {_WITHIN}", (vehicle, since - 86_400_000, until, since)
        )
        return merged([Samples(*row) for row in rows]).between(since, until)


_WITHIN = """FROM store WHERE vehicle = %s AND start >= %s AND start <= %s AND "end" >= %s ORDER BY id"""


class Blocks:
    create = """CREATE TABLE store (id bigserial PRIMARY KEY, vehicle bigint, start bigint, "end" bigint, count smallint,
                data bytea, UNIQUE (vehicle, start, "end"))"""

    def __init__(
        self, name: str, compress: Callable[[bytes], bytes], decompress: Callable[[bytes], bytes]
    ) -> None:
        self.name = f"a packed block a batch, {name}"
        self.codec = SimpleNamespace(compress=lambda data, _level: compress(data), decompress=decompress)

    def write(self, connection: Any, vehicle: int, samples: Samples) -> None:
        packing.zlib = self.codec  # type: ignore[assignment]
        connection.execute(
            'INSERT INTO store (vehicle, start, "end", count, data) VALUES (%s, %s, %s, %s, %b) ON CONFLICT DO NOTHING',
            (vehicle, samples.t[0], samples.t[-1], len(samples.t), packing.pack(samples)),
        )

    def read(self, connection: Any, vehicle: int, since: int, until: int) -> Samples:
        packing.zlib = self.codec  # type: ignore[assignment]
        rows = connection.cursor(binary=True).execute(
            f"SELECT data, count {_WITHIN}", (vehicle, since - 86_400_000, until, since)
        )
        return merged([packing.unpack(data, count) for data, count in rows]).between(since, until)


def ways() -> list[Any]:
    found: list[Any] = [Rows(), Arrays()]
    found += [
        Blocks(f"zlib {level}", lambda data, level=level: zlib.compress(data, level), zlib.decompress)
        for level in (1, 6)
    ]
    found.append(Blocks("differences alone", bytes, bytes))
    try:
        import zstandard
    except ImportError:
        return found
    return [
        *found,
        Blocks("zstd 3", zstandard.ZstdCompressor(3).compress, zstandard.ZstdDecompressor().decompress),
    ]


def measure(way: Any, drives: list[Samples], connection: Any) -> str:
    """A line of the table. The rate is the median of hundredths of the work, and CPU is counted beside the clock, so that
    what else the machine does shows less."""
    connection.execute("DROP TABLE IF EXISTS store")
    connection.execute(way.create)
    backend = connection.info.backend_pid
    marks, cpu = [time.perf_counter()], -time.process_time() - _cpu(backend)
    for number, (vehicle, samples) in enumerate(batches(drives), start=1):
        way.write(connection, vehicle, samples)
        if number % (SAMPLES // A_BATCH // 100) == 0:
            marks.append(time.perf_counter())
    cpu += time.process_time() + _cpu(backend)
    rate = SAMPLES / 100 / statistics.median(later - mark for mark, later in pairwise(marks))
    connection.execute("VACUUM ANALYZE store")
    size = connection.execute("SELECT pg_total_relation_size('store')").fetchone()[0]
    times = []
    for vehicle in range(READS):
        begun = time.perf_counter()
        day = way.read(connection, vehicle, *DAY)
        times.append(1000 * (time.perf_counter() - begun))
        assert [list(c) for c in day] == [list(c) for c in drives[vehicle % DRIVES].between(*DAY)], way.name
    connection.execute("DROP TABLE store")
    return (
        f"| {way.name} | {size / SAMPLES:.1f} | {rate / 1000:.0f} k | {1e6 * cpu / SAMPLES:.2f} "
        f"| {statistics.median(times):.0f} ({min(times):.0f}) |"
    )


# --- Over HTTP ---------------------------------------------------------------------------------------------------

_SENDER = """
local bodies, vehicles, sent = {{}}, {{}}, 0
for line in io.lines("{bodies}") do bodies[#bodies + 1] = line end
for line in io.lines("{vehicles}") do vehicles[#vehicles + 1] = line end
local headers = {{["Authorization"] = "Bearer {token}", ["Content-Type"] = "application/json"}}
function request()
  local vehicle, body = vehicles[1 + sent % #vehicles], bodies[1 + math.floor(sent / #vehicles)]
  sent = sent + 1
  return wrk.format("POST", "/api/telematics/" .. vehicle .. "/", headers, body)
end
"""


def over_http(drives: list[Samples]) -> str:
    """Samples a second through the API, and through the least that copies rows; each batch is a new one."""
    os.environ.update(ENV, DJANGO_SETTINGS_MODULE="config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection as database
    from django.utils import timezone

    from accounts.actions import open_session
    from common.tests.factories import CustomerFactory, VehicleFactory
    from vehicles.models import TelematicsBatch

    call_command("migrate", verbosity=0)
    with database.cursor() as cursor:
        cursor.execute(Rows.create.replace("store", "peer_rows"))
    alice = CustomerFactory()
    token = open_session(user=alice.contact, now=timezone.now()).access
    files = {name: ROOT / "var" / f"bench-{name}" for name in ("bodies", "vehicles", "sender.lua")}
    files["bodies"].parent.mkdir(exist_ok=True)
    files["bodies"].write_bytes(b"\n".join(body(batch) for vehicle, batch in batches(drives) if vehicle == 0))
    files["sender.lua"].write_text(_SENDER.format(token=token, **files))
    enough = SECONDS * 2000 // (SAMPLES // VEHICLES // A_BATCH)  # vehicles times bodies outlast a round
    peers = [Peer("telematics", "config.wsgi:application"), Peer("copy", "bench.peers.copy_rows:application")]
    try:
        for peer in peers:
            peer.start()
            wait(peer.port)
        for number in range(ROUNDS + 1):
            for peer in peers:
                vehicles = VehicleFactory.create_batch(enough, customer=alice)
                files["vehicles"].write_text("\n".join(str(vehicle.uuid) for vehicle in vehicles))
                rate = send(peer.port, files["sender.lua"])
                if number:  # the first round warms up
                    peer.rates.append(rate * A_BATCH / 1000)
                if peer is peers[0]:
                    assert TelematicsBatch.objects.filter(vehicle__in=vehicles).count() > rate * SECONDS * 0.9
    finally:
        for peer in peers:
            peer.stop()
        database.close()
    ratios = [ours / copy for ours, copy in zip(peers[0].rates, peers[1].rates, strict=True)]
    return f"""
Over HTTP, {WORKERS} workers, {CONNECTIONS} connections, {ROUNDS} alternating rounds of {SECONDS} s, median (min–max):

| | samples/s |
|---|---|
| ours: signed in, checked, stored once | {spread(peers[0].rates)} k |
| the least that copies rows | {spread(peers[1].rates)} k |
| ratio | {spread(ratios)} |"""


def send(port: int, script: Path) -> float:
    """Requests a second."""
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script, f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Non-2xx" not in output, output
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def body(samples: Samples) -> bytes:
    names = ("t", "speed", "fuelRate", "odometer")
    rows = [dict(zip(names, row, strict=True)) for row in zip(*samples, strict=True)]
    return orjson.dumps({"startTimestamp": samples.t[0], "endTimestamp": samples.t[-1], "samples": rows})


def wait(port: int) -> None:
    for _ in range(200):
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("the server did not start")


def main() -> None:
    login = f"host={ENV['DB_HOST']} user={ENV.get('DB_USER', 'postgres')} password={ENV.get('DB_PASSWORD', 'postgres')}"
    name = ENV["DB_NAME"]
    drives = [drive(SAMPLES // VEHICLES, seed) for seed in range(DRIVES)]
    with psycopg.connect(f"{login} dbname=postgres", autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            print(f"{SAMPLES:,} samples of {VEHICLES} vehicles, {A_BATCH} a batch, {os.cpu_count()} cores\n")
            print("| stored as | bytes a sample | samples/s in | CPU µs a sample | ms for a day (best) |")
            print("|---|---|---|---|---|", flush=True)
            with psycopg.connect(f"{login} dbname={name}", autocommit=True) as connection:
                for way in ways():
                    print(measure(way, drives, connection), flush=True)
            packing.zlib = zlib
            print(over_http(drives))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


if __name__ == "__main__":
    main()
