"""Promise: an accepted write survives.

Writers create rows while the server is killed with SIGKILL, and then while every process of a PostgreSQL is. Every
acknowledged row must be stored, on both engines. A row that was sent again until it was answered must be stored once.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from random import Random

import requests

from testing.servers import Server, database, free_port, serving
from trust.clients import Client, describe
from trust.databases import faults, looking_into
from trust.postgres import Cluster
from trust.promises import Tally, Trial
from trust.writers import Writer, prepare, stored_rows, writing

READY_SECONDS, READY_ON_A_BUSY_MACHINE = 5, 30
# One customer orders parts without pause and pays for none.
ENV = {"DEBUG": "true", "UNPAID_PIECES": "1000000"}
ROWS_BETWEEN = 16  # at least, between two kills
# The command of the image with two workers of one thread. DEBUG allows plain HTTP.
GRANIAN = [
    "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "1", "--no-ws", "config.wsgi:application",
]  # fmt: skip


def accepted_writes_survive(trial: Trial, tally: Tally) -> None:
    for engine in trial.engines:
        _kill_servers(trial, engine, tally)
    if not trial.is_smoke:
        _kill_postgres(trial, tally)


def _kill_servers(trial: Trial, engine: str, tally: Tally) -> None:
    folder = trial.folder / engine
    folder.mkdir()
    port, chance, slowest = free_port(), Random(engine), 0.0
    with database(folder, postgres=engine == "PostgreSQL") as env, looking_into(env), ExitStack() as stack:

        def server() -> Server:
            command = ["manage.py", "serve", "--port", str(port)]
            return stack.enter_context(serving(command, folder=folder, port=port, env={**ENV, **env}))

        alive = server()
        with writing([port], prepare(), tally) as writers:
            for _ in range(trial.size(50, 3, 1)):
                _let_write(writers, chance)
                alive.process.kill()
                alive.process.wait()
                began = time.monotonic()
                alive = server()
                alive.wait("/readyz")
                seconds = trial.size(READY_SECONDS, READY_SECONDS, READY_ON_A_BUSY_MACHINE)
                slowest = max(slowest, _check_ready(engine, began, tally, within=seconds))
            _let_write(writers, chance)
        _check_integrity(engine, tally)
    tally.note(f"{engine}: ready {slowest:.1f} s after a kill at the latest")


def _let_write(writers: list[Writer], chance: Random) -> None:
    """Wait until the writers have stored some rows, and for a random moment."""
    enough, deadline = stored_rows(writers) + ROWS_BETWEEN, time.monotonic() + 60
    while stored_rows(writers) < enough and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.2))


def _check_ready(what: str, began: float, tally: Tally, *, within: float = READY_SECONDS) -> float:
    seconds = time.monotonic() - began
    tally.tried(seconds <= within, f"{what}: ready only {seconds:.1f} s after it was started again")
    return seconds


def _check_integrity(engine: str, tally: Tally) -> None:
    found = faults()
    tally.tried(not found, f"{engine}: {found[:5]}")


def _kill_postgres(trial: Trial, tally: Tally) -> None:
    """Kill the PostgreSQL that an embedded server and a server of the image share."""
    cluster, chance, slowest = Cluster(trial.folder / "cluster"), Random(7), 0.0
    recovered = 0.0
    env = {**ENV, **cluster.env}
    ports = [free_port(), free_port()]
    commands = [["manage.py", "serve", "--port", str(ports[0])], [*GRANIAN, "--port", str(ports[1])]]
    outages = [chance.uniform(0.2, 3) for _ in range(trial.size(10, 2))]
    outages[-1] = trial.size(30, 4)  # long enough for clients that back off between attempts
    with ExitStack() as stack:
        stack.callback(cluster.kill)
        cluster.start()
        cluster.wait()
        for port, command in zip(ports, commands, strict=True):
            folder = trial.folder / f"server-{port}"
            folder.mkdir()
            stack.enter_context(serving(command, folder=folder, port=port, env=env))
        with looking_into(cluster.env):
            routes = prepare()
            with writing(ports, routes, tally) as writers:
                for seconds in outages:
                    _let_write(writers, chance)
                    cluster.kill()
                    _check_outage(ports, seconds, tally)
                    began = time.monotonic()
                    cluster.start()
                    cluster.wait()
                    recovered = max(recovered, time.monotonic() - began)
                    for port in ports:
                        slowest = max(slowest, _wait_for(port, began, tally))
                _let_write(writers, chance)
            _check_integrity("PostgreSQL killed", tally)
    tally.note(
        f"PostgreSQL killed: it answers {recovered:.1f} s after its start, all servers are ready after {slowest:.1f} s"
    )


def _check_outage(ports: list[int], seconds: float, tally: Tally) -> None:
    """Check that without a database `/healthz` is 200 and `/readyz` 503, both within 3 s."""
    until = time.monotonic() + seconds
    while True:
        for port in ports:
            for path, status in (("/healthz", 200), ("/readyz", 503)):
                answer, took = _timed(port, path)
                tally.tried(answer.status_code == status, f"without a database, {describe(answer)}")
                tally.tried(took <= 3, f"without a database, {path} took {took:.1f} s", cases=0)
        if time.monotonic() >= until:
            return
        time.sleep(0.2)


def _timed(port: int, path: str) -> tuple[requests.Response, float]:
    began = time.monotonic()
    return Client(port).call("GET", path), time.monotonic() - began


def _wait_for(port: int, began: float, tally: Tally) -> float:
    while Client(port).call("GET", "/readyz").status_code != 200 and time.monotonic() - began < 60:
        time.sleep(0.05)
    return _check_ready(f"PostgreSQL killed, port {port}", began, tally)
