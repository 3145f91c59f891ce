"""Telematics: batches sent over HTTP against `COPY … BINARY`, and a day of a vehicle against a table of samples.

`python -m bench.telematics` prints the section alone. The database holds `BENCH_SAMPLES` (20,000,000) in both forms
before anything is timed, and is dropped at the end. docs/decisions/0011 explains the storage.
"""

from __future__ import annotations

import gc
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.drives import A_BATCH, DAY, DRIVES, VEHICLES, batches, body, drive
from bench.filling import bytes_a_sample, fill_batches, fill_rows, migrate_and_create_vehicles
from bench.report import Goal, Section, spread
from bench.servers import (
    ENV,
    ROOT,
    ROUNDS,
    SECONDS,
    WORKERS,
    cpu_of_postgres,
    cpu_of_tree,
    ensure_database,
    free_port,
    running,
    use_django,
)
from vehicles.telematics.samples import Samples

_ENV = {**ENV, "DB_NAME": f"{ENV.get('BENCH_DB', 'garage_bench')}_telematics"}
CONNECTIONS = 32
DAYS = 8  # vehicles whose day is requested in a round


@dataclass
class Incoming:
    """The rounds of one side: thousands of samples a second, CPU milliseconds per batch."""

    name: str
    rates: list[float] = field(default_factory=list)
    app_ms: list[float] = field(default_factory=list)
    db_ms: list[float] = field(default_factory=list)

    def row(self) -> str:
        return f"| {self.name} | {spread(self.rates, 0)} k | {spread(self.app_ms)} | {spread(self.db_ms)} |"


def measure() -> Section:
    dsn = ensure_database(_ENV["DB_NAME"], anew=True)
    try:
        use_django(_ENV)
        with psycopg.connect(dsn, autocommit=True) as connection:
            return _measure(connection)
    finally:
        _drop()


def _measure(connection: psycopg.Connection[Any]) -> Section:
    token, vehicles = migrate_and_create_vehicles()
    drives = [drive(seed) for seed in range(DRIVES)]
    fill_rows(connection, drives, [key for key, _ in vehicles])
    fill_batches(drives, [key for key, _ in vehicles])
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
    sizes = [
        bytes_a_sample(connection, table, VEHICLES * len(drives[0].t))
        for table in ("vehicles_telematicsbatch", "peer_rows")
    ]
    gc.freeze()  # keeps garbage collection from scanning all drives while responses are timed
    with _serving("config.wsgi:application", "telematics") as (ours, port):
        with _serving("bench.peers.day_of_rows:application", "rows") as (_, peer_port):
            ours_ms, rows_ms = _days(port, peer_port, token, vehicles)
        http_side, copy_side = _rounds(ours, port, token, drives[0])
    stored = f"{VEHICLES * len(drives[0].t) / 1e6:g} million samples"
    return Section(
        "Telematics",
        [
            Goal(
                f"telematics over HTTP, {A_BATCH:,} samples a batch, samples/s", "`COPY … BINARY` outside HTTP", 1.0,
                [a / b for a, b in zip(http_side.rates, copy_side.rates, strict=True)],
            ),
            Goal("the same on disk", "", 8, [sizes[0]], at_most=True, unit="bytes a sample"),
            Goal(
                f"a day of one vehicle at {stored}", "row per sample with a (vehicle, t) key", 1.0,
                [b / a for a, b in zip(ours_ms, rows_ms, strict=True)],
            ),
        ],
        [
            (f"{stored} of {VEHICLES} vehicles are in the database in both forms, {A_BATCH:,} per batch, in the order in which "
            f"the vehicles would have sent them. Then {ROUNDS} alternating rounds of {SECONDS:g} s with {WORKERS} workers "
            f"per side. Ours receives batches over HTTP on {CONNECTIONS} connections, authenticates, validates and stores each "
            "once. The peer copies rows that it has in memory, with a connection per worker and a commit per batch."),
            "",
            "| in | samples/s | app CPU ms a batch | database CPU ms a batch |",
            "|---|---|---|---|",
            http_side.row(),
            copy_side.row(),
            "",
            "Raw rounds, thousand samples/s:",
            "",
            *(f"- {side.name}: {', '.join(f'{rate:.0f}' for rate in side.rates)}" for side in (http_side, copy_side)),
            "",
            (f"A day is {_samples_of_a_day(drives[0]):,} samples as JSON over HTTP, byte for byte the same on both sides. The "
            f"figure is the mean of {DAYS} vehicles per round."),
            "",
            "| out | ms a day, median (min–max) | bytes a sample on disk |",
            "|---|---|---|",
            f"| ours | {spread(ours_ms, 0)} | {sizes[0]:.1f} |",
            f"| a row a sample | {spread(rows_ms, 0)} | {sizes[1]:.1f} |",
        ],
    )  # fmt: skip


# --- Reading a day ----------------------------------------------------------------------------------------------------------


@contextmanager
def _serving(target: str, name: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = ["granian", "--interface", "wsgi", "--port", str(port), "--workers", str(WORKERS)]
    command += ["--blocking-threads", "1", "--no-ws", target]
    with running(command, port=port, env=_ENV, name=name) as process:
        yield process, port


def _days(
    port: int, peer_port: int, token: str, vehicles: list[tuple[int, str]]
) -> tuple[list[float], list[float]]:
    """Return the milliseconds of a day for the product and for the peer, round by round.

    Raise AssertionError if the bodies differ.
    """
    since, until = DAY
    client = http.client.HTTPConnection("127.0.0.1", port), http.client.HTTPConnection("127.0.0.1", peer_port)
    times: tuple[list[float], list[float]] = [], []
    for number in range(ROUNDS + 1):
        spent = [0.0, 0.0]
        for place in range(DAYS):
            key, uuid = vehicles[(number * DAYS + place) % len(vehicles)]
            paths = f"/api/telematics/{uuid}/?from={since}&to={until}", f"/{key}?from={since}&to={until}"
            bodies = []
            for side in (0, 1):
                began = time.perf_counter()
                bodies.append(_get(client[side], paths[side], token))
                spent[side] += 1000 * (time.perf_counter() - began) / DAYS
            assert bodies[0] == bodies[1], "the days differ; nothing was timed"
        if number:  # the first round warms up
            for side in (0, 1):
                times[side].append(spent[side])
    return times


def _get(client: http.client.HTTPConnection, path: str, token: str) -> bytes:
    client.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = client.getresponse()
    assert answer.status == 200, answer.read()
    return answer.read()


def _samples_of_a_day(samples: Samples) -> int:
    return len(samples.between(*DAY).t)


# --- Sending batches -----------------------------------------------------------------------------------------------------------

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


def _rounds(
    server: subprocess.Popen[bytes], port: int, token: str, samples: Samples
) -> tuple[Incoming, Incoming]:
    """Run alternating rounds after one to warm up. Each batch is new."""
    files = {name: ROOT / "var" / f"bench-{name}" for name in ("bodies", "vehicles", "sender.lua")}
    files["bodies"].write_bytes(b"\n".join(map(body, batches(samples))))
    files["sender.lua"].write_text(_SENDER.format(token=token, **files))
    ours, copy = Incoming("ours, over HTTP"), Incoming("`COPY … BINARY`, no HTTP")
    with _copiers() as copiers:
        for number in range(ROUNDS + 1):
            for side, once in (
                (ours, lambda: _send(server, port, files, len(samples.t) // A_BATCH)),
                (copy, lambda: _copy(copiers)),
            ):
                rate, app, database = once()
                if number:
                    side.rates.append(rate * A_BATCH / 1000)
                    side.app_ms.append(1000 * app)
                    side.db_ms.append(1000 * database)
    return ours, copy


def _send(
    server: subprocess.Popen[bytes], port: int, files: dict[str, Path], bodies: int
) -> tuple[float, float, float]:
    """Return the batches a second through the API, and the CPU seconds per batch of the servers and of PostgreSQL."""
    from customers.models import Customer
    from testing.factories import VehicleFactory
    from vehicles.models import TelematicsBatch

    enough = int(SECONDS * 2000 / bodies) + 1  # vehicles times bodies are more than a round sends
    vehicles = VehicleFactory.create_batch(enough, customer=Customer.objects.earliest("id"))
    files["vehicles"].write_text("\n".join(str(vehicle.uuid) for vehicle in vehicles))
    before = cpu_of_tree(server.pid), cpu_of_postgres()
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:g}s", "-s", files["sender.lua"], f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    after = cpu_of_tree(server.pid), cpu_of_postgres()
    assert "Non-2xx" not in output, output
    sent = int(re.search(r"(\d+) requests in", output)[1])
    assert TelematicsBatch.objects.filter(vehicle__in=vehicles).count() >= sent
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    return rate, (after[0] - before[0]) / sent, (after[1] - before[1]) / sent


@contextmanager
def _copiers() -> Iterator[list[subprocess.Popen[str]]]:
    """Start as many processes as the server has workers, each with its own range of vehicle numbers."""
    with ExitStack() as stack:
        processes = []
        for number in range(WORKERS):
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.peers.copy_rows", str((number + 1) * 1_000_000), str(SECONDS)],
                cwd=ROOT, env=_ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.callback(process.wait, timeout=30)
            stack.callback(process.stdin.close)
            processes.append(process)
        yield processes


def _copy(processes: list[subprocess.Popen[str]]) -> tuple[float, float, float]:
    """Return the same figures of the peer."""
    _write_line(processes, "make your rows")
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * len(processes)
    before = sum(cpu_of_tree(process.pid) for process in processes), cpu_of_postgres()
    _write_line(processes, "go")
    answers = [process.stdout.readline().split() for process in processes]
    after = sum(cpu_of_tree(process.pid) for process in processes), cpu_of_postgres()
    copied = sum(int(number) for number, _ in answers)
    rate = sum(int(number) / float(seconds) for number, seconds in answers)
    return rate, (after[0] - before[0]) / copied, (after[1] - before[1]) / copied


def _write_line(processes: list[subprocess.Popen[str]], line: str) -> None:
    for process in processes:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()


def _drop() -> None:
    from django.db import connection

    connection.close()
    with psycopg.connect(ensure_database("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{_ENV["DB_NAME"]}" WITH (FORCE)')


if __name__ == "__main__":
    section = measure()
    print("\n".join(goal.row() for goal in section.goals))
    print(section.markdown())
