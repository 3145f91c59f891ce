"""Promise: webhooks arrive.

A receiver is killed and restarted at random while events are recorded, and in the end the worker that sends them. A
case is an event or a message. In the end the receiver has taken every event at least once, those of one subject in the
order of their ids, and the library of Standard Webhooks has verified each message.

Then receivers that are slow, dead, lying or redirecting are tried, and names that lead into the network of the shop.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

from django.conf import settings
from django.utils import timezone

from accounts.actions import open_session
from accounts.models import User
from common.domain import events
from common.domain.models import Event
from customers.models import Customer
from integrations.models import Attempt, Delivery, Webhook
from testing.factories import WebhookFactory
from testing.receiver import receiving, speaking
from testing.servers import free_port
from trust.calls import Client
from trust.promises import Tally, Trial
from trust.sites import Site, site
from trust.tables import seen_from_here

LONGEST_SECONDS = 900  # after the last kill: a message that failed three times waits for two to five minutes
ATTEMPT_SECONDS = 300  # in which each receiver gets its first attempt, on a busy machine, too
PRIVATE = (
    "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
    "https://10.0.0.5/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://localhost/",
    "https://[64:ff9b::a9fe:a9fe]/", "http://example.com/", "https://user@example.com/",
)  # fmt: skip


def webhooks_arrive(trial: Trial, tally: Tally) -> None:
    env = {"DEBUG": "true", "TASK_QUEUE": "database", "WEBHOOKS_TO_PRIVATE_ADDRESSES": "true"}
    for engine in trial.engines:
        with site(trial, engine, **env) as place, place.embedded() as server, seen_from_here(server):
            Webhook.objects.all().delete()  # of the demo
            _kill_receivers(trial, tally, engine, place)
            _try_bad_receivers(tally, engine, place)
            _try_private_addresses(
                tally, replace(place, env={**place.env, "WEBHOOKS_TO_PRIVATE_ADDRESSES": "false"})
            )


# --- A receiver that is killed ----------------------------------------------------------------------------


def _kill_receivers(trial: Trial, tally: Tally, engine: str, place: Site) -> None:
    chance, seconds = Random(11), trial.size(600, 30, 6)
    log, port = place.folder / "received.jsonl", free_port()
    log.touch()
    webhook = WebhookFactory(
        url=f"http://127.0.0.1:{port}/hooks",
        place=Event.objects.order_by("id").values_list("pk", flat=True).last(),
    )
    customers = list(Customer.objects.order_by("id")[:15])
    kills, recorded, began = 0, 0, time.monotonic()
    with _worker(place):
        while time.monotonic() < began + seconds:
            with _receiver(port, log, webhook.secret):
                until = min(time.monotonic() + chance.uniform(0.1, 6), began + seconds)
                while time.monotonic() < until:
                    recorded += _record(chance, customers)
                    time.sleep(0.02)
            kills += 1
            time.sleep(chance.uniform(0, 3))
    with _worker(place), _receiver(port, log, webhook.secret):
        end = time.monotonic() + LONGEST_SECONDS
        while _is_waiting(webhook) and time.monotonic() < end:
            time.sleep(0.2)
    tally.tried(not _is_waiting(webhook), f"{engine}: deliveries still wait")
    _check(tally, engine, webhook, log)
    lines = len(log.read_text().splitlines())
    tally.note(
        f"{engine}: {recorded:,} events, {kills} kills in {seconds} s, {lines - recorded:,} messages came twice"
    )


def _record(chance: Random, customers: list[Customer]) -> int:
    number = chance.randint(1, 5)
    for _ in range(number):
        events.record("customers.customer.changed", chance.choice(customers), at=timezone.now())
    return number


def _is_waiting(webhook: Webhook) -> bool:
    newest = Event.objects.order_by("id").values_list("pk", flat=True).last()
    place = Webhook.objects.values_list("place", flat=True).get(pk=webhook.pk)
    return place != newest or webhook.deliveries.filter(state="waiting").exists()


def _check(tally: Tally, engine: str, webhook: Webhook, log: Path) -> None:
    received = [json.loads(line) for line in log.read_text().splitlines()]
    first: dict[int, int] = {}  # event -> the place at which it came first
    ids: defaultdict[int, set[str]] = defaultdict(set)
    for number, (message_id, event, _, error) in enumerate(received):
        tally.tried(not error, f"{engine}: event {event}: {error}")
        first.setdefault(event, number)
        ids[event].add(message_id)
    subjects: defaultdict[str, list[int]] = defaultdict(list)
    for event in Event.objects.filter(pk__gt=webhook.place or 0).order_by("pk"):
        tally.tried(event.pk in first, f"{engine}: event {event.pk} never came")
        tally.tried(len(ids[event.pk]) <= 1, f"{engine}: event {event.pk} came as {ids[event.pk]}")
        subjects[event.subject].append(event.pk)
    for subject, pks in subjects.items():
        wrong = [(a, b) for a, b in pairwise(pks) if first.get(a, 0) > first.get(b, 0)]
        tally.tried(not wrong, f"{engine}: of {subject}, {wrong[:3]} came the other way round")
    accepted = set(webhook.deliveries.filter(state="delivered").values_list("event_id", flat=True))
    tally.tried(
        accepted <= first.keys(), f"{engine}: {accepted - first.keys()} count as delivered and never came"
    )


@contextmanager
def _worker(place: Site) -> Iterator[None]:
    yield from _process(place, [sys.executable, "manage.py", "db_worker", "--interval", "0.1"], place.env)


@contextmanager
def _receiver(port: int, log: Path, secret: str) -> Iterator[None]:
    command = [sys.executable, "-m", "testing.receiver", str(port), str(log), secret]
    yield from _process(None, command, {})


def _process(place: Site | None, command: list[str], env: dict[str, str]) -> Iterator[None]:
    """Run a process until the block ends, and kill it then."""
    out = (place.folder / "worker.log").open("ab") if place else subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdout=out, stderr=out,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()
        if not isinstance(out, int):
            out.close()


# --- Receivers that are slow, dead, lying or redirecting ---------------------------------------------------


def _try_bad_receivers(tally: Tally, engine: str, place: Site) -> None:
    """Each gets one event at the same time, beside a good one, which must not wait for them."""
    Webhook.objects.all().delete()
    with (
        speaking(lambda connection: time.sleep(30)) as silent,
        speaking(_drip) as dripping,
        speaking(lambda connection: connection.sendall(b"220 mail.example.com ESMTP\r\n")) as lying,
        receiving(lambda message: 302) as redirecting,
        receiving() as good,
    ):
        ports = {
            "silent": silent, "dripping": dripping, "lying": lying, "dead": free_port(),
            "redirecting": redirecting.server_port, "good": good.server_port,
        }  # fmt: skip
        newest = Event.objects.order_by("id").values_list("pk", flat=True).last()
        hooks = {
            name: WebhookFactory(url=f"http://127.0.0.1:{port}/{name}", place=newest)
            for name, port in ports.items()
        }
        events.record("customers.customer.changed", Customer.objects.earliest("id"), at=timezone.now())
        with _worker(place):
            end = time.monotonic() + ATTEMPT_SECONDS
            while time.monotonic() < end and not all(_attempts(hook) for hook in hooks.values()):
                time.sleep(0.2)
        for name, hook in hooks.items():
            first = _attempts(hook)[:1]
            state = list(Delivery.objects.filter(webhook=hook).values_list("state", flat=True))
            wanted = ["delivered"] if name == "good" else ["waiting"]
            tally.tried(state == wanted, f"{engine}: the delivery of the {name} receiver is {state}")
            took = first[0].milliseconds if first else -1
            tally.tried(0 <= took < 12_000, f"{engine}: an attempt of the {name} receiver took {took} ms")
        paths = [message.path for message in good.messages]
        tally.tried(paths == ["/good"], f"{engine}: the good receiver got {paths}")
        tally.tried(len(redirecting.messages) >= 1, f"{engine}: nothing reached the redirecting receiver")


def _drip(connection: socket.socket) -> None:
    """Send one header after the other, for much longer than a request may take."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(60):
        connection.sendall(b"X: 1\r\n")
        time.sleep(0.5)


def _attempts(hook: Webhook) -> list[Attempt]:
    return list(Attempt.objects.filter(delivery__webhook=hook).order_by("id"))


# --- Names that lead into the network ---------------------------------------------------------------------


def _try_private_addresses(tally: Tally, place: Site) -> None:
    """Neither a webhook that is saved nor one that a name leads elsewhere later reaches this machine."""
    Webhook.objects.all().delete()
    with place.embedded() as server:
        admin = User.objects.get(email="admin@example.com")
        client = Client(server.port, open_session(user=admin, now=timezone.now()).access)
        for url in PRIVATE:
            answer = client.send("POST", "/api/shop/webhooks/", {"url": url})
            tally.tried(answer.status == 400, f"{url}: {answer}")
        client.close()
        with receiving() as receiver:
            newest = Event.objects.order_by("id").values_list("pk", flat=True).last()
            # As after rebinding: the name that was public when it was saved is this machine now.
            hook = WebhookFactory(url=f"https://localhost:{receiver.server_port}/", place=newest)
            events.record("customers.customer.changed", Customer.objects.earliest("id"), at=timezone.now())
            end = time.monotonic() + ATTEMPT_SECONDS
            with _worker(place):
                while not _attempts(hook) and time.monotonic() < end:
                    time.sleep(0.2)
            errors = {attempt.error.partition(",")[0] for attempt in _attempts(hook)}
            tally.tried(
                errors <= {"localhost is 127.0.0.1", "localhost is ::1"} and bool(errors), f"{errors}"
            )
            tally.tried(not receiver.messages, f"{len(receiver.messages)} messages reached this machine")
