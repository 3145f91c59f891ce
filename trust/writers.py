"""Writers that create rows without pause while the server is killed, and record which rows were acknowledged.

Every second row is sent with an Idempotency-Key, and again until it is answered. It must be stored once, however often
the server was killed meanwhile. The other rows are sent once. Without a response they may be missing, but must not be
stored twice.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from functools import partial
from itertools import count
from string import ascii_uppercase
from typing import Any
from uuid import uuid4

import requests
from django.db import connection
from django.db.models import Model, Sum, Value
from django.utils import timezone

from appointments.models import Appointment
from catalogue.models import Part
from chat.models import Message, SupportTicket
from common.http.contracts.base import Contract
from common.http.idempotency import StillAnswering
from common.http.problems import UNAVAILABLE
from common.http.routing import view_class_of
from orders.models import Order, OrderItem
from repair_orders.models import RepairOrder
from testing.factories import ConversationFactory, GarageFactory, PartFactory, UserFactory, VehicleFactory
from trust.clients import Client, describe
from trust.promises import Tally
from vehicles.models import Vehicle

WRITERS = 8
PART, STOCK = "Wiper blade", 1_000_000
BAYS = 8
PATIENCE_SECONDS = 120  # to wait for the response to a row that is sent again
_SLOTS_A_DAY = 20


@dataclass(frozen=True)
class Route:
    """A route that creates rows. The body contains a mark of 17 digits, and `mark` is the field that stores it."""

    client: Callable[[int], Client]
    path: str
    body: Callable[[str], dict[str, Any]]
    model: type[Model]
    mark: str | None  # None: no field of the row can hold it


def prepare() -> list[Route]:
    """Create the rows that the writers refer to, and return the creating routes of the contracts."""
    vehicle, admin = VehicleFactory(unit_number="T1"), UserFactory(role="admin", is_superuser=True)
    person, garage, part = (
        vehicle.customer.contact,
        GarageFactory(bays=BAYS),
        PartFactory(name=PART, stock=STOCK),
    )
    # A vehicle is in one place at a time, so there is one for each bay.
    fleet = [vehicle, *(VehicleFactory(customer=vehicle.customer) for _ in range(BAYS - 1))]
    conversation = ConversationFactory(customer=vehicle.customer)
    customer, staff = partial(Client.of, user=person), partial(Client.of, user=admin)
    slots = count()

    def appointment(mark: str) -> dict[str, Any]:
        turn, bay = divmod(next(slots), BAYS)
        day, slot = divmod(turn, _SLOTS_A_DAY)
        opens = datetime.combine(timezone.now().date() + timedelta(days=2 + day % 85), clock(8), tzinfo=UTC)
        return {
            "customer_id": vehicle.customer.pk, "vehicle_id": fleet[bay].pk, "location_id": garage.pk,
            "start": (opens + timedelta(minutes=30 * slot)).isoformat(), "description": mark,
        }  # fmt: skip

    def car(mark: str) -> dict[str, Any]:
        return {"vin": mark, "make": "Honda", "model": "Civic", "year": 2020}

    return [
        Route(customer, "/api/vehicles/", car, Vehicle, "vin"),
        Route(staff, "/api/shop/appointments/", appointment, Appointment, "description"),
        Route(
            staff, "/api/shop/repair-orders/",
            lambda mark: {"vehicle_id": vehicle.pk, "description": mark}, RepairOrder, "description",
        ),
        Route(
            customer, "/api/v1/customer/orders",
            lambda _: {"items": [{"product_id": part.pk, "quantity": 2}]}, Order, None,
        ),
        Route(
            customer, "/api/v1/customer/tickets",
            lambda mark: {"subject": mark, "description": f"About {mark}"}, SupportTicket, "conversation__subject",
        ),
        Route(
            customer, f"/api/chat/threads/{conversation.uuid}/messages/",
            lambda mark: {"body": mark}, Message, "body",
        ),
        Route(
            partial(Client.in_browser, user=person), "/customer/api/repairs/",
            lambda mark: {"unit_number": "T1", "description": mark}, RepairOrder, "description",
        ),
    ]  # fmt: skip


@dataclass
class Writer:
    """A writer. `promised` holds the route, id and mark of each acknowledged row."""

    number: int
    routes: list[tuple[Route, Client]]
    promised: list[tuple[Route, str, str]] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def write(self, stop: threading.Event) -> None:
        for number in count():
            if stop.is_set():
                return
            turn, which = divmod(number + self.number, len(self.routes))
            mark = f"{self.number:02d}{number:015d}"
            self._create(*self.routes[which], mark, insists=turn % 2 == 1)

    def _create(self, route: Route, client: Client, mark: str, *, insists: bool) -> None:
        body, headers = route.body(mark), {"Idempotency-Key": str(uuid4())} if insists else {}
        deadline, known = time.monotonic() + PATIENCE_SECONDS, len(self.failures)
        while time.monotonic() < deadline:
            answer = self._ask(client, route, body, headers)
            if answer is not None and answer.status_code == 201:
                self.promised.append((route, str(answer.json()["id"]), mark))
                return
            time.sleep(0.05)  # a client waits before it retries
            if not insists or len(self.failures) > known:
                return
        self.failures.append(f"no response from {route.path} within {PATIENCE_SECONDS} s")

    def _ask(self, client: Client, route: Route, body: Any, headers: dict[str, str]) -> Any:
        """Send the row and return the response, or None without one. Record a response that is a failure."""
        try:
            answer = client.call("POST", route.path, body, **headers)
        except requests.Timeout as error:
            self.failures.append(f"{route.path}: {error!r}")
            return None
        except requests.RequestException:
            self.answers["connection refused"] += 1
            return None
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 503:
            if answer.json() != _unavailable(route.path) or "Retry-After" not in answer.headers:
                self.failures.append(describe(answer))
        elif answer.status_code != 201 and StillAnswering.message not in answer.text:
            self.failures.append(describe(answer))
        return answer


def _unavailable(path: str) -> Any:
    """Return the body of a 503 in the contract of that path."""
    contract: Contract = view_class_of(path).contract
    return contract.render_problem(UNAVAILABLE)[1]


@contextmanager
def writing(ports: list[int], routes: list[Route], tally: Tally) -> Iterator[list[Writer]]:
    """Run eight writers, then check every acknowledged row in the database."""
    writers = [
        Writer(number, [(route, route.client(ports[number % len(ports)])) for route in routes])
        for number in range(WRITERS)
    ]
    connection.close()  # it would be lost when the database is killed
    stop = threading.Event()
    threads = [threading.Thread(target=writer.write, args=(stop,), daemon=True) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=PATIENCE_SECONDS)
    _check_answers(writers, tally)
    _check_rows(writers, routes, tally)


def stored_rows(writers: list[Writer]) -> int:
    """Return the number of rows acknowledged so far."""
    return sum(len(writer.promised) for writer in writers)


def _check_answers(writers: list[Writer], tally: Tally) -> None:
    answers: Counter[str] = Counter()
    for writer in writers:
        answers += writer.answers
        tally.cases += sum(writer.answers.values())
        tally.failures += writer.failures
    tally.note(", ".join(f"{name}: {number:,}" for name, number in sorted(answers.items())))


def _check_rows(writers: list[Writer], routes: list[Route], tally: Tally) -> None:
    for model, mark in {(route.model, route.mark) for route in routes}:
        rows = list(model._default_manager.values_list("pk", _other_id(model), mark or Value("")))
        stored = {str(name): text for *names, text in rows for name in names}
        for row_id, sent in _promised(writers, model):
            there, wanted = stored.get(row_id), sent if mark else ""
            tally.tried(there == wanted, f"{model.__name__} {row_id}: promised {wanted!r}, stored {there!r}")
        twice = [text for text, times in Counter(row[-1] for row in rows).items() if text and times > 1]
        tally.tried(not twice, f"{model.__name__} stored twice: {twice}")
    _check_stock(tally)


def _promised(writers: list[Writer], model: type[Model]) -> Iterator[tuple[str, str]]:
    for writer in writers:
        for route, row_id, mark in writer.promised:
            if route.model is model:
                yield row_id.lstrip(ascii_uppercase), mark  # ORD123 is 123


def _other_id(model: type[Model]) -> str:
    return "uuid" if any(field.name == "uuid" for field in model._meta.fields) else "pk"


def _check_stock(tally: Tally) -> None:
    """Check that the stock that was sold is in orders, and that no order is empty."""
    part = Part.objects.get(name=PART)
    sold = OrderItem.objects.filter(part=part).aggregate(pieces=Sum("quantity", default=0))["pieces"]
    tally.tried(part.available + sold == STOCK, f"{part.available} pieces left and {sold} sold of {STOCK}")
    empty = Order.objects.filter(items=None).count()
    tally.tried(not empty, f"{empty} orders without items")
