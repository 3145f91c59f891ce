"""Waits for the database are bounded, and other requests are answered meanwhile, on real servers."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
import requests
from django.conf import settings

from testing.servers import database, free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.server]

PASSWORDS = {"alice.cooper@customer.com": "password123", "business@example.com": "business12345"}
LOCK_SECONDS = 3
AWAY = {
    "error": "Service unavailable",
    "detail": "The service cannot answer right now. Try again in a few seconds.",
}
GRANIAN = ["granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws"]


@contextmanager
def locked(env):
    """Lock Alice's customer on PostgreSQL, and the whole database against writers on SQLite."""
    if env["USE_POSTGRES"] == "true":
        given = settings.POSTGRES
        with psycopg.connect(
            host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"],
            dbname=env["DB_NAME"],
        ) as other:  # fmt: skip
            other.execute("SELECT 1 FROM customers_customer WHERE id = 19 FOR UPDATE")
            yield
    else:
        other = sqlite3.connect(env["SQLITE_PATH"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()


@pytest.fixture(scope="module", params=["production", "embedded"])
def server(request, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("waits"), free_port()
    with database(folder, has_demo=True) as env:
        env |= {"DEBUG": "true", "DB_LOCK_SECONDS": str(LOCK_SECONDS)}
        if request.param == "production":
            command = [*GRANIAN, "--port", str(port), "config.wsgi:application"]
            env |= {"WEB_THREADS": "4", "TASK_QUEUE": "database"}
        else:
            command = ["manage.py", "serve", "--port", str(port)]
        with serving(command, folder=folder, port=port, env=env) as server:
            server.threads = 2 * 4 if request.param == "production" else 8
            yield server


def signed_in(server, email):
    tokens = requests.post(
        f"{server.url}/api/token/", json={"email": email, "password": PASSWORDS[email]}, timeout=30
    ).json()
    return {"Authorization": f"Bearer {tokens['access']}"}


def change_city(server, headers):
    url = f"{server.url}/api/v1/customers/profile/update/"
    began = time.monotonic()
    response = requests.patch(url, json={"city": f"Albany {began}"}, headers=headers, timeout=60)
    return response, time.monotonic() - began


def others_are_answered(server, alice):
    """Return the longest time of a probe or a list while other requests wait."""
    longest = 0.0
    for path in ("/healthz", "/api/v1/customers/profile/", "/healthz", "/api/vehicles/", "/api/docs/") * 3:
        began = time.monotonic()
        assert requests.get(server.url + path, headers=alice, timeout=60).status_code == 200, path
        longest = max(longest, time.monotonic() - began)
    return longest


def test_two_waiting_writes_leave_room_for_others_and_end_with_503(server):
    alice, other = (signed_in(server, email) for email in PASSWORDS)
    with ThreadPoolExecutor(2) as clients:
        with locked(server.env):
            waiting = [clients.submit(change_city, server, alice) for _ in range(2)]
            time.sleep(0.5)
            assert others_are_answered(server, alice) < 2
            if settings.USE_POSTGRES:  # another row
                assert change_city(server, other)[0].status_code == 200
            assert not any(one.done() for one in waiting)
            answers = [one.result() for one in waiting]
        for response, seconds in answers:
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            assert response.json() == AWAY
            # On PostgreSQL the second waits for the first, and then for the row.
            assert LOCK_SECONDS - 0.5 < seconds < 2 * LOCK_SECONDS + 3
    assert change_city(server, alice)[0].status_code == 200


def test_flood_of_waiting_writes_leaves_room_for_others(server):
    alice = signed_in(server, "alice.cooper@customer.com")
    number = 3 * server.threads
    with ThreadPoolExecutor(number) as clients, locked(server.env):
        waiting = [clients.submit(change_city, server, alice) for _ in range(number)]
        time.sleep(1)
        assert others_are_answered(server, alice) < 2.5
        assert {one.result()[0].status_code for one in waiting} == {503}
    assert change_city(server, alice)[0].status_code == 200
