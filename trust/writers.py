"""Writers who create rows without a pause, whatever happens to the server, and remember what they were promised.

Every other row is sent with an Idempotency-Key, and again until it is answered: however often the server died over it,
it must be there once. The others are sent once; where no answer came they may be there or not, but not twice.
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
from chat.models import Message, Ticket
from common.http.contracts.registry import contract_for
from common.http.idempotency import StillAnswering
from common.http.problems import UNAVAILABLE
from orders.models import Order, OrderItem
from repair_orders.models import RepairOrder
from testing.factories import GarageFactory, PartFactory, ThreadFactory, UserFactory, VehicleFactory
from trust.clients import Client, told
from trust.promises import Tally
from vehicles.models import Vehicle

WRITERS = 8
PART, STOCK = "Wiper blade", 1_000_000
PATIENCE_SECONDS = 120  # for the answer to a row that is sent again and again
_SLOTS_A_DAY = 20


@dataclass(frozen=True)
class Route:
    """A route that creates: who may, what he sends - it carries a mark of 17 digits - and where the mark is stored."""

    client: Callable[[int], Client]
    path: str
    body: Callable[[str], dict[str, Any]]
    model: type[Model]
    mark: str | None  # None: the row has no room for it


def prepare() -> list[Route]:
    """The rows that the writers refer to, and one creating route or two of each contract that has them."""
    vehicle, admin = VehicleFactory(unit_number="T1"), UserFactory(role="admin", is_superuser=True)
    person, garage, part = (
        vehicle.customer.contact,
        GarageFactory(bays=8),
        PartFactory(name=PART, stock=STOCK),
    )
    thread = ThreadFactory(customer=vehicle.customer)
    customer, staff = partial(Client.of, user=person), partial(Client.of, user=admin)
    slots = count()

    def visit(mark: str) -> dict[str, Any]:
        day, slot = divmod(next(slots) // 8, _SLOTS_A_DAY)
        opens = datetime.combine(timezone.now().date() + timedelta(days=2 + day % 85), clock(8), tzinfo=UTC)
        return {
            "customer_id": vehicle.customer.pk, "vehicle_id": vehicle.pk, "location_id": garage.pk,
            "start": (opens + timedelta(minutes=30 * slot)).isoformat(), "description": mark,
        }  # fmt: skip

    def car(mark: str) -> dict[str, Any]:
        return {"vin": mark, "make": "Honda", "model": "Civic", "year": 2020}

    return [
        Route(customer, "/api/vehicles/", car, Vehicle, "vin"),
        Route(staff, "/api/shop/appointments/", visit, Appointment, "description"),
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
            lambda mark: {"subject": mark, "description": f"About {mark}"}, Ticket, "thread__subject",
        ),
        Route(
            customer, f"/api/chat/threads/{thread.uuid}/messages/",
            lambda mark: {"body": mark}, Message, "body",
        ),
        Route(
            partial(Client.in_browser, user=person), "/customer/api/repairs/",
            lambda mark: {"unit_number": "T1", "description": mark}, RepairOrder, "description",
        ),
    ]  # fmt: skip


@dataclass
class Writer:
    """One of them. `promised`: route, id and mark of each row that was acknowledged."""

    number: int
    routes: list[tuple[Route, Client]]
    promised: list[tuple[Route, str, str]] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def write(self, stop: threading.Event) -> None:
        for number in count():
            if stop.is_set():
                return
            turn, which = divmod(number + self.number, len(self.routes))
            mark = f"{self.number:02d}{number:015d}"
            self._create(*self.routes[which], mark, insists=turn % 2 == 1)

    def _create(self, route: Route, client: Client, mark: str, *, insists: bool) -> None:
        body, headers = route.body(mark), {"Idempotency-Key": str(uuid4())} if insists else {}
        deadline, known = time.monotonic() + PATIENCE_SECONDS, len(self.wrong)
        while time.monotonic() < deadline:
            answer = self._ask(client, route, body, headers)
            if answer is not None and answer.status_code == 201:
                self.promised.append((route, str(answer.json()["id"]), mark))
                return
            time.sleep(0.05)  # as a client waits before it asks again
            if not insists or len(self.wrong) > known:
                return
        self.wrong.append(f"no answer to {route.path} within {PATIENCE_SECONDS} s")

    def _ask(self, client: Client, route: Route, body: Any, headers: dict[str, str]) -> Any:
        """The answer, if there was one; where it is one that nobody should get, that is written down."""
        try:
            answer = client.call("POST", route.path, body, **headers)
        except requests.Timeout as error:
            self.wrong.append(f"{route.path}: {error!r}")
            return None
        except requests.RequestException:
            self.answers["connection refused"] += 1
            return None
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 503:
            if answer.json() != _unavailable(route.path) or "Retry-After" not in answer.headers:
                self.wrong.append(told(answer))
        elif answer.status_code != 201 and StillAnswering.message not in answer.text:
            self.wrong.append(told(answer))
        return answer


def _unavailable(path: str) -> Any:
    """The body of a 503 in the words of the contract at that address."""
    contract = contract_for(path)
    assert contract is not None
    return contract.render_problem(UNAVAILABLE)[1]


@contextmanager
def writing(ports: list[int], routes: list[Route], tally: Tally) -> Iterator[list[Writer]]:
    """Eight writers at work; afterwards every promise of theirs is looked up in the database."""
    writers = [
        Writer(number, [(route, route.client(ports[number % len(ports)])) for route in routes])
        for number in range(WRITERS)
    ]
    connection.close()  # which would die with the database
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


def written(writers: list[Writer]) -> int:
    """How many rows were acknowledged so far."""
    return sum(len(writer.promised) for writer in writers)


def _check_answers(writers: list[Writer], tally: Tally) -> None:
    answers: Counter[str] = Counter()
    for writer in writers:
        answers += writer.answers
        tally.cases += sum(writer.answers.values())
        tally.failures += writer.wrong
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
    """What left the shelf stands in an order, and no order is empty."""
    part = Part.objects.get(name=PART)
    sold = OrderItem.objects.filter(part=part).aggregate(pieces=Sum("quantity", default=0))["pieces"]
    tally.tried(part.stock + sold == STOCK, f"{part.stock} pieces left and {sold} sold of {STOCK}")
    empty = Order.objects.filter(items=None).count()
    tally.tried(not empty, f"{empty} orders without items")
